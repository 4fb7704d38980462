/**
 * What a peer is given: sizes, data and initial weights of W1, W2 and W3, from the bench's own workloads.
 *
 * Peers keep weights as [replica, input, unit] and one array after the other, [W][b][A][c]; thermograd
 * keeps [replica, parameter] and matrices as [unit, input]. Files are little-endian float32.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Workload } from "../workload.ts";

/** Sizes of a problem, as peers read them from `<id>.json`. */
export interface Sizes {
  readonly id: string;
  readonly replicas: number;
  readonly samples: number;
  readonly batchSize: number;
  readonly inputs: number;
  /** 0 where the model is linear. */
  readonly hidden: number;
  readonly outputs: number;
  readonly activation: "none" | "tanh" | "relu";
  readonly loss: "square" | "crossEntropy";
  readonly learningRate: number;
}

export interface Problem {
  readonly sizes: Sizes;
  /** [sample, input] */
  readonly x: Float32Array;
  /** [sample]: targets, or labels of classes. */
  readonly y: Float32Array;
  /** Initial weights in the peers' order. */
  readonly theta: Float32Array;
}

/** Kind of network by workload; everything else is read from the workload itself. */
const KINDS: Readonly<Record<string, Pick<Sizes, "activation" | "loss">>> = {
  w1: { activation: "none", loss: "square" },
  w2: { activation: "tanh", loss: "square" },
  w3: { activation: "relu", loss: "crossEntropy" },
};

/** Ids of the workloads that peers run. */
export const PROBLEMS = Object.keys(KINDS);

/** [replica, parameter] → the peers' order, or back. */
function reorder(
  { model, replicas }: Pick<Workload, "model" | "replicas">,
  from: Float32Array,
  back: boolean,
): Float32Array {
  const to = new Float32Array(from.length);
  const count = model.parameterCount;
  for (const { shape, offset, size } of model.params) {
    const [rows, columns] = shape.length === 2 ? (shape as [number, number]) : [size, 1];
    for (let r = 0; r < replicas; r += 1) {
      for (let i = 0; i < rows; i += 1) {
        for (let j = 0; j < columns; j += 1) {
          const ours = r * count + offset + i * columns + j;
          const theirs = replicas * offset + r * size + j * rows + i;
          if (back) to[ours] = from[theirs]!;
          else to[theirs] = from[ours]!;
        }
      }
    }
  }
  return to;
}

/** Weights as thermograd keeps them, as peers do. */
export const toPeers = (workload: Workload, theta: Float32Array): Float32Array =>
  reorder(workload, theta, false);

/** Weights as peers keep them, as thermograd does. */
export const fromPeers = (workload: Workload, theta: Float32Array): Float32Array =>
  reorder(workload, theta, true);

/** The problem that a workload poses to the peers. */
export function problemOf(workload: Workload): Problem {
  const { id, model, replicas, batchSize, learningRate } = workload;
  const { data, theta } = workload.start(replicas);
  const shape = (name: string): readonly number[] =>
    model.params.find((param) => param.name === name)?.shape ?? [];
  const kind = KINDS[id];
  if (kind === undefined) throw new Error(`peers: ${id} is none of ${PROBLEMS.join(", ")}.`);
  const sizes: Sizes = {
    id,
    replicas,
    samples: data.samples,
    batchSize,
    inputs: data.fields.x!.shape[0]!,
    hidden: shape("b")[0] ?? 0,
    outputs: shape("c")[0] ?? 1,
    learningRate,
    ...kind,
  };
  const floats = (name: string): Float32Array => Float32Array.from(data.fields[name]!.data);
  return { sizes, x: floats("x"), y: floats("y"), theta: toPeers(workload, theta) };
}

/** Writes `<id>.json`, `<id>-x.f32`, `<id>-y.f32` and `<id>-theta.f32`. */
export function writeProblem(folder: string, { sizes, x, y, theta }: Problem): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${sizes.id}.json`), `${JSON.stringify(sizes, null, 2)}\n`);
  for (const [name, values] of Object.entries({ x, y, theta })) {
    writeFileSync(join(folder, `${sizes.id}-${name}.f32`), bytesOf(values));
  }
}

export const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

export function readFloats(path: string): Float32Array {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

export function readProblem(folder: string, id: string): Problem {
  const sizes = JSON.parse(readFileSync(join(folder, `${id}.json`), "utf8")) as Sizes;
  const floats = (name: string): Float32Array => readFloats(join(folder, `${id}-${name}.f32`));
  return { sizes, x: floats("x"), y: floats("y"), theta: floats("theta") };
}

/** Parts of the peers' weights: W [replica, input, unit], b, A [replica, unit, output], c. */
export function weightsOf<Floats extends Float32Array | Float64Array>(
  { replicas, inputs, hidden, outputs }: Sizes,
  theta: Floats,
): { W: Floats; b: Floats; A: Floats; c: Floats } {
  const units = hidden === 0 ? outputs : hidden;
  const lengths =
    hidden === 0 ? [inputs, 0, 0, 0] : [inputs * units, units, units * outputs, outputs];
  let at = 0;
  const [W, b, A, c] = lengths.map((length) => {
    const part = theta.subarray(at, at + replicas * length) as Floats;
    at += replicas * length;
    return part;
  });
  return { W: W!, b: b!, A: A!, c: c! };
}
