/** What is known beforehand of card C4: where Adam ends, how fast, and what biases the relation. */
import { noiseFactor, type SamplingLaw } from "../../engine/sampling.ts";
import type { Dataset } from "../../models/dataset.ts";
import { type AdamMeanField, adamMeanField, regressionMinimum } from "../../models/theory/index.ts";
import { predictionOf } from "../outcome.ts";
import { F32, F32_BLOCK_SUM, roundingWalk } from "../systematic.ts";

/** The parameters of the experiment that theory needs. */
export interface FdrAdamSettings {
  readonly learningRates: readonly number[];
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly decoupledDecay: number;
  readonly batchSize: number;
  readonly sampling: SamplingLaw;
}

export interface AdamPrediction {
  /** c, where the mean step of Adam vanishes; also the start. */
  readonly center: readonly number[];
  /** At each learning rate; null where batches do not differ. */
  readonly fields: readonly (AdamMeanField | null)[];
  /** The slowest relaxation of all, as `durations` takes it, in steps. */
  readonly relaxation: number;
  readonly warnings: readonly string[];
}

/** Laws whose batches are independent from step to step. */
const INDEPENDENT: readonly SamplingLaw[] = ["withReplacement", "distinct", "fullBatch"];

export function predictAdam(p: FdrAdamSettings, data: Dataset): AdamPrediction {
  const problem = { inputs: data.fields.x!.data, targets: data.fields.y!.data };
  const { weightDecay, batchSize, sampling } = p;
  // A fixed order scatters gradients about as a random one does.
  const law = sampling === "sequential" ? "distinct" : sampling;
  const factor = noiseFactor(law, data.samples, Math.min(batchSize, data.samples));
  const found = p.learningRates.map((learningRate) =>
    predictionOf(() => adamMeanField({ ...p, ...problem, learningRate, noiseFactor: factor })),
  );
  const fields = found.map(({ exact }) => exact);
  const slowest = Math.max(1, ...fields.map((field) => field?.relaxation ?? 1));
  return {
    center: fields[0]?.point ?? regressionMinimum({ ...problem, weightDecay }).minimum,
    fields,
    // Epochs move the mean, which is forgotten half as fast as second moments.
    relaxation: INDEPENDENT.includes(sampling) ? slowest : 2 * slowest,
    warnings: [...new Set(found.flatMap(({ warnings }) => warnings))],
  };
}

/** Share of the start in ⟨|w−c|²⟩ beyond which the averages are no stationary ones. */
export const MAX_LEFT = 0.05;
/** Relative change of the adaptive rates beyond which the state is not even nearly stationary. */
export const MAX_DRIFT = 0.3;
/** Diffusion by rounding over that of the dynamics, beyond which w moves as float32 lets it. */
export const MAX_ROUNDING = 0.02;

/** What the sizes of rounding errors are made of. */
export interface RoundingSources {
  readonly learningRate: number;
  readonly steps: number;
  /** O_R, in w²/η. */
  readonly right: number;
  readonly center: readonly number[];
}

/** √⟨|u|²⟩ */
const sizeOfU = ({ right, learningRate }: RoundingSources): number =>
  Math.sqrt((2 * right) / learningRate);

/** w is stored to 2⁻²⁴|w|: each component's rounding has the variance (2⁻²⁴|w|)²/3 a step. */
export const roundingDiffusion = (sources: RoundingSources): number =>
  (sources.center.length * (F32 * Math.hypot(...sources.center)) ** 2) /
  3 /
  (sources.learningRate * sizeOfU(sources)) ** 2;

/**
 * 10⁻⁵ for the sums, and what the rounding of w' = w − ηu leaves: each step adds (w−c)·ε/η with |ε|
 * about 2⁻²⁴|w|/√3, a random walk of T terms beside T|w−c||u|. Five deviations, for the largest of
 * thousands of replicas; in a fixed order of the samples rounding repeats itself and adds up.
 */
export function residualBound(
  sources: RoundingSources,
  spread: number,
  sampling: SamplingLaw,
): number {
  const { learningRate: eta, steps, center } = sources;
  const far = Math.sqrt(spread);
  const kick = (F32 * (Math.hypot(...center) + far)) / Math.sqrt(3) / (eta * sizeOfU(sources));
  return 1e-5 + kick * (sampling === "sequential" ? 1 : 5 / Math.sqrt(steps));
}

/**
 * Is Adam's step bounded? m² <= s ((1−β₁)²/(1−β₂)) Σ(β₁²/β₂)ᵏ by Cauchy-Schwarz. Where the sum
 * diverges, |m|/√s is large whenever the last gradients happen to be small.
 */
export const isBounded = ({ beta1, beta2 }: FdrAdamSettings): boolean => beta1 * beta1 < beta2;

/** What of the start is left after `burnIn` steps: of the mean, and of ⟨|w−c|²⟩. */
export function leftOfStart(
  { relaxation }: AdamMeanField,
  sampling: SamplingLaw,
  burnIn: number,
): { readonly mean: number; readonly square: number } {
  const mean = Math.exp(-burnIn / relaxation);
  return { mean, square: INDEPENDENT.includes(sampling) ? mean * mean : mean };
}

export interface BiasSources extends RoundingSources {
  /** ⟨|w−c|²⟩ */
  readonly spread: number;
  /** Relative change of the adaptive rates while observed. */
  readonly drift: number;
  readonly left: { readonly mean: number; readonly square: number };
  readonly stiffness: number;
}

/**
 * Bias of the ratio O_L/O_R, with w measured from c and from 0.
 *
 * Exactly, ratio − 1 = −(⟨|δ_T|²⟩ − ⟨|δ_0|²⟩)/(2ηT O_R). What is left of the start changes ⟨|δ|²⟩ = V
 * by `left`. A drift of the adaptive rates a changes it by γ times as much: V = as²/(h(2 − x)) for a
 * mode h of noise s, x the stiffness's share of its limit 2, so that γ = 1/(1 − stiffness); twice
 * that, for multiplicative noise. From 0, c·(θ_T − θ_0)/(ηT O_R) comes in addition, of a mean that is
 * displaced by at most √V. Besides, device sums round, as in `systematic.ts`, and w itself, twice
 * whose diffusion is allowed for.
 */
export function ratioBias(sources: BiasSources): { centered: number; raw: number } {
  const { learningRate: eta, steps, right, spread, drift, left, stiffness } = sources;
  const gamma = 2 / (1 - Math.min(0.9, stiffness));
  const ends = (spread / (2 * eta * steps * right)) * (gamma * drift + left.square);
  const c = Math.hypot(...sources.center);
  const mean = ((c * Math.sqrt(spread)) / (eta * steps * right)) * (drift + left.mean);
  const walk = (size: number): number => (roundingWalk() * size * sizeOfU(sources)) / right;
  const relative = ends + F32_BLOCK_SUM + 2 * roundingDiffusion(sources);
  const delta = Math.sqrt(spread);
  return { centered: relative + walk(delta), raw: relative + mean + walk(delta + c) };
}
