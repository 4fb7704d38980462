/**
 * The mean displacement of an epoch from a given point, in one dimension: exactly, over all orders of
 * the batches; as a power series in η; and by the effective loss
 *   −ηM ∇{L + (η/4) tr Σ_B − (η/4)(M − 1)|∇L|²} + O(η³).
 *
 * arXiv 2306.03521 for the effective loss of reshuffled epochs. The batches of an epoch, averaged over
 * orders, are Σ_{j<k} E[H_k g_j] = ½(M² H∇L − M E[H_B g_B]), which is its term of order η². Independent
 * batches have no tr Σ_B. Left out: more than one dimension, more orders than can be listed.
 */
import { ArgumentError } from "../../engine/errors.ts";
import type { CubicSamples } from "../cubicSamples.ts";

/** How the batches of an epoch are drawn: cut from a permutation, or each a fresh set of m. */
export type EpochLaw = "reshuffled" | "distinct";

export interface EpochProblem {
  readonly samples: CubicSamples;
  readonly batchSize: number;
  /** Where the epoch begins. */
  readonly w: number;
}

/** Sequences of batches, at most: a second of work. */
const MOST_ORDERS = 200_000;

const choose = (n: number, k: number): number => {
  let value = 1;
  for (let i = 1; i <= k; i += 1) value = (value * (n - k + i)) / i;
  return Math.round(value);
};

/** M, steps of an epoch. */
export const epochSteps = ({ samples, batchSize }: EpochProblem): number =>
  samples.centers.length / batchSize;

function checkBatches(problem: EpochProblem): { N: number; M: number } {
  const { batchSize: m } = problem;
  const N = problem.samples.centers.length;
  const M = epochSteps(problem);
  if (!(Number.isInteger(m) && m >= 1 && Number.isInteger(M) && M >= 2 && N <= 30)) {
    throw new ArgumentError(
      `epochDisplacement: batches of ${m} cut from ${N} samples; give a divisor of the samples that leaves ` +
        "two batches at least, and at most 30 samples.",
    );
  }
  return { N, M };
}

function check(problem: EpochProblem, law: EpochLaw): void {
  const { batchSize: m } = problem;
  const { N, M } = checkBatches(problem);
  let orders = 1;
  for (let k = 0; k < M; k += 1) orders *= choose(law === "distinct" ? N : N - k * m, m);
  if (orders > MOST_ORDERS) {
    throw new ArgumentError(
      `epochDisplacement: ${orders} sequences of ${M} ${law} batches of ${m} from ${N} samples, more than ` +
        `${MOST_ORDERS}; use fewer samples, or larger batches.`,
    );
  }
}

/** Calls `visit` with every choice of m numbers from `members`, and the members that are left. */
function forEachChoice(
  members: readonly number[],
  m: number,
  visit: (chosen: readonly number[], rest: readonly number[]) => void,
): void {
  const extend = (from: number, chosen: number[]): void => {
    if (chosen.length === m) {
      visit(
        chosen,
        members.filter((member) => !chosen.includes(member)),
      );
      return;
    }
    for (let i = from; i < members.length; i += 1) {
      extend(i + 1, [...chosen, members[i]!]);
    }
  };
  extend(0, []);
}

/** A number as a power series in η, [order]. */
type PowerSeries = Float64Array;

function product(a: PowerSeries, b: PowerSeries): PowerSeries {
  const out = new Float64Array(a.length);
  for (let i = 0; i < a.length; i += 1) {
    for (let j = 0; i + j < a.length; j += 1) out[i + j]! += a[i]! * b[j]!;
  }
  return out;
}

/** Sums of a_i, a_i c_i and t_i over a batch, over m: its mean gradient is A w − B + T w². */
interface BatchGradient {
  readonly A: number;
  readonly B: number;
  readonly T: number;
}

function batchGradient({ samples, batchSize }: EpochProblem, batch: readonly number[]) {
  const { curvatures, centers, tilts } = samples;
  let [A, B, T] = [0, 0, 0];
  for (const i of batch) {
    A += curvatures[i]! / batchSize;
    B += (curvatures[i]! * centers[i]!) / batchSize;
    T += tilts[i]! / batchSize;
  }
  return { A, B, T };
}

/** Mean over all sequences of batches of what the steps make of `start`. */
function meanOverOrders(
  problem: EpochProblem,
  law: EpochLaw,
  start: PowerSeries,
  step: (from: PowerSeries, gradient: BatchGradient) => PowerSeries,
): PowerSeries {
  check(problem, law);
  const M = epochSteps(problem);
  const all = problem.samples.centers.map((_, i) => i);
  const sum = new Float64Array(start.length);
  let count = 0;
  const walk = (from: PowerSeries, members: readonly number[], steps: number): void => {
    if (steps === M) {
      count += 1;
      for (let k = 0; k < sum.length; k += 1) sum[k]! += from[k]!;
      return;
    }
    forEachChoice(members, problem.batchSize, (batch, rest) => {
      const next = step(from, batchGradient(problem, batch));
      walk(next, law === "distinct" ? all : rest, steps + 1);
    });
  };
  walk(start, all, 0);
  return sum.map((value) => value / count);
}

/** Steps of independent batches, at most: the mean is a polynomial of degree 2^M of the start. */
const MOST_INDEPENDENT = 9;

/** outer(inner(u)), coefficients of u⁰, u¹, …, by Horner's rule. */
function composed(outer: Float64Array, inner: readonly number[]): Float64Array {
  const degree = inner.length - 1;
  const out = new Float64Array((outer.length - 1) * degree + 1);
  for (let k = outer.length - 1; k >= 0; k -= 1) {
    const from = out.slice();
    out.fill(0);
    for (let i = 0; i <= (outer.length - 2 - k) * degree; i += 1) {
      for (let j = 0; j <= degree; j += 1) out[i + j]! += from[i]! * inner[j]!;
    }
    out[0]! += outer[k]!;
  }
  return out;
}

/**
 * E[w_M] − w of M independent batches, from the last step to the first: E_k(u), the mean displacement after
 * k more steps from u, is E_{k−1} of a step from u, averaged over batches.
 */
function meanOfIndependent(problem: EpochProblem, learningRate: number): number {
  const { N, M } = checkBatches(problem);
  if (choose(N, problem.batchSize) > MOST_ORDERS || M > MOST_INDEPENDENT) {
    throw new ArgumentError(
      `epochDisplacement: ${M} independent batches of ${problem.batchSize} from ${N} samples, more than ` +
        `${MOST_INDEPENDENT} or of too many kinds; use fewer samples.`,
    );
  }
  const { w } = problem;
  const all = problem.samples.centers.map((_, i) => i);
  const steps: [number, number, number][] = [];
  forEachChoice(all, problem.batchSize, (batch) => {
    const { A, B, T } = batchGradient(problem, batch);
    steps.push([
      -learningRate * (A * w - B + T * w * w),
      1 - learningRate * (A + 2 * T * w),
      -learningRate * T,
    ]);
  });
  let mean = Float64Array.of(0, 1);
  for (let k = 1; k < M; k += 1) {
    const next = new Float64Array(2 * mean.length - 1);
    for (const step of steps) {
      composed(mean, step).forEach((value, i) => {
        next[i]! += value / steps.length;
      });
    }
    mean = next;
  }
  return steps.reduce((sum, [u]) => sum + composed(mean, [u])[0]! / steps.length, 0);
}

/**
 * E[w_M] − w over all sequences of batches, each equally likely.
 *
 * Error: float64 rounding, M·2⁻⁵² of the largest w on the way.
 *
 * @throws ArgumentError for batches that do not divide the samples, more than 200,000 sequences of
 *   reshuffled batches, more than 9 independent batches or 200,000 kinds of them.
 * @example
 * const samples = cubicSamples({ samples: 6, tilt: 0.3, seed: 1 });
 * meanEpochDisplacement({ samples, batchSize: 2, w: 0.5 }, 0.1, "reshuffled");
 */
export function meanEpochDisplacement(
  problem: EpochProblem,
  learningRate: number,
  law: EpochLaw,
): number {
  // The displacement itself is carried, so that small ones keep their digits.
  if (law === "distinct") return meanOfIndependent(problem, learningRate);
  const step = (u: PowerSeries, { A, B, T }: BatchGradient): PowerSeries => {
    const w = problem.w + u[0]!;
    return Float64Array.of(u[0]! - learningRate * (A * w - B + T * w * w));
  };
  return meanOverOrders(problem, law, new Float64Array(1), step)[0]!;
}

/**
 * Coefficients of η⁰ … η^order of E[w_M] − w, exactly: the steps are taken with power series.
 *
 * @throws ArgumentError for batches that do not divide the samples, and more than 200,000 sequences.
 * @example
 * const samples = cubicSamples({ samples: 4, tilt: 0.3, seed: 1 });
 * epochSeries({ samples, batchSize: 2, w: 0.5 }, 3, "reshuffled")[0]; // 0
 */
export function epochSeries(problem: EpochProblem, order: number, law: EpochLaw): Float64Array {
  const step = (w: PowerSeries, { A, B, T }: BatchGradient): PowerSeries => {
    const square = product(w, w);
    const next = w.slice();
    for (let k = 0; k < order; k += 1) {
      next[k + 1]! -= A * w[k]! - (k === 0 ? B : 0) + T * square[k]!;
    }
    return next;
  };
  const start = new Float64Array(order + 1);
  start[0] = problem.w;
  const mean = meanOverOrders(problem, law, start, step);
  mean[0]! -= problem.w;
  return mean;
}

/** The terms of −ηM ∇{…}, each a number to be multiplied with η or η². */
export interface EffectiveDrift {
  /** −M ∇L, of order η. */
  readonly loss: number;
  /** −(M/4) ∇tr Σ_B, of order η²; 0 for independent batches. */
  readonly covariance: number;
  /** (M(M − 1)/4) ∇|∇L|², of order η². */
  readonly gradient: number;
}

/**
 * The mean displacement of an epoch to order η², by the effective loss.
 *
 * @throws ArgumentError for batches that do not divide the samples.
 * @see arXiv 2306.03521
 * @example
 * const samples = cubicSamples({ samples: 6, tilt: 0.3, seed: 1 });
 * effectiveDrift({ samples, batchSize: 2, w: 0.5 }, "reshuffled").loss;
 */
export function effectiveDrift(problem: EpochProblem, law: EpochLaw): EffectiveDrift {
  const { N, M } = checkBatches(problem);
  const { samples, batchSize: m, w } = problem;
  const { curvatures: a, centers: c, tilts: t } = samples;
  const gradients = a.map((curvature, i) => curvature * (w - c[i]!) + t[i]! * w * w);
  const hessians = a.map((curvature, i) => curvature + 2 * t[i]! * w);
  const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / N;
  const [g, h] = [mean(gradients), mean(hessians)];
  const covariance = mean(gradients.map((value, i) => (value - g) * (hessians[i]! - h)));
  const share = (N - m) / (m * (N - 1));
  return {
    loss: -M * g,
    // ∇tr Σ_B = 2 Cov(g_i, h_i) (N − m)/(m(N − 1))
    covariance: law === "distinct" ? 0 : -(M / 2) * share * covariance,
    gradient: ((M * (M - 1)) / 2) * g * h,
  };
}
