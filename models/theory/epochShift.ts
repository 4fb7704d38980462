/**
 * How far the sampling law moves the stationary mean away from the minimum of the loss.
 *
 * One dimension, samples a_i (w − c_i)²/2. Independent batches leave the mean at the minimum;
 * reshuffled epochs follow an effective loss L + (η/4) tr Σ_B (arXiv 2306.03521) to leading order.
 * Exact for one sample per batch: an epoch is w ↦ P w + q with fixed P = Π(1 − η a_i), and sample
 * k is followed by a uniform random subset of the others, so
 *   E q = η Σ_k a_k c_k (1/N) Σ_s e_s({1 − η a_j, j ≠ k})/C(N−1, s),
 * e_s the elementary symmetric polynomials. Larger batches: `cycleMoments.ts`.
 */
import { ArgumentError } from "../../engine/errors.ts";
import { batchNoiseFactor } from "./batchNoise.ts";
import { checkQuadraticSamples, cycleMoments, type QuadraticSamples } from "./cycleMoments.ts";

export interface EpochShift {
  /** Minimum of the mean loss, Σ a_i c_i / Σ a_i. */
  readonly minimum: number;
  /** Exact stationary mean of w at cycle ends, minus `minimum`. */
  readonly shift: number;
  /** Leading order in η of the same; null for `sequential`, where it depends on the order. */
  readonly effectiveLossShift: number | null;
}

/**
 * Exact shift of the stationary mean at cycle ends, and its effective-loss prediction.
 *
 * Units of w. `reshuffled` with batchSize 1 takes any number of samples, `reshuffled` with larger
 * batches and `symmetric` at most 20.
 *
 * @throws ArgumentError as `cycleMoments` does.
 * @see arXiv 2306.03521 for the effective loss; derivation in the file head.
 */
export function epochShift(problem: QuadraticSamples): EpochShift {
  checkQuadraticSamples("epochShift", problem);
  const { curvatures: a, centers: c, sampling } = problem;
  let slope = 0;
  let offset = 0;
  for (let i = 0; i < a.length; i++) {
    slope += a[i]!;
    offset += a[i]! * c[i]!;
  }
  if (!(slope > 0)) {
    throw new ArgumentError(
      `epochShift: the curvatures add up to ${slope}, so the mean loss has no minimum; ` +
        "their sum must be positive.",
    );
  }
  const minimum = offset / slope;
  switch (sampling) {
    case "withReplacement":
    case "distinct":
    case "fullBatch":
      cycleMoments(problem); // refuses what does not become stationary
      return { minimum, shift: 0, effectiveLossShift: 0 };
    case "reshuffled":
    case "symmetric": {
      const closed = sampling === "reshuffled" && problem.batchSize === 1;
      const shift = closed ? reshuffledShift(problem, minimum) : shiftOfCycle(problem, minimum);
      return { minimum, shift, effectiveLossShift: effectiveLossShift(problem, minimum) };
    }
    case "sequential":
      return { minimum, shift: shiftOfCycle(problem, minimum), effectiveLossShift: null };
  }
}

/** Centers are measured from the minimum, so that a small shift keeps all its digits. */
function shiftOfCycle(problem: QuadraticSamples, minimum: number): number {
  const centers = Array.from(problem.centers, (center) => center - minimum);
  return cycleMoments({ ...problem, centers }).mean;
}

function reshuffledShift(problem: QuadraticSamples, minimum: number): number {
  const { curvatures, centers, learningRate: eta } = problem;
  const N = curvatures.length;
  const r = Array.from(curvatures, (curvature) => 1 - eta * curvature);
  const P = r.reduce((product, factor) => product * factor, 1);
  if (!(Math.abs(P) < 1)) {
    throw new ArgumentError(
      `epochShift: an epoch multiplies w by ${P}, not below 1 in modulus; lower learningRate.`,
    );
  }
  let q = 0;
  for (let k = 0; k < N; k++) {
    const others = r.filter((_, j) => j !== k);
    q += ((eta * curvatures[k]! * (centers[k]! - minimum)) / N) * sum(symmetricMeans(others));
  }
  return q / (1 - P);
}

/** e_s(values)/C(n, s) for s = 0 … n: means of all products of s values, [n + 1]. */
function symmetricMeans(values: readonly number[]): Float64Array {
  const means = new Float64Array(values.length + 1);
  means[0] = 1;
  // The n-th value is in a random s-subset of n with probability s/n.
  for (let n = 1; n <= values.length; n++) {
    for (let s = n; s >= 1; s--) {
      means[s] = ((n - s) / n) * means[s]! + (s / n) * values[n - 1]! * means[s - 1]!;
    }
  }
  return means;
}

const sum = (values: ArrayLike<number>): number => {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
};

/**
 * Zero of d/dw [L + (η/4) f Var_i(a_i (w − c_i))]; the |∇L|² term moves it only at the next order.
 * The symmetric walk shares it: its ordered pairs of batches sum to 2(ΣH)(Σg) − ΣHg over twice the
 * steps, a mean epoch's to ½[(ΣH)(Σg) − ΣHg], and Σg = 0 at the minimum.
 */
function effectiveLossShift(problem: QuadraticSamples, minimum: number): number {
  const { curvatures: a, centers: c, learningRate: eta, batchSize } = problem;
  const N = a.length;
  const factor = batchNoiseFactor(N, batchSize, "distinct");
  const mean = sum(a) / N;
  let curvatureVariance = 0;
  let forceCovariance = 0;
  for (let i = 0; i < N; i++) {
    curvatureVariance += ((a[i]! - mean) * (a[i]! - mean)) / N;
    // The mean of a_i (c_i − minimum) is zero.
    forceCovariance += ((a[i]! - mean) * a[i]! * (c[i]! - minimum)) / N;
  }
  const weight = (eta / 2) * factor;
  return (weight * forceCovariance) / (mean + weight * curvatureVariance);
}
