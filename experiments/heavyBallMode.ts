/**
 * Card B1: one Hessian mode under the heavy ball with additive noise, against the exact discrete
 * stationary moments.
 *
 * v' = β v − (ρθ + λθ + ξ),  θ' = θ + ηv',  Var ξ = σ²ρ/S per step. The device adds ξ as gradient
 * noise, so that the cost does not grow with the batch size S.
 */
import { z } from "zod";
import { fixed } from "../engine/initial.ts";
import { moments } from "../engine/observe/moments.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import { quadraticMode } from "../models/quadraticMode.ts";
import { heavyBallMode as theory } from "../models/theory/index.ts";
import { comparison } from "./comparison.ts";
import type { Experiment } from "./experiment.ts";
import { modeMoments } from "./heavyBallMoments.ts";
import { divergenceWarnings, predictionOf } from "./outcome.ts";
import { duration, durations, learningRate, replicas, weightDecay } from "./parameters.ts";
import { Stages } from "./stages.ts";

const parameters = z.object({
  learningRate: learningRate(0.1),
  momentum: z.number().min(0).lt(1).default(0.9).describe("β, share of the velocity kept [1]"),
  curvature: z.number().positive().default(1).describe("ρ, Hessian eigenvalue [loss/θ²]"),
  weightDecay: weightDecay(0),
  batchSize: z.number().int().min(1).default(4).describe("S, divides the noise variance [samples]"),
  noise: z
    .number()
    .positive()
    .default(1)
    .describe("σ, one sample's gradient noise has variance σ²ρ [loss^½]"),
  replicas: replicas(20_000),
  steps: duration("observed steps"),
  burnIn: duration("steps before observing"),
});

/** σ²ρ/S, variance of the gradient noise of a step. */
const noiseVariance = (p: z.infer<typeof parameters>): number =>
  (p.noise ** 2 * p.curvature) / p.batchSize;

const setup = (p: z.infer<typeof parameters>, every: number) => ({
  ...quadraticMode(p.curvature),
  sampling: "fullBatch" as const,
  update: sgd({
    learningRate: p.learningRate,
    momentum: p.momentum,
    weightDecay: p.weightDecay,
    gradientNoise: Math.sqrt(noiseVariance(p)),
  }),
  replicas: p.replicas,
  observables: { moments: moments({ lags: [1], every }) },
});

export const heavyBallMode: Experiment<typeof parameters> = {
  id: "heavy-ball-mode",
  title: "A Hessian mode under the heavy ball",
  card: "B1",
  sources: ["D. Kunin et al., Limiting Dynamics of SGD, arXiv 2107.09133, section 2"],
  summary:
    "One quadratic mode with momentum and additive Gaussian noise. Variances of position and " +
    "velocity, their covariance and the area swept per step in phase space, against formulas " +
    "that are exact at any learning rate; the continuous theory misses them by O(η).",
  parameters,
  quick: { replicas: 2000 },
  explain: (p) => {
    const { data, ...setting } = setup(p, 1);
    return [{ ...setting, samples: data.samples }];
  },
  async run(p, context) {
    const { exact, warnings } = predictionOf(() =>
      theory({ ...p, noiseVariance: noiseVariance(p) }),
    );
    // Step −1/ln of the slowest root's modulus.
    const relaxation = exact ? Math.max(1, -1 / Math.log(exact.decay)) : 1;
    const { burnIn, steps: asked } = durations(p, relaxation, { burnIn: 400, steps: 2000 });
    // The area needs a pair of states.
    const steps = Math.max(2, asked);
    const every = Math.max(1, Math.floor(relaxation / 20));
    await using ensemble = await createEnsemble(context.device, {
      ...setup(p, every),
      seed: context.seed,
      initial: fixed(0),
      keepVelocity: true,
    });
    const work = 200;
    const stages = await Stages.open(context, (burnIn + steps) * ensemble.lanes * work);
    const { observed } = await stages.run({
      label: "mode",
      ensemble,
      burnIn,
      steps,
      multiple: every,
      work,
    });
    const mode = {
      learningRate: p.learningRate,
      momentum: p.momentum,
      curvature: p.curvature + p.weightDecay,
    };
    const { replicas } = p;
    const found = modeMoments({ mode, exact, replicas, burnIn, record: observed.moments });
    return {
      quantities: found.quantities,
      warnings: [...warnings, ...found.warnings, ...divergenceWarnings(observed.run)],
      figures: [
        comparison(
          found.quantities,
          `Learning rate ${p.learningRate}, momentum ${p.momentum}, ${p.replicas} replicas observed ` +
            `for ${steps} steps after ${burnIn}.`,
        ),
      ],
      records: { mode: observed },
    };
  },
};
