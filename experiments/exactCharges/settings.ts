/** What the exact-charges experiment may be told, and the ensemble it makes of it. */
import { z } from "zod";
import { snapshot } from "../../engine/observe/snapshot.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { type Activation, type LayerPair, layerPair, layerPairData } from "../../models/index.ts";
import { learningRate, sampling, weightDecay } from "../parameters.ts";

const units = (value: number, least: number, meaning: string) =>
  z.number().int().min(least).max(16).default(value).describe(meaning);

export const chargeSettings = z.object({
  learningRate: learningRate(0.01),
  weightDecay: weightDecay(0),
  sampling: sampling("withReplacement"),
  batchSize: z.number().int().min(1).default(2).describe("m, samples in a minibatch [samples]"),
  samples: z.number().int().min(1).max(4096).default(32).describe("N, random samples [samples]"),
  inputs: units(5, 1, "inputs of the network"),
  hidden: units(4, 2, "hidden units of the network"),
  outputs: units(3, 1, "outputs of the network"),
  gain: z
    .number()
    .positive()
    .default(1)
    .describe("start: weights are normal with variance gain²/fan-in [1]"),
  replicas: z.number().int().min(1).default(16).describe("independent copies"),
  steps: z.number().int().min(1).max(10_000).default(200).describe("observed steps [steps]"),
});

export type ChargeSettings = z.infer<typeof chargeSettings>;

export const layersOf = ({ inputs, hidden, outputs }: ChargeSettings): LayerPair => ({
  inputs,
  hidden,
  outputs,
});

export const setup = (p: ChargeSettings, activation: Activation) => ({
  model: layerPair(layersOf(p), activation),
  data: layerPairData(layersOf(p), p.samples),
  sampling: p.sampling,
  update: sgd({
    learningRate: p.learningRate,
    weightDecay: p.weightDecay,
    // A full batch is all samples, whatever the batch size.
    batchSize: p.sampling === "fullBatch" ? p.samples : p.batchSize,
  }),
  replicas: p.replicas,
  keepVelocity: true,
  observables: { states: snapshot({ every: 1 }) },
});
