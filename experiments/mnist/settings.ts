/** Parameters of the experiments on MNIST, and what they make of them. */
import { z } from "zod";
import { cosine } from "../../engine/rate/cosine.ts";
import { linearDecay } from "../../engine/rate/linearDecay.ts";
import type { Rate } from "../../engine/rate/rate.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { MNIST_TEST, MNIST_TRAIN } from "../../models/mnist/mnist.ts";
import { learningRate, replicas, sampling, weightDecay } from "../parameters.ts";

export interface TrainingDefaults {
  readonly replicas: number;
  readonly epochs: number;
  readonly learningRate: number;
}

/** Parameters that all networks share. */
export const trainingShape = (of: TrainingDefaults) => ({
  replicas: replicas(of.replicas),
  epochs: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(of.epochs)
    .describe("passes over the training images [epochs]"),
  learningRate: learningRate(of.learningRate).describe("η of the first step [θ²/loss]"),
  schedule: z
    .enum(["linear", "cosine", "constant"])
    .default("linear")
    .describe("how η falls to 0 over the run"),
  momentum: z.number().min(0).lt(1).default(0.9).describe("μ, share of the velocity kept [1]"),
  weightDecay: weightDecay(0),
  batchSize: z.number().int().min(1).default(96).describe("m, images in a minibatch [samples]"),
  sampling: sampling("reshuffled"),
  samples: z
    .number()
    .int()
    .min(1)
    .max(MNIST_TRAIN)
    .default(MNIST_TRAIN)
    .describe("training images [samples]"),
  testSamples: z
    .number()
    .int()
    .min(1)
    .max(MNIST_TEST)
    .default(MNIST_TEST)
    .describe("test images [samples]"),
});

const shape = z.object(trainingShape({ replicas: 2, epochs: 1, learningRate: 1 }));

export type TrainingSettings = z.infer<typeof shape>;

/** SGD steps of a pass over the data. */
export const epochSteps = ({ samples, batchSize, sampling: law }: TrainingSettings): number =>
  law === "fullBatch" ? 1 : Math.max(1, Math.floor(samples / batchSize));

/** Records of an epoch, at least, where it has so many steps. */
const RECORDS = 120;

/** Steps between two records: a divisor of an epoch, so that all epochs are recorded alike. */
export function recordEvery(p: TrainingSettings): number {
  const steps = epochSteps(p);
  let every = Math.max(1, Math.floor(steps / RECORDS));
  while (steps % every !== 0) every -= 1;
  return every;
}

function rateOf(p: TrainingSettings): Rate | null {
  const annealSteps = p.epochs * epochSteps(p);
  if (p.schedule === "constant") return null;
  return p.schedule === "linear" ? linearDecay({ annealSteps }) : cosine({ annealSteps });
}

/** What every network's ensemble is created with. */
export function dynamics(p: TrainingSettings) {
  const rate = rateOf(p);
  const { learningRate: eta, momentum, weightDecay: lambda, batchSize } = p;
  return {
    update: sgd({
      learningRate: eta,
      momentum,
      weightDecay: lambda,
      ...(p.sampling !== "fullBatch" && { batchSize }),
    }),
    sampling: p.sampling,
    replicas: p.replicas,
    ...(rate && { rate }),
  };
}
