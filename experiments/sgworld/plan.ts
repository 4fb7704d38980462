/**
 * What is run for card A7: which chains at which learning rates, how long, observed how often.
 *
 * Samplers of one pace and their controls stand in step: lengths come from the slowest of them.
 */
import { ArgumentError } from "../../engine/errors.ts";
import {
  type PosteriorMoments,
  type PosteriorSampler,
  posteriorFourthMomentRadius,
  type RegressionData,
} from "../../models/theory/index.ts";
import { predictionOf } from "../outcome.ts";
import { durations, refuseRepeats } from "../parameters.ts";
import {
  CHAINS,
  type ChainName,
  controlOf,
  isSimulated,
  lawOf,
  type SamplerSettings,
  theoryOf,
} from "./chains.ts";

export interface PlanSettings extends SamplerSettings {
  readonly learningRates: readonly number[];
  readonly samplers: readonly PosteriorSampler[];
  readonly replicas: number;
  readonly steps: number | "auto";
  readonly burnIn: number | "auto";
}

/** One chain at one learning rate. */
export interface PlannedChain {
  readonly name: ChainName;
  readonly exact: PosteriorMoments;
  /** Do fourth moments exist, so that measured squares have an error? */
  readonly hasErrors: boolean;
  /** Shown for itself, or only as a control? */
  readonly asked: boolean;
  /** The chain that controls it; in its rung, unless it has no stationary state. */
  readonly control: ChainName | null;
}

/** Chains that are observed at the same steps of the same noise. */
export interface Rung {
  readonly learningRate: number;
  /** First global replica: rungs have noise of their own. */
  readonly first: number;
  readonly burnIn: number;
  readonly steps: number;
  readonly every: number;
  /** Slowest relaxation time of a mean [steps]. */
  readonly relaxation: number;
  /**
   * What is left in the averages of the start, which is the target's own law, relative to how far
   * stationary moments are from it: e^{−b/τ} after b steps, over τ of T steps observed; twice that,
   * for differences that first grow.
   */
  readonly left: number;
  readonly chains: readonly PlannedChain[];
}

export interface Plan {
  readonly rungs: readonly Rung[];
  readonly warnings: readonly string[];
}

/** Relaxation times of the slowest mean before observing (e^{−10} is left) and observed. */
const BURN_IN_TIMES = 10;
const OBSERVED_TIMES = 30;
/** Of the start that controls may have in them. */
const MOST_LEFT = 1e-3;

const PACES = ["overdamped", "heun", "kinetic"] as const;

export function planChains(p: PlanSettings, posterior: RegressionData): Plan {
  refuseRepeats("learningRates", p.learningRates);
  refuseRepeats("samplers", p.samplers);
  checkBatches(p, posterior.targets.length);
  const warnings: string[] = [];
  const rungs = PACES.flatMap((pace) =>
    [...p.learningRates]
      .sort((a, b) => a - b)
      .flatMap((learningRate) => {
        const chains = chainsOf(pace, learningRate, p, posterior, warnings);
        if (chains.length === 0) return [];
        const lengths = lengthsOf(chains, p, posterior.targets.length);
        return [{ learningRate, first: 0, chains, ...lengths }];
      }),
  );
  checkStable(p, rungs, warnings);
  return {
    rungs: rungs.map((rung, i) => ({ ...rung, first: i * p.replicas })),
    warnings: [...warnings, ...shortWarning(rungs)],
  };
}

/** Are the controls in their stationary state, whose law is known? */
export const isSettled = ({ left }: Rung): boolean => left <= MOST_LEFT;

/** Where burn-in is too short for controls. */
function shortWarning(rungs: readonly Rung[]): string[] {
  const short = rungs.filter((rung) => !isSettled(rung));
  if (short.length === 0) return [];
  const list = short.map(
    ({ learningRate, burnIn, relaxation, chains }) =>
      `${burnIn} steps at learning rate ${learningRate} (${CHAINS[chains[0]!.name].pace}: relaxation ` +
      `time ${relaxation.toPrecision(3)})`,
  );
  return [
    `burnIn is short, ${list.join(", ")}: means lean towards the start, no control variates are used; ` +
      "raise burnIn",
  ];
}

/** @throws ArgumentError where nothing that is asked for has a stationary state. */
function checkStable(p: PlanSettings, rungs: readonly unknown[], reasons: readonly string[]): void {
  if (rungs.length > 0 || !p.samplers.some(isSimulated)) return;
  throw new ArgumentError(
    `learningRates: no sampler has a stationary state at ${p.learningRates.join(", ")}; lower them, or ` +
      `raise noiseVariance (${reasons[0]}).`,
  );
}

function checkBatches({ batchSize, samplers }: PlanSettings, samples: number): void {
  const law = samplers.filter((sampler) => !["sgld", "fullBatchLangevin"].includes(sampler));
  if (batchSize <= samples && (law.length === 0 || samples % batchSize === 0)) return;
  throw new ArgumentError(
    `batchSize: ${samples} samples make no epoch of whole batches of ${batchSize}; use a divisor of ` +
      `${samples}${batchSize < samples ? ", or samplers sgld and fullBatchLangevin alone" : ""}.`,
  );
}

/** Chains of a pace: the samplers that are asked for, and the controls they need. */
function chainsOf(
  pace: (typeof PACES)[number],
  learningRate: number,
  p: PlanSettings,
  posterior: RegressionData,
  warnings: string[],
): PlannedChain[] {
  const asked = p.samplers.filter(isSimulated).filter((name) => CHAINS[name].pace === pace);
  const found = new Map<ChainName, PlannedChain>();
  const add = (name: ChainName, isAsked: boolean): void => {
    if (found.has(name)) return;
    const { exact, warnings: refused } = predictionOf(() =>
      lawOf(name, posterior, learningRate, p),
    );
    const where = `${CHAINS[name].title} at learning rate ${learningRate}`;
    if (isAsked) warnings.push(...refused.map((text) => `${where} left out: ${text}`));
    if (exact === null) return;
    const tails = tailsOf(name, posterior, learningRate, p, exact);
    if (isAsked) warnings.push(...tails.warnings.map((text) => `${where}: ${text}`));
    const control = isAsked ? controlOf(name, p.batchSize, posterior.targets.length) : null;
    found.set(name, { name, exact, hasErrors: tails.hasErrors, asked: isAsked, control });
    if (control !== null) add(control, (asked as readonly ChainName[]).includes(control));
  };
  for (const name of asked) add(name, true);
  return [...found.values()];
}

/** Whether squares have a variance, and how surely their scatter tells it. */
function tailsOf(
  name: ChainName,
  posterior: RegressionData,
  learningRate: number,
  p: PlanSettings,
  { gradientsPerCycle, secondMomentRate }: PosteriorMoments,
): { hasErrors: boolean; warnings: string[] } {
  const cycle = posteriorFourthMomentRadius(theoryOf(name, posterior, learningRate, p));
  const tails = cycle ** (1 / gradientsPerCycle);
  if (!(tails < 1)) {
    const warning =
      `no comparison: fourth moments grow by ${tails.toPrecision(5)} per gradient, so that measured ` +
      "covariances have no standard error (power-law tails); lower learningRates.";
    return { hasErrors: false, warnings: [warning] };
  }
  if (!(tails > Math.exp(-secondMomentRate))) return { hasErrors: true, warnings: [] };
  const warning =
    `rare bursts: fourth moments forget by only ${tails.toPrecision(5)} per gradient, second ones by ` +
    `${Math.exp(-secondMomentRate).toPrecision(5)}, so that standard errors come out too small in ` +
    "some runs; lower learningRates, or raise replicas.";
  return { hasErrors: true, warnings: [warning] };
}

function lengthsOf(chains: readonly PlannedChain[], p: PlanSettings, samples: number) {
  const perStep = (name: ChainName): number => CHAINS[name].gradientsPerStep;
  const relaxation = Math.max(
    1,
    ...chains.map(({ name, exact: { relaxationRate, secondMomentRate } }) => {
      const slowest = Math.min(relaxationRate, secondMomentRate / 2);
      return 1 / (slowest * perStep(name));
    }),
  );
  const batches = Math.max(1, Math.floor(samples / p.batchSize));
  // Every cycle, whatever the rate: kernels are compiled once for all rates.
  const every = CHAINS[chains[0]!.name].pace === "overdamped" ? batches : 2 * batches;
  const asked = {
    burnIn: p.burnIn === "auto" ? Math.ceil(BURN_IN_TIMES * relaxation) : p.burnIn,
    steps: p.steps === "auto" ? Math.ceil(OBSERVED_TIMES * relaxation) : p.steps,
  };
  const least = { burnIn: 0, steps: 0, multiple: every };
  const { burnIn, steps } = durations(asked, relaxation, least);
  const left = 2 * Math.exp(-burnIn / relaxation) * Math.min(1, relaxation / steps);
  return { relaxation, every, burnIn, steps, left };
}
