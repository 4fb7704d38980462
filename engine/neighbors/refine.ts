/**
 * The host's half of a neighbor search: from distances to groups of points in float32 to the neighbors,
 * exact in float64.
 *
 * Groups are looked at from the nearest on until no other one can hold a neighbor: its smallest f is
 * larger than f of any point within the k-th distance found so far (`scaledPoints.ts` has the bound).
 * So the result is that of looking at every point, whatever the device rounded, in the same order of
 * summation, ties and coinciding points included. Left out: nothing; bad luck costs time only.
 */
import { largestSquare, type PointSet, type Scaling } from "./scaledPoints.ts";

/** Coordinates between two looks at whether four points are all too far away. */
const PATIENCE = 32;

/** Smallest squares and who has them, sorted by (square, number). */
export interface Nearest {
  readonly squares: Float64Array;
  readonly indices: Uint32Array;
}

export interface RefineSpec {
  readonly from: PointSet;
  readonly among: PointSet;
  readonly scaling: Scaling;
  readonly k: number;
  readonly groupPoints: number;
  /** A point is no neighbor of its own. */
  readonly excludesSelf: boolean;
}

/** The largest ρ in each group of points. */
export function roundingOfGroups(rounding: Float64Array, groupPoints: number): Float64Array {
  const largest = new Float64Array(Math.ceil(rounding.length / groupPoints));
  for (let i = 0; i < rounding.length; i++) {
    const group = Math.floor(i / groupPoints);
    if (rounding[i]! > largest[group]!) largest[group] = rounding[i]!;
  }
  return largest;
}

/**
 * Fills `nearest` with the k neighbors of point number `query`; `rounding` is its ρ, `row` holds its
 * minima by group and is used up.
 */
export type Refine = (query: number, rounding: number, row: Float32Array, nearest: Nearest) => void;

/** Refines one query after the other; `roundings` are those of the groups. */
export function refiner(spec: RefineSpec, roundings: Float64Array): Refine {
  const { k, groupPoints, scaling, excludesSelf } = spec;
  const { dimensions: d } = spec.among;
  const groups = roundings.length;
  const largest = roundings.reduce((most, one) => Math.max(most, one), 0);
  const first = Math.min(groups, k + (excludesSelf ? 1 : 0));
  const best = { squares: new Float64Array(first), indices: new Uint32Array(first) };
  const look = examiner(spec);
  return (query, rounding, row, nearest) => {
    nearest.squares.fill(Infinity);
    nearest.indices.fill(0xffffffff);
    // No function is made in here: a query is looked at in microseconds.
    let within = Infinity;
    smallest(row, best);
    for (let i = 0; i < first && best.squares[i]! <= within; i++) {
      const group = best.indices[i]!;
      look(query, group * groupPoints, nearest);
      row[group] = Infinity;
      within = largestSquare(nearest.squares[k - 1]!, rounding + largest, scaling, d);
    }
    for (let group = 0; group < groups; group++) {
      if (row[group]! > within) continue;
      const kth = nearest.squares[k - 1]!;
      if (row[group]! > largestSquare(kth, rounding + roundings[group]!, scaling, d)) continue;
      // No distance is below 0, and of equal ones the earlier point is the neighbor.
      if (kth === 0 && group * groupPoints > nearest.indices[k - 1]!) break;
      look(query, group * groupPoints, nearest);
      within = largestSquare(nearest.squares[k - 1]!, rounding + largest, scaling, d);
    }
  };
}

/** The smallest values of a row and where they stand, sorted. */
function smallest(row: Float32Array, { squares, indices }: Nearest): void {
  const last = squares.length - 1;
  squares.fill(Infinity);
  let worst = Infinity;
  for (let group = 0; group < row.length; group++) {
    const f = row[group]!;
    if (f >= worst) continue;
    let at = last;
    for (; at > 0 && squares[at - 1]! > f; at--) {
      squares[at] = squares[at - 1]!;
      indices[at] = indices[at - 1]!;
    }
    squares[at] = f;
    indices[at] = group;
    worst = squares[last]!;
  }
}

/** Looks at the points of a group in float64, four in step: each sum runs over its coordinates in order. */
function examiner({
  from,
  among,
  groupPoints,
  excludesSelf,
}: RefineSpec): (query: number, start: number, nearest: Nearest) => void {
  const { points: x } = from;
  const { points: y, dimensions: d, count } = among;
  return (query, start, nearest) => {
    const self = excludesSelf ? query : -1;
    const last = Math.min(count, start + groupPoints);
    const q = query * d;
    let point = start;
    for (; point + 3 < last; point += 4) {
      const p0 = point * d;
      const p1 = p0 + d;
      const p2 = p1 + d;
      const p3 = p2 + d;
      const worst = nearest.squares[nearest.squares.length - 1]!;
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      let s3 = 0;
      for (let a = 0; a < d; ) {
        const until = Math.min(d, a + PATIENCE);
        for (; a < until; a++) {
          const own = x[q + a]!;
          const e0 = own - y[p0 + a]!;
          const e1 = own - y[p1 + a]!;
          const e2 = own - y[p2 + a]!;
          const e3 = own - y[p3 + a]!;
          s0 += e0 * e0;
          s1 += e1 * e1;
          s2 += e2 * e2;
          s3 += e3 * e3;
        }
        if (s0 > worst && s1 > worst && s2 > worst && s3 > worst) break;
      }
      if (point !== self) offer(nearest, s0, point);
      if (point + 1 !== self) offer(nearest, s1, point + 1);
      if (point + 2 !== self) offer(nearest, s2, point + 2);
      if (point + 3 !== self) offer(nearest, s3, point + 3);
    }
    for (; point < last; point++) {
      let square = 0;
      for (let a = 0; a < d; a++) square += (x[q + a]! - y[point * d + a]!) ** 2;
      if (point !== self) offer(nearest, square, point);
    }
  };
}

/** Keeps the list sorted by (square, number); the last drops out. */
function offer({ squares, indices }: Nearest, square: number, index: number): void {
  let at = squares.length - 1;
  if (square > squares[at]! || (square === squares[at]! && index > indices[at]!)) return;
  for (; at > 0; at--) {
    const before = squares[at - 1]!;
    if (before < square || (before === square && indices[at - 1]! < index)) break;
    squares[at] = before;
    indices[at] = indices[at - 1]!;
  }
  squares[at] = square;
  indices[at] = index;
}
