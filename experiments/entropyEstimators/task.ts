/** One kind of samples with what is estimated on them; where distances are found. */
import {
  type NearestNeighborOptions,
  type ReplicaSamples,
  whitenedPoints,
} from "../../analysis/index.ts";
import type { Device } from "../../engine/device.ts";
import { RefusalError } from "../../engine/errors.ts";
import { nearestNeighbors } from "../../engine/neighbors/nearestNeighbors.ts";
import type { Law } from "./laws.ts";

/** One estimator on one kind of samples. */
export interface Measurement {
  readonly estimator: "neighbors" | "extrapolated" | "law" | "log-det" | "shrunk" | "histogram";
  readonly condition: Readonly<Record<string, number | string>>;
  readonly dimensions: number;
  readonly samples: number;
  readonly law?: Law;
}

export interface Task {
  readonly label: string;
  /** Normal numbers of a sample. */
  readonly drawn: number;
  readonly samples: number;
  readonly repeats: number;
  /** Operations of one repetition, the draws' left out. */
  readonly work: number;
  readonly measured: readonly Measurement[];
  /** Estimates minus exact entropy from the draws of one repetition, [measured]. */
  readonly misses: (z: Float64Array, device: Device) => Promise<number[]> | number[];
  /** What the estimators say of their own reach on these samples, refusals and warnings alike. */
  readonly sayings: (z: Float64Array, device: Device) => Promise<readonly string[]>;
}

export const HALF_LN_2PIE = Math.log(2 * Math.PI * Math.E) / 2;

/** From so many dimensions on all pairs on the device take less time than a tree on the host. */
const MANY_DIMENSIONS = 8;

/** Operations of a neighbor search: few points are looked at in few dimensions, all of them in many. */
export const searchWork = (n: number, d: number): number =>
  d < MANY_DIMENSIONS ? 12 * n * Math.min(n, 60 * 2 ** d) * (d + 4) : 2 * n * n * (d + 4);

/**
 * Options of `nearestNeighborEntropy` with the distances between samples, where the device finds them
 * sooner; they are the very numbers that the estimator would find.
 */
export async function withDistances(
  device: Device,
  samples: ReplicaSamples,
  options: NearestNeighborOptions & { readonly neighbors: number },
): Promise<NearestNeighborOptions> {
  const { k: dimensions } = samples;
  const { neighbors: k } = options;
  if (dimensions < MANY_DIMENSIONS) return options;
  const { points } = whitenedPoints(samples);
  const { squares } = await nearestNeighbors(device, points, { dimensions, k });
  return { ...options, squares: squares.filter((_, i) => i % k === k - 1) };
}

/** The warnings of an estimate, or why there is none. */
export async function sayingsOf(
  estimator: () => Promise<{ readonly warnings: readonly string[] }>,
): Promise<readonly string[]> {
  try {
    return (await estimator()).warnings;
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    return [error.message];
  }
}
