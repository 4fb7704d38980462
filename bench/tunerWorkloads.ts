/**
 * What the tuner is judged on: the bench's own workloads, and four models it was not made with.
 *
 * Data are normal numbers and the targets a function of them, so that training is stable and nothing
 * freezes; what is trained does not matter here.
 */
import { defineModel, type Model, op } from "../engine/index.ts";
import { gaussian, mulberry32 } from "../models/mulberry.ts";
import { madeUpData } from "./madeUpData.ts";
import type { Start, TunerWorkload, Workload } from "./workload.ts";

const SAMPLES = 512;

/** Layers of tanh units, a linear layer at the end, squared error. */
function network(widths: readonly number[]): Model {
  const layers = widths.length - 1;
  const names = Array.from({ length: layers }, (_, i) => i);
  return defineModel({
    name: `${widths.join("-")} tanh network`,
    params: Object.fromEntries(
      names.flatMap((i) => [
        [`W${i}`, [widths[i + 1]!, widths[i]!]],
        [`b${i}`, [widths[i + 1]!]],
      ]),
    ),
    sample: { x: [widths[0]!], y: [widths[layers]!] },
    loss: (theta, { x, y }) => {
      let h = x!;
      for (const i of names) {
        h = op.add(op.matvec(theta[`W${i}`]!, h), theta[`b${i}`]!);
        if (i < layers - 1) h = op.tanh(h);
      }
      return op.sum(op.square(op.sub(h, y!)));
    },
  });
}

/** Two convolutions and a linear layer on images of 12 × 12. */
const convolutional = defineModel({
  name: "convolutional network of 12 x 12 images",
  params: { C: [4, 1, 3, 3], D: [8, 4, 3, 3], W: [10, 32], b: [10] },
  sample: { x: [1, 12, 12], label: { labels: 10 } },
  loss: ({ C, D, W, b }, { x, label }) => {
    const first = op.relu(op.conv2d(x, C, { stride: 2, padding: 0 }));
    const second = op.relu(op.conv2d(first, D, { stride: 2, padding: 0 }));
    const logits = op.add(op.matvec(W, op.reshape(second, [32])), b);
    return op.softmaxCrossEntropy(logits, label);
  },
});

function start(model: Model, replicas: number): Start {
  const uniform = mulberry32(99);
  const count = model.parameterCount;
  const theta = new Float32Array(replicas * count);
  for (const { shape, offset, size } of model.params) {
    const inputs = shape.length < 2 ? 0 : size / shape[0]!;
    const deviation = inputs === 0 ? 0 : 1 / Math.sqrt(inputs);
    for (let r = 0; r < replicas; r += 1) {
      for (let k = 0; k < size; k += 1) {
        theta[r * count + offset + k] = deviation * gaussian(uniform);
      }
    }
  }
  return { data: madeUpData(model, SAMPLES), theta };
}

const unseen = (
  id: string,
  model: Model,
  replicas: number,
  batchSize: number,
): Omit<Workload, "extra"> => ({
  id,
  title: `${model.name}, ${replicas} replicas, batch ${batchSize}`,
  model,
  replicas,
  batchSize,
  learningRate: 0.001,
  checkSteps: 0,
  start: (wanted) => start(model, wanted),
});

/** `standard`: the workloads that all judgments of speed are made on. */
export function tunerWorkloads(standard: readonly Workload[]): TunerWorkload[] {
  const judged = [
    ...standard,
    unseen("mlp-8-16-1", network([8, 16, 1]), 64, 16),
    unseen("mlp-64-32-10", network([64, 32, 10]), 32, 32),
    unseen("cnn", convolutional, 16, 16),
    unseen("deep", network([4, 6, 6, 6, 6, 6, 1]), 128, 16),
  ];
  return judged.map((workload) => ({
    ...workload,
    id: `tuner-${workload.id}`,
    title: `the tuner's choice beside all candidates: ${workload.title}`,
    extra: true,
    group: "tuner",
    tuner: true,
  }));
}
