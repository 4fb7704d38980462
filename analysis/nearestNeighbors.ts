/**
 * Distances to the k-th nearest neighbor, exact, by a k-d tree.
 *
 * Source: J. L. Bentley, Commun. ACM 18, 509 (1975); split along the widest axis at the median
 * (Friedman, Bentley & Finkel, ACM TOMS 3, 209 (1977)). O(n log n) for few dimensions. Left out:
 * other metrics than the Euclidean one.
 */
import { ArgumentError } from "../engine/errors.ts";

/** Points in a leaf: they are looked at one by one. */
const LEAF = 12;

interface Tree {
  /** [position, dimension], points in the order of the tree. */
  readonly points: Float64Array;
  /** Number of the point at each position. */
  readonly order: Uint32Array;
  /** Axis of the split of a range, kept at the range's middle position. */
  readonly axes: Uint8Array;
  /** Where that split is: left of it are smaller coordinates, right of it larger ones. */
  readonly splits: Float64Array;
  readonly dimensions: number;
}

/**
 * Squared Euclidean distance from each point to its k-th nearest other point, [point].
 *
 * points [point, dimension] row-major, finite. Coinciding points have distance 0.
 *
 * @throws ArgumentError unless 1 <= k < number of points.
 * @example kthNeighborSquares(Float64Array.of(0, 1, 3), 1, 1) // 1, 1, 4
 */
export function kthNeighborSquares(
  points: Float64Array,
  dimensions: number,
  k: number,
): Float64Array {
  const n = points.length / dimensions;
  if (!Number.isInteger(n) || !(k >= 1 && k < n)) {
    throw new ArgumentError(
      `kthNeighborSquares: neighbor ${k} among ${n} points; give 1 <= k < number of points.`,
    );
  }
  const tree = build(points, n, dimensions);
  const squares = new Float64Array(n);
  const nearest = new Float64Array(k);
  for (let position = 0; position < n; position++) {
    nearest.fill(Infinity);
    visit(tree, { among: tree.points, at: position, own: position }, nearest, 0, n);
    squares[tree.order[position]!] = nearest[k - 1]!;
  }
  return squares;
}

/**
 * Squared Euclidean distance from each query to its k-th nearest point, [query].
 *
 * queries and points [point, dimension] row-major, finite. A query that coincides with a point has
 * that point at distance 0: none is left out as its own.
 *
 * @throws ArgumentError unless 1 <= k <= number of points, both of the same dimension.
 * @example kthNeighborSquaresAmong(Float64Array.of(2), Float64Array.of(0, 1, 5), 1, 1) // 1
 */
export function kthNeighborSquaresAmong(
  queries: Float64Array,
  points: Float64Array,
  dimensions: number,
  k: number,
): Float64Array {
  const [n, count] = [points.length / dimensions, queries.length / dimensions];
  if (!Number.isInteger(n) || !Number.isInteger(count) || !(k >= 1 && k <= n)) {
    throw new ArgumentError(
      `kthNeighborSquaresAmong: neighbor ${k} of ${count} queries among ${n} points; give ` +
        "1 <= k <= number of points.",
    );
  }
  const tree = build(points, n, dimensions);
  const squares = new Float64Array(count);
  const nearest = new Float64Array(k);
  for (let query = 0; query < count; query++) {
    nearest.fill(Infinity);
    visit(tree, { among: queries, at: query, own: -1 }, nearest, 0, n);
    squares[query] = nearest[k - 1]!;
  }
  return squares;
}

/** A point whose neighbors are looked for; `own` is its position in the tree, -1 if it is not there. */
interface Query {
  readonly among: Float64Array;
  readonly at: number;
  readonly own: number;
}

/** Puts the squared distances of the points in [low, high) that are among the nearest into the list. */
function visit(tree: Tree, query: Query, nearest: Float64Array, low: number, high: number): void {
  const { points, dimensions: d } = tree;
  const { among, at, own } = query;
  if (high - low <= LEAF) {
    for (let other = low; other < high; other++) {
      if (other === own) continue;
      let square = 0;
      for (let i = 0; i < d; i++) square += (points[other * d + i]! - among[at * d + i]!) ** 2;
      insert(nearest, square);
    }
    return;
  }
  const middle = (low + high) >>> 1;
  const axis = tree.axes[middle]!;
  const beyond = among[at * d + axis]! - tree.splits[middle]!;
  const left = beyond < 0;
  visit(tree, query, nearest, left ? low : middle, left ? middle : high);
  if (beyond * beyond >= nearest[nearest.length - 1]!) return;
  visit(tree, query, nearest, left ? middle : low, left ? high : middle);
}

/** Keeps the list sorted; the largest drops out. */
function insert(nearest: Float64Array, square: number): void {
  let at = nearest.length - 1;
  if (square >= nearest[at]!) return;
  for (; at > 0 && nearest[at - 1]! > square; at--) nearest[at] = nearest[at - 1]!;
  nearest[at] = square;
}

function build(points: Float64Array, n: number, dimensions: number): Tree {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  const axes = new Uint8Array(n);
  const splits = new Float64Array(n);
  const split = (low: number, high: number): void => {
    if (high - low <= LEAF) return;
    const middle = (low + high) >>> 1;
    const axis = widest(points, dimensions, order, low, high);
    axes[middle] = axis;
    select(order, low, high, middle, (i) => points[i * dimensions + axis]!);
    splits[middle] = points[order[middle]! * dimensions + axis]!;
    split(low, middle);
    split(middle, high);
  };
  split(0, n);
  const sorted = new Float64Array(points.length);
  order.forEach((point, position) => {
    for (let i = 0; i < dimensions; i++) {
      sorted[position * dimensions + i] = points[point * dimensions + i]!;
    }
  });
  return { points: sorted, order, axes, splits, dimensions };
}

function widest(
  points: Float64Array,
  dimensions: number,
  order: Uint32Array,
  low: number,
  high: number,
): number {
  let best = 0;
  let width = -1;
  for (let axis = 0; axis < dimensions; axis++) {
    let least = Infinity;
    let most = -Infinity;
    for (let p = low; p < high; p++) {
      const x = points[order[p]! * dimensions + axis]!;
      least = Math.min(least, x);
      most = Math.max(most, x);
    }
    if (most - least > width) {
      width = most - least;
      best = axis;
    }
  }
  return best;
}

/** Hoare's selection: smaller keys before `middle`, larger ones after. */
function select(
  order: Uint32Array,
  low: number,
  high: number,
  middle: number,
  key: (i: number) => number,
): void {
  let from = low;
  let to = high - 1;
  while (from < to) {
    const pivot = key(order[(from + to) >>> 1]!);
    let i = from;
    let j = to;
    while (i <= j) {
      while (key(order[i]!) < pivot) i++;
      while (key(order[j]!) > pivot) j--;
      if (i > j) break;
      const swapped = order[i]!;
      order[i++] = order[j]!;
      order[j--] = swapped;
    }
    if (middle <= j) to = j;
    else if (middle >= i) from = i;
    else return;
  }
}
