/**
 * Card C1: the fluctuation-dissipation relations of SGD with momentum, dampening and weight decay on
 * linear regression. Both are exact there: FDR1 for every sampling law, FDR2 for independent batches.
 */
import { z } from "zod";
import { fixed } from "../engine/initial.ts";
import { moments } from "../engine/observe/moments.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { batchesPerEpoch } from "../engine/sampling.ts";
import { sgd } from "../engine/update/sgd.ts";
import { cosineRegression } from "../models/cosineRegression.ts";
import { linearRegression } from "../models/linearRegression.ts";
import { comparable } from "./comparable.ts";
import { comparison } from "./comparison.ts";
import type { Experiment } from "./experiment.ts";
import { matrixFormFigure } from "./fdrFigures.ts";
import { lengthWarnings, measureRegression } from "./fdrRegression/measures.ts";
import { predictRegression } from "./fdrRegression/theory.ts";
import { divergenceWarnings } from "./outcome.ts";
import {
  duration,
  durations,
  learningRate,
  replicas,
  sampling,
  weightDecay,
} from "./parameters.ts";
import { Stages } from "./stages.ts";

const parameters = z.object({
  learningRate: learningRate(0.1),
  momentum: z.number().min(0).lt(1).default(0).describe("μ, share of the velocity kept [1]"),
  dampening: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("ν, the gradient enters the velocity times 1 − ν [1]"),
  weightDecay: weightDecay(0.01),
  batchSize: z.number().int().min(1).default(4).describe("m, samples in a minibatch [samples]"),
  sampling: sampling("distinct"),
  replicas: replicas(4000),
  steps: duration("observed steps", 1),
  burnIn: duration("steps before observing"),
});

type Settings = z.infer<typeof parameters>;

const NAMES = ["w[0]", "w[1]"] as const;
const OBSERVED = [...NAMES, ...NAMES.map((name) => `v.${name}`), ...NAMES.map((n) => `g.${n}`)];

const setup = (p: Settings) => ({
  model: linearRegression(2),
  sampling: p.sampling,
  update: sgd({
    learningRate: p.learningRate,
    momentum: p.momentum,
    dampening: p.dampening,
    batchSize: p.batchSize,
    weightDecay: p.weightDecay,
  }),
  replicas: p.replicas,
  keepVelocity: true,
  observables: { moments: moments({ of: OBSERVED }) },
});

/** Steps after which the order of the samples is as fresh, or the same, as before. */
function period(p: Settings, samples: number): number {
  const epoch = batchesPerEpoch(p.sampling, samples, p.batchSize) ?? 1;
  return Math.max(1, p.sampling === "symmetric" ? 2 * epoch : epoch);
}

export const fdrRegression: Experiment<typeof parameters> = {
  id: "fdr-regression",
  title: "Fluctuation-dissipation relations on a quadratic loss",
  card: "C1",
  sources: [
    "S. Yaida, Fluctuation-dissipation relations for stochastic gradient descent, arXiv 1810.00004",
  ],
  summary:
    "Linear regression under SGD with momentum, dampening and weight decay. In any stationary state " +
    "⟨θ·G⟩ = κ⟨|v|²⟩ with κ = (η/2)(1+μ)/(1−ν) (FDR1), also with θ measured from the minimum, and as a " +
    "matrix; for a quadratic loss and independent batches ⟨|∇f|²⟩ = κ⟨vᵀHv⟩ (FDR2), exactly. Each side " +
    "is compared with its exact value, and the identity behind FDR1 is held on every replica.",
  parameters,
  quick: { replicas: 1000, steps: 2000 },
  explain: (p) => [{ ...setup(p), samples: cosineRegression().samples }],
  async run(p, context) {
    const data = cosineRegression();
    const theory = predictRegression(p, data);
    const cycle = period(p, data.samples);
    const { burnIn, steps } = durations(p, theory.memory, {
      burnIn: 400,
      steps: 6000,
      multiple: cycle,
    });
    await using ensemble = await createEnsemble(context.device, {
      ...setup(p),
      data,
      seed: context.seed,
      initial: fixed(theory.minimum),
    });
    const work = 100 * p.batchSize + 300;
    const stages = await Stages.open(context, (burnIn + steps) * ensemble.lanes * work);
    const stage = { ensemble, multiple: cycle, work };
    await stages.run({ ...stage, label: "start", burnIn, steps: 0 });
    const start = await ensemble.state();
    const { observed } = await stages.run({ ...stage, label: "regression", burnIn: 0, steps });
    const { quantities: all, elements } = measureRegression(p, theory, {
      record: observed.moments,
      start,
      end: await ensemble.state(),
      burnIn,
      steps,
    });
    const { quantities, warnings } = comparable(all);
    const caption =
      `${p.sampling} batches of ${p.batchSize}, η = ${p.learningRate}, μ = ${p.momentum}, ` +
      `ν = ${p.dampening}, λ = ${p.weightDecay}; ${p.replicas} replicas observed for ${steps} steps ` +
      `after ${burnIn}.`;
    return {
      quantities,
      warnings: [
        ...theory.warnings,
        ...lengthWarnings(theory, burnIn, steps),
        ...warnings,
        ...divergenceWarnings(observed.run),
      ],
      figures: [comparison(quantities, caption), matrixFormFigure(elements, caption)],
      records: { regression: observed },
    };
  },
};
