/**
 * Times a neighbor search: first that it finds what the loop finds, then both in turn.
 *
 * A repeat is one search of all points, and the loop over as many points as take half a second, its
 * time scaled to all of them. In turn, so that what else the machine does falls on both.
 */
import { type Device, nearestNeighbors } from "../engine/index.ts";
import { type MeasureOptions, median } from "./measure.ts";
import { neighborLoop } from "./neighborLoop.ts";
import type { SearchWorkload } from "./workload.ts";

export interface SearchMeasurement {
  /** Seconds of each search of all points on the device, the host's share included. */
  readonly search: readonly number[];
  /** Seconds of each loop over all pairs, from a part of the points. */
  readonly loop: readonly number[];
  /** Median over the repeats of loop ÷ search. */
  readonly ratio: number;
}

const CHECKED = 64;
/** Both sum d squares in float64, in another order. */
const TOLERANCE = 1e-12;

interface Found {
  readonly squares: Float64Array;
  readonly indices: Uint32Array;
}

/** Throws unless the search found, for the loop's points, what the loop found. */
export function checkSearch(id: string, found: Found, expected: Found): void {
  const wrong = expected.squares.findIndex(
    (square, i) =>
      found.indices[i] !== expected.indices[i] ||
      !(Math.abs(found.squares[i]! - square) <= TOLERANCE * square),
  );
  if (wrong < 0) return;
  throw new Error(
    `bench(${id}): neighbor ${wrong} is point ${found.indices[wrong]} at ${found.squares[wrong]} on ` +
      `the device, point ${expected.indices[wrong]} at ${expected.squares[wrong]} in the loop.`,
  );
}

/**
 * Measures a search on the device and in a loop.
 *
 * Throws when they find different neighbors.
 */
export async function measureSearch(
  device: Device,
  { id, search, start }: SearchWorkload,
  { seconds = 0.5, repeats = 5, signal, onRepeat }: MeasureOptions = {},
): Promise<SearchMeasurement> {
  const { dimensions, neighbors: k } = search;
  const points = start(search.points);
  const request = { dimensions, k, ...(signal && { signal }) };
  const timed = async (work: () => unknown): Promise<number> => {
    const begun = performance.now();
    await work();
    return (performance.now() - begun) / 1000;
  };
  const checked = Math.min(CHECKED, search.points);
  const first = await nearestNeighbors(device, points, request);
  checkSearch(id, first, neighborLoop(points, dimensions, k, [0, checked]));
  const pilot = await timed(() => neighborLoop(points, dimensions, k, [0, checked]));
  const looped = Math.min(search.points, Math.max(1, Math.ceil((seconds * checked) / pilot)));
  const times: { search: number; loop: number }[] = [];
  for (let i = 0; i < repeats; i += 1) {
    signal?.throwIfAborted();
    const part = await timed(() => neighborLoop(points, dimensions, k, [0, looped]));
    times.push({
      search: await timed(() => nearestNeighbors(device, points, request)),
      loop: (part * search.points) / looped,
    });
    onRepeat?.(i + 1, repeats, search.points / times[i]!.search);
  }
  return {
    search: times.map((one) => one.search),
    loop: times.map((one) => one.loop),
    ratio: median(times.map((one) => one.loop / one.search)),
  };
}
