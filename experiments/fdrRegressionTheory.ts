/** What is known beforehand of card C1: exact values, where they hold, and the rounding of float32. */
import type { SamplingLaw } from "../engine/sampling.ts";
import type { Dataset } from "../models/dataset.ts";
import {
  fourthMomentRadius,
  meanRadius,
  type RegressionMomentum,
  regressionMinimum,
  regressionMomentum,
} from "../models/theory/index.ts";
import { predictionOf } from "./outcome.ts";
import { F32, F32_BLOCK_SUM, roundingWalk, transient } from "./systematic.ts";

/** Laws whose batches do not depend on θ, so that E[G|θ] = ∇f. */
const INDEPENDENT = ["distinct", "withReplacement", "fullBatch"] as const;
type Independent = (typeof INDEPENDENT)[number];

const isIndependent = (law: string): law is Independent =>
  (INDEPENDENT as readonly string[]).includes(law);

/** The parameters of the experiment that theory and estimators need. */
export interface FdrRegressionSettings {
  readonly learningRate: number;
  readonly momentum: number;
  readonly dampening: number;
  readonly weightDecay: number;
  readonly batchSize: number;
  readonly sampling: SamplingLaw;
}

export interface RegressionPrediction {
  readonly minimum: readonly number[];
  readonly hessian: readonly (readonly number[])[];
  /** Exact moments; null without a stationary state or fourth moments, and for laws with epochs. */
  readonly exact: RegressionMomentum | null;
  /** A stationary state with noise is known to exist: FDR1 holds. */
  readonly stationary: boolean;
  /** Batches differ: both sides are more than rounding. */
  readonly noisy: boolean;
  /** E[G|θ] = ∇f, and averages of squares have error bars: FDR2 can be tested. */
  readonly independent: boolean;
  /** Slowest relaxation of what the observables hold, as `durations` takes it, in steps. */
  readonly memory: number;
  /**
   * What is left of the start after `burnIn` steps, relative. Beyond `MAX_LEFT` nothing is predicted.
   */
  readonly leftOfStart: (burnIn: number) => number;
  /** Bias of either side relative to `right` = κ⟨|v|²⟩, centered and raw. */
  readonly bias: (burnIn: number, right: number) => { centered: number; raw: number };
  /** Largest relative residual that float32 leaves of the telescoping identity. */
  readonly residual: (steps: number) => number;
  readonly warnings: readonly string[];
}

/** Share of the start in the averages beyond which they are no stationary averages. */
export const MAX_LEFT = 0.05;

/** Exact values and bounds for the settings; warnings where nothing is predicted. */
export function predictRegression(p: FdrRegressionSettings, data: Dataset): RegressionPrediction {
  const problem = { inputs: data.fields.x!.data, targets: data.fields.y!.data };
  const { minimum, hessian } = regressionMinimum({ ...problem, weightDecay: p.weightDecay });
  const independent = isIndependent(p.sampling);
  // Batches of an epoch are distinct; that law's moments bound theirs and tell whether they settle.
  const law = isIndependent(p.sampling) ? p.sampling : "distinct";
  const found = predictionOf(() => regressionMomentum({ ...p, ...problem, sampling: law }));
  const { exact } = found;
  const noiseless = exact !== null && !(exact.right > 0);
  const tail =
    independent && exact !== null ? fourthMomentRadius({ ...p, ...problem, sampling: law }) : 0;
  const settings = { ...p, minimum, exact };
  const fromMoments = exact ? -2 / Math.log(exact.momentRadius) : 1;
  const fromMean = -1 / Math.log(Math.min(1 - 1e-9, meanRadius(hessian, p)));
  // Epochs move the mean of θ, which is forgotten half as fast as second moments.
  const relaxation = Math.max(1, independent ? fromMoments : Math.max(fromMoments, fromMean));
  const leftOfStart = (burnIn: number): number =>
    transient(independent ? burnIn : burnIn / 2, relaxation);
  return {
    minimum,
    hessian,
    exact: independent && !noiseless && tail < 1 ? exact : null,
    stationary: exact !== null && !noiseless,
    noisy: !noiseless,
    independent: independent && tail < 1,
    memory: exact === null ? 1 : independent ? relaxation : 2 * relaxation,
    leftOfStart,
    bias: (burnIn, right) => rounding(settings, right, leftOfStart(burnIn)),
    residual: (steps) => residualBound(settings, steps),
    warnings: [...found.warnings, ...remarks(p, independent, noiseless, tail)],
  };
}

function remarks(
  p: FdrRegressionSettings,
  independent: boolean,
  noiseless: boolean,
  tail: number,
): string[] {
  if (noiseless) {
    return [
      `no prediction: ${p.sampling} batches of ${p.batchSize} hold every sample, the gradient has ` +
        "no noise and both sides of each relation vanish; lower batchSize.",
    ];
  }
  if (tail >= 1) {
    return [
      `no prediction for OL, OR and FDR2 lhs, rhs: fourth moments of w grow by ${tail.toPrecision(3)} ` +
        "a step, so averages of squares have power-law tails and no honest error bar; FDR1 holds on " +
        "each path. Lower learningRate or raise batchSize.",
    ];
  }
  if (independent) return [];
  return [
    `no prediction for OL, OR and FDR2 lhs, rhs: ${p.sampling} batches depend on each other within ` +
      "an epoch, so E[G|θ] differs from ∇f; FDR1, its matrix form and FDR2 with G hold.",
  ];
}

interface Scales extends FdrRegressionSettings {
  readonly minimum: readonly number[];
  readonly exact: RegressionMomentum | null;
}

const norm = (values: readonly number[]): number => Math.hypot(...values);
const trace = (rows: readonly (readonly number[])[]): number =>
  rows.reduce((sum, row, i) => sum + row[i]!, 0);

/** Root mean squares of θ − w* and of G; |G| <= (|v'| + μ|v|)/(1 − ν). */
function sizes({ exact, momentum, dampening }: Scales): { theta: number; gradient: number } {
  if (exact === null) return { theta: 0, gradient: 0 };
  const velocity = Math.sqrt(trace(exact.velocityCovariance));
  return {
    theta: Math.sqrt(trace(exact.covariance)),
    gradient: ((1 + momentum) / (1 - dampening)) * velocity,
  };
}

/**
 * Three roundings, relative to `right`: of the sums on the device (worst case for squares, a random
 * walk for (θ−c)·G, whose terms are larger than their mean); of θ' = θ + ηv', which is stored to
 * 2⁻²⁴|w| and so diffuses by d(2⁻²⁴|w|)²/3 a step, beside η²⟨|v|²⟩ of the dynamics; and of the start.
 */
function rounding(scales: Scales, right: number, start: number) {
  const { learningRate: eta, momentum, dampening, minimum } = scales;
  const { theta, gradient } = sizes(scales);
  const kappa = ((eta / 2) * (1 + momentum)) / (1 - dampening);
  const diffusion = (minimum.length * (F32 * norm(minimum)) ** 2) / 3;
  const stored = diffusion / (eta * eta * (right / kappa));
  const relative = F32_BLOCK_SUM + start + stored;
  const walk = (size: number): number => (roundingWalk() * size * gradient) / right;
  return {
    centered: relative + walk(theta),
    raw: relative + walk(theta + norm(minimum)),
  };
}

/**
 * 10⁻⁵ for the sums, and what the rounding of θ' = θ + ηv' leaves: each step adds (θ−w*)·ε/η with
 * |ε| about 2⁻²⁴|w|/√3, a random walk of T terms beside T|θ−w*||G|. Five deviations, for the largest
 * of thousands of replicas.
 */
function residualBound(scales: Scales, steps: number): number {
  const { learningRate: eta, momentum, dampening, minimum } = scales;
  const { gradient } = sizes(scales);
  if (!(gradient > 0)) return 1e-5;
  const kick = (F32 * norm(minimum)) / Math.sqrt(3) / eta;
  const step = (kick * (1 - momentum)) / (1 - dampening) / gradient;
  return 1e-5 + (5 * step) / Math.sqrt(steps);
}
