/**
 * Delete-one jackknife over replicas: standard errors of functions of ensemble means.
 *
 * Source: B. Efron, The Jackknife, the Bootstrap and Other Resampling Plans (SIAM 1982), ch. 2–3.
 * Left out: functions that are not smooth at the mean (medians, maxima), where it fails.
 */
import { type Estimate, noEstimate } from "./estimate.ts";
import { refuse } from "./refusal.ts";
import { replicaWarnings } from "./replicas.ts";

/** Numbers of each replica whose ensemble means a function takes. */
export interface ReplicaSamples {
  /** Row-major, [replica, k]; a row with a value that is not finite is left out. */
  readonly data: Float64Array;
  readonly replicas: number;
  readonly k: number;
}

export interface JackknifeOptions {
  /**
   * Return R f − (R−1) f̄ in place of f: exactly unbiased when f is a polynomial of degree two in
   * the means (covariances, areas), bias O(1/R²) instead of O(1/R) otherwise. Default false.
   */
  readonly biasCorrected?: boolean;
}

/**
 * f of the ensemble means, with its jackknife standard error.
 *
 * m_k = Σ_r x_rk/R; f_r = f(m without r); standardError = √((R−1)/R Σ (f_r − f̄)²). `f` is given
 * the same scratch array [k] at each call and must not keep it. O(R k) and R + 1 calls of f.
 *
 * Error: covers the scatter between replicas to leading order in 1/R, f smooth near the means.
 *
 * @throws RefusalError when no replica is finite. With one replica standardError is NaN, and a
 *   warning says so.
 * @example jackknife({ data, replicas, k: 2 }, ([a, b]) => a / b)
 */
export function jackknife(
  samples: ReplicaSamples,
  f: (means: Float64Array) => number,
  { biasCorrected = false }: JackknifeOptions = {},
): Estimate {
  const { data, replicas, k } = samples;
  const { finite, n, means } = finiteMeans(samples);
  const method = `jackknife over ${n} replicas${biasCorrected ? ", bias-corrected" : ""}`;
  if (n === 0) {
    refuse(
      `jackknife: none of ${replicas} replicas is finite (frozen or diverged); lower learningRate.`,
      noEstimate(method),
    );
  }
  const full = f(means.slice());
  const warnings = replicaWarnings(replicas - n, replicas);
  if (n === 1) return { value: full, standardError: Number.NaN, n, method, warnings };
  const deviations = deleteOne({ data, replicas, k }, finite, means, f, full);
  const mean = deviations.reduce((sum, deviation) => sum + deviation, 0) / n;
  const squares = deviations.reduce((sum, deviation) => sum + (deviation - mean) ** 2, 0);
  return {
    value: biasCorrected ? full - (n - 1) * mean : full,
    standardError: Math.sqrt(((n - 1) / n) * squares),
    n,
    method,
    warnings,
  };
}

/** f without one replica, minus f of all (differences keep their digits for large R), [finite]. */
function deleteOne(
  { data, replicas, k }: ReplicaSamples,
  finite: Uint8Array,
  means: Float64Array,
  f: (means: Float64Array) => number,
  full: number,
): Float64Array {
  const n = finite.reduce((sum, ok) => sum + ok, 0);
  const deviations = new Float64Array(n);
  const scratch = new Float64Array(k);
  let next = 0;
  for (let r = 0; r < replicas; r++) {
    if (finite[r] === 0) continue;
    for (let j = 0; j < k; j++) {
      scratch[j] = means[j]! - (data[r * k + j]! - means[j]!) / (n - 1);
    }
    deviations[next++] = f(scratch) - full;
  }
  return deviations;
}

function finiteMeans({ data, replicas, k }: ReplicaSamples): {
  finite: Uint8Array;
  n: number;
  means: Float64Array;
} {
  const finite = new Uint8Array(replicas);
  const means = new Float64Array(k);
  let n = 0;
  for (let r = 0; r < replicas; r++) {
    let ok = 1;
    for (let j = 0; j < k; j++) if (!Number.isFinite(data[r * k + j]!)) ok = 0;
    finite[r] = ok;
    n += ok;
    if (ok === 1) for (let j = 0; j < k; j++) means[j]! += data[r * k + j]!;
  }
  for (let j = 0; j < k; j++) means[j]! /= n;
  return { finite, n, means };
}
