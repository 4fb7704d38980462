/**
 * Card A2: the regression of card A1 under the full gradient and Gaussian noise of the batches'
 * covariance at the minimum; stationary state, current and entropy production against exact values,
 * and the fluctuation theorems, which hold exactly at every learning rate.
 *
 * w' = w − η(H(w − w*) + n), Var n = f C₁. Rungs have replicas of their own and start in the law of the
 * continuous theory. Coordinates are w − w*: targets are less those of the minimum, so that float32
 * holds small displacements with all their digits.
 */
import { z } from "zod";
import { ArgumentError } from "../engine/errors.ts";
import { entropyProduction } from "../engine/observe/entropyProduction.ts";
import { moments } from "../engine/observe/moments.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { gaussianAt } from "../engine/start/gaussianAt.ts";
import { sgd } from "../engine/update/sgd.ts";
import { cosineRegression } from "../models/cosineRegression.ts";
import { linearRegression } from "../models/linearRegression.ts";
import {
  type AdditiveNoise,
  batchNoiseFactor,
  type ContinuousCurrent,
  continuousCurrent,
  regressionProblem,
  additiveNoise as theory,
} from "../models/theory/index.ts";
import { additiveFigures } from "./additiveNoise/figures.ts";
import {
  additiveQuantities,
  type Observed,
  type Rung,
  resultsOf,
} from "./additiveNoise/quantities.ts";
import type { Experiment, RunContext } from "./experiment.ts";
import { divergenceWarnings, predictionOf } from "./outcome.ts";
import { duration, durations, refuseRepeats, replicas, weightDecay } from "./parameters.ts";
import { Stages } from "./stages.ts";

const parameters = z.object({
  learningRates: z
    .array(z.number().positive())
    .min(1)
    .default([0.01, 0.1])
    .describe("η of each rung, in any order [w²/loss]"),
  batchSize: z
    .number()
    .int()
    .min(1)
    .default(4)
    .describe("m, samples of the minibatch whose noise is modelled [samples]"),
  sampling: z
    .enum(["distinct", "withReplacement"])
    .default("distinct")
    .describe("its law: m distinct samples, or m independent draws"),
  weightDecay: weightDecay(0),
  stretch: z
    .number()
    .int()
    .min(2)
    .max(100)
    .default(10)
    .describe("n, steps of the longer sums of entropy production [steps]"),
  replicas: replicas(100_000),
  steps: duration("observed steps of each rung"),
  burnIn: duration("steps before observing"),
});

export type Settings = z.infer<typeof parameters>;

interface Problem {
  /** y − X w₀, w₀ the minimum without weight decay: the gradient of the data vanishes at 0. */
  readonly data: ReturnType<typeof cosineRegression>;
  readonly hessian: number[][];
  readonly noiseCovariance: number[][];
}

function problemOf(p: Settings): Problem {
  const data = cosineRegression();
  const [x, y] = [Float64Array.from(data.fields.x!.data), Float64Array.from(data.fields.y!.data)];
  const factor = batchNoiseFactor(data.samples, p.batchSize, p.sampling);
  if (!(factor > 0)) {
    throw new ArgumentError(
      `batchSize: ${p.batchSize} distinct samples of ${data.samples} have no noise; use a smaller one, ` +
        "or sampling=withReplacement.",
    );
  }
  const plain = regressionProblem(x, y, 0);
  const { hessian, gradientCovariance } = regressionProblem(x, y, p.weightDecay);
  const centered = y.map(
    (target, i) => target - x[2 * i]! * plain.minimum[0]! - x[2 * i + 1]! * plain.minimum[1]!,
  );
  const fields = { ...data.fields, y: { data: centered, shape: [] } };
  return {
    data: { ...data, fields, origin: `${data.origin}, targets less those of the minimum` },
    hessian: hessian.to2DArray(),
    noiseCovariance: gradientCovariance.mul(factor).to2DArray(),
  };
}

const BINS = 40;
/** Bins of |σ| end here at most, nats. */
const LARGEST_SIGMA = 60;

const setup = (p: Settings, { noiseCovariance }: Problem, rung: PlannedRung) => ({
  model: linearRegression(2),
  sampling: "fullBatch" as const,
  update: sgd({
    learningRate: rung.learningRate,
    gradientNoise: 1,
    weightDecay: p.weightDecay,
  }),
  noiseCovariance,
  observables: {
    moments: moments({ lags: [1] }),
    sigma: entropyProduction({
      center: [0, 0],
      form: rung.continuous.form,
      windows: [1, p.stretch],
      histograms: [{ window: 1, width: rung.width, bins: BINS }],
    }),
  },
});

interface PlannedRung {
  readonly learningRate: number;
  readonly exact: AdditiveNoise | null;
  readonly continuous: ContinuousCurrent;
  readonly relaxation: number;
  readonly burnIn: number;
  readonly steps: number;
  /** Width of the bins of |σ|. */
  readonly width: number;
}

function plan(p: Settings, problem: Problem): { rungs: PlannedRung[]; warnings: string[] } {
  const rates = [...p.learningRates].sort((a, b) => a - b);
  refuseRepeats("learningRates", rates);
  const warnings: string[] = [];
  const rungs = rates.map((learningRate) => {
    const options = { ...problem, learningRate };
    const found = predictionOf(() => theory(options));
    warnings.push(...found.warnings.map((text) => `learning rate ${learningRate}: ${text}`));
    const continuous = found.exact?.continuous ?? continuousCurrent(options);
    const relaxation = Math.max(1, found.exact?.relaxation ?? 1);
    const asked = p.burnIn === "auto" ? Math.max(100, Math.ceil(3 * relaxation)) : p.burnIn;
    const least = { burnIn: 0, steps: 1200, multiple: p.stretch + 1 };
    const { burnIn, steps } = durations({ ...p, burnIn: asked }, relaxation, least);
    // σ given w is normal of variance 2μ(w); a quarter of its typical deviation.
    const spread = Math.sqrt(2 * (found.exact ?? continuous).entropyProduction);
    return {
      ...{ learningRate, exact: found.exact, continuous, relaxation, burnIn, steps },
      width: Math.min(spread / 4, LARGEST_SIGMA / BINS),
    };
  });
  return { rungs, warnings };
}

/** Operations of a replica-step, roughly. */
const WORK = 500;

async function simulate(
  p: Settings,
  { device, seed }: RunContext,
  problem: Problem,
  rung: PlannedRung & { readonly first: number },
  stages: Stages,
): Promise<Observed> {
  const { learningRate, continuous, burnIn, steps, first } = rung;
  await using ensemble = await createEnsemble(device, {
    ...setup(p, problem, rung),
    data: problem.data,
    // Replicas of their own: rungs must not share random numbers.
    replicas: { first, count: p.replicas },
    seed,
    initial: gaussianAt({ covariance: continuous.covariance }),
  });
  const { observed } = await stages.run({
    label: `learning rate ${learningRate}`,
    ensemble,
    burnIn,
    steps,
    multiple: p.stretch + 1,
    work: WORK,
  });
  return observed;
}

export const additiveNoise: Experiment<typeof parameters> = {
  id: "additive-noise",
  title: "Fluctuation theorems of SGD with additive noise",
  card: "A2",
  sources: ["Machine learning in and out of equilibrium, arXiv 2306.03521"],
  summary:
    "Linear regression under the full gradient and Gaussian noise of a minibatch's covariance at the " +
    "minimum, which does not commute with the Hessian: a stationary current flows. Covariance, area " +
    "rate and entropy production are exact at any learning rate; the integral fluctuation theorem, of " +
    "one step and of many, and the detailed one hold exactly in discrete time.",
  parameters,
  quick: { replicas: 5000 },
  explain: (p) => {
    const problem = problemOf(p);
    const rest = setup(p, problem, plan(p, problem).rungs[0]!);
    return [{ ...rest, replicas: p.replicas, samples: problem.data.samples }];
  },
  async run(p, context) {
    const problem = problemOf(p);
    const { rungs: planned, warnings } = plan(p, problem);
    const work = planned.reduce((sum, { burnIn, steps }) => sum + burnIn + steps, 0);
    const stages = await Stages.open(context, work * p.replicas * WORK);
    const rungs: Rung[] = [];
    const records: Record<string, Observed> = {};
    for (const [i, rung] of planned.entries()) {
      const lanes = { ...rung, first: i * p.replicas };
      const record = await simulate(p, context, problem, lanes, stages);
      const { results, warnings: said } = resultsOf(record, p.stretch);
      const all = [...divergenceWarnings(record.run), ...said];
      warnings.push(...all.map((text) => `learning rate ${rung.learningRate}: ${text}`));
      rungs.push({ ...rung, results });
      records[`rung${i}`] = record;
    }
    const found = additiveQuantities(p, problem.hessian, rungs);
    return {
      quantities: found.quantities,
      warnings: [...warnings, ...found.warnings],
      figures: additiveFigures(p, { ...problem }, rungs),
      records,
    };
  },
};
