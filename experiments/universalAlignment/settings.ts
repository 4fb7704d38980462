/** What the universal-alignment experiment may be told, and the two networks it makes of it. */
import { z } from "zod";
import { ArgumentError } from "../../engine/errors.ts";
import { fanIn } from "../../engine/initial.ts";
import { snapshot } from "../../engine/observe/snapshot.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { onlineData } from "../../engine/wgsl/row.ts";
import {
  type AlignmentNetOptions,
  alignmentNet,
  basisData,
  linearTeacher,
  noiselessNet,
  plainView,
} from "../../models/linearTeacher.ts";
import type { RatePhase } from "../../models/theory/index.ts";
import { replicas } from "../parameters.ts";

const values = (value: number[], describe: string) =>
  z.array(z.number().positive()).min(1).max(8).default(value).describe(describe);

const widths = (value: number[], describe: string) =>
  z.array(z.number().int().min(1).max(16)).min(1).max(4).default(value).describe(describe);

export const alignmentSettings = z.object({
  singularValues: values([1.5, 1.2, 0.9], "of the teacher V, one for each output [y/x]"),
  viewValues: values(
    [2, 1, 0.5, 0.5],
    "singular values of the view Z up to a factor, one an input",
  ),
  dataSeed: z
    .number()
    .int()
    .min(0)
    .default(27)
    .describe(
      "seed of the orthogonal factors of V and Z, and of the probes; 27: decay leads to 0.863, as on the card",
    ),
  widthsA: widths([5], "hidden units of net A, which sees x, layer by layer"),
  widthsB: widths([6], "hidden units of net B, which sees Zx, layer by layer"),
  labelNoise: z.number().positive().default(1).describe("σ of the noise on y"),
  gain: z
    .number()
    .positive()
    .default(0.8)
    .describe("start: weights have variance gain²/fan-in [1]"),
  learningRates: z
    .array(z.number().positive())
    .min(1)
    .max(8)
    .default([0.01, 0.003, 0.001, 0.0003])
    .describe("η of the phases, one after the other [θ²/loss]"),
  phaseSteps: z
    .array(z.number().int().min(1).max(2e6))
    .min(1)
    .max(8)
    .default([50_000, 15_000, 10_000, 10_000])
    .describe("steps of the phases [steps]"),
  weightDecay: z
    .number()
    .positive()
    .default(2e-3)
    .describe("λ of the run with decay and no noise; twice the card's γ [loss/θ²]"),
  probes: z
    .number()
    .int()
    .min(20)
    .max(10_000)
    .default(400)
    .describe("inputs that layers are compared on"),
  flowTime: z
    .number()
    .positive()
    .max(1e4)
    .default(200)
    .describe("time of the entropic flow on the states of zero loss [1]"),
  replicas: replicas(24),
});

export type AlignmentSettings = z.infer<typeof alignmentSettings>;

/** Net A sees x, net B sees Zx. */
export const NETS = ["A", "B"] as const;
export type NetName = (typeof NETS)[number];

export const phasesOf = (p: AlignmentSettings): RatePhase[] =>
  p.learningRates.map((learningRate, k) => ({ learningRate, steps: p.phaseSteps[k]! }));

export const teacherOf = (p: AlignmentSettings) =>
  linearTeacher({ singularValues: p.singularValues, viewValues: p.viewValues, seed: p.dataSeed });

export function netOf(p: AlignmentSettings, net: NetName): AlignmentNetOptions {
  const { teacher, view } = teacherOf(p);
  return net === "A"
    ? { widths: p.widthsA, teacher, view: plainView(view.length) }
    : { widths: p.widthsB, teacher, view };
}

export function check(p: AlignmentSettings): void {
  if (p.learningRates.length !== p.phaseSteps.length) {
    throw new ArgumentError(
      `phaseSteps: ${p.phaseSteps.length} values for ${p.learningRates.length} learningRates; give one for ` +
        "each phase.",
    );
  }
  if (p.widthsA.length !== p.widthsB.length) {
    throw new ArgumentError(
      `widthsB: ${p.widthsB.length} hidden layers, widthsA has ${p.widthsA.length}; layers are compared one ` +
        "by one, give as many of each.",
    );
  }
  const narrow = Math.min(...p.widthsA, ...p.widthsB);
  const outputs = p.singularValues.length;
  if (narrow < outputs) {
    throw new ArgumentError(
      `widthsA, widthsB: a layer of ${narrow} units cannot pass on ${outputs} outputs; give ${outputs} or ` +
        "more units.",
    );
  }
  if (p.probes <= Math.max(...p.widthsA, ...p.widthsB)) {
    throw new ArgumentError(
      `probes: ${p.probes} are no more than the units of a layer; give more.`,
    );
  }
}

/** Snapshots of a run, about. */
const SNAPSHOTS = 160;

/** Steps between two snapshots: some in each phase, not too many in all. */
export function snapshotEvery({ phaseSteps }: AlignmentSettings): number {
  const total = phaseSteps.reduce((sum, steps) => sum + steps, 0);
  return Math.max(1, Math.floor(Math.min(...phaseSteps) / 8), Math.ceil(total / SNAPSHOTS));
}

/** With noise: SGD on fresh samples. Without: gradient descent on the expected loss, without and with decay. */
export type Training = "noisy" | "noiseless";

export function setup(p: AlignmentSettings, net: NetName, training: Training) {
  const options = netOf(p, net);
  const inputs = options.view.length;
  const isNoisy = training === "noisy";
  return {
    model: isNoisy ? alignmentNet(options) : noiselessNet(options),
    data: isNoisy ? onlineData : basisData(inputs),
    sampling: isNoisy ? ("withReplacement" as const) : ("fullBatch" as const),
    update: sgd({ learningRate: p.learningRates[0]!, batchSize: isNoisy ? 1 : inputs }),
    sweep: isNoisy ? { labelNoise: [p.labelNoise] } : { weightDecay: [0, p.weightDecay] },
    // Nets are replicas of one numbering, so that their random numbers differ; methods start alike.
    replicas: { first: net === "A" ? 0 : p.replicas, count: p.replicas },
    commonNoise: true,
    initial: fanIn({ gain: p.gain }),
    observables: { states: snapshot({ every: snapshotEvery(p) }) },
  };
}

/** Operations of a replica-step, roughly. */
export function workOf(p: AlignmentSettings, net: NetName, training: Training): number {
  const { widths, teacher, view } = netOf(p, net);
  const sizes = [view.length, ...widths, teacher.length];
  const products = sizes.slice(1).reduce((sum, size, k) => sum + size * sizes[k]!, 0);
  const numbers = view.length + teacher.length;
  const sample = 6 * products + 2 * view.length * numbers;
  return training === "noisy" ? sample + 75 * numbers : 2 * view.length * sample;
}
