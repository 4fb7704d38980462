/**
 * Card A6: entropy production and fluctuation theorems of SGD on a network of 172 parameters, seen in
 * the stiffest modes of the Hessian at its minimum.
 *
 * z = Uᵀ(θ − c), c the mean over the second half of the burn-in; σ = zᵀ Q (z' − z) with Q = S⁻¹ C D⁻¹ of
 * the linear theory at the minimum. Before the run, curvature and noise at the minimum are measured on
 * the device as well. Left out: momentum, for which σ is another form.
 */
import { z } from "zod";
import { gradientNoise } from "../engine/curvature/gradientNoise.ts";
import { curvedNoiseProbes, hessianProbes } from "../engine/curvature/hessianTrace.ts";
import { topEigenpairs } from "../engine/curvature/topEigenpairs.ts";
import { ArgumentError } from "../engine/errors.ts";
import { fixed } from "../engine/initial.ts";
import { moments } from "../engine/observe/moments.ts";
import { series } from "../engine/observe/series.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import { prototypeNetwork, prototypes } from "../models/prototypeNetwork.ts";
import type { Experiment, RunContext } from "./experiment.ts";
import { goneShare } from "./mlpFluctuation/descent.ts";
import { networkFigures } from "./mlpFluctuation/figures.ts";
import { type FoldedBlock, foldEntropies } from "./mlpFluctuation/fold.ts";
import { type AtMinimum, minimumQuantities } from "./mlpFluctuation/minimum.ts";
import { fluctuationQuantities } from "./mlpFluctuation/quantities.ts";
import { type Rung, rungOf } from "./mlpFluctuation/rung.ts";
import { type Landscape, type Linear, landscape, linearTheory } from "./mlpFluctuation/theory.ts";
import { divergenceWarnings } from "./outcome.ts";
import { refuseRepeats, replicas } from "./parameters.ts";
import { Stages } from "./stages.ts";

const parameters = z.object({
  learningRates: z
    .array(z.number().positive())
    .min(1)
    .default([0.1])
    .describe("η of each rung, in any order [θ²/loss]"),
  batchSize: z.number().int().min(1).default(16).describe("samples in a minibatch [samples]"),
  sampling: z
    .enum(["withReplacement", "distinct"])
    .default("withReplacement")
    .describe("minibatch law: independent draws, or distinct samples"),
  weightDecay: z.number().positive().default(0.01).describe("λ, adds λθ to the gradient [loss/θ²]"),
  modes: z
    .number()
    .int()
    .min(2)
    .max(16)
    .default(8)
    .describe("k, stiffest modes of the Hessian that are looked at"),
  stretch: z
    .number()
    .int()
    .min(2)
    .max(100)
    .default(10)
    .describe("n, steps of the longer sums of entropy production [steps]"),
  probes: z
    .number()
    .int()
    .min(1)
    .max(1024)
    .default(8)
    .describe("random vectors of each replica for the traces at the minimum"),
  replicas: replicas(128),
  burnIn: z
    .union([z.literal("auto"), z.number().int().min(0)])
    .default("auto")
    .describe("steps from the minimum before observing; auto: 4/(ηλ) [steps]"),
  steps: z.number().int().min(2).default(6000).describe("observed steps of each rung"),
});

export type Settings = z.infer<typeof parameters>;

/** Longest automatic burn-in: beyond it a run would take hours unasked. */
const LONGEST = 2e6;

function burnInSteps({ burnIn, weightDecay }: Settings, learningRate: number): number {
  if (burnIn !== "auto") return burnIn;
  const steps = 4 / (learningRate * weightDecay);
  if (steps <= LONGEST) return Math.ceil(steps);
  throw new ArgumentError(
    `burnIn: 4/(learning rate × weightDecay) is ${steps.toPrecision(3)} steps, more than ${LONGEST}; ` +
      "raise learningRates or weightDecay, or give burnIn yourself.",
  );
}

const setup = (p: Settings, scene: Landscape, learningRate: number) => {
  const of = scene.subspace.directions.map((u, k) => ({
    name: `z${k + 1}`,
    vector: Array.from(u),
  }));
  return {
    model: prototypeNetwork(),
    sampling: p.sampling,
    update: sgd({ learningRate, batchSize: p.batchSize, weightDecay: p.weightDecay }),
    observables: { moments: moments({ of, lags: [0, 1] }), path: series({ of }) },
  };
};

/** A sample's gradient takes about 1500 operations; a projection and σ of it some hundreds. */
const workOf = (p: Settings): number => 1500 * p.batchSize + 1500 * p.modes;

interface Planned {
  readonly learningRate: number;
  readonly burnIn: number;
  readonly steps: number;
  readonly first: number;
  readonly linear: Linear;
  /** Width of the bins of |σ|: a quarter of its typical deviation. */
  readonly width: number;
}

function plan(p: Settings, scene: Landscape): Planned[] {
  const rates = [...p.learningRates].sort((a, b) => a - b);
  refuseRepeats("learningRates", rates);
  const multiple = p.stretch + 1;
  return rates.map((learningRate, i) => {
    const linear = linearTheory(scene, learningRate);
    const spread = Math.sqrt(2 * linear.continuous.entropyProduction);
    return {
      learningRate,
      burnIn: burnInSteps(p, learningRate),
      steps: Math.ceil(p.steps / multiple) * multiple,
      // Replicas of their own: rungs must not share random numbers.
      first: i * p.replicas,
      linear,
      width: spread / 4,
    };
  });
}

type Center = readonly number[];

/** Mean of z over replicas and time. */
function meanOf({
  moments: { first, reference, coordinates },
}: Pick<FoldedBlock, "moments">): Center {
  const d = coordinates.length;
  const [, replica, lag] = first.axes.map(({ length }) => length) as [number, number, number];
  return coordinates.map((_, k) => {
    const values = Array.from({ length: replica }, (_, r) => first.data[r * lag * d + k]!).filter(
      Number.isFinite,
    );
    return reference.data[k]! + values.reduce((sum, x) => sum + x, 0) / values.length;
  });
}

async function simulate(
  p: Settings,
  { device, seed }: RunContext,
  scene: Landscape,
  rung: Planned,
  stages: Stages,
): Promise<{ record: FoldedBlock; gone: number }> {
  const { learningRate, linear, burnIn, steps, first, width } = rung;
  await using ensemble = await createEnsemble(device, {
    ...setup(p, scene, learningRate),
    data: prototypes(),
    replicas: { first, count: p.replicas },
    seed,
    initial: fixed([...scene.minimum.theta]),
  });
  const label = `learning rate ${learningRate}`;
  const pilot = Math.floor(burnIn / 2);
  const work = workOf(p);
  const settled = await stages.run({
    ...{ label: `${label}, relax`, ensemble, burnIn: burnIn - pilot, steps: pilot, work },
    fold: ({ moments, run }) => ({ moments, run }),
  });
  const { theta } = scene.minimum;
  const center = settled.observed
    ? meanOf(settled.observed)
    : scene.subspace.directions.map((u) => theta.reduce((sum, x, q) => sum + x * u[q]!, 0));
  const { observed } = await stages.run({
    ...{ label, ensemble, burnIn: 0, steps, work, multiple: p.stretch + 1 },
    fold: (record) =>
      foldEntropies(record, { form: linear.continuous.form, length: p.stretch, width, center }),
  });
  const end = await ensemble.state();
  return { record: observed, gone: await goneShare(device, scene, linear, end.theta.data) };
}

/** Curvature and noise of all replicas where they start. */
async function measureMinimum(
  p: Settings,
  { device, seed, signal }: RunContext,
  scene: Landscape,
): Promise<AtMinimum> {
  await using ensemble = await createEnsemble(device, {
    ...setup(p, scene, p.learningRates[0]!),
    observables: {},
    data: prototypes(),
    replicas: p.replicas,
    seed,
    initial: fixed([...scene.minimum.theta]),
  });
  const options = { probes: p.probes, ...(signal && { signal }) };
  const { theta } = await ensemble.state();
  return {
    theta: Float64Array.from(theta.data.subarray(0, scene.minimum.theta.length)),
    loss: await ensemble.evaluate({ of: ["loss"] }),
    trace: await hessianProbes(ensemble, options),
    curved: await curvedNoiseProbes(ensemble, options),
    pairs: await topEigenpairs(ensemble, { count: p.modes, ...(signal && { signal }) }),
    noise: await gradientNoise(ensemble, {
      directions: scene.subspace.directions,
      ...(signal && { signal }),
    }),
  };
}

export const mlpFluctuation: Experiment<typeof parameters> = {
  id: "mlp-fluctuation",
  title: "Fluctuation theorems of a network, in its stiffest modes",
  card: "A6",
  sources: ["Machine learning in and out of equilibrium, arXiv 2306.03521"],
  summary:
    "SGD on a tanh network of 172 parameters about its minimum, projected onto the stiffest eigenvectors of " +
    "the Hessian, a subspace that the linear drift does not leave. Curvature and gradient noise at the " +
    "minimum, measured on the device; entropy production, areas, diffusion and variances against the " +
    "linear theory at the minimum, and against that of the mean curvature and noise over the " +
    "stationary cloud; the fluctuation theorems.",
  parameters,
  quick: { replicas: 64, steps: 2200, burnIn: 2000, probes: 2 },
  explain: (p) => {
    const scene = landscape(p);
    const rest = setup(p, scene, p.learningRates[0]!);
    return [{ ...rest, replicas: p.replicas, samples: prototypes().samples }];
  },
  async run(p, context) {
    const scene = landscape(p);
    const rungs = plan(p, scene);
    const work = rungs.reduce((sum, { burnIn, steps }) => sum + burnIn + steps, 0);
    const stages = await Stages.open(context, work * p.replicas * workOf(p));
    context.onProgress?.({ phase: "at the minimum", fraction: 0, replicaStepsPerSecond: 0 });
    const atMinimum = await measureMinimum(p, context, scene);
    await stages.pause();
    const done: Rung[] = [];
    const warnings: string[] = [];
    const records: Record<string, FoldedBlock> = {};
    for (const [i, rung] of rungs.entries()) {
      const { record, gone } = await simulate(p, context, scene, rung, stages);
      await stages.pause();
      const results = rungOf(scene, { ...rung, gone }, record);
      const all = [...rung.linear.warnings, ...divergenceWarnings(record.run), ...results.warnings];
      warnings.push(...all.map((text) => `learning rate ${rung.learningRate}: ${text}`));
      done.push(results);
      records[`rung${i}`] = record;
    }
    const found = fluctuationQuantities(p, done);
    return {
      quantities: [...minimumQuantities(scene, atMinimum), ...found.quantities],
      warnings: [...warnings, ...found.warnings],
      figures: networkFigures(p, scene, atMinimum, done),
      records,
    };
  },
};
