/**
 * The Markov chains of card A7: samplers that are simulated, and the chains that serve as their
 * control variates, each with its rule in the engine and in the theory.
 *
 * A control is driven by the same noise as its sampler, step by step, and its law is exactly known: it
 * takes the full gradient in place of minibatches (for full-batch Langevin: Heun's step in place of
 * Euler's). What is left to chance is what minibatches do.
 */
import type { SamplingLaw } from "../../engine/sampling.ts";
import { heunLangevin } from "../../engine/update/heunLangevin.ts";
import { langevin } from "../../engine/update/langevin.ts";
import { sgworld } from "../../engine/update/sgworld.ts";
import { ubu } from "../../engine/update/ubu.ts";
import type { UpdateRule } from "../../engine/update/updateRule.ts";
import {
  type LangevinRule,
  POSTERIOR_SAMPLERS,
  type PosteriorMoments,
  type PosteriorSampler,
  posteriorMoments,
  type RegressionData,
} from "../../models/theory/index.ts";

export interface SamplerSettings {
  readonly batchSize: number;
  readonly temperature: number;
  readonly friction: number;
}

interface RuleSettings {
  readonly learningRate: number;
  readonly temperature: number;
  readonly friction: number;
}

export interface Chain {
  /** How tables and figures call it. */
  readonly title: string;
  readonly rule: LangevinRule;
  readonly sampling: SamplingLaw;
  /** The engine's rule, its learning rate being the time that passes in a step. */
  readonly update: (settings: RuleSettings) => UpdateRule;
  readonly gradientsPerStep: 1 | 2;
  /** Time of a step over η, without the friction's factor. */
  readonly stepTime: 1 | 2;
  /** Chains of one pace are observed at the same steps. */
  readonly pace: "overdamped" | "heun" | "kinetic";
  readonly control: ChainName | null;
  /** Power of η in KL at small η. */
  readonly order: 2 | 4;
}

const euler = ({ learningRate, temperature }: RuleSettings): UpdateRule =>
  langevin({ learningRate, temperature });
const heun = ({ learningRate, temperature }: RuleSettings): UpdateRule =>
  heunLangevin({ learningRate, temperature });
const splitNoise = ({ learningRate, temperature }: RuleSettings): UpdateRule =>
  sgworld({ learningRate, temperature, noise: "epoch" });

const overdamped = {
  gradientsPerStep: 1,
  stepTime: 1,
  pace: "overdamped",
  control: "fullBatchLangevin",
  order: 2,
} as const;

const heunStep = {
  rule: "heun",
  update: heun,
  gradientsPerStep: 2,
  order: 4,
} as const;

const kinetic = {
  rule: "ubu",
  update: ubu,
  gradientsPerStep: 1,
  stepTime: 1,
  pace: "kinetic",
  order: 4,
} as const;

export type ChainName =
  | Exclude<PosteriorSampler, "sgworldEpochNoise" | "symmetricLeimkuhlerMatthews">
  | "fullBatchHeun"
  | "fullBatchHeunDouble"
  | "fullBatchUbu";

export const CHAINS: Readonly<Record<ChainName, Chain>> = {
  sgld: { title: "SGLD", ...POSTERIOR_SAMPLERS.sgld, update: euler, ...overdamped },
  sgworld: {
    title: "SGWORLD",
    ...POSTERIOR_SAMPLERS.sgworld,
    update: ({ learningRate, temperature }) => sgworld({ learningRate, temperature }),
    ...overdamped,
  },
  // An epoch's noise at once has no chain beside it whose law is known.
  sgworldSplitNoise: {
    title: "SGWORLD, noise around epochs",
    ...POSTERIOR_SAMPLERS.sgworldSplitNoise,
    update: splitNoise,
    ...overdamped,
    control: null,
  },
  fullBatchLangevin: {
    title: "full-batch Langevin",
    ...POSTERIOR_SAMPLERS.fullBatchLangevin,
    update: euler,
    ...overdamped,
    control: "fullBatchHeun",
  },
  symmetricHeun: {
    title: "symmetric Heun",
    ...heunStep,
    sampling: POSTERIOR_SAMPLERS.symmetricHeun.sampling,
    stepTime: 2,
    pace: "heun",
    control: "fullBatchHeunDouble",
  },
  smsUbu: {
    title: "SMS-UBU",
    ...kinetic,
    sampling: POSTERIOR_SAMPLERS.smsUbu.sampling,
    control: "fullBatchUbu",
  },
  fullBatchHeun: {
    title: "control: full-batch Heun, step eta",
    ...heunStep,
    sampling: "fullBatch",
    stepTime: 1,
    pace: "overdamped",
    control: null,
  },
  fullBatchHeunDouble: {
    title: "control: full-batch Heun, step 2 eta",
    ...heunStep,
    sampling: "fullBatch",
    stepTime: 2,
    pace: "heun",
    control: null,
  },
  fullBatchUbu: {
    title: "control: full-batch UBU",
    ...kinetic,
    sampling: "fullBatch",
    control: null,
  },
};

/** The control of a chain; batches of all samples make full-batch chains, which control themselves. */
export function controlOf(name: ChainName, batchSize: number, samples: number): ChainName | null {
  const { control, sampling } = CHAINS[name];
  if (control === null || sampling === "fullBatch" || batchSize < samples) return control;
  return CHAINS[control].control;
}

/** Samplers without a rule in the engine, known as exact curves only. */
export const EXACT_ONLY: Readonly<Partial<Record<PosteriorSampler, string>>> = {
  sgworldEpochNoise: "SGWORLD, noise after epochs",
  symmetricLeimkuhlerMatthews: "symmetric Leimkuhler–Matthews",
};

export const isSimulated = (sampler: PosteriorSampler): sampler is PosteriorSampler & ChainName =>
  sampler in CHAINS;

export const isFullBatch = (name: PosteriorSampler | ChainName): boolean =>
  name in CHAINS && CHAINS[name as ChainName].sampling === "fullBatch";

export const titleOf = (sampler: PosteriorSampler): string =>
  isSimulated(sampler) ? CHAINS[sampler].title : EXACT_ONLY[sampler]!;

/** Powers of η in KL, those of `CHAINS` and of the exact curves. */
export const orderOf = (sampler: PosteriorSampler): 2 | 4 =>
  isSimulated(sampler) ? CHAINS[sampler].order : 2;

/** Time of a step: kinetic dynamics of friction γ takes γη to come as far as overdamped in η. */
export const stepOf = (
  { pace, stepTime }: Chain,
  learningRate: number,
  { friction }: SamplerSettings,
): number => (pace === "kinetic" ? friction : stepTime) * learningRate;

/** The rule of a chain as the engine takes it. */
export function updateOf(
  chain: Chain,
  learningRate: number,
  settings: SamplerSettings,
): UpdateRule {
  const { temperature, friction, batchSize } = settings;
  const step = stepOf(chain, learningRate, settings);
  const rule = chain.update({ learningRate: step, temperature, friction });
  if (chain.sampling === "fullBatch") return rule;
  return { ...rule, setting: { ...rule.setting, batchSize } };
}

/** The exact law of a chain at cycle ends. */
export const lawOf = (
  name: ChainName,
  posterior: RegressionData,
  learningRate: number,
  settings: SamplerSettings,
): PosteriorMoments => posteriorMoments(theoryOf(name, posterior, learningRate, settings));

export const theoryOf = (
  name: ChainName,
  posterior: RegressionData,
  learningRate: number,
  settings: SamplerSettings,
) => {
  const chain = CHAINS[name];
  // In the theory the rate is the time per evaluation of the gradient.
  const eta = stepOf(chain, learningRate, settings) / chain.gradientsPerStep;
  return { posterior, rule: chain.rule, sampling: chain.sampling, ...settings, learningRate: eta };
};

/** The exact law of any sampler, at η per evaluation of the gradient. */
export function samplerLaw(
  sampler: PosteriorSampler,
  posterior: RegressionData,
  learningRate: number,
  settings: SamplerSettings,
): PosteriorMoments {
  if (isSimulated(sampler)) return lawOf(sampler, posterior, learningRate, settings);
  return posteriorMoments({
    ...{ posterior, ...POSTERIOR_SAMPLERS[sampler], ...settings, learningRate },
  });
}
