/**
 * Graph entropies of the rungs (the estimator E3 of card 1A): of clouds of replicas, and what they must
 * give on average.
 *
 * The graph's length depends on the shape of the cloud in a way that no formula gives, so its expectation
 * is taken from clouds of exact Gaussian draws on the host. All rungs get the same draws: differences
 * between rungs, the only thing that is compared, then have little error.
 */
import { type Estimate, graphEntropyOf, replicaMean } from "../../analysis/index.ts";
import { gaussian, mulberry32 } from "../../models/mulberry.ts";

/** Of card 1A: 50 neighbors of 1000 replicas; fewer replicas have as large a share of neighbors. */
const CLOUDS = 20;
const LARGEST = 1000;
const SHARE = 20;
const SMALLEST = 40;

export interface Clouds {
  readonly clouds: number;
  readonly size: number;
  readonly neighbors: number;
}

/** How replicas are dealt to clouds, null where they are too few. */
export function cloudsOf(replicas: number): Clouds | null {
  const size = Math.min(LARGEST, Math.floor(replicas / CLOUDS));
  if (size < SMALLEST) return null;
  return { clouds: Math.floor(replicas / size), size, neighbors: Math.round(size / SHARE) };
}

const SEED = 20_250_522;

/** Expected graph entropy of a cloud of N(0, diag(variances)), one number for each of the same draws. */
export function referenceClouds(variances: readonly number[], { clouds, size, neighbors }: Clouds) {
  const uniform = mulberry32(SEED);
  const widths = variances.map(Math.sqrt);
  const d = widths.length;
  return Float64Array.from({ length: clouds }, () => {
    const cloud = Float64Array.from(
      { length: size * d },
      (_, i) => widths[i % d]! * gaussian(uniform),
    );
    return graphEntropyOf(cloud, d, { neighbors });
  });
}

/** S_b − S_a of the same draws, with the error that is left. */
export const referenceDifference = (a: Float64Array, b: Float64Array): Estimate =>
  replicaMean(b.map((value, c) => value - a[c]!));
