/**
 * The exact stationary law of stochastic-gradient Langevin samplers on a Gaussian posterior.
 *
 * Every rule of `langevinRules.ts` is an affine map of its state, with fresh batches and noise, so
 * mean and covariance at the ends of cycles follow from the second-moment operator averaged over
 * all batches or orders (`cycleOperator.ts`). Stationary laws are mixtures of Gaussians over the
 * batches; `kl` compares the Gaussian of the same mean and covariance with the posterior (card A7).
 *
 * Setting: SGLD, Welling and Teh (ICML 2011); reshuffled SGLD, Shaw and Whalley, arXiv 2501.16055;
 * SMS-UBU, arXiv 2410.19780. Left out: phases inside a cycle, steps that shrink with time.
 */
import { ArgumentError } from "../../engine/errors.ts";
import { affineMapOf, affineVariables, gradientAt } from "./affineForm.ts";
import {
  type AffineMap,
  followedBy,
  type MomentOperator,
  momentOperator,
  stationaryMoments,
} from "./affineMoments.ts";
import type { SamplingLaw } from "./cycleMoments.ts";
import { type CycleOperator, cycleOperator } from "./cycleOperator.ts";
import { gaussianDivergence } from "./gaussianDivergence.ts";
import { LANGEVIN_UPDATES, type LangevinRule } from "./langevinRules.ts";
import {
  type RegressionData,
  type RegressionPosterior,
  regressionPosterior,
} from "./regressionPosterior.ts";

/** The samplers of the literature and of card A7, by their names. */
export const POSTERIOR_SAMPLERS = {
  /** Independent batches. */
  sgld: { rule: "langevin", sampling: "distinct" },
  /** Reshuffled batches, noise at every step. */
  sgworld: { rule: "langevin", sampling: "reshuffled" },
  /** Reshuffled batches, one noise at the end of the epoch: worse than SGLD. */
  sgworldEpochNoise: { rule: "epochNoise", sampling: "reshuffled" },
  /** Reshuffled batches, half of the epoch's noise before it, half after it. */
  sgworldSplitNoise: { rule: "splitEpochNoise", sampling: "reshuffled" },
  /** Unadjusted Langevin, Euler–Maruyama. */
  fullBatchLangevin: { rule: "langevin", sampling: "fullBatch" },
  /** Leimkuhler–Matthews, batches forward and backward. */
  symmetricLeimkuhlerMatthews: { rule: "leimkuhlerMatthews", sampling: "symmetric" },
  /** Stochastic Heun, batches forward and backward, two gradients a step. */
  symmetricHeun: { rule: "heun", sampling: "symmetric" },
  /** Kinetic, batches forward and backward. */
  smsUbu: { rule: "ubu", sampling: "symmetric" },
} as const satisfies Readonly<Record<string, { rule: LangevinRule; sampling: SamplingLaw }>>;

export type PosteriorSampler = keyof typeof POSTERIOR_SAMPLERS;

export interface PosteriorMomentsOptions {
  readonly posterior: RegressionData;
  readonly rule: LangevinRule;
  readonly sampling: SamplingLaw;
  /** η, time per evaluation of a minibatch gradient: the step h of `ubu`, half a step of `heun`. */
  readonly learningRate: number;
  readonly batchSize: number;
  /** T of the target exp(−U/T); 1 (the posterior) by default. */
  readonly temperature?: number;
  /** γ, needed by `ubu` and used by it alone. */
  readonly friction?: number;
}

export interface PosteriorMoments {
  /** E w at the ends of cycles, [d]. */
  readonly mean: readonly number[];
  /** `mean` minus the posterior's, with all its digits, [d]. */
  readonly shift: readonly number[];
  /** Cov w at the ends of cycles, [d, d]. */
  readonly covariance: readonly (readonly number[])[];
  /** KL(N(mean, covariance) ‖ exp(−U/T)), nats. */
  readonly kl: number;
  /** Gradient evaluations in a cycle. */
  readonly gradientsPerCycle: number;
  /** −ln(spectral radius of the mean's map) per gradient evaluation: rate of the slowest mode. */
  readonly relaxationRate: number;
  /** The same of the second moments: about twice that, less where batches' curvatures differ much. */
  readonly secondMomentRate: number;
}

/**
 * Mean, covariance and KL of the stationary law at cycle ends, exact in η.
 *
 * A cycle is one step (`withReplacement`, `distinct`, `fullBatch`), an epoch (`reshuffled`,
 * `sequential`), or an epoch forward and backward (`symmetric`). Units of w, w², nats. Rounding:
 * about r = 1e-16/(rate of relaxation per cycle) of the covariance, so r² is the least KL to trust.
 *
 * @throws ArgumentError for settings out of range, for batches that do not fit, for an average over
 *   orders that would take too long, and when no stationary state exists.
 * @see card A7; derivation in the file heads of `langevinRules.ts` and `affineMoments.ts`.
 */
export function posteriorMoments(options: PosteriorMomentsOptions): PosteriorMoments {
  const temperature = options.temperature ?? 1;
  checkSettings(options, temperature);
  const posterior = regressionPosterior(options.posterior);
  const d = posterior.mean.length;
  const cycle = withEpochNoise(options, temperature, d, stepsOf(options, posterior));
  const { mean, covariance, radius, meanRadius } = stationaryMoments(cycle.operator);
  const shift = mean.slice(0, d);
  const ofPosition = covariance.slice(0, d).map((row) => row.slice(0, d));
  const gradientsPerCycle = cycle.steps * LANGEVIN_UPDATES[options.rule].gradients;
  return {
    mean: shift.map((value, i) => value + posterior.mean[i]!),
    shift,
    covariance: ofPosition,
    kl: gaussianDivergence(
      { mean: shift, covariance: ofPosition },
      {
        mean: shift.map(() => 0),
        precision: posterior.precision.map((row) => row.map((value) => value / temperature)),
      },
    ),
    gradientsPerCycle,
    relaxationRate: -Math.log(meanRadius) / gradientsPerCycle,
    secondMomentRate: -Math.log(radius) / gradientsPerCycle,
  };
}

/** The map of a step with a given batch, of the state about the posterior's mean. */
export function stepMap(
  { rule, learningRate, temperature = 1, friction = 0 }: PosteriorMomentsOptions,
  { mean, batchGradient }: RegressionPosterior,
): (batch: readonly number[]) => AffineMap {
  const update = LANGEVIN_UPDATES[rule];
  const { state, normals } = affineVariables(mean.length, update.states, update.normals);
  return (batch) => {
    const gradient = batchGradient(batch);
    const settings = { learningRate, temperature, friction };
    return affineMapOf(update.step(state, normals, (w) => gradientAt(gradient, w), settings));
  };
}

/** The cycle of steps. */
function stepsOf(options: PosteriorMomentsOptions, posterior: RegressionPosterior): CycleOperator {
  const { sampling, batchSize } = options;
  const map = stepMap(options, posterior);
  const step = (batch: readonly number[]): MomentOperator => momentOperator(map(batch));
  return cycleOperator({ samples: posterior.samples, batchSize, sampling, step });
}

function withEpochNoise(
  { rule, learningRate }: PosteriorMomentsOptions,
  temperature: number,
  d: number,
  { operator, steps }: CycleOperator,
): CycleOperator {
  if (rule !== "epochNoise" && rule !== "splitEpochNoise") return { operator, steps };
  const diagonal = (value: number) =>
    Array.from({ length: d }, (_, i) => Array.from({ length: d }, (_, j) => (i === j ? value : 0)));
  const noise = (variance: number) =>
    momentOperator({ matrix: diagonal(1), shift: Array(d).fill(0), noise: diagonal(variance) });
  const half = learningRate * steps * temperature;
  if (rule === "epochNoise") return { operator: followedBy(operator, noise(2 * half)), steps };
  return { operator: followedBy(followedBy(noise(half), operator), noise(half)), steps };
}

function checkSettings(options: PosteriorMomentsOptions, temperature: number): void {
  const { rule, sampling, learningRate, friction } = options;
  const positive = (value: number | undefined) =>
    value !== undefined && value > 0 && value < Infinity;
  const demand = (name: string, value: number | undefined) => {
    if (positive(value)) return;
    throw new ArgumentError(`posteriorMoments: ${name} is ${value}; give a positive number.`);
  };
  demand("learningRate", learningRate);
  demand("temperature", temperature);
  if (rule === "ubu") demand("friction", friction);
  const epochs = sampling === "reshuffled" || sampling === "sequential";
  if ((rule === "epochNoise" || rule === "splitEpochNoise") && !epochs) {
    throw new ArgumentError(
      `posteriorMoments: ${rule} adds its noise once an epoch, which ${sampling} sampling does ` +
        "not have in this form; use reshuffled or sequential.",
    );
  }
}
