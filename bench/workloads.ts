/**
 * The workloads that performance is judged on, with the data and the initial weights that all peers
 * of the comparison use (mulberry32, one generator a workload; same draws in the same order).
 *
 * One replica-step is one minibatch SGD update of one replica. Indices are drawn on the device, with
 * replacement, for each replica and step.
 */
import { type DataSource, defineModel, moments, op, series } from "../engine/index.ts";
import { gaussian, mulberry32 } from "../models/mulberry.ts";
import { classifierWorkloads } from "./classifierWorkloads.ts";
import { observableWorkloads } from "./observableWorkloads.ts";
import { ruleWorkloads } from "./ruleWorkloads.ts";
import type { Start, Workload } from "./workload.ts";

const SAMPLES = 256;

const draws = (count: number, draw: () => number): Float32Array =>
  Float32Array.from({ length: count }, draw);

const tinyModel = defineModel({
  name: "linear regression, 8 weights",
  params: { w: [8] },
  sample: { x: [8], y: [] },
  loss: ({ w }, { x, y }) => op.square(op.sub(op.dot(w, x), y)),
});

/** y = t·x + 0.1 ξ with x, t, ξ standard normal; w₀ standard normal. */
function tinyStart(replicas: number): Start {
  const inputs = 8;
  const uniform = mulberry32(1234 + inputs);
  const normal = (): number => gaussian(uniform);
  const x = draws(SAMPLES * inputs, normal);
  const truth = draws(inputs, normal);
  const y = new Float32Array(SAMPLES);
  for (let i = 0; i < SAMPLES; i += 1) {
    let sum = 0.1 * normal();
    for (let k = 0; k < inputs; k += 1) sum += x[i * inputs + k]! * truth[k]!;
    y[i] = sum;
  }
  return { data: regression("tiny", x, inputs, y), theta: draws(replicas * inputs, normal) };
}

const HIDDEN = 32;

const smallModel = defineModel({
  name: "2-32-1 tanh network",
  params: { W: [HIDDEN, 2], b: [HIDDEN], a: [HIDDEN], c: [] },
  sample: { x: [2], y: [] },
  loss: ({ W, b, a, c }, { x, y }) => {
    const hidden = op.tanh(op.add(op.matvec(W, x), b));
    return op.square(op.sub(op.add(op.dot(a, hidden), c), y));
  },
});

/** y = sin 2x₀ + x₁/2; normal weights of variance 1/fan-in, biases 0. */
function smallStart(replicas: number): Start {
  const inputs = 2;
  const uniform = mulberry32(1234 + inputs);
  const normal = (): number => gaussian(uniform);
  const x = draws(SAMPLES * inputs, normal);
  const y = new Float32Array(SAMPLES);
  for (let i = 0; i < SAMPLES; i += 1) y[i] = Math.sin(2 * x[2 * i]!) + 0.5 * x[2 * i + 1]!;
  // The peers keep W as [replica, input, unit] and draw it whole before a.
  const W = draws(replicas * inputs * HIDDEN, () => normal() / Math.sqrt(inputs));
  const a = draws(replicas * HIDDEN, () => normal() / Math.sqrt(HIDDEN));
  const count = smallModel.parameterCount;
  const theta = new Float32Array(replicas * count);
  for (let r = 0; r < replicas; r += 1) {
    for (let j = 0; j < HIDDEN; j += 1) {
      for (let k = 0; k < inputs; k += 1) {
        theta[r * count + j * inputs + k] = W[(r * inputs + k) * HIDDEN + j]!;
      }
      theta[r * count + 3 * HIDDEN + j] = a[r * HIDDEN + j]!;
    }
  }
  return { data: regression("small", x, inputs, y), theta };
}

const regression = (
  name: string,
  x: Float32Array,
  inputs: number,
  y: Float32Array,
): DataSource => ({
  name,
  samples: SAMPLES,
  fields: { x: { data: x, shape: [inputs] }, y: { data: y, shape: [] } },
});

const w1: Workload = {
  id: "w1",
  title: "tiny: 1024 replicas, linear regression with 8 weights, batch 8",
  extra: false,
  model: tinyModel,
  replicas: 1024,
  batchSize: 8,
  learningRate: 0.05,
  checkSteps: 200,
  start: tinyStart,
};

const w2: Workload = {
  id: "w2",
  title: "small: 256 replicas, 2-32-1 tanh network, batch 16",
  extra: false,
  model: smallModel,
  replicas: 256,
  batchSize: 16,
  learningRate: 0.05,
  checkSteps: 200,
  start: smallStart,
};

/** In the order of the table. */
export const workloads: readonly Workload[] = [
  w1,
  w2,
  { ...w1, id: "w1x64", title: "w1 with 65,536 replicas", extra: true, replicas: 64 * w1.replicas },
  { ...w2, id: "w2x64", title: "w2 with 16,384 replicas", extra: true, replicas: 64 * w2.replicas },
  {
    ...w1,
    id: "w1-million",
    title: "w1 with 1,000,000 replicas",
    extra: true,
    replicas: 1_000_000,
    checkSteps: 20,
  },
  {
    ...w1,
    id: "w1-observed",
    title: "w1 with the loss and the moments of the weights recorded every 10 steps",
    extra: true,
    observables: {
      loss: series({ of: "loss", every: 10 }),
      weights: moments({ every: 10 }),
    },
  },
  ...classifierWorkloads,
  ...observableWorkloads(w1, ["w[0]", "w[1]"]),
  ...observableWorkloads(w2, ["W[0,0]", "W[0,1]"]),
  ...ruleWorkloads(w1),
  ...ruleWorkloads(w2),
];
