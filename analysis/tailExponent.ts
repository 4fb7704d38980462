/**
 * Exponent of a heavy tail, P(> x) ~ x^{−α}, by Hill's estimator, with errors from replicas.
 *
 * Source: B. M. Hill, Ann. Statist. 3, 1163 (1975). At a finite fraction it estimates
 * 1/E[ln(x/x_f) | x > x_f], which for laws other than Pareto's is not the limit α: compare it with that
 * value of the law at the same fraction, not with α. Left out: a choice of the fraction.
 */
import { type Estimate, noEstimate } from "./estimate.ts";
import type { PooledSamples } from "./pooledSamples.ts";
import { refuse } from "./refusal.ts";
import { replicaWarnings } from "./replicas.ts";

/** Fewer draws beyond the threshold than these, or from fewer replicas, are no tail. */
const LEAST_DRAWS = 50;
const LEAST_REPLICAS = 20;
/** Replicas are put together in groups, at most so many, each left out once. */
const MOST_GROUPS = 250;

/**
 * Hill's 1/H of the largest share `fraction` of all weights, without those of `left` (−1: of none).
 *
 * H = Σ w ln(x/x_f)/Σ w over x > x_f. The draw on the threshold counts with the part of its weight that
 * is beyond.
 */
function hill(
  { values, weights, owners, total }: PooledSamples,
  fraction: number,
  left: { readonly group: number; readonly groups: number; readonly weight: number },
): { exponent: number; first: number } {
  const wanted = fraction * (total - left.weight);
  let beyond = 0;
  let logs = 0;
  let i = values.length;
  while (beyond < wanted && i > 0) {
    i -= 1;
    if (owners[i]! % left.groups === left.group) continue;
    const weight = Math.min(weights[i]!, wanted - beyond);
    beyond += weight;
    logs += weight * Math.log(values[i]!);
  }
  return { exponent: wanted / (logs - wanted * Math.log(values[i]!)), first: i };
}

/** The exponent without each of the groups, and their number. */
function withoutGroups(pooled: PooledSamples, fraction: number): Float64Array {
  const groups = Math.min(pooled.n, MOST_GROUPS);
  const left = new Float64Array(groups);
  pooled.totals.forEach((weight, r) => {
    left[r % groups]! += weight;
  });
  return left.map((weight, group) => hill(pooled, fraction, { group, groups, weight }).exponent);
}

/**
 * Hill's estimate of α at the largest share `fraction` of positive draws.
 *
 * 1/α = Σ w ln(x/x_f)/Σ w over draws x > x_f, x_f the quantile of 1 − fraction. standardError: jackknife
 * over replicas (over 250 groups of them where there are more), which covers correlated draws and the
 * threshold's scatter. Of independent draws it is α/√(draws beyond).
 *
 * @throws RefusalError where fewer than 50 draws, or draws of fewer than 20 replicas, are beyond the
 *   threshold, and where draws beyond it are not positive.
 * @see Hill 1975
 * @example tailExponent(pooledSamples({ values: expected, replicas }), 0.01)
 */
export function tailExponent(pooled: PooledSamples, fraction: number): Estimate {
  const { n, dropped, owners, values } = pooled;
  const method = `Hill at the top ${fraction}, jackknife over ${Math.min(n, MOST_GROUPS)} groups of ${n} replicas`;
  if (n === 0 || !(fraction > 0 && fraction < 1)) {
    return refuse(
      `tailExponent: a share of ${fraction} of ${n} replicas has no tail; give a share between 0 and 1 ` +
        "and finite replicas.",
      noEstimate(method),
    );
  }
  const { exponent, first } = hill(pooled, fraction, { group: -1, groups: 1, weight: 0 });
  const deviations = withoutGroups(pooled, fraction).map((value) => value - exponent);
  const groups = deviations.length;
  const mean = deviations.reduce((sum, value) => sum + value, 0) / groups;
  const squares = deviations.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const estimate: Estimate = {
    value: exponent,
    standardError: n > 1 ? Math.sqrt(((groups - 1) / groups) * squares) : Number.NaN,
    n,
    method,
    warnings: replicaWarnings(dropped, n + dropped),
  };
  const draws = values.length - first;
  const drawers = new Set(owners.subarray(first)).size;
  if (draws < LEAST_DRAWS || drawers < LEAST_REPLICAS || !(values[first]! > 0)) {
    return refuse(
      `tailExponent: ${draws} draws of ${drawers} of ${n} replicas are in the top ${fraction}, from ` +
        `${values[first]!.toPrecision(3)} on; it needs ${LEAST_DRAWS} positive ones of ${LEAST_REPLICAS} ` +
        "replicas; take more or longer runs, or a larger share.",
      estimate,
    );
  }
  return estimate;
}
