/**
 * Samples as points of a metric space: rows that are not finite left out, linear maps to unit
 * covariance, samples that coincide.
 */
import { noEstimate } from "./estimate.ts";
import { logDeterminant, sampleCovariance } from "./gaussianEntropy.ts";
import type { ReplicaSamples } from "./jackknife.ts";
import { refuse } from "./refusal.ts";

export interface SamplePoints {
  /** [row, k] */
  readonly points: Float64Array;
  /** Their numbers among the samples. */
  readonly rows: readonly number[];
  /** ln of the volume that a unit of volume here had there, to be added to entropies. */
  readonly logScale: number;
}

/** The finite rows, as they are. */
export function finitePoints({ data, replicas, k }: ReplicaSamples): SamplePoints {
  const rows: number[] = [];
  for (let r = 0; r < replicas; r++) {
    if (data.subarray(r * k, (r + 1) * k).every(Number.isFinite)) rows.push(r);
  }
  const points = new Float64Array(rows.length * k);
  rows.forEach((row, i) => {
    points.set(data.subarray(row * k, (row + 1) * k), i * k);
  });
  return { points, rows, logScale: 0 };
}

/**
 * The finite rows mapped to mean 0 and unit sample covariance; logScale = ½ ln det Cov.
 *
 * z = L⁻¹(x − x̄), Cov = L Lᵀ. For neighbor searches outside of the estimator: distances are to be
 * measured between these points.
 *
 * @throws RefusalError when the covariance is singular.
 * @example const { points, logScale } = whitenedPoints({ data: centers, replicas, k: 3 });
 */
export function whitenedPoints(samples: ReplicaSamples, where = "whitenedPoints"): SamplePoints {
  const { k } = samples;
  const { points, rows } = finitePoints(samples);
  const { covariance, mean } = sampleCovariance(samples);
  const logDet = logDeterminant(covariance, k);
  if (!Number.isFinite(logDet)) {
    refuse(
      `${where}: the covariance is singular; leave out dependent coordinates.`,
      noEstimate(where),
    );
  }
  // L z = x − x̄, with L where the Cholesky factorization left it.
  for (let i = 0; i < rows.length; i++) {
    const z = points.subarray(i * k, (i + 1) * k);
    for (let a = 0; a < k; a++) {
      let value = z[a]! - mean[a]!;
      for (let b = 0; b < a; b++) value -= covariance[a * k + b]! * z[b]!;
      z[a] = value / covariance[a * k + a]!;
    }
  }
  return { points, rows, logScale: logDet / 2 };
}

/** Number of points that have the very coordinates of an earlier one. */
export function coincidingPoints(points: Float64Array, k: number): number {
  const n = points.length / k;
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  const compare = (i: number, j: number): number => {
    for (let a = 0; a < k; a++) {
      const difference = points[i * k + a]! - points[j * k + a]!;
      if (difference !== 0) return difference;
    }
    return 0;
  };
  order.sort(compare);
  let count = 0;
  for (let i = 1; i < n; i++) if (compare(order[i - 1]!, order[i]!) === 0) count++;
  return count;
}

/** What must be said of samples that are not finite, or coincide. */
export function sampleWarnings(dropped: number, replicas: number, coinciding: number): string[] {
  const warnings: string[] = [];
  if (dropped > 0) warnings.push(`${dropped} of ${replicas} samples are not finite`);
  if (coinciding > 0) {
    warnings.push(
      `${coinciding} of ${replicas} samples coincide with another one: a density has none that do; ` +
        "where they are rounding the estimate stands, where they are atoms the entropy is −∞",
    );
  }
  return warnings;
}
