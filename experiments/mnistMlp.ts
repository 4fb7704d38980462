/**
 * MNIST with one hidden layer: an ensemble of networks 784-64-10 trained by SGD with momentum.
 *
 * What is claimed is no theory but a recipe: with the default settings every replica reaches 96 % on the
 * test images after 5 epochs.
 */
import { z } from "zod";
import { readMnist } from "#mnist";
import { he, lecun, perBlock } from "../engine/start/perBlock.ts";
import { MNIST_SOURCES, MNIST_TRAIN, type MnistFiles } from "../models/mnist/mnist.ts";
import { mnistMlp as network } from "../models/mnistClassifiers.ts";
import type { Experiment } from "./experiment.ts";
import { mnistRun } from "./mnist/run.ts";
import { dynamics, trainingShape } from "./mnist/settings.ts";
import { observables } from "./mnist/training.ts";

const parameters = z.object({
  hidden: z.number().int().min(1).max(1024).default(64).describe("ReLU units of the hidden layer"),
  ...trainingShape({ replicas: 16, epochs: 5, learningRate: 0.05 }),
});

const initial = perBlock({ W: he(), V: lecun() });

/** The experiment on files from elsewhere: those that `read` finds. */
export const mnistMlpOn = (read: () => Promise<MnistFiles>): Experiment<typeof parameters> => ({
  id: "mnist-mlp",
  title: "An ensemble of networks 784-64-10 learns MNIST",
  card: "MNIST",
  sources: [...MNIST_SOURCES, "D. Kunin et al., Neural mechanics, arXiv 2012.04728"],
  summary:
    "Replicas of a network with one hidden layer of ReLU units learn the 60,000 training images of MNIST " +
    "by SGD with momentum, the rate falling to zero over 5 epochs. Reported are accuracy and loss on the " +
    "test images, their scatter over the replicas, and how well the sums of the output weights over the " +
    "classes, which no gradient moves, are conserved. Claimed is that every replica reaches 96 %.",
  parameters,
  quick: { replicas: 4, epochs: 2, samples: 9600, testSamples: 2000 },
  explain: (p) => [
    {
      ...dynamics(p),
      model: network({ hidden: p.hidden }),
      samples: MNIST_TRAIN,
      observables: observables(p),
    },
  ],
  run: (p, context) =>
    mnistRun(p, context, {
      read,
      parameters,
      least: 0.96,
      network: (image) => ({
        model: network({ hidden: p.hidden, image }),
        initial,
        multiplyAdds: p.hidden * (image[0] * image[1] + 10),
        filters: { block: "W", shape: image },
      }),
    }),
});

export const mnistMlp = mnistMlpOn(readMnist);
