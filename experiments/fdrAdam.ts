/**
 * Card C4: the fluctuation-dissipation relation of rules that are no SGD. Adam and AMSGrad on linear
 * regression, side by side: ⟨(w−c)·u⟩ = (η/2)⟨|u|²⟩ for the direction u of w' = w − ηu.
 */
import { z } from "zod";
import type { Device } from "../engine/device.ts";
import { fixed } from "../engine/initial.ts";
import { moments } from "../engine/observe/moments.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { batchesPerEpoch } from "../engine/sampling.ts";
import { adam } from "../engine/update/adam.ts";
import { cosineRegression } from "../models/cosineRegression.ts";
import { linearRegression } from "../models/linearRegression.ts";
import type { Experiment } from "./experiment.ts";
import { approachFigure, distributionFigure, errorFigure, ratioFigure } from "./fdrAdam/figures.ts";
import { measureAdam, type TimeCourse, timeCourse } from "./fdrAdam/measures.ts";
import { predictAdam } from "./fdrAdam/theory.ts";
import { divergenceWarnings } from "./outcome.ts";
import { duration, durations, replicas, sampling, weightDecay } from "./parameters.ts";
import { Stages } from "./stages.ts";

const memory = (value: number, of: string) =>
  z.number().min(0).lt(1).default(value).describe(`memory of the mean ${of} [1]`);

const parameters = z.object({
  learningRates: z
    .array(z.number().positive())
    .min(1)
    .max(16)
    .default([0.01, 0.03, 0.1])
    .describe("step sizes η, each two conditions of one ensemble: Adam and AMSGrad [w]"),
  beta1: memory(0.9, "gradient, β₁"),
  beta2: memory(0.999, "squared gradient, β₂"),
  epsilon: z
    .number()
    .positive()
    .default(1e-8)
    .describe("ε, added to the root of the mean square [loss/w]"),
  weightDecay: weightDecay(0.1),
  decoupledDecay: z
    .number()
    .min(0)
    .default(0)
    .describe("decay beside the adaptive step, shrinks w by η times this times w [1/η]"),
  batchSize: z.number().int().min(1).default(4).describe("m, samples in a minibatch [samples]"),
  sampling: sampling("distinct"),
  replicas: replicas(1000),
  steps: duration("observed steps"),
  burnIn: duration("steps before observing"),
});

export type AdamParameters = z.infer<typeof parameters>;

const NAMES = ["w[0]", "w[1]"] as const;
const OBSERVED = [...NAMES, ...NAMES.map((name) => `v.${name}`), ...NAMES.map((n) => `g.${n}`)];

const setup = (p: AdamParameters) => ({
  model: linearRegression(2),
  sampling: p.sampling,
  update: adam({
    beta1: p.beta1,
    beta2: p.beta2,
    epsilon: p.epsilon,
    batchSize: p.batchSize,
    weightDecay: p.weightDecay,
    decoupledDecay: p.decoupledDecay,
  }),
  // Conditions come in this order: both rules at the first rate, both at the next.
  sweep: { learningRate: p.learningRates, amsgrad: [0, 1] },
  replicas: p.replicas,
  keepVelocity: true,
  observables: { moments: moments({ of: OBSERVED }) },
});

const ensembleOf = (p: AdamParameters, device: Device, seed: number, center: readonly number[]) =>
  createEnsemble(device, {
    ...setup(p),
    data: cosineRegression(),
    seed,
    initial: fixed(center),
  });

/** Steps after which the order of the samples is as fresh, or the same, as before. */
function period(p: AdamParameters, samples: number): number {
  const epoch = batchesPerEpoch(p.sampling, samples, p.batchSize) ?? 1;
  return Math.max(1, p.sampling === "symmetric" ? 2 * epoch : epoch);
}

/** Parts of the burn-in, about equally long on a logarithmic axis, whole epochs each. */
function parts(burnIn: number, cycle: number): number[] {
  const first = Math.min(burnIn, Math.max(cycle, 30));
  const edges = Array.from({ length: PARTS }, (_, k) => {
    const at = first * (burnIn / first) ** (k / (PARTS - 1));
    return k === PARTS - 1 ? burnIn : Math.round(at / cycle) * cycle;
  });
  const rising = [...new Set(edges)].filter((edge) => edge > 0).sort((a, b) => a - b);
  return rising.map((edge, k) => edge - (rising[k - 1] ?? 0));
}

const PARTS = 10;

export const fdrAdam: Experiment<typeof parameters> = {
  id: "fdr-adam",
  title: "The fluctuation-dissipation relation of Adam and AMSGrad",
  card: "C4",
  sources: [
    "S. Yaida, Fluctuation-dissipation relations for stochastic gradient descent, arXiv 1810.00004",
    "D. Kingma and J. Ba, arXiv 1412.6980, algorithm 1; S. Reddi, S. Kale and S. Kumar, ICLR 2018",
  ],
  summary:
    "Any rule w' = w − ηu obeys ⟨(w−c)·u⟩ = (η/2)⟨|u|²⟩ in a stationary state, whatever u is made of " +
    "and for every constant c. Measured from the point that Adam ends at, the relation is a sharp " +
    "test; measured from 0 its error bar is tens of times larger. The relation of SGD with " +
    "momentum, applied to Adam, fails. Replica by replica both sides differ by an end-point term " +
    "alone, an identity that is held to rounding. AMSGrad's largest mean square never stops " +
    "growing: its state is stationary only nearly, by how much is measured.",
  parameters,
  quick: { learningRates: [0.01, 0.1], replicas: 400 },
  explain: (p) => [{ ...setup(p), samples: cosineRegression().samples }],
  async run(p, context) {
    const data = cosineRegression();
    const theory = predictAdam(p, data);
    const cycle = period(p, data.samples);
    const { burnIn, steps } = durations(p, theory.relaxation, {
      // Four memories of the mean square leave 2 % of its start.
      burnIn: Math.max(4000, Math.ceil(4 / (1 - p.beta2))),
      steps: 3000,
      multiple: cycle,
    });
    await using ensemble = await ensembleOf(p, context.device, context.seed, theory.center);
    const work = 100 * p.batchSize + 400;
    const stages = await Stages.open(context, (burnIn + steps) * ensemble.lanes * work);
    const stage = { ensemble, multiple: cycle, work, burnIn: 0 };
    const courses: TimeCourse[] = [];
    for (const [k, length] of parts(burnIn, cycle).entries()) {
      const first = ensemble.step;
      const { observed } = await stages.run({ ...stage, label: `burn-in ${k}`, steps: length });
      courses.push(timeCourse(p, theory, observed.moments, { first, steps: length }));
    }
    const start = await ensemble.state();
    const { observed } = await stages.run({ ...stage, label: "stationary", steps });
    const end = await ensemble.state();
    const { points, quantities, warnings } = measureAdam(p, theory, {
      ...{ record: observed.moments, run: observed.run, start, end, burnIn, steps },
    });
    courses.push(timeCourse(p, theory, observed.moments, { first: burnIn, steps }));
    const caption =
      `${p.sampling} batches of ${p.batchSize}, β₁ = ${p.beta1}, β₂ = ${p.beta2}, ` +
      `ε = ${p.epsilon}, λ = ${p.weightDecay}; ${p.replicas} replicas observed for ${steps} steps ` +
      `after ${burnIn}.`;
    return {
      quantities,
      warnings: [...theory.warnings, ...warnings, ...divergenceWarnings(observed.run)],
      figures: [
        ratioFigure(points, caption),
        errorFigure(points, caption),
        distributionFigure(points, caption),
        approachFigure(courses, p.learningRates[0]!, caption),
      ],
      records: { adam: observed },
    };
  },
};
