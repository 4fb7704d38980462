/**
 * Card C3: fluctuation-dissipation relations of SGD with momentum on a small network.
 *
 * G_t the minibatch gradient with weight decay, v' = μv − (1−ν)G, θ' = θ + ηv', f the full loss with
 * weight decay, κ = (η/2)(1+μ)/(1−ν). FDR1: ⟨θ·G⟩ = κ⟨|v|²⟩, exact in a stationary state, also with
 * θ − c for θ. FDR2: ⟨|∇f|²⟩ = κ⟨v·H v⟩ − (η²(2+μ)/6(1−ν))⟨f_ijk v_i v_j v_k⟩ + …, with v_t, H(θ_t):
 * v_t is the velocity that led to θ_t.
 */
import { z } from "zod";
import { dissipationFactor } from "../analysis/index.ts";
import { ArgumentError } from "../engine/errors.ts";
import { fixed } from "../engine/initial.ts";
import { moments } from "../engine/observe/moments.ts";
import { series } from "../engine/observe/series.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import { prototypeNetwork, prototypes } from "../models/prototypeNetwork.ts";
import { batchNoiseFactor } from "../models/theory/index.ts";
import { comparable } from "./comparable.ts";
import type { Experiment } from "./experiment.ts";
import { runningAverages } from "./fdrNetwork/figures.ts";
import { type Dissipation, networkQuantities } from "./fdrNetwork/quantities.ts";
import { networkSmallRate } from "./fdrNetwork/smallRate.ts";
import { divergenceWarnings, predictionOf } from "./outcome.ts";
import { learningRate, replicas } from "./parameters.ts";
import { prototypeMinimum } from "./prototypeMinimum.ts";
import { Stages } from "./stages.ts";

const parameters = z.object({
  learningRate: learningRate(0.05),
  momentum: z.number().min(0).lt(1).default(0).describe("μ, share of the velocity kept [1]"),
  dampening: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("ν, the gradient enters the velocity times 1 − ν [1]"),
  weightDecay: z.number().positive().default(0.01).describe("λ, adds λθ to the gradient [loss/θ²]"),
  batchSize: z.number().int().min(1).default(16).describe("samples in a minibatch [samples]"),
  sampling: z
    .enum(["distinct", "withReplacement"])
    .default("distinct")
    .describe("minibatch law: distinct samples, or independent draws"),
  replicas: replicas(48),
  burnIn: z
    .union([z.literal("auto"), z.number().int().min(0)])
    .default("auto")
    .describe("steps from the minimum before observing; auto: 3(1 − μ)/((1 − ν)ηλ) [steps]"),
  steps: z.number().int().min(1).default(4000).describe("observed steps"),
  every: z
    .number()
    .int()
    .min(1)
    .default(40)
    .describe("steps between two passes over the full data [steps]"),
});

type Parameters = z.infer<typeof parameters>;

/** Longest automatic burn-in: beyond it a run would take hours unasked. */
const LONGEST = 2e6;

/** 3/(ελ) steps, as the card has it: three times 1/λ, about the slowest mode's, at rate ε. */
function burnInSteps({ burnIn, learningRate: eta, momentum, dampening, weightDecay }: Parameters) {
  if (burnIn !== "auto") return burnIn;
  const steps = (3 * (1 - momentum)) / (eta * (1 - dampening) * weightDecay);
  if (steps <= LONGEST) return Math.ceil(steps);
  throw new ArgumentError(
    `burnIn: 3/(rate × weightDecay) is ${steps.toPrecision(3)} steps, more than ${LONGEST}; raise ` +
      "learningRate or weightDecay, or give burnIn yourself.",
  );
}

const setup = (p: Parameters, center: readonly number[]) => {
  const along = (name: string, gradient: boolean) => ({ name, vector: center, gradient });
  const [cTheta, cG] = [along("c.theta", false), along("c.g", true)];
  const full = ["fullGradientSquare", "velocityCurvature", "velocityThirdDerivative"];
  return {
    model: prototypeNetwork(),
    sampling: p.sampling,
    update: sgd({
      learningRate: p.learningRate,
      momentum: p.momentum,
      dampening: p.dampening,
      weightDecay: p.weightDecay,
      batchSize: p.batchSize,
    }),
    replicas: p.replicas,
    keepVelocity: true,
    observables: {
      moments: moments({ of: ["theta.g", cG, "v.v", "g.g", "theta.theta", cTheta] }),
      series: series({ of: ["theta.g", cG, "v.v", ...full], every: p.every }),
    },
  };
};

export const fdrNetwork: Experiment<typeof parameters> = {
  id: "fdr-network",
  title: "Fluctuation-dissipation relations of a network",
  card: "C3",
  sources: ["S. Yaida, arXiv 1810.00004, FDR1 and FDR2"],
  summary:
    "A tanh network of 172 parameters with weight decay, stationary about a minimum. FDR1, raw and " +
    "measured from the minimum; the telescoping identity behind it, exact for every trajectory; " +
    "FDR2 with the full gradient and the Hessian along the velocity, evaluated on the device, to " +
    "leading order and with the next one; |∇f|² and |v|² against the laws of small rates.",
  parameters,
  quick: { replicas: 24, burnIn: 2000, steps: 2000, learningRate: 0.1 },
  explain: (p) => {
    const center = new Array<number>(prototypeNetwork().parameterCount).fill(0);
    return [{ ...setup(p, center), samples: prototypes().samples }];
  },
  async run(p, context) {
    const data = prototypes();
    const burnIn = burnInSteps(p);
    if (batchNoiseFactor(data.samples, p.batchSize, p.sampling) === 0) {
      throw new ArgumentError(
        `batchSize: ${p.batchSize} distinct samples are the whole data set, so that there is no ` +
          "noise; use fewer, or sampling withReplacement.",
      );
    }
    const found = prototypeMinimum(p.weightDecay);
    // Rounded once, so that host and device mean the same point.
    const center = [...Float32Array.from(found.theta)];
    const { exact, warnings } = predictionOf(() => networkSmallRate({ ...p, burnIn }, found));
    await using ensemble = await createEnsemble(context.device, {
      ...setup(p, center),
      data,
      seed: context.seed,
      initial: fixed(center),
    });
    // A sample's gradient takes about 1500 operations; a pass over the data 25 times its loss' 500.
    const work = 1500 * p.batchSize + (25 * 500 * data.samples) / p.every;
    const stages = await Stages.open(context, (burnIn + p.steps) * ensemble.lanes * work);
    const stage = { ensemble, work, multiple: p.every };
    await stages.run({ ...stage, label: "relax", burnIn, steps: 0 });
    const ends = async () => ({
      ...(await ensemble.state()),
      loss: (await ensemble.evaluate({ of: ["loss"] })).data,
    });
    const start = await ends();
    const { observed } = await stages.run({
      ...stage,
      label: "network",
      burnIn: 0,
      steps: p.steps,
    });
    const measured: Dissipation = {
      settings: p,
      weightDecay: p.weightDecay,
      kappa: dissipationFactor(p),
      steps: p.steps,
      center,
      record: observed,
      start,
      end: await ends(),
    };
    const { quantities: all, warnings: doubts } = networkQuantities(measured, exact);
    const { quantities, warnings: few } = comparable(all);
    return {
      quantities,
      warnings: [...warnings, ...doubts, ...few, ...divergenceWarnings(observed.run)],
      figures: runningAverages(measured, exact, burnIn),
      records: { network: observed },
    };
  },
};
