/**
 * W3: a classifier of 784 inputs, as large as those of MNIST, with the data and the initial weights that
 * all peers of the comparison use (mulberry32; the order of the draws is the peers'); and a convolutional
 * one on the same data.
 *
 * Inputs are standard normal, labels the largest of ten random linear functions of them: nothing here
 * depends on a data set being installed.
 */
import { type DataSource, defineModel, type Node, op } from "../engine/index.ts";
import { gaussian, mulberry32 } from "../models/mulberry.ts";
import type { Start, Workload } from "./workload.ts";

const INPUTS = 784;
const HIDDEN = 64;
const CLASSES = 10;
const SAMPLES = 4096;

const classifier = defineModel({
  name: "784-64-10 ReLU classifier",
  params: { W: [HIDDEN, INPUTS], b: [HIDDEN], A: [CLASSES, HIDDEN], c: [CLASSES] },
  sample: { x: [INPUTS], y: [] },
  loss: ({ W, b, A, c }, { x, y }) => {
    const hidden = op.relu(op.add(op.matvec(W, x), b));
    return op.softmaxCrossEntropy(op.add(op.matvec(A, hidden), c), y);
  },
});

/** Index of the largest of t·x over classes, t [input, class]. */
function labelOf(x: Float32Array, truth: Float32Array): number {
  let [best, label] = [-Infinity, 0];
  for (let c = 0; c < CLASSES; c += 1) {
    let sum = 0;
    for (let k = 0; k < INPUTS; k += 1) sum += x[k]! * truth[k * CLASSES + c]!;
    if (sum > best) [best, label] = [sum, c];
  }
  return label;
}

function classifierData(normal: () => number): DataSource {
  const x = Float32Array.from({ length: SAMPLES * INPUTS }, normal);
  const truth = Float32Array.from({ length: INPUTS * CLASSES }, normal);
  const y = Float32Array.from({ length: SAMPLES }, (_, i) =>
    labelOf(x.subarray(i * INPUTS, (i + 1) * INPUTS), truth),
  );
  const fields = { x: { data: x, shape: [INPUTS] }, y: { data: y, shape: [] } };
  return { name: "classifier", samples: SAMPLES, fields };
}

/** Weights normal, of variance 2/784 and 1/64; biases 0. */
function classifierStart(replicas: number): Start {
  const uniform = mulberry32(1234 + INPUTS);
  const normal = (): number => gaussian(uniform);
  const data = classifierData(normal);
  const count = classifier.parameterCount;
  const theta = new Float32Array(replicas * count);
  const outputs = HIDDEN * INPUTS + HIDDEN;
  // The peers draw weights as [replica, input, unit], all of the first layer before the second.
  for (let r = 0; r < replicas; r += 1) {
    for (let k = 0; k < INPUTS; k += 1) {
      for (let j = 0; j < HIDDEN; j += 1) {
        theta[r * count + j * INPUTS + k] = normal() * Math.sqrt(2 / INPUTS);
      }
    }
  }
  for (let r = 0; r < replicas; r += 1) {
    for (let j = 0; j < HIDDEN; j += 1) {
      for (let c = 0; c < CLASSES; c += 1) {
        theta[r * count + outputs + c * HIDDEN + j] = normal() * Math.sqrt(1 / HIDDEN);
      }
    }
  }
  return { data, theta };
}

export const w3: Workload = {
  id: "w3",
  title: "classifier: 16 replicas, 784-64-10 ReLU network, batch 32",
  extra: true,
  model: classifier,
  replicas: 16,
  batchSize: 32,
  learningRate: 0.05,
  checkSteps: 30,
  start: classifierStart,
};

const SIDE = 28;
const FIRST = 8;
const SECOND = 16;
/** Pixels that two convolutions of stride 2 leave: 28 → 12 → 5 a side. */
const LEFT = SECOND * 5 * 5;

const convolutional = defineModel({
  name: "convolutional classifier, 28 x 28",
  params: {
    K: [FIRST, 1, 5, 5],
    k: [FIRST],
    L: [SECOND, FIRST, 3, 3],
    l: [SECOND],
    A: [CLASSES, LEFT],
    c: [CLASSES],
  },
  sample: { x: [INPUTS], y: [] },
  loss: ({ K, k, L, l, A, c }, { x, y }) => {
    const layer = (image: Node, kernels: Node, bias: Node, channels: number): Node => {
      const sums = op.conv2d(image, kernels, { stride: 2 });
      return op.relu(op.add(sums, op.reshape(bias, [channels, 1, 1])));
    };
    const image = op.reshape(x, [1, SIDE, SIDE]);
    const second = layer(layer(image, K, k, FIRST), L, l, SECOND);
    const features = op.reshape(second, [LEFT]);
    return op.softmaxCrossEntropy(op.add(op.matvec(A, features), c), y);
  },
});

/** The data of W3; weights normal, of variance 2/fan-in; biases 0. */
function convolutionalStart(replicas: number): Start {
  const uniform = mulberry32(1234 + INPUTS);
  const normal = (): number => gaussian(uniform);
  const data = classifierData(normal);
  const count = convolutional.parameterCount;
  const theta = new Float32Array(replicas * count);
  for (let r = 0; r < replicas; r += 1) {
    for (const { shape, offset, size } of convolutional.params) {
      if (shape.length === 1) continue;
      const scale = Math.sqrt((2 * shape[0]!) / size);
      const first = r * count + offset;
      for (let i = first; i < first + size; i += 1) theta[i] = scale * normal();
    }
  }
  return { data, theta };
}

/** In the order of the table. */
export const classifierWorkloads: readonly Workload[] = [
  w3,
  {
    ...w3,
    id: "w3x64",
    title: "w3 with 1024 replicas",
    replicas: 64 * w3.replicas,
    checkSteps: 10,
  },
  {
    id: "conv",
    title: "convolutional classifier: 16 replicas, two convolutions of stride 2, batch 32",
    extra: true,
    model: convolutional,
    replicas: 16,
    batchSize: 32,
    learningRate: 0.05,
    checkSteps: 30,
    start: convolutionalStart,
  },
];
