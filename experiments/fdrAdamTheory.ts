/** What is known beforehand of card C4: where Adam ends, how fast, and what biases the relation. */
import { noiseFactor, type SamplingLaw } from "../engine/sampling.ts";
import type { Dataset } from "../models/dataset.ts";
import { type AdamMeanField, adamMeanField, regressionMinimum } from "../models/theory/index.ts";
import { predictionOf } from "./outcome.ts";
import { F32_BLOCK_SUM, roundingWalk } from "./systematic.ts";

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

/** What of the start is left after `burnIn` steps: of the mean, and of ⟨|w−c|²⟩. */
export function leftOfStart(
  { relaxation }: AdamMeanField,
  sampling: SamplingLaw,
  burnIn: number,
): { readonly mean: number; readonly square: number } {
  const mean = Math.exp(-burnIn / relaxation);
  return { mean, square: INDEPENDENT.includes(sampling) ? mean * mean : mean };
}

export interface BiasSources {
  readonly learningRate: number;
  readonly steps: number;
  /** O_R, in w²/η. */
  readonly right: number;
  /** ⟨|w−c|²⟩ */
  readonly spread: number;
  readonly center: readonly number[];
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
 * displaced by at most √V. Besides, device sums round, as in `systematic.ts`.
 */
export function ratioBias(sources: BiasSources): { centered: number; raw: number } {
  const { learningRate: eta, steps, right, spread, drift, left, stiffness } = sources;
  const gamma = 2 / (1 - Math.min(0.9, stiffness));
  const ends = (spread / (2 * eta * steps * right)) * (gamma * drift + left.square);
  const c = Math.hypot(...sources.center);
  const mean = ((c * Math.sqrt(spread)) / (eta * steps * right)) * (drift + left.mean);
  // |u| = √(2 O_R/η)
  const walk = (size: number): number =>
    (roundingWalk() * size * Math.sqrt((2 * right) / eta)) / right;
  const delta = Math.sqrt(spread);
  return {
    centered: ends + F32_BLOCK_SUM + walk(delta),
    raw: ends + mean + F32_BLOCK_SUM + walk(delta + c),
  };
}
