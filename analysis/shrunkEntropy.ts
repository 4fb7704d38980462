/**
 * Gaussian entropy from fewer samples than 5 a dimension: the covariance is shrunk toward a sphere.
 *
 *   h = ½ ln det(2πe S*),  S* = (1 − a) S + a (tr S/d) I
 *
 * a of O. Ledoit, M. Wolf, J. Multivar. Anal. 88, 365 (2004), lemma 3.3 and section 3.2, or the oracle
 * approximating one of Y. Chen, A. Wiesel, Y. C. Eldar, A. O. Hero, IEEE Trans. Signal Process. 58, 5016
 * (2010), eq. 23. For normal samples and n > d the corrected `gaussianEntropy` is unbiased and no noisier:
 * shrinkage is for n <= d, and where samples are not trusted to be normal. Left out: targets other than
 * the sphere.
 */
import { ArgumentError } from "../engine/errors.ts";
import { type Estimate, noEstimate } from "./estimate.ts";
import { effectiveCount, logDeterminant, sampleCovariance } from "./gaussianEntropy.ts";
import type { ReplicaSamples } from "./jackknife.ts";
import { refuse } from "./refusal.ts";
import { finitePoints } from "./samplePoints.ts";

const WHERE = "shrunkEntropy";
const FEWEST = 4;
const GROUPS = 32;

export interface ShrinkageOptions {
  /** Default `oas`: it assumes normal samples; `ledoitWolf` takes fourth moments from them. */
  readonly shrinkage?: "oas" | "ledoitWolf";
  /** Independent samples that the rows are worth, where they are correlated. */
  readonly effectiveSamples?: number;
}

export interface ShrunkEntropy extends Estimate {
  /** a, between 0 and 1. */
  readonly shrinkage: number;
}

/**
 * Entropy of a Gaussian with the shrunk covariance, in nats, from samples [replica, k = d]: rather too
 * large than too small.
 *
 * Of a known covariance shrinkage can only raise the determinant (ln det is concave); a Gaussian has
 * the largest entropy of its covariance. On a sphere itself it is right within its error. Warned of, not
 * subtracted. standardError: jackknife over up to
 * 32 groups of consecutive rows; not covered: the bias.
 *
 * @throws RefusalError for fewer than 4 effective samples, or samples that are all alike.
 * @throws ArgumentError for one coordinate, which has no shape to shrink.
 * @see file head
 * @example shrunkEntropy({ data: centers, replicas: 100, k: 50 })
 */
export function shrunkEntropy(
  samples: ReplicaSamples,
  { shrinkage: law = "oas", effectiveSamples }: ShrinkageOptions = {},
): ShrunkEntropy {
  const d = samples.k;
  if (d < 2) {
    throw new ArgumentError(
      `${WHERE}: one coordinate has no shape to shrink; use gaussianEntropy.`,
    );
  }
  const { points, rows } = finitePoints(samples);
  const n = effectiveCount(WHERE, rows.length, effectiveSamples);
  const method = `Gaussian entropy of ${n} samples in ${d} dimensions, covariance shrunk (${law})`;
  if (n < FEWEST) {
    refuse(`${WHERE}: ${n} samples, need ${FEWEST}; add replicas.`, noEstimate(method));
  }
  const worth = n / rows.length;
  const whole = shrunk(points, d, law, worth);
  if (!Number.isFinite(whole.entropy)) {
    refuse(`${WHERE}: all ${n} samples are alike; the entropy is −∞.`, noEstimate(method));
  }
  const without = deleted(points, d, rows.length).map(
    (rest) => shrunk(rest, d, law, worth).entropy,
  );
  const mean = without.reduce((sum, value) => sum + value, 0) / without.length;
  const squares = without.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const dropped = samples.replicas - rows.length;
  return {
    value: whole.entropy,
    standardError: Math.sqrt(((without.length - 1) / without.length) * squares),
    n,
    method,
    shrinkage: whole.shrinkage,
    warnings: [
      ...(dropped > 0 ? [`${dropped} of ${samples.replicas} samples are not finite`] : []),
      `${WHERE}: ${n} samples in ${d} dimensions, the covariance was shrunk by ` +
        `${whole.shrinkage.toPrecision(2)} toward a sphere: rather an upper bound than the entropy`,
    ],
  };
}

/** The points without one of up to 32 groups of consecutive ones. */
function deleted(points: Float64Array, d: number, n: number): Float64Array[] {
  const groups = Math.min(GROUPS, n);
  return Array.from({ length: groups }, (_, g) => {
    const [from, to] = [Math.floor((g * n) / groups), Math.floor(((g + 1) * n) / groups)];
    const rest = new Float64Array((n - to + from) * d);
    rest.set(points.subarray(0, from * d));
    rest.set(points.subarray(to * d), from * d);
    return rest;
  });
}

function shrunk(
  points: Float64Array,
  d: number,
  law: "oas" | "ledoitWolf",
  worth: number,
): { entropy: number; shrinkage: number } {
  const rows = points.length / d;
  const n = Math.max(2, rows * worth);
  const { covariance, mean } = sampleCovariance({ data: points, replicas: rows, k: d });
  // Divisor rows(1 − 1/n), as in `gaussianEntropy`.
  const factor = (rows - 1) / (rows * (1 - 1 / n));
  let [trace, squares] = [0, 0];
  covariance.forEach((value, i) => {
    covariance[i] = value * factor;
    squares += covariance[i]! ** 2;
  });
  for (let i = 0; i < d; i++) trace += covariance[i * d + i]!;
  // ‖S − (tr S/d) I‖²
  const spread = squares - (trace * trace) / d;
  const noise =
    law === "oas"
      ? ((1 - 2 / d) * squares + trace * trace) / (n - 2 / d)
      : fourthMoments(points, mean, squares, covariance, d) / n;
  const a = spread > 0 ? Math.min(1, noise / spread) : 1;
  for (let i = 0; i < d * d; i++) covariance[i]! *= 1 - a;
  for (let i = 0; i < d; i++) covariance[i * d + i]! += (a * trace) / d;
  const entropy = (d * Math.log(2 * Math.PI * Math.E) + logDeterminant(covariance, d)) / 2;
  return { entropy, shrinkage: a };
}

/** ⟨‖z zᵀ − S‖²⟩ = ⟨|z|⁴ − 2 zᵀSz⟩ + ‖S‖² over the samples, z = x − x̄. */
function fourthMoments(
  points: Float64Array,
  mean: Float64Array,
  squares: number,
  covariance: Float64Array,
  d: number,
): number {
  const rows = points.length / d;
  const z = new Float64Array(d);
  let sum = 0;
  for (let r = 0; r < rows; r++) {
    let [length, form] = [0, 0];
    for (let i = 0; i < d; i++) {
      z[i] = points[r * d + i]! - mean[i]!;
      length += z[i]! ** 2;
    }
    for (let i = 0; i < d; i++) {
      for (let j = 0; j < d; j++) form += z[i]! * covariance[i * d + j]! * z[j]!;
    }
    sum += (length * length - 2 * form) / rows;
  }
  return sum + squares;
}
