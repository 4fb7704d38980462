/** What the backward-error experiment may be told, and the network and data it makes of it. */
import { z } from "zod";
import { snapshot } from "../../engine/observe/snapshot.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { type LayerPair, layerPair, layerPairData } from "../../models/index.ts";
import { learningRate, learningRates } from "../parameters.ts";

const units = (value: number, meaning: string) =>
  z.number().int().min(1).max(16).default(value).describe(meaning);

export const backwardSettings = z.object({
  activation: z.enum(["tanh", "linear"]).default("tanh").describe("hidden units' function"),
  inputs: units(3, "inputs of the network"),
  hidden: units(4, "hidden units of the network"),
  outputs: units(1, "outputs of the network"),
  samples: z.number().int().min(1).max(256).default(5).describe("N, random samples [samples]"),
  dataSeed: z.number().int().min(0).default(1).describe("seed of the samples"),
  batchSize: z
    .number()
    .int()
    .min(1)
    .default(1)
    .describe("m, of the batches whose flows are averaged; divides N [samples]"),
  scale: z.number().positive().default(0.7).describe("standard deviation of the starts [θ]"),
  replicas: z.number().int().min(1).max(1024).default(16).describe("independent starts"),
  learningRate: learningRate(0.05),
  halvings: z
    .number()
    .int()
    .min(4)
    .max(10)
    .default(6)
    .describe("how often the learning rate is halved"),
  deviceRates: learningRates([0.05, 0.1, 0.2], 16, "η of the step on the device [θ²/loss]"),
});

export type BackwardSettings = z.infer<typeof backwardSettings>;

export const layersOf = ({ inputs, hidden, outputs }: BackwardSettings): LayerPair => ({
  inputs,
  hidden,
  outputs,
});

/** One step of full-batch gradient descent from many starts, at all rates of the device. */
export function setup(p: BackwardSettings) {
  return {
    model: layerPair(layersOf(p), p.activation),
    data: layerPairData(layersOf(p), p.samples, p.dataSeed),
    sampling: "fullBatch" as const,
    update: sgd({ learningRate: p.deviceRates[0]!, batchSize: p.samples }),
    sweep: { learningRate: p.deviceRates },
    // The same starts at all rates.
    commonNoise: true,
    replicas: p.replicas,
    observables: { states: snapshot({ every: 1 }) },
  };
}
