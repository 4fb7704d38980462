/**
 * Neighbor searches: standard normal points, the four nearest of each, on the device and in a loop.
 *
 * Sizes are those of the k-NN entropies: an ensemble's states in few and in many dimensions.
 */
import { gaussian, mulberry32 } from "../models/mulberry.ts";
import type { SearchWorkload } from "./workload.ts";

const POINTS = 10_000;

function normals(count: number, seed: number): Float64Array {
  const uniform = mulberry32(seed);
  return Float64Array.from({ length: count }, () => gaussian(uniform));
}

const search = (dimensions: number): SearchWorkload => ({
  id: `neighbors-${dimensions}d`,
  title: `4 nearest neighbors of ${POINTS} points in ${dimensions} dimensions`,
  extra: true,
  group: "neighbors",
  search: { points: POINTS, dimensions, neighbors: 4 },
  start: (points) => normals(points * dimensions, 1234 + dimensions),
});

/** In the order of the table; all run as `bench neighbors`. */
export const neighborWorkloads: readonly SearchWorkload[] = [2, 10, 100].map(search);
