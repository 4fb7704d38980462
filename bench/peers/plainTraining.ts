/**
 * The problems in plain JavaScript: loops over typed arrays, one thread, no library.
 *
 * In float32 it is the peer `plain JavaScript`; in float64 it makes the losses that every peer is held
 * against. Gradients are written by hand, so it is also independent of the engine. Minibatches are drawn
 * with replacement by xorshift32; sample counts are powers of two, so that a mask draws without bias.
 */
import { type Problem, weightsOf } from "./problem.ts";

/** Marsaglia 2003, "Xorshift RNGs": 32 bits, never 0. */
function xorshift32(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Takes steps of all replicas, in place. */
export type Training = (steps: number) => void;

/** Draws the index of a sample. */
export type Draw = () => number;

export const drawFrom = (samples: number, seed: number): Draw => {
  const random = xorshift32(seed);
  return () => random() & (samples - 1);
};

/** SGD of all replicas of a problem on `theta` in the peers' order. */
export function plainTraining<Floats extends Float32Array | Float64Array>(
  problem: Problem,
  theta: Floats,
  draw: Draw,
): Training {
  return problem.sizes.hidden === 0
    ? trainLinear(problem, theta, draw)
    : trainNetwork(problem, theta, draw);
}

/** w ← w − (2η/B) Σ (w·x − y) x */
function trainLinear<Floats extends Float32Array | Float64Array>(
  { sizes, x, y }: Problem,
  w: Floats,
  draw: Draw,
): Training {
  const { replicas, inputs, batchSize, learningRate } = sizes;
  const gradient = new Float64Array(inputs);
  const scale = (2 * learningRate) / batchSize;
  const stepReplica = (at: number): void => {
    gradient.fill(0);
    for (let b = 0; b < batchSize; b += 1) {
      const i = draw();
      const row = i * inputs;
      let error = -y[i]!;
      for (let k = 0; k < inputs; k += 1) error += x[row + k]! * w[at + k]!;
      for (let k = 0; k < inputs; k += 1) gradient[k] = gradient[k]! + error * x[row + k]!;
    }
    for (let k = 0; k < inputs; k += 1) w[at + k] = w[at + k]! - scale * gradient[k]!;
  };
  return (steps) => {
    for (let t = 0; t < steps; t += 1) {
      for (let r = 0; r < replicas; r += 1) stepReplica(r * inputs);
    }
  };
}

/** One hidden layer; all of a minibatch's gradient is taken before any weight moves. */
function trainNetwork<Floats extends Float32Array | Float64Array>(
  problem: Problem,
  theta: Floats,
  draw: Draw,
): Training {
  const { replicas, inputs, hidden, outputs, batchSize } = problem.sizes;
  const { W, b, A, c } = weightsOf(problem.sizes, theta);
  const make = (length: number): Floats =>
    (theta instanceof Float64Array ? new Float64Array(length) : new Float32Array(length)) as Floats;
  const memory: NetworkMemory<Floats> = {
    indices: new Int32Array(batchSize),
    h: make(batchSize * hidden),
    dh: make(batchSize * hidden),
    dz: make(batchSize * outputs),
  };
  const replica = (r: number): Network<Floats> => ({
    W: W.subarray(r * inputs * hidden, (r + 1) * inputs * hidden) as Floats,
    b: b.subarray(r * hidden, (r + 1) * hidden) as Floats,
    A: A.subarray(r * hidden * outputs, (r + 1) * hidden * outputs) as Floats,
    c: c.subarray(r * outputs, (r + 1) * outputs) as Floats,
  });
  const networks = Array.from({ length: replicas }, (_, r) => replica(r));
  return (steps) => {
    for (let t = 0; t < steps; t += 1) {
      for (const network of networks) {
        for (let s = 0; s < batchSize; s += 1) memory.indices[s] = draw();
        forward(problem, network, memory);
        backward(problem, network, memory);
        update(problem, network, memory);
      }
    }
  };
}

interface Network<Floats> {
  readonly W: Floats;
  readonly b: Floats;
  readonly A: Floats;
  readonly c: Floats;
}

/** Of a minibatch: activations and adjoints, [sample, unit] and [sample, output]. */
interface NetworkMemory<Floats> {
  readonly indices: Int32Array;
  readonly h: Floats;
  readonly dh: Floats;
  readonly dz: Floats;
}

type Anywhere = Float32Array | Float64Array;

/** h, and in `dz` the outputs. */
function forward(
  { sizes, x }: Problem,
  { W, b, A, c }: Network<Anywhere>,
  { indices, h, dz }: NetworkMemory<Anywhere>,
): void {
  const { inputs, hidden, outputs, batchSize, activation } = sizes;
  for (let s = 0; s < batchSize; s += 1) {
    const units = s * hidden;
    const row = indices[s]! * inputs;
    for (let j = 0; j < hidden; j += 1) h[units + j] = b[j]!;
    for (let k = 0; k < inputs; k += 1) {
      const value = x[row + k]!;
      const weights = k * hidden;
      for (let j = 0; j < hidden; j += 1) h[units + j] = h[units + j]! + value * W[weights + j]!;
    }
    for (let j = 0; j < hidden; j += 1) {
      const value = h[units + j]!;
      h[units + j] = activation === "tanh" ? Math.tanh(value) : value > 0 ? value : 0;
    }
    for (let o = 0; o < outputs; o += 1) {
      let sum = c[o]!;
      for (let j = 0; j < hidden; j += 1) sum += h[units + j]! * A[j * outputs + o]!;
      dz[s * outputs + o] = sum;
    }
  }
}

/** Turns outputs into the loss's derivatives, of the mean over the minibatch. */
function lossDerivatives({ sizes, y }: Problem, indices: Int32Array, dz: Anywhere): void {
  const { outputs, batchSize, loss } = sizes;
  for (let s = 0; s < batchSize; s += 1) {
    const target = y[indices[s]!]!;
    const at = s * outputs;
    if (loss === "square") {
      dz[at] = (2 * (dz[at]! - target)) / batchSize;
      continue;
    }
    let largest = -Infinity;
    for (let o = 0; o < outputs; o += 1) largest = Math.max(largest, dz[at + o]!);
    let sum = 0;
    for (let o = 0; o < outputs; o += 1) {
      dz[at + o] = Math.exp(dz[at + o]! - largest);
      sum += dz[at + o]!;
    }
    for (let o = 0; o < outputs; o += 1) {
      dz[at + o] = (dz[at + o]! / sum - (o === target ? 1 : 0)) / batchSize;
    }
  }
}

/** Adjoints of the units, before the activation. */
function backward(
  problem: Problem,
  { A }: Network<Anywhere>,
  { indices, h, dh, dz }: NetworkMemory<Anywhere>,
): void {
  const { hidden, outputs, batchSize, activation } = problem.sizes;
  lossDerivatives(problem, indices, dz);
  for (let s = 0; s < batchSize; s += 1) {
    for (let j = 0; j < hidden; j += 1) {
      let sum = 0;
      for (let o = 0; o < outputs; o += 1) sum += dz[s * outputs + o]! * A[j * outputs + o]!;
      const value = h[s * hidden + j]!;
      dh[s * hidden + j] = activation === "tanh" ? sum * (1 - value * value) : value > 0 ? sum : 0;
    }
  }
}

function update(
  { sizes, x }: Problem,
  { W, b, A, c }: Network<Anywhere>,
  { indices, h, dh, dz }: NetworkMemory<Anywhere>,
): void {
  const { inputs, hidden, outputs, batchSize, learningRate } = sizes;
  for (let s = 0; s < batchSize; s += 1) {
    const units = s * hidden;
    const row = indices[s]! * inputs;
    for (let o = 0; o < outputs; o += 1) {
      const move = learningRate * dz[s * outputs + o]!;
      c[o] = c[o]! - move;
      for (let j = 0; j < hidden; j += 1) {
        A[j * outputs + o] = A[j * outputs + o]! - move * h[units + j]!;
      }
    }
    for (let j = 0; j < hidden; j += 1) {
      dh[units + j] = learningRate * dh[units + j]!;
      b[j] = b[j]! - dh[units + j]!;
    }
    for (let k = 0; k < inputs; k += 1) {
      const value = x[row + k]!;
      const weights = k * hidden;
      for (let j = 0; j < hidden; j += 1) W[weights + j] = W[weights + j]! - value * dh[units + j]!;
    }
  }
}
