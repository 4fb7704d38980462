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
