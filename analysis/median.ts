/**
 * The median over independent replicas, with an error from order statistics: nothing is assumed of
 * the law. Source: H. A. David and H. N. Nagaraja, Order Statistics (2003), section 7.1.
 */
import { type Estimate, noEstimate } from "./estimate.ts";
import { refuse } from "./refusal.ts";
import { replicaWarnings } from "./replicas.ts";

/**
 * Median of one number per replica; +∞ stands for a time that was not reached (a censored value).
 *
 * standardError = (x_(h) − x_(l))/2 with ranks n/2 ± √n/2, between which the true median lies with
 * 68 % probability. Of a discrete law it may be 0. Where the upper rank is censored the distance to
 * the lower is taken, and a warning says so. NaN are replicas that froze: left out and counted.
 *
 * @throws RefusalError when no value is left, or half of them and more are censored.
 * @example replicaMedian([1000, 3000, 2000]).value // 2000
 */
export function replicaMedian(values: ArrayLike<number>): Estimate {
  const sorted = Array.from(values)
    .filter((value) => !Number.isNaN(value))
    .sort((a, b) => a - b);
  const n = sorted.length;
  const method = `median over ${n} replicas`;
  const warnings = replicaWarnings(values.length - n, values.length);
  const value = n === 0 ? Number.NaN : (sorted[(n - 1) >> 1]! + sorted[n >> 1]!) / 2;
  if (!Number.isFinite(value)) {
    const reached = sorted.filter(Number.isFinite).length;
    const remedy = n === 0 ? "lower learningRate" : "take more steps";
    return refuse(
      `replicaMedian: ${reached} of ${values.length} replicas have a value, the median is beyond them; ` +
        `${remedy}.`,
      { ...noEstimate(method), n, warnings },
    );
  }
  const [low, high] = [-1, 1].map((side) => {
    const rank = Math.round((n - 1) / 2 + (side * Math.sqrt(n)) / 2);
    return sorted[Math.min(n - 1, Math.max(0, rank))]!;
  }) as [number, number];
  if (!Number.isFinite(high)) {
    warnings.push("the upper end of its error is beyond the run; the lower one is taken for both");
  }
  const standardError = Number.isFinite(high) ? (high - low) / 2 : value - low;
  return { value, standardError: n > 1 ? standardError : Number.NaN, n, method, warnings };
}
