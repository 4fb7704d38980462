/**
 * The k nearest neighbors of many points, exact, with the device doing the n² distances.
 *
 * The device finds each query's distance to groups of 16 to 64 points in float32 (`groupMinima.ts`),
 * the host the neighbors in float64 in those few groups that can hold them (`refine.ts`). n² d work for
 * the device, n²/g + n k g d for the host, g points a group. Left out: other metrics than the
 * Euclidean one; trees, which win in few dimensions (`analysis/nearestNeighbors.ts`).
 */
import type { Device } from "../device.ts";
import { ArgumentError, DataError } from "../errors.ts";
import { GroupMinima, mostQueries, QUERY_STRIDE, type SliceMinima } from "./groupMinima.ts";
import { type Refine, type RefineSpec, refiner, roundingOfGroups } from "./refine.ts";
import { type PointSet, roundingOf, scalingOf, TILE } from "./scaledPoints.ts";

export interface NearestNeighborsOptions {
  /** d, coordinates of a point. */
  readonly dimensions: number;
  /** Neighbors of each point. */
  readonly k: number;
  /** Look among these points, [point, dimension], instead of among the others of the same set. */
  readonly among?: Float64Array;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: NeighborProgress) => void;
}

export interface NeighborProgress {
  /** Points whose neighbors are known. */
  readonly points: number;
  readonly of: number;
}

export interface Neighbors {
  /** |x_i − x_j|², [point, k], ascending. */
  readonly squares: Float64Array;
  /** j, [point, k]; of equal distances the smaller number comes first. */
  readonly indices: Uint32Array;
  readonly points: number;
  readonly k: number;
}

/** Largest |x − c|: squares of differences must not overflow. */
const REACH = 1e150;
/** A slice is at most this part of the points, so that progress and aborts are heard. */
const SLICES = 8;
/** Host time of reading one minimum over that of one coordinate in a group. */
const READING = 3;
/** Milliseconds the host works before it lets other tasks run. */
const PATIENCE_MS = 30;
/** Queries whose minima are turned from columns into rows together: a cache line. */
const LINE = 16;

/**
 * The k nearest points of each point by Euclidean distance, with their squared distances.
 *
 * points [point, dimension] row-major, finite float64. Result: `squares` and `indices` [point, k]. They
 * equal those of a float64 loop over all pairs that sums coordinates in their order, bit by bit: the host
 * recomputes candidates from the given points and looks at every group of points that the bound on the
 * device's float32 error (`scaledPoints.ts`) does not exclude. Coinciding points are neighbors at
 * distance 0; of equal distances the smaller number comes first. A common offset costs nothing. Many
 * ties, or clusters narrower than 10⁻⁷ of their distance, cost time, never neighbors.
 *
 * Memory on the device: 4 bytes a coordinate and about 32 MiB. In up to about five dimensions the k-d
 * tree of `kthNeighborSquares` (analysis) is faster on a software device, O(n log n) there, and finds the
 * same distances.
 *
 * @throws ArgumentError for k, dimensions or lengths that do not fit.
 * @throws DataError for coordinates that are not finite or reach beyond 1e150.
 * @throws LimitError for more dimensions than the device's bindings hold.
 * @example
 * await using device = await openDevice();
 * const points = Float64Array.of(0, 0, 3, 4, 0, 1);
 * const { squares, indices } = await nearestNeighbors(device, points, { dimensions: 2, k: 1 });
 * // squares 1, 18, 1; indices 2, 2, 0
 */
export async function nearestNeighbors(
  device: Device,
  points: Float64Array,
  options: NearestNeighborsOptions,
): Promise<Neighbors> {
  const { dimensions, k, among: others, signal, onProgress } = options;
  const from = pointSet("points", points, dimensions);
  const among = others ? pointSet("among", others, dimensions) : from;
  checkNeighbors(k, among.count, others === undefined);
  signal?.throwIfAborted();
  const squares = new Float64Array(from.count * k);
  const indices = new Uint32Array(from.count * k);
  const result = { squares, indices, points: from.count, k };
  if (from.count === 0) return result;
  const scaling = scalingOf(others ? [from, among] : [from]);
  if (!(scaling.reach <= REACH)) {
    throw new DataError(
      `nearestNeighbors: coordinates span ${(2 * scaling.reach).toPrecision(3)}, squares of more ` +
        `than ${2 * REACH} overflow; scale the points.`,
    );
  }
  const groupPoints = groupSize(among.count, k, dimensions);
  const slice = sliceOf(from.count, Math.ceil(among.count / groupPoints));
  const excludesSelf = others === undefined;
  const spec: RefineSpec = { from, among, scaling, k, groupPoints, excludesSelf };
  const search = new GroupMinima(device, { set: among, scaling, groupPoints, queries: slice });
  try {
    await takeSlices(search, spec, result, { slice, signal, onProgress });
    return result;
  } finally {
    search.destroy();
  }
}

function pointSet(name: string, points: Float64Array, dimensions: number): PointSet {
  if (!Number.isInteger(dimensions) || dimensions < 1) {
    throw new ArgumentError(
      `nearestNeighbors: dimensions is ${dimensions}; give a whole number >= 1.`,
    );
  }
  const count = points.length / dimensions;
  if (!Number.isInteger(count)) {
    throw new ArgumentError(
      `nearestNeighbors: ${name} has ${points.length} numbers, no multiple of ${dimensions} ` +
        "dimensions; give [point, dimension].",
    );
  }
  const wrong = points.findIndex((x) => !Number.isFinite(x));
  if (wrong >= 0) {
    throw new DataError(
      `nearestNeighbors: ${name}[${Math.floor(wrong / dimensions)}, ${wrong % dimensions}] is ` +
        `${points[wrong]}; leave out points that are not finite.`,
    );
  }
  return { points, dimensions, count };
}

function checkNeighbors(k: number, count: number, excludesSelf: boolean): void {
  const most = excludesSelf ? count - 1 : count;
  if (Number.isInteger(k) && k >= 1 && k <= most) return;
  throw new ArgumentError(
    `nearestNeighbors: neighbor ${k} among ${count} points; give a whole k from 1 to ` +
      `${excludesSelf ? "their number less one" : "their number"}.`,
  );
}

/** Points of a group, where reading n/g minima costs the host as much as k groups in float64. */
export function groupSize(count: number, k: number, dimensions: number): number {
  const best = Math.sqrt((READING * count) / ((k + 1) * dimensions));
  return Math.min(64, Math.max(TILE, 2 ** Math.round(Math.log2(best))));
}

/** Queries of a slice: a part of them all, as far as memory for their minima goes. */
function sliceOf(count: number, groups: number): number {
  const part = QUERY_STRIDE * Math.ceil(count / SLICES / QUERY_STRIDE);
  return Math.min(mostQueries(groups), part);
}

interface Course {
  readonly slice: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: NearestNeighborsOptions["onProgress"];
}

/** While the host refines one slice the device works on the next. */
async function takeSlices(
  search: GroupMinima,
  spec: RefineSpec,
  result: Neighbors,
  { slice, signal, onProgress }: Course,
): Promise<void> {
  const { from, among, scaling, groupPoints } = spec;
  const roundings = roundingOf(among, scaling);
  const own = from === among ? roundings : roundingOf(from, scaling);
  const refine = refiner(spec, roundingOfGroups(roundings, groupPoints));
  const ask = (first: number): Promise<SliceMinima> => {
    const asked = search.of(from, first, Math.min(slice, from.count - first), signal);
    asked.catch(() => {}); // told to whoever awaits it
    return asked;
  };
  let next = ask(0);
  try {
    for (let first = 0; first < from.count; first += slice) {
      const found = await next;
      signal?.throwIfAborted();
      const last = Math.min(first + slice, from.count);
      if (last < from.count) next = ask(last);
      await refineSlice({ refine, own, first, last, groups: search.groups }, found, result, signal);
      onProgress?.({ points: last, of: from.count });
    }
  } finally {
    await next.catch(() => {}); // nothing may run when the buffers go
  }
}

/** Queries `first` to `last` of all. */
interface RefinedSlice {
  readonly refine: Refine;
  /** ρ of each query. */
  readonly own: Float64Array;
  readonly first: number;
  readonly last: number;
  readonly groups: number;
}

async function refineSlice(
  { refine, own, first, last, groups }: RefinedSlice,
  { minima, stride }: SliceMinima,
  { squares, indices, k }: Neighbors,
  signal: AbortSignal | undefined,
): Promise<void> {
  const rows = Array.from({ length: LINE }, () => new Float32Array(groups));
  let begun = performance.now();
  for (let from = first; from < last; from += LINE) {
    for (let group = 0; group < groups; group++) {
      const at = group * stride + from - first;
      for (let i = 0; i < LINE; i++) rows[i]![group] = minima[at + i]!;
    }
    for (let query = from; query < Math.min(last, from + LINE); query++) {
      const range = [query * k, (query + 1) * k] as const;
      const nearest = { squares: squares.subarray(...range), indices: indices.subarray(...range) };
      refine(query, own[query]!, rows[query - from]!, nearest);
    }
    if (performance.now() - begun < PATIENCE_MS) continue;
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
    begun = performance.now();
  }
}
