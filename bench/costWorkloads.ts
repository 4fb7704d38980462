/**
 * The series of the cost's growth: one small network with 10² to 10⁶ replicas, and networks of 10 to 10⁶
 * parameters with 64 replicas each.
 */
import { defineModel, type Model, op } from "../engine/index.ts";
import { mulberry32 } from "../models/mulberry.ts";
import type { Start, Workload } from "./workload.ts";

const SAMPLES = 64;
const BATCH = 16;
const REPLICAS = 64;

/** n inputs, h tanh units, one output: h (n + 2) + 1 parameters. */
function network(inputs: number, hidden: number): Model {
  return defineModel({
    name: `${inputs}-${hidden}-1 tanh network`,
    params: { W: [hidden, inputs], b: [hidden], a: [hidden], c: [] },
    sample: { x: [inputs], y: [] },
    loss: ({ W, b, a, c }, { x, y }) => {
      const units = op.tanh(op.add(op.matvec(W, x), b));
      return op.square(op.sub(op.add(op.dot(a, units), c), y));
    },
  });
}

/** y = sin 2x₀ + x₁/2 of uniform x of variance 1; uniform weights of variance 1/fan-in, biases 0. */
function networkStart(model: Model, inputs: number, replicas: number): Start {
  const uniform = mulberry32(1234 + inputs);
  /** Uniform, of variance 1. */
  const draw = (): number => Math.sqrt(3) * (2 * uniform() - 1);
  const x = Float32Array.from({ length: SAMPLES * inputs }, draw);
  const y = Float32Array.from(
    { length: SAMPLES },
    (_, i) => Math.sin(2 * x[i * inputs]!) + 0.5 * x[i * inputs + 1]!,
  );
  const theta = new Float32Array(replicas * model.parameterCount);
  for (let r = 0; r < replicas; r += 1) {
    for (const { name, offset, size } of model.params) {
      if (name !== "W" && name !== "a") continue;
      const scale = 1 / Math.sqrt(name === "W" ? inputs : size);
      const first = r * model.parameterCount + offset;
      for (let i = first; i < first + size; i += 1) theta[i] = scale * draw();
    }
  }
  const fields = { x: { data: x, shape: [inputs] }, y: { data: y, shape: [] } };
  return { data: { name: "cost", samples: SAMPLES, fields }, theta };
}

function costWorkload(inputs: number, hidden: number, replicas: number): Workload {
  const model = network(inputs, hidden);
  return {
    id: `${model.parameterCount} parameters, ${replicas} replicas`,
    title: `${model.name}, ${replicas} replicas`,
    extra: true,
    model,
    replicas,
    batchSize: BATCH,
    // The tangent kernel of a sample is about (inputs + hidden) / 2.
    learningRate: 0.5 / (inputs + hidden),
    checkSteps: model.parameterCount < 1e5 ? 20 : 8,
    start: (count) => networkStart(model, inputs, count),
  };
}

/** Half decades: a 2-8-1 network (33 parameters) with 10² to 10⁶ replicas. */
export const replicaSeries = (): Workload[] =>
  [1e2, 316, 1e3, 3162, 1e4, 31_623, 1e5, 316_228, 1e6].map((replicas) =>
    costWorkload(2, 8, replicas),
  );

/** Half decades: inputs and units of networks of about 10, 10^1.5, … 10⁶ parameters. */
const NETWORKS: readonly (readonly [inputs: number, hidden: number])[] = [
  [2, 2],
  [3, 6],
  [8, 10],
  [14, 20],
  [30, 31],
  [54, 56],
  [98, 100],
  [176, 178],
  [314, 316],
  [560, 562],
  [998, 1000],
];

export const parameterSeries = (): Workload[] =>
  NETWORKS.map(([inputs, hidden]) => costWorkload(inputs, hidden, REPLICAS));
