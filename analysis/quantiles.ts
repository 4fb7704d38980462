/**
 * Quantiles of correlated draws, with errors from replicas.
 *
 * Source: R. S. Woodruff, J. Amer. Statist. Assoc. 47, 635 (1952): the error of a share, carried over to
 * the quantile by the distribution itself. Left out: the quantile's own bias, O(1/number of
 * independent draws).
 */
import { type Estimate, noEstimate } from "./estimate.ts";
import type { PooledSamples } from "./pooledSamples.ts";
import { refuse } from "./refusal.ts";
import { replicaWarnings } from "./replicas.ts";

/** The value below which a share p of the weights lies; between two draws, half of each is below it. */
export function pooledQuantile({ values, weights, total }: PooledSamples, p: number): number {
  let below = 0;
  for (let i = 0; i < values.length; i += 1) {
    const middle = below + 0.5 * weights[i]!;
    if (middle >= p * total) {
      if (i === 0) return values[0]!;
      const before = below - 0.5 * weights[i - 1]!;
      const part = (p * total - before) / (middle - before);
      return values[i - 1]! + (values[i]! - values[i - 1]!) * part;
    }
    below += weights[i]!;
  }
  return values[values.length - 1]!;
}

/** Standard error of the share of the weights below x, from the scatter of the replicas. */
function shareError(
  { values, weights, owners, totals, total, n }: PooledSamples,
  x: number,
  p: number,
) {
  const below = new Float64Array(n);
  for (let i = 0; i < values.length && values[i]! <= x; i += 1) below[owners[i]!]! += weights[i]!;
  const squares = below.reduce((sum, value, r) => sum + (value - p * totals[r]!) ** 2, 0);
  return Math.sqrt((squares * n) / (n - 1)) / total;
}

/**
 * The quantile of a share p, over all draws of all replicas.
 *
 * standardError = (x(p + s) − x(p − s))/2, s the standard error of the share below x(p): a ratio of
 * means over replicas, so that draws of one replica may be correlated in any way. With one replica it
 * is NaN.
 *
 * @throws RefusalError where p is within 2 s of 0 or 1: the draws do not reach beyond the quantile; and
 *   without a finite replica.
 * @see Woodruff 1952
 * @example
 * const draws = pooledSamples({ values: [4, 1, 7, 3, 9, 2, 8, 5, 6], replicas: 9 });
 * weightedQuantile(draws, 0.5).value // 5
 */
export function weightedQuantile(pooled: PooledSamples, p: number): Estimate {
  const { n, dropped } = pooled;
  const method = `quantile, Woodruff error over ${n} replicas`;
  if (n === 0) {
    return refuse(
      `weightedQuantile: no replica is finite; lower learningRate.`,
      noEstimate(method),
    );
  }
  const value = pooledQuantile(pooled, p);
  const share = n > 1 ? shareError(pooled, value, p) : Number.NaN;
  const [low, high] = [Math.max(0, p - share), Math.min(1, p + share)];
  const estimate: Estimate = {
    value,
    standardError: n > 1 ? (pooledQuantile(pooled, high) - pooledQuantile(pooled, low)) / 2 : NaN,
    n,
    method,
    warnings: replicaWarnings(dropped, n + dropped),
  };
  if (p - 2 * share > 0 && p + 2 * share < 1) return estimate;
  if (n === 1 && p > 0 && p < 1) return estimate;
  return refuse(
    `weightedQuantile: the share below the quantile ${p} is known to ${share.toPrecision(2)} only, so ` +
      "that the draws do not reach beyond it; take more replicas or longer runs.",
    estimate,
  );
}
