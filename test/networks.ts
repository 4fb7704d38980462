/**
 * Small networks of the three kinds that every schedule has to take, with data of their own: an MLP, a
 * convolution net, a net whose loss does not depend on the lengths of its weights.
 *
 * Data are drawn from mulberry32 and rounded to float32; labels follow from the inputs, so that there
 * is something to learn. What iterates over `NETWORKS` compares schedules with each other and with the
 * float64 twin.
 */
import { size } from "../engine/graph.ts";
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import type { DataSource } from "../engine/wgsl/row.ts";
import { gaussian, mulberry32 } from "../models/mulberry.ts";

export interface Network {
  readonly model: Model;
  readonly data: DataSource;
  /** Parameter blocks of which the loss does not know the length. */
  readonly scaleInvariant: readonly string[];
}

const CLASSES = 3;

/** Normal inputs of a shape; the label is the largest of three fixed random projections. */
function labelled(shape: readonly number[], samples: number, seed: number): DataSource {
  const uniform = mulberry32(seed);
  const width = size(shape);
  const normals = (count: number): number[] =>
    Array.from({ length: count }, () => Math.fround(gaussian(uniform)));
  const projections = Array.from({ length: CLASSES }, () => normals(width));
  const x = normals(samples * width);
  const label = Array.from({ length: samples }, (_, i) => {
    const scores = projections.map((row) =>
      row.reduce((sum, weight, k) => sum + weight * x[i * width + k]!, 0),
    );
    return scores.indexOf(Math.max(...scores));
  });
  return {
    name: `labelled ${shape.join("x")}`,
    samples,
    fields: { x: { data: x, shape }, label: { data: label, shape: [] } },
  };
}

const SAMPLES = 24;

/** 5-7-6-3, tanh, cross-entropy; widths that no vector length divides. 111 parameters. */
export const mlp: Network = {
  model: defineModel({
    name: "mlp",
    params: { W1: [7, 5], b1: [7], W2: [6, 7], b2: [6], W3: [CLASSES, 6], b3: [CLASSES] },
    sample: { x: [5], label: { labels: CLASSES } },
    loss: ({ W1, b1, W2, b2, W3, b3 }, { x, label }) => {
      const first = op.tanh(op.add(op.matvec(W1, x), b1));
      const second = op.tanh(op.add(op.matvec(W2, first), b2));
      return op.softmaxCrossEntropy(op.add(op.matvec(W3, second), b3), label);
    },
  }),
  data: labelled([5], SAMPLES, 21),
  scaleInvariant: [],
};

/**
 * 1x6x6 → conv 3 (3x3) → max-pool 2 → conv 4 (2x2, padding 1) → mean-pool 2 at stride 1 → dense 3.
 * 133 parameters. Smooth units: a sign that float32 sees otherwise would part twins by more than
 * rounding. No larger, since what tests wait for is the compiler.
 */
export const cnn: Network = {
  model: defineModel({
    name: "cnn",
    params: {
      K1: [3, 1, 3, 3],
      b1: [3],
      K2: [4, 3, 2, 2],
      b2: [4],
      W: [CLASSES, 16],
      b: [CLASSES],
    },
    sample: { x: [1, 6, 6], label: { labels: CLASSES } },
    loss: ({ K1, b1, K2, b2, W, b }, { x, label }) => {
      const first = op.add(op.conv2d(x, K1), op.reshape(b1, [3, 1, 1]));
      const pooled = op.softplus(op.maxPool(first, { window: 2 }));
      const second = op.add(op.conv2d(pooled, K2, { padding: 1 }), op.reshape(b2, [4, 1, 1]));
      const features = op.avgPool(op.tanh(second), { window: 2, stride: 1 });
      const scores = op.add(op.matvec(W, op.reshape(features, [16])), b);
      return op.softmaxCrossEntropy(scores, label);
    },
  }),
  data: labelled([1, 6, 6], SAMPLES, 22),
  scaleInvariant: [],
};

/**
 * 1x6x6 → conv 3 (3x3, stride 2) → layerNorm → tanh → 6 units → layerNorm → tanh → 3 unit vectors
 * times 2, softmax: no block's length matters. 117 parameters.
 */
export const scaleInvariant: Network = {
  model: defineModel({
    name: "scaleInvariant",
    params: { K: [3, 1, 3, 3], W: [6, 12], V: [CLASSES, 6] },
    sample: { x: [1, 6, 6], label: { labels: CLASSES } },
    loss: ({ K, W, V }, { x, label }) => {
      const image = op.layerNorm(op.conv2d(x, K, { stride: 2 }), { epsilon: 0 });
      const units = op.layerNorm(op.matvec(W, op.reshape(op.tanh(image), [12])), { epsilon: 0 });
      const scores = op.matvec(op.weightNorm(V, { gain: 2 }), op.tanh(units));
      return op.softmaxCrossEntropy(scores, label);
    },
  }),
  data: labelled([1, 6, 6], SAMPLES, 23),
  scaleInvariant: ["K", "W", "V"],
};

/** By name. */
export const NETWORKS: Readonly<Record<string, Network>> = { mlp, cnn, scaleInvariant };
