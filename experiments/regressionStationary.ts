/**
 * Card A1: SGD on linear regression in two dimensions, whose gradient noise does not commute with
 * the Hessian: stationary covariance and area rate against exact values, multiplicative noise
 * included.
 */
import { z } from "zod";
import { areaRate, covariance, type Estimate } from "../analysis/index.ts";
import { fixed } from "../engine/initial.ts";
import { moments } from "../engine/observe/moments.ts";
import type { MomentsRecord } from "../engine/record.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import { cosineRegression } from "../models/cosineRegression.ts";
import { linearRegression } from "../models/linearRegression.ts";
import {
  fourthMomentRadius,
  type RegressionOptions,
  type RegressionStationary,
  regressionStationary as theory,
} from "../models/theory/index.ts";
import { comparable } from "./comparable.ts";
import { comparison } from "./comparison.ts";
import type { Experiment, Quantity } from "./experiment.ts";
import {
  divergenceWarnings,
  estimateOf,
  MAX_LEFT,
  predictionOf,
  startWarnings,
} from "./outcome.ts";
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
  steps: duration("observed steps", 1),
  burnIn: duration("steps before observing"),
});

/** Exact moments, and whether measured ones have standard errors to be compared by. */
function predict(options: RegressionOptions): {
  exact: RegressionStationary | null;
  hasErrors: boolean;
  warnings: string[];
} {
  const { exact, warnings } = predictionOf(() => theory(options));
  if (exact === null) return { exact, hasErrors: false, warnings };
  const rate = `at learningRate ${options.learningRate}`;
  if (!exact.covariance.some((row, i) => row[i]! > 0)) {
    const noiseless =
      `no prediction: ${options.sampling} batches of ${options.batchSize} hold every sample, so that ` +
      "there is no noise and no scatter; lower batchSize.";
    return { exact, hasErrors: false, warnings: [noiseless] };
  }
  const tails = fourthMomentRadius(options);
  if (tails >= 1) {
    const list = exact.covariance.map((row, i) => row[i]!.toPrecision(4)).join(", ");
    const none =
      `no comparison: ${rate} the variances exist (${list}), but fourth moments grow by ` +
      `${tails.toPrecision(5)} per step, so that measured variances have no standard error ` +
      "(power-law tails); lower learningRate, or raise batchSize.";
    return { exact, hasErrors: false, warnings: [none] };
  }
  // Mild noise has tails = momentRadius²; beyond momentRadius bursts decide the fourth moments.
  const rough =
    `rare bursts: ${rate} fourth moments forget by only ${tails.toPrecision(5)} per step, second ones ` +
    `by ${exact.momentRadius.toPrecision(5)}, so that standard errors come out too small in some ` +
    "runs; lower learningRate, or raise replicas.";
  return { exact, hasErrors: true, warnings: tails > exact.momentRadius ? [rough] : [] };
}

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
    const { exact, hasErrors, warnings } = predict({
      ...p,
      inputs: data.fields.x!.data,
      targets: data.fields.y!.data,
    });
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
    const left = transient(burnIn, relaxation);
    const claims = hasErrors && left <= MAX_LEFT ? exact : null;
    const found = measured(observed.moments, claims, p.learningRate, F32_BLOCK_SUM + left);
    const { quantities, warnings: few } = comparable(found);
    return {
      quantities,
      warnings: [
        ...warnings,
        ...(hasErrors ? startWarnings(burnIn, left) : []),
        ...few,
        ...divergenceWarnings(observed.run),
      ],
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

/** Covariances and the area rate beside what is claimed of them; `relative` bounds their bias. */
function measured(
  record: MomentsRecord,
  exact: RegressionStationary | null,
  learningRate: number,
  relative: number,
): Quantity[] {
  const deviation = [0, 1].map((i) => Math.sqrt(exact?.covariance[i]?.[i] ?? 0));
  const quantity = (
    name: string,
    unit: string,
    estimator: () => Estimate,
    exactly: number | undefined,
    size: number,
  ): Quantity => {
    const estimate = estimateOf(estimator);
    // A single step has no area.
    const predicted = Number.isFinite(estimate.value) ? (exactly ?? null) : null;
    // Off-diagonal sums round like the variances they are made of, areas like one step of them.
    const systematic = predicted === null ? 0 : relative * size;
    return { name, condition: {}, estimate, unit, predicted, systematic };
  };
  const pairs = [
    [0, 0],
    [0, 1],
    [1, 1],
  ] as const;
  const product = deviation[0]! * deviation[1]!;
  return [
    ...pairs.map(([i, j]) =>
      quantity(
        `cov(${i},${j})`,
        "w²",
        () => covariance(record, { i, j }),
        exact?.covariance[i]?.[j],
        deviation[i]! * deviation[j]!,
      ),
    ),
    quantity(
      "area(0,1)",
      "w² per step",
      () => areaRate(record, { i: 0, j: 1 }),
      exact?.areaRate[0]?.[1],
      learningRate * (exact?.hessian[0]?.[0] ?? 0) * product,
    ),
  ];
}
