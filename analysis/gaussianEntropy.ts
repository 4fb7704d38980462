/**
 * Differential entropy of a Gaussian with the measured covariance, in nats.
 *
 * h = ½ ln det(2πe S). The maximum-entropy value for that covariance: an upper bound where the
 * distribution is not Gaussian. Bias and variance of ln det for normal samples: T. W. Anderson, An
 * Introduction to Multivariate Statistical Analysis (2003), ch. 7 (|S| is distributed as a
 * product of chi-squared variables with n−1 … n−d degrees of freedom). For fewer samples than 5d:
 * `shrunkEntropy.ts`.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { MomentsRecord } from "../engine/record.ts";
import {
  type Coordinate,
  coordinateIndex,
  lagIndex,
  type MomentColumns,
  momentColumns,
} from "./coordinates.ts";
import { digamma, trigamma } from "./digamma.ts";
import type { Estimate } from "./estimate.ts";
import { jackknife, type ReplicaSamples } from "./jackknife.ts";
import type { Rows } from "./lyapunov.ts";
import { refuse } from "./refusal.ts";

/** Fewer samples than this per dimension make bias and error as large as what is measured. */
const SAMPLES_PER_DIMENSION = 5;

export interface EntropyOptions {
  /** Give a warning in place of a refusal when there are fewer than 5 samples per dimension. */
  readonly quiet?: boolean;
}

export interface GaussianOptions extends EntropyOptions {
  /**
   * Independent samples that the rows are worth, where they are correlated: rows over the integrated
   * time of their products. Default: all rows.
   */
  readonly effectiveSamples?: number;
}

/** ½ ln det(2πe S) of a known covariance [d, d], in nats; NaN unless positive definite. */
export function entropyOfCovariance(covariance: Rows): number {
  const d = covariance.length;
  const packed = Float64Array.from(covariance.flat());
  if (packed.length !== d * d) {
    throw new ArgumentError(`entropyOfCovariance: ${d} rows hold ${packed.length} values, not d².`);
  }
  return (d * Math.log(2 * Math.PI * Math.E) + logDeterminant(packed, d)) / 2;
}

/**
 * E ½ ln det Ŝ − ½ ln det S for the sample covariance (divisor n − 1) of n independent normal
 * samples: ½[Σ_{i=1..d} ψ((n−i)/2) − d ln((n−1)/2)], exact, negative.
 *
 * @throws ArgumentError unless n > d.
 */
export function logDeterminantBias(dimensions: number, samples: number): number {
  if (!(samples > dimensions && dimensions >= 1)) {
    throw new ArgumentError(
      `logDeterminantBias: ${samples} samples in ${dimensions} dimensions give a singular ` +
        "covariance; more samples than dimensions are needed.",
    );
  }
  let sum = -dimensions * Math.log((samples - 1) / 2);
  for (let i = 1; i <= dimensions; i++) sum += digamma((samples - i) / 2);
  return sum / 2;
}

/**
 * Entropy from independent samples, e.g. one state of each replica: data [replica, k = d].
 *
 * h = ½ ln det(2πe Ŝ) − bias, Ŝ with divisor n − 1, `logDeterminantBias` subtracted: unbiased for
 * normal samples. standardError = ½ √(Σ_{i=1..d} ψ′((n−i)/2)), exact for them; not covered: what a
 * distribution that is not normal adds. With `effectiveSamples` n is that number, in the divisor as
 * well. Rows that are not finite are left out.
 *
 * @throws RefusalError for n <= d, always, and for n < 5d unless `quiet`.
 * @throws ArgumentError for more effective samples than finite rows.
 * @see file head; table values in card E5.
 */
export function gaussianEntropy(
  samples: ReplicaSamples,
  { quiet = false, effectiveSamples }: GaussianOptions = {},
): Estimate {
  const d = samples.k;
  const { covariance, n: rows } = sampleCovariance(samples);
  const n = effectiveCount("gaussianEntropy", rows, effectiveSamples);
  // (n − 1) for rows that are all independent, else rows(1 − 1/n): Σ(x − x̄)² has that expectation.
  if (n < rows) rescale(covariance, (rows - 1) / (rows * (1 - 1 / n)));
  const dropped = samples.replicas - rows;
  const method =
    `Gaussian entropy of ${n < rows ? `${rows} samples worth ${n.toPrecision(4)}` : `${n} samples`} ` +
    `in ${d} dimensions, bias-corrected`;
  const warnings = dropped > 0 ? [`${dropped} of ${samples.replicas} samples are not finite`] : [];
  const few = tooFew("gaussianEntropy", n, d);
  const logDet = n > d ? logDeterminant(covariance, d) : Number.NaN;
  if (!Number.isFinite(logDet)) {
    const singular = n > d ? `gaussianEntropy: the covariance of ${n} samples is singular; ` : "";
    const none = { value: -Infinity, standardError: Number.NaN, n, method, warnings };
    return refuse(singular ? `${singular}leave out dependent coordinates.` : few, none);
  }
  let variance = 0;
  for (let i = 1; i <= d; i++) variance += trigamma((n - i) / 2) / 4;
  const estimate = {
    value: (d * Math.log(2 * Math.PI * Math.E) + logDet) / 2 - logDeterminantBias(d, n),
    standardError: Math.sqrt(variance),
    n,
    method,
    warnings,
  };
  return n >= SAMPLES_PER_DIMENSION * d ? estimate : refuse(few, estimate, quiet);
}

/** @throws ArgumentError unless 1 < effective samples <= rows. */
export function effectiveCount(where: string, rows: number, effective = rows): number {
  if (effective === rows || (effective > 1 && effective <= rows)) return effective;
  throw new ArgumentError(
    `${where}: effectiveSamples is ${effective} with ${rows} finite samples; give 1 to ${rows}.`,
  );
}

function rescale(values: Float64Array, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i]! *= factor;
}

export interface EntropyChoice extends EntropyOptions {
  /** Index of the condition, default 0. */
  readonly condition?: number;
  /** Default: all coordinates of the record. */
  readonly coordinates?: readonly Coordinate[];
}

/**
 * Entropy of the stationary state from time-averaged moments (lag 0) of all replicas.
 *
 * The covariance is the ensemble's (about the common mean). Error: bias-corrected jackknife over
 * replicas, no assumption on the distribution; remaining bias O(1/R²).
 *
 * @throws ArgumentError when lag 0, the condition or a coordinate is not in the record.
 * @throws RefusalError for fewer than 5 replicas per dimension unless `quiet`, and when the
 *   covariance is singular.
 */
export function stationaryEntropy(
  record: MomentsRecord,
  { condition = 0, coordinates, quiet = false }: EntropyChoice = {},
): Estimate {
  const where = "stationaryEntropy";
  const chosen = (coordinates ?? record.coordinates.map((_, k) => k)).map((coordinate) =>
    coordinateIndex(where, record, coordinate),
  );
  const d = chosen.length;
  const columns = momentColumns(where, record, condition, lagIndex(where, record, 0));
  const samples = momentSamples(columns, chosen);
  const estimate = jackknife(samples, entropyOfMoments(d), { biasCorrected: true });
  if (!Number.isFinite(estimate.value)) {
    return refuse(
      `${where}: the covariance is singular; leave out dependent coordinates.`,
      estimate,
    );
  }
  const enough = estimate.n >= SAMPLES_PER_DIMENSION * d;
  return enough ? estimate : refuse(tooFew(where, estimate.n, d), estimate, quiet);
}

/** First moments, then second moments row-major, of the chosen coordinates: k = d + d². */
export function momentSamples(columns: MomentColumns, chosen: readonly number[]): ReplicaSamples {
  const { replicas, first, second } = columns;
  const d = chosen.length;
  const k = d + d * d;
  const data = new Float64Array(replicas * k);
  for (let r = 0; r < replicas; r++) {
    for (const [a, i] of chosen.entries()) {
      data[r * k + a] = first(r, i);
      for (const [b, j] of chosen.entries()) data[r * k + d + a * d + b] = second(r, i, j);
    }
  }
  return { data, replicas, k };
}

/** ½ ln det(2πe (⟨zz⟩ − ⟨z⟩⟨z⟩)) of such moments; one scratch matrix for all calls. */
export function entropyOfMoments(d: number): (means: Float64Array) => number {
  const scratch = new Float64Array(d * d);
  return (means) => {
    for (let a = 0; a < d; a++) {
      for (let b = 0; b < d; b++) {
        scratch[a * d + b] = means[d + a * d + b]! - means[a]! * means[b]!;
      }
    }
    return (d * Math.log(2 * Math.PI * Math.E) + logDeterminant(scratch, d)) / 2;
  };
}

const tooFew = (where: string, n: number, d: number): string =>
  `${where}: ${n} independent samples in ${d} dimensions, need ${SAMPLES_PER_DIMENSION * d}; add ` +
  "replicas or project on fewer coordinates.";

/** Covariance (divisor n − 1) and mean of the finite rows, [k, k] and [k]. */
export function sampleCovariance({ data, replicas, k }: ReplicaSamples): {
  covariance: Float64Array;
  mean: Float64Array;
  n: number;
} {
  const rows: Float64Array[] = [];
  for (let r = 0; r < replicas; r++) {
    const row = data.subarray(r * k, (r + 1) * k);
    if (row.every(Number.isFinite)) rows.push(row);
  }
  const n = rows.length;
  const mean = new Float64Array(k);
  for (const row of rows) for (let i = 0; i < k; i++) mean[i]! += row[i]! / n;
  const covariance = new Float64Array(k * k);
  for (const row of rows) {
    for (let i = 0; i < k; i++) {
      const x = (row[i]! - mean[i]!) / (n - 1);
      for (let j = 0; j < k; j++) covariance[i * k + j]! += x * (row[j]! - mean[j]!);
    }
  }
  return { covariance, mean, n };
}

/** ln det by Cholesky, which overwrites the lower triangle; NaN unless positive definite. */
export function logDeterminant(matrix: Float64Array, d: number): number {
  let sum = 0;
  for (let j = 0; j < d; j++) {
    let pivot = matrix[j * d + j]!;
    const scale = pivot;
    for (let k = 0; k < j; k++) pivot -= matrix[j * d + k]! ** 2;
    // A pivot that is rounding of what was subtracted from it means a dependent coordinate.
    if (!(pivot > 1e-14 * scale)) return Number.NaN;
    const root = Math.sqrt(pivot);
    matrix[j * d + j] = root;
    sum += 2 * Math.log(root);
    for (let i = j + 1; i < d; i++) {
      let value = matrix[i * d + j]!;
      for (let k = 0; k < j; k++) value -= matrix[i * d + k]! * matrix[j * d + k]!;
      matrix[i * d + j] = value / root;
    }
  }
  return sum;
}
