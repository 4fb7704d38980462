/**
 * A two-layer network y = W2 φ(W1 x) without biases, squared loss, on random data (card 2B).
 *
 * l = |W2 φ(W1 x) − y|², φ linear, ReLU or tanh. Data: independent standard normal inputs and
 * targets, so that the loss has no zero and gradients stay of order one.
 */
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import type { Dataset } from "./dataset.ts";
import { gaussian, mulberry32 } from "./mulberry.ts";
import type { LayerPair } from "./theory/layerCharge.ts";

export type Activation = "linear" | "relu" | "tanh";

/** Parameters `W1` [hidden, inputs] and `W2` [outputs, hidden], fields `x` [inputs], `y` [outputs]. */
export function layerPair({ inputs, hidden, outputs }: LayerPair, activation: Activation): Model {
  return defineModel({
    name: `layer-pair-${activation}`,
    params: { W1: [hidden, inputs], W2: [outputs, hidden] },
    sample: { x: [inputs], y: [outputs] },
    loss: ({ W1, W2 }, { x, y }) => {
      const before = op.matvec(W1, x);
      const after = activation === "linear" ? before : op[activation](before);
      return op.sum(op.square(op.sub(op.matvec(W2, after), y)));
    },
  });
}

/** `samples` pairs of standard normal vectors from mulberry32(seed), x and y of a sample in turn. */
export function layerPairData({ inputs, outputs }: LayerPair, samples: number, seed = 1): Dataset {
  const uniform = mulberry32(seed);
  const x = new Float64Array(samples * inputs);
  const y = new Float64Array(samples * outputs);
  for (let n = 0; n < samples; n += 1) {
    for (let i = 0; i < inputs; i += 1) x[n * inputs + i] = gaussian(uniform);
    for (let o = 0; o < outputs; o += 1) y[n * outputs + o] = gaussian(uniform);
  }
  return {
    name: "gaussian-pairs",
    samples,
    fields: { x: { data: x, shape: [inputs] }, y: { data: y, shape: [outputs] } },
    origin: `standard normal numbers of mulberry32, seed ${seed}`,
  };
}
