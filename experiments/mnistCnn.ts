/**
 * MNIST with a small convolution net: two convolutions with stride 2, a linear layer; 5386 parameters.
 *
 * What is claimed is no theory but a recipe: with the default settings every replica reaches 97 % on the
 * test images after 2 epochs.
 */
import { z } from "zod";
import { readMnist } from "#mnist";
import { he, lecun, perBlock } from "../engine/start/perBlock.ts";
import { MNIST_SOURCES, MNIST_TRAIN, type MnistFiles } from "../models/mnist/mnist.ts";
import { mnistCnnMultiplyAdds, mnistCnn as network } from "../models/mnistClassifiers.ts";
import type { Experiment } from "./experiment.ts";
import { mnistRun } from "./mnist/run.ts";
import { dynamics, trainingShape } from "./mnist/settings.ts";
import { observables } from "./mnist/training.ts";

const channels = (value: number, of: string) =>
  z.number().int().min(1).max(64).default(value).describe(`channels of the ${of} convolution`);

const parameters = z.object({
  first: channels(8, "first"),
  second: channels(16, "second"),
  ...trainingShape({ replicas: 4, epochs: 2, learningRate: 0.05 }),
});

const initial = perBlock({ K: he(), L: he(), V: lecun() });

/** The experiment on files from elsewhere: those that `read` finds. */
export const mnistCnnOn = (read: () => Promise<MnistFiles>): Experiment<typeof parameters> => ({
  id: "mnist-cnn",
  title: "An ensemble of small convolution nets learns MNIST",
  card: "MNIST",
  sources: [...MNIST_SOURCES, "D. Kunin et al., Neural mechanics, arXiv 2012.04728"],
  summary:
    "Replicas of a convolution net of 5386 parameters learn the 60,000 training images of MNIST by SGD " +
    "with momentum, the rate falling to zero over 2 epochs. Reported is what the experiment mnist-mlp " +
    "reports. Claimed is that every replica reaches 97 %.",
  parameters,
  quick: { replicas: 2, epochs: 2, samples: 6720, testSamples: 2000 },
  explain: (p) => [
    {
      ...dynamics(p),
      model: network(p),
      samples: MNIST_TRAIN,
      observables: observables(p),
    },
  ],
  run: (p, context) =>
    mnistRun(p, context, {
      read,
      parameters,
      least: 0.97,
      network: (image) => ({
        model: network({ ...p, image }),
        initial,
        multiplyAdds: mnistCnnMultiplyAdds({ ...p, image }),
        filters: { block: "K", shape: [5, 5] },
      }),
    }),
});

export const mnistCnn = mnistCnnOn(readMnist);
