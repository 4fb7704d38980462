/**
 * Card B2: linear regression on fresh Gaussian inputs with momentum. The variances of all directions
 * of θ are almost the same whatever the Hessian's eigenvalues are (the modified loss is isotropic);
 * how far they are from it, the exact second moments with multiplicative noise say.
 */
import { z } from "zod";
import { covariance, type Estimate, scaled, varianceRatio } from "../analysis/index.ts";
import { fixed } from "../engine/initial.ts";
import { type MomentsSpec, moments } from "../engine/observe/moments.ts";
import type { MomentsRecord } from "../engine/record.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import { onlineData } from "../engine/wgsl/row.ts";
import { onlineRegressionModel } from "../models/onlineRegression.ts";
import {
  MOST_INPUTS,
  onlineFourthMomentRadius,
  onlineRegression as theory,
} from "../models/theory/index.ts";
import { comparable } from "./comparable.ts";
import { comparison } from "./comparison.ts";
import type { Experiment, Quantity } from "./experiment.ts";
import { type Condition, spectrumFigure, sweepFigure } from "./onlineRegression/figures.ts";
import {
  divergenceWarnings,
  estimateOf,
  MAX_LEFT,
  predictionOf,
  startWarnings,
} from "./outcome.ts";
import { duration, durations, learningRates, replicas, weightDecay } from "./parameters.ts";
import { Stages } from "./stages.ts";
import { F32_BLOCK_SUM, transient } from "./systematic.ts";

const parameters = z.object({
  learningRate: learningRates(
    [0.1, 0.02],
    16,
    "η, step sizes, each a condition of one ensemble [θ²/loss]",
  ),
  momentum: z.number().min(0).lt(1).default(0.9).describe("β, share of the velocity kept [1]"),
  inputVariances: z
    .array(z.number().positive())
    .min(1)
    .max(MOST_INPUTS)
    .default([1, 0.1])
    .describe("variances of the inputs, the Hessian's eigenvalues [loss/θ²]"),
  labelNoise: z.number().positive().default(1).describe("σ, of the labels' noise [loss^½]"),
  batchSize: z.number().int().min(1).default(16).describe("S, fresh samples of a step [samples]"),
  weightDecay: weightDecay(0),
  replicas: replicas(4000),
  steps: duration("observed steps", 1),
  burnIn: duration("steps before observing"),
});

type Parameters = z.infer<typeof parameters>;

function conditionOf(p: Parameters, learningRate: number): Condition {
  const options = { ...p, learningRate };
  const { exact, warnings } = predictionOf(() => theory(options));
  const tails = exact ? onlineFourthMomentRadius(options) : Number.NaN;
  if (exact === null) return { learningRate, exact, hasErrors: true, warnings };
  if (tails < 1) {
    // Mild noise has tails = momentRadius²; beyond momentRadius bursts decide the fourth moments.
    const rough =
      `rare bursts at learning rate ${learningRate}: fourth moments forget by only ` +
      `${tails.toPrecision(5)} per step, second ones by ${exact.momentRadius.toPrecision(5)}, so that ` +
      "standard errors come out too small in some runs; lower learningRate, or raise replicas.";
    const doubtful = tails > exact.momentRadius ? [rough] : [];
    return { learningRate, exact, hasErrors: true, warnings: doubtful };
  }
  const list = exact.positionVariance.map((value) => value.toPrecision(4)).join(", ");
  const warning =
    `no comparison at learning rate ${learningRate}: the variances of theta exist (${list}), but ` +
    `fourth moments grow by ${tails.toPrecision(5)} per step, so that measured variances have no ` +
    "standard error (power-law tails); lower learningRate, or raise batchSize.";
  return { learningRate, exact, hasErrors: false, warnings: [warning] };
}

/** τ of the slowest mean, in steps: second moments decay by `momentRadius` a step, twice as fast. */
const relaxationOf = ({ exact }: Condition): number =>
  exact === null ? 1 : Math.max(1, -2 / Math.log(exact.momentRadius));

/** Record of input i: its θ and v. */
const input = (i: number): string => `input${i}`;

const setup = (p: Parameters, every: number) => ({
  model: onlineRegressionModel(p.inputVariances),
  sampling: "withReplacement" as const,
  update: sgd({ batchSize: p.batchSize, momentum: p.momentum, weightDecay: p.weightDecay }),
  sweep: { learningRate: p.learningRate, labelNoise: [p.labelNoise] },
  keepVelocity: true,
  replicas: p.replicas,
  observables: Object.fromEntries(
    p.inputVariances.map((_, i): [string, MomentsSpec] => [
      input(i),
      moments({ of: [`theta[${i}]`, `v.theta[${i}]`], every }),
    ]),
  ),
});

export const onlineRegression: Experiment<typeof parameters> = {
  id: "online-regression",
  title: "Online linear regression and the isotropy of the modified loss",
  card: "B2",
  sources: ["D. Kunin et al., Limiting Dynamics of SGD, arXiv 2107.09133, section 2"],
  summary:
    "Linear regression on inputs drawn afresh at every step, with label noise and momentum. The " +
    "noise is multiplicative: it grows with θ. Second moments of θ and v are compared with their " +
    "exact values. The continuous theory has an isotropic stationary law of θ, whatever the " +
    "Hessian; it and the formula for additive noise miss by what the figures show.",
  parameters,
  quick: { replicas: 1000, steps: 1000 },
  explain: (p) => [{ ...setup(p, 1), samples: onlineData.samples }],
  async run(p, context) {
    const conditions = p.learningRate.map((learningRate) => conditionOf(p, learningRate));
    const relaxation = Math.max(...conditions.map(relaxationOf));
    const { burnIn, steps } = durations(p, relaxation, { burnIn: 400, steps: 2500 });
    const every = Math.max(1, Math.floor(relaxation / 20));
    await using ensemble = await createEnsemble(context.device, {
      ...setup(p, every),
      data: onlineData,
      seed: context.seed,
      initial: fixed(0),
    });
    // A pair of normal numbers costs about 150 operations.
    const work = p.batchSize * 100 * (p.inputVariances.length + 1) + 100;
    const stages = await Stages.open(context, (burnIn + steps) * ensemble.lanes * work);
    const { observed } = await stages.run({
      label: "regression",
      ensemble,
      burnIn,
      steps,
      multiple: every,
      work,
    });
    const measured = conditions.map((condition, c): Measured => {
      const record = (i: number): MomentsRecord => observed[input(i)]!;
      return { p, condition, c, record, left: transient(burnIn, relaxationOf(condition)) };
    });
    const { quantities: compared, warnings: few } = comparable(measured.flatMap(quantities));
    const formulas = measured.flatMap(formulaQuantities);
    return {
      quantities: [...compared, ...formulas],
      warnings: [
        ...conditions.flatMap(({ warnings }) => warnings),
        ...measured.flatMap(({ condition: { learningRate, hasErrors, exact }, left }) =>
          hasErrors && exact
            ? startWarnings(burnIn, left).map((text) => `learning rate ${learningRate}: ${text}`)
            : [],
        ),
        ...few,
        ...divergenceWarnings(observed.run),
      ],
      figures: [
        comparison(
          compared,
          `Momentum ${p.momentum}, batches of ${p.batchSize}, ${p.replicas} replicas observed for ` +
            `${steps} steps after ${burnIn}.`,
        ),
        spectrumFigure(p, conditions, compared),
        sweepFigure(p, conditions, compared),
      ],
      records: { regression: observed },
    };
  },
};

/** What the quantities of a condition are made from. */
interface Measured {
  readonly p: Parameters;
  readonly condition: Condition;
  readonly c: number;
  readonly record: (input: number) => MomentsRecord;
  /** What is left of the start, relative. */
  readonly left: number;
}

/** Inputs of the largest and the smallest variance. */
function extremes({ inputVariances: h }: Parameters): [number, number] {
  return [h.indexOf(Math.max(...h)), h.indexOf(Math.min(...h))];
}

function quantities({ p, condition, c, record, left }: Measured): Quantity[] {
  const { learningRate, exact } = condition;
  const claims = condition.hasErrors && left <= MAX_LEFT;
  const relative = F32_BLOCK_SUM + left;
  const quantity = (
    name: string,
    unit: string,
    estimator: () => Estimate,
    value: number | undefined,
    bias = relative,
  ): Quantity => ({
    name,
    condition: { learningRate },
    estimate: estimateOf(estimator),
    unit,
    predicted: claims ? (value ?? null) : null,
    systematic: claims ? bias * Math.abs(value ?? 0) : 0,
  });
  const list = p.inputVariances.flatMap((_, i) => {
    const [theta, v] = [`theta[${i}]`, `v.theta[${i}]`];
    const pair = (a: string, b: string) => () =>
      covariance(record(i), { condition: c, i: a, j: b });
    return [
      quantity(`var(${theta})`, "θ²", pair(theta, theta), exact?.positionVariance[i]),
      quantity(`var(v[${i}])`, "(θ/η)²", pair(v, v), exact?.velocityVariance[i]),
      quantity(`cov(${theta},v[${i}])`, "θ²/η", pair(theta, v), exact?.covariance[i]),
    ];
  });
  const [a, b] = extremes(p);
  if (a === b) return list;
  const isotropy = quantity(
    `var(theta[${a}])/var(theta[${b}])`,
    "1",
    () =>
      varianceRatio(
        { record: record(a), condition: c, i: `theta[${a}]` },
        { record: record(b), condition: c, i: `theta[${b}]` },
      ),
    exact ? exact.positionVariance[a]! / exact.positionVariance[b]! : undefined,
    2 * relative,
  );
  return [...list, isotropy];
}

/** Measured variances over those of formulas that neglect something: 1 where they hold. */
function formulaQuantities({ p, condition, c, record }: Measured): Quantity[] {
  const { learningRate, exact } = condition;
  if (exact === null) return [];
  const formulas = { additive: exact.additiveVariance, isotropic: exact.isotropicVariance };
  return Object.entries(formulas).flatMap(([formula, values]) =>
    p.inputVariances.map((_, i) => {
      const theta = `theta[${i}]`;
      const variance = () => covariance(record(i), { condition: c, i: theta, j: theta });
      return {
        name: `var(${theta}) over ${formula} formula`,
        condition: { learningRate },
        estimate: scaled(estimateOf(variance), 1 / values[i]!),
        unit: "1",
        predicted: null,
        systematic: 0,
      };
    }),
  );
}
