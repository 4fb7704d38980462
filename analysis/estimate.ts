/**
 * The unit of every result: a value that knows how far to trust it.
 */

export interface Estimate {
  readonly value: number;
  /** One standard deviation of the estimator. */
  readonly standardError: number;
  /** Independent units behind it: replicas, or blocks of τ where one trajectory is all there is. */
  readonly n: number;
  /** How it was obtained, e.g. `jackknife over 4096 replicas`. */
  readonly method: string;
  /** What is doubtful about it; empty when nothing is. */
  readonly warnings: readonly string[];
}

/** (estimate − predicted) / standardError; `Infinity` when a zero error disagrees, 0 when it agrees. */
export function zScore(estimate: Estimate, predicted: number): number {
  const difference = estimate.value - predicted;
  if (estimate.standardError > 0) return difference / estimate.standardError;
  return difference === 0 ? 0 : Math.sign(difference) * Infinity;
}

/** An estimate that could not be formed, for refusals that have nothing to carry. */
export const noEstimate = (method: string): Estimate => ({
  value: Number.NaN,
  standardError: Number.NaN,
  n: 0,
  method,
  warnings: [],
});

/** The same estimate with more warnings. */
export const withWarnings = (estimate: Estimate, warnings: readonly string[]): Estimate =>
  warnings.length === 0 ? estimate : { ...estimate, warnings: [...estimate.warnings, ...warnings] };

/** The estimate in other units: value and error times `factor`. */
export const scaled = (estimate: Estimate, factor: number): Estimate => ({
  ...estimate,
  value: estimate.value * factor,
  standardError: estimate.standardError * Math.abs(factor),
});
