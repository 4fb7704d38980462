/**
 * Card A7: samplers of an exactly known Gaussian posterior with minibatch gradients: SGLD, SGWORLD
 * and second-order rules with symmetric batches, their stationary laws against exact ones.
 *
 * Chains share their noise with control chains whose laws are known, which makes the small biases of
 * SGWORLD and the second-order rules measurable (`sgworldChains.ts`, `analysis/controlVariates.ts`).
 */
import { z } from "zod";
import { gaussianPosterior, POSTERIOR_SAMPLERS, regressionPosterior } from "../models/index.ts";
import type { PosteriorSampler } from "../models/theory/index.ts";
import { comparable } from "./comparable.ts";
import type { Experiment, ExperimentResult } from "./experiment.ts";
import { divergenceWarnings } from "./outcome.ts";
import { duration, replicas } from "./parameters.ts";
import { CHAINS, isSimulated } from "./sgworld/chains.ts";
import { exactSlopes } from "./sgworld/exact.ts";
import { sgworldFigures } from "./sgworld/figures.ts";
import { type MeasuredChain, measureRung, targetOf } from "./sgworld/measures.ts";
import { planChains } from "./sgworld/plan.ts";
import {
  chainQuantities,
  divergenceOf,
  gainQuantities,
  isResolved,
  type MeasuredDivergence,
  measuredSlopes,
} from "./sgworld/quantities.ts";
import { explainChain, type Observed, runChains } from "./sgworld/runs.ts";

const SAMPLERS = Object.keys(POSTERIOR_SAMPLERS) as [PosteriorSampler, ...PosteriorSampler[]];

const parameters = z.object({
  learningRates: z
    .array(z.number().min(1e-9).max(1e9))
    .min(1)
    .default([1e-3, 3e-3, 1e-2])
    .describe(
      "η, overdamped time per evaluation of a minibatch gradient; Heun's step is 2η, UBU's γη [θ²/loss]",
    ),
  samplers: z
    .array(z.enum(SAMPLERS))
    .min(1)
    .default([...SAMPLERS])
    .describe(
      "which samplers; sgworldEpochNoise and symmetricLeimkuhlerMatthews are exact curves only",
    ),
  batchSize: z.number().int().min(1).max(6).default(1).describe("m, of N = 6 [samples]"),
  noiseVariance: z.number().min(1e-6).max(1e6).default(0.25).describe("σ², of an observation [y²]"),
  priorPrecision: z.number().min(0).max(1e6).default(1).describe("α, of the prior [1/θ²]"),
  temperature: z
    .number()
    .min(1e-6)
    .max(1e6)
    .default(1)
    .describe("T of the law exp(−U/T) that is sampled; 1: the posterior [loss]"),
  friction: z
    .number()
    .min(1e-6)
    .max(1e6)
    .default(8)
    .describe("γ, of UBU alone; near 2√Λ it relaxes fastest [loss^½/θ]"),
  replicas: replicas(20_000),
  steps: duration("observed steps of each chain, at cycle ends; auto is 30 relaxation times"),
  burnIn: duration("steps before observing, from draws of the posterior"),
});

/** Fewer replicas say too little of their own scatter: at 50 a |t| of 4 is 3 times as rare as it seems. */
const LEAST_REPLICAS = 50;

export const sgworld: Experiment<typeof parameters> = {
  id: "sgworld",
  title: "Sampling a posterior with minibatches: SGLD, SGWORLD and beyond",
  card: "A7",
  sources: [
    "Machine learning in and out of equilibrium, arXiv 2306.03521",
    "Random reshuffling for SGLD, arXiv 2501.16055",
    "SMS-UBU, arXiv 2410.19780",
  ],
  summary:
    "Bayesian linear regression of six observations. SGLD draws its batches independently, SGWORLD " +
    "from reshuffled epochs, so that the batches' noise cancels and the error of Euler's step is left: " +
    "KL from the posterior falls as η² for both, 70 times lower for SGWORLD. Heun's step and the UBU " +
    "splitting, with batches walked forward and backward, fall as η⁴. Means, covariances and KL at the " +
    "ends of cycles are compared with the exact stationary moments.",
  parameters,
  quick: { replicas: 2000 },
  explain: (p) =>
    p.samplers.filter(isSimulated).map((name) => explainChain(p, name, p.learningRates[0]!)),
  async run(p, context) {
    const { posterior, model } = gaussianPosterior(p);
    const target = targetOf(regressionPosterior(posterior), p.temperature);
    const plan = planChains(p, posterior);
    const records = await runChains(p, plan.rungs, context);
    const measured: MeasuredChain[] = [];
    const warnings = [...plan.warnings];
    for (const [i, rung] of plan.rungs.entries()) {
      const found = measureRung(rung, records[i]!, target);
      measured.push(...found.measured);
      warnings.push(...found.warnings);
      warnings.push(...records[i]!.flatMap(({ run }) => divergenceWarnings(run)));
    }
    const divergences = measured.map((one) => divergenceOf(one, target));
    const found = comparable(
      [
        ...measuredSlopes(divergences),
        ...gainQuantities(divergences),
        ...divergences.flatMap((one) => chainQuantities(one, model.coordinateNames, target)),
      ],
      { replicas: p.replicas, least: LEAST_REPLICAS },
    );
    return {
      quantities: [...exactSlopes(posterior, p), ...found.quantities],
      warnings: [...warnings, ...found.warnings, ...unresolved(divergences)],
      figures: sgworldFigures(p, posterior, divergences),
      records: namedRecords(plan.rungs, records),
    };
  },
};

/** Where the divergence is lost in its sampling error. */
function unresolved(divergences: readonly MeasuredDivergence[]): string[] {
  const lost = divergences.filter((one) => one.measured.chain.asked && !isResolved(one));
  if (lost.length === 0) return [];
  const list = lost.map(
    ({ measured: { chain, learningRate }, exact, estimate }) =>
      `${CHAINS[chain.name].title} at ${learningRate} (${exact.toPrecision(2)} exact, error ` +
      `${estimate.standardError.toPrecision(2)})`,
  );
  return [
    `KL is not resolved, below 8 standard errors, for ${list.join("; ")}: left out of measured powers; ` +
      "raise replicas or steps to resolve it",
  ];
}

const namedRecords = (
  rungs: ReturnType<typeof planChains>["rungs"],
  records: readonly (readonly Observed[])[],
): ExperimentResult["records"] =>
  Object.fromEntries(
    rungs.flatMap(({ chains, learningRate }, i) =>
      chains.map(({ name }, k) => [`${name}-${learningRate}`, records[i]![k]!]),
    ),
  );
