/**
 * Card C5: the learning rate that finds itself. Replicas on a quadratic loss drop their rate whenever
 * the fluctuation-dissipation relation holds to a tolerance, each by its own averages.
 */
import { z } from "zod";
import { ArgumentError } from "../engine/errors.ts";
import { fixed } from "../engine/initial.ts";
import { series } from "../engine/observe/series.ts";
import { fdrRate } from "../engine/rate/fluctuationDissipation.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { adam } from "../engine/update/adam.ts";
import { sgd } from "../engine/update/sgd.ts";
import { cosineRegression } from "../models/cosineRegression.ts";
import { linearRegression } from "../models/linearRegression.ts";
import type { Experiment } from "./experiment.ts";
import { excessFigure, rateFigure, ratioFigure, survivalFigure } from "./fdrScheduler/figures.ts";
import { measureScheduler, OBSERVED } from "./fdrScheduler/measures.ts";
import { schedulerTheory } from "./fdrScheduler/theory.ts";
import { divergenceWarnings } from "./outcome.ts";
import { learningRate, replicas, sampling, weightDecay } from "./parameters.ts";
import { Stages } from "./stages.ts";

const share = (value: number) => z.number().min(0).lt(1).default(value);

const parameters = z.object({
  optimizer: z.enum(["sgd", "adam"]).default("sgd").describe("update rule"),
  learningRate: learningRate(0.3),
  momentum: share(0).describe("μ, share of the velocity kept; sgd only [1]"),
  dampening: share(0).describe("ν, the gradient enters the velocity times 1 − ν; sgd only [1]"),
  weightDecay: weightDecay(0.1),
  batchSize: z.number().int().min(1).default(4).describe("m, samples in a minibatch [samples]"),
  sampling: sampling("distinct"),
  tolerance: z
    .number()
    .positive()
    .default(0.01)
    .describe("X, the rate drops where |O_L/O_R − 1| < X [1]"),
  drop: z.number().min(0).lt(1).default(0.9).describe("Y, a drop multiplies η by 1 − Y [1]"),
  checkEvery: z
    .number()
    .int()
    .min(2)
    .multipleOf(2)
    .default(1000)
    .describe("t_ad, steps between two checks [steps]"),
  steps: z.number().int().min(1).default(60_000).describe("T, length of the run [steps]"),
  scope: z
    .enum(["replica", "condition"])
    .default("replica")
    .describe("who decides: each replica, or all together"),
  relation: z
    .enum(["auto", "velocity", "displacement"])
    .default("auto")
    .describe("O_L and O_R of SGD's velocity, or of any rule's u = (θ − θ')/η; auto: by optimizer"),
  centered: z
    .boolean()
    .default(false)
    .describe("measure θ in O_L from the minimum instead of from 0"),
  replicas: replicas(1000),
});

type Settings = z.infer<typeof parameters>;

/** Most blocks that the engine remembers. */
const MOST_BLOCKS = 4096;

const ruleOf = (p: Settings) => {
  const { batchSize, weightDecay: decay } = p;
  const common = { learningRate: p.learningRate, batchSize, weightDecay: decay };
  return p.optimizer === "sgd"
    ? sgd({ ...common, momentum: p.momentum, dampening: p.dampening })
    : adam(common);
};

const relationOf = ({ relation, optimizer }: Settings): "velocity" | "displacement" => {
  if (relation === "velocity" && optimizer !== "sgd") {
    throw new ArgumentError(
      `relation: velocity is that of sgd, the optimizer is ${optimizer}; use displacement or auto.`,
    );
  }
  if (relation !== "auto") return relation;
  return optimizer === "sgd" ? "velocity" : "displacement";
};

const setup = (p: Settings, minimum: readonly number[]) => ({
  model: linearRegression(2),
  sampling: p.sampling,
  update: ruleOf(p),
  rate: fdrRate({
    ratioTolerance: p.tolerance,
    dropFactor: 1 - p.drop,
    checkEvery: p.checkEvery,
    scope: p.scope,
    relation: relationOf(p),
    // A block for every check: the second half is never cut.
    capacity: Math.min(MOST_BLOCKS, Math.max(1, Math.ceil(p.steps / p.checkEvery))),
    ...(p.centered && { center: minimum }),
  }),
  replicas: p.replicas,
  observables: { scheduler: series({ of: OBSERVED, every: p.checkEvery }) },
});

function settingWarnings(p: Settings): string[] {
  const checks = Math.floor(p.steps / p.checkEvery);
  return [
    ...(checks === 0
      ? [`no check in ${p.steps} steps: checkEvery is ${p.checkEvery}; raise steps`]
      : []),
    ...(checks > MOST_BLOCKS
      ? [
          `after ${MOST_BLOCKS} checks without a drop the averages run over the last ` +
            `${MOST_BLOCKS} blocks of ${p.checkEvery / 2} steps, less than half; raise checkEvery`,
        ]
      : []),
    ...(p.optimizer === "adam" && p.momentum + p.dampening > 0
      ? ["momentum and dampening are sgd's; adam runs without them"]
      : []),
    ...(p.scope === "condition"
      ? ["all replicas share one rate and drop together: times of drops are a sample of one"]
      : []),
  ];
}

export const fdrScheduler: Experiment<typeof parameters> = {
  id: "fdr-scheduler",
  title: "A learning rate that finds itself",
  card: "C5",
  sources: [
    "S. Yaida, Fluctuation-dissipation relations for stochastic gradient descent, arXiv 1810.00004, " +
      "section 3.2 and the authors' code FDR_scheduler",
  ],
  summary:
    "Every t_ad steps each replica averages O_L = θ·G and O_R = (η/2)(1+μ)/(1−ν)|v|² over the second " +
    "half of the steps since its last drop; where they agree to X its rate drops by 1 − Y. Each " +
    "drop must fall on a check and find a ratio within X; the loss before any drop has an exact " +
    "value. When the drops come is measured: on the card's setting the first should come after 1000 " +
    "to 10 000 steps and the median rate should end at 0.003.",
  parameters,
  quick: { replicas: 200 },
  explain: (p) => {
    const data = cosineRegression();
    return [{ ...setup(p, schedulerTheory(p, data).minimum), samples: data.samples }];
  },
  async run(p, context) {
    const data = cosineRegression();
    const theory = schedulerTheory(p, data);
    await using ensemble = await createEnsemble(context.device, {
      ...setup(p, theory.minimum),
      data,
      seed: context.seed,
      initial: fixed(0),
    });
    const work = 100 * p.batchSize + 150;
    // One step more than T: the record at step T sees the check after the last step.
    const steps = p.steps + 1;
    const stages = await Stages.open(context, steps * ensemble.lanes * work);
    const { observed } = await stages.run({
      label: "scheduler",
      ensemble,
      burnIn: 0,
      steps,
      multiple: p.checkEvery,
      work,
    });
    const { quantities, warnings, runs } = measureScheduler(p, theory, observed.scheduler);
    const caption =
      `${p.optimizer}, η₀ = ${p.learningRate}, λ = ${p.weightDecay}, X = ${p.tolerance}, ` +
      `Y = ${p.drop}, t_ad = ${p.checkEvery}; ${p.replicas} replicas.`;
    return {
      quantities,
      warnings: [
        ...settingWarnings(p),
        ...theory.warnings,
        ...warnings,
        ...divergenceWarnings(observed.run),
      ],
      figures: [
        rateFigure(runs, caption),
        ratioFigure(runs, p.tolerance, caption),
        survivalFigure(runs, caption),
        excessFigure(runs, theory, caption),
      ],
      records: { scheduler: observed },
    };
  },
};
