/**
 * Card A1: SGD on linear regression in two dimensions, whose gradient noise does not commute with
 * the Hessian: stationary covariance and area rate against exact values, multiplicative noise
 * included.
 */
import { z } from "zod";
import { areaRate, covariance, type Estimate } from "../analysis/index.ts";
import { fixed } from "../engine/initial.ts";
import { moments } from "../engine/observe/moments.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import { cosineRegression } from "../models/cosineRegression.ts";
import { linearRegression } from "../models/linearRegression.ts";
import { regressionStationary as theory } from "../models/theory/index.ts";
import { comparison } from "./comparison.ts";
import type { Experiment, Quantity } from "./experiment.ts";
import { divergenceWarnings, estimateOf, predictionOf } from "./outcome.ts";
import { duration, durations, learningRate, replicas, weightDecay } from "./parameters.ts";
import { Stages } from "./stages.ts";
import { F32_BLOCK_SUM, transient } from "./systematic.ts";

const parameters = z.object({
  learningRate: learningRate(0.1),
  batchSize: z.number().int().min(1).default(4).describe("m, samples in a minibatch [samples]"),
  sampling: z
    .enum(["distinct", "withReplacement"])
    .default("distinct")
    .describe("minibatch law: m distinct samples, or m independent draws"),
  weightDecay: weightDecay(0),
  replicas: replicas(20_000),
  steps: duration("observed steps"),
  burnIn: duration("steps before observing"),
});

const setup = (p: z.infer<typeof parameters>, every: number) => ({
  model: linearRegression(2),
  sampling: p.sampling,
  update: sgd({
    learningRate: p.learningRate,
    batchSize: p.batchSize,
    weightDecay: p.weightDecay,
  }),
  replicas: p.replicas,
  observables: { moments: moments({ lags: [1], every }) },
});

export const regressionStationary: Experiment<typeof parameters> = {
  id: "regression-stationary",
  title: "Stationary state of SGD on linear regression",
  card: "A1",
  sources: ["Machine learning in and out of equilibrium, arXiv 2306.03521"],
  summary:
    "Sixteen samples, two parameters. Minibatch noise that does not commute with the Hessian keeps " +
    "SGD out of equilibrium: it circulates. Covariance and area rate are compared with the exact " +
    "solution of the second-moment equation, which includes the noise's dependence on w.",
  parameters,
  quick: { replicas: 4000 },
  explain: (p) => [{ ...setup(p, 1), samples: cosineRegression().samples }],
  async run(p, context) {
    const data = cosineRegression();
    const { exact, warnings } = predictionOf(() =>
      theory({ ...p, inputs: data.fields.x!.data, targets: data.fields.y!.data }),
    );
    // Second moments decay by `momentRadius` a step, the mean by its square root.
    const relaxation = exact ? Math.max(1, -2 / Math.log(exact.momentRadius)) : 1;
    const { burnIn, steps } = durations(p, relaxation, { burnIn: 200, steps: 2000 });
    const every = Math.max(1, Math.floor(relaxation / 20));
    await using ensemble = await createEnsemble(context.device, {
      ...setup(p, every),
      data,
      seed: context.seed,
      initial: fixed(exact?.mean ?? 0),
    });
    const work = 100 * p.batchSize + 100;
    const stages = await Stages.open(context, (burnIn + steps) * ensemble.lanes * work);
    const { observed } = await stages.run({
      label: "regression",
      ensemble,
      burnIn,
      steps,
      multiple: every,
      work,
    });
    const record = observed.moments;
    const deviation = [0, 1].map((i) => Math.sqrt(exact?.covariance[i]?.[i] ?? 0));
    const relative = F32_BLOCK_SUM + transient(burnIn, relaxation);
    const quantity = (
      name: string,
      estimator: () => Estimate,
      predicted: number | undefined,
      unit: string,
      size: number,
    ): Quantity => ({
      name,
      condition: {},
      estimate: estimateOf(estimator),
      unit,
      predicted: predicted ?? null,
      // Off-diagonal sums round like the variances they are made of, areas like one step of them.
      systematic: relative * size,
    });
    const pairs = [
      [0, 0],
      [0, 1],
      [1, 1],
    ] as const;
    const quantities = [
      ...pairs.map(([i, j]) =>
        quantity(
          `cov(${i},${j})`,
          () => covariance(record, { i, j }),
          exact?.covariance[i]?.[j],
          "w²",
          deviation[i]! * deviation[j]!,
        ),
      ),
      quantity(
        "area(0,1)",
        () => areaRate(record, { i: 0, j: 1 }),
        exact?.areaRate[0]?.[1],
        "w² per step",
        p.learningRate * (exact?.hessian[0]?.[0] ?? 0) * deviation[0]! * deviation[1]!,
      ),
    ];
    return {
      quantities,
      warnings: [...warnings, ...divergenceWarnings(observed.run)],
      figures: [
        comparison(
          quantities,
          `${p.sampling} batches of ${p.batchSize}, learning rate ${p.learningRate}, ` +
            `${p.replicas} replicas observed for ${steps} steps after ${burnIn}.`,
        ),
      ],
      records: { regression: observed },
    };
  },
};
