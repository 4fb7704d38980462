/**
 * Models that are hard on a program of stages: what its products, epilogues, sums over samples and
 * reuse of memory have to get right, each small and not chaotic.
 *
 * Blocks are of sizes that a vector length divides and of sizes that none does; what iterates over
 * `STAGED_MODELS` compares schedules with each other and with the float64 twin.
 */
import { constant } from "../engine/graph.ts";
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";

const waves = (count: number, shape: readonly number[]) =>
  constant(
    Array.from({ length: count }, (_, i) => Math.fround(Math.cos(1.7 * i + 0.3))),
    shape,
  );

/** The last layer is declared first: its gradient's product comes before sums that reuse words. */
const lastLayerFirst = defineModel({
  name: "last layer first",
  params: { W4: [8, 8], W3: [8, 8], W2: [8, 8], W1: [8, 4] },
  sample: { x: [4], y: [8] },
  loss: ({ W1, W2, W3, W4 }, { x, y }) => {
    const first = op.tanh(op.matvec(W1, x));
    const second = op.tanh(op.matvec(W2, first));
    const third = op.tanh(op.matvec(W3, second));
    return op.scale(op.sum(op.square(op.sub(op.matvec(W4, third), y))), 0.5);
  },
});

/** W encodes, its transpose decodes: a gradient of two products. */
const tied = defineModel({
  name: "tied autoencoder",
  params: { W: [5, 6], b: [5], c: [6] },
  sample: { x: [6] },
  loss: ({ W, b, c }, { x }) => {
    const code = op.tanh(op.add(op.matvec(W, x), b));
    const seen = op.add(op.matvec(op.transpose(W), code), c);
    return op.mean(op.square(op.sub(seen, x)));
  },
});

/** Read by columns: the gradient of a block is a transposed product. */
const columns = defineModel({
  name: "a transposed block",
  params: { V: [5, 8], W: [8, 5], b: [1, 4] },
  sample: { x: [8], y: [5] },
  loss: ({ V, W, b }, { x, y }) => {
    const units = op.tanh(op.matvec(V, x));
    const moved = op.add(op.matvec(op.transpose(W), x), op.mean(op.transpose(b)));
    return op.mean(op.square(op.sub(op.mul(units, moved), y)));
  },
});

/** One matrix twice in a row: W tanh(W x). */
const recurrent = defineModel({
  name: "a block used twice",
  params: { W: [4, 4], v: [4] },
  sample: { x: [4], y: [] },
  loss: ({ W, v }, { x, y }) => {
    const once = op.tanh(op.matvec(W, x));
    const twice = op.tanh(op.add(op.matvec(W, once), x));
    return op.square(op.sub(op.dot(v, twice), y));
  },
});

/** The loss of a sample reads a block directly: ½ λ |W|², and products of parameters alone. */
const penalty = defineModel({
  name: "penalty in the loss",
  params: { W: [3, 5], V: [5, 4] },
  sample: { x: [4], label: { labels: 3 } },
  loss: ({ W, V }, { x, label }) => {
    const data = op.softmaxCrossEntropy(op.matvec(W, op.tanh(op.matvec(V, x))), label);
    const lengths = op.add(op.sum(op.square(W)), op.sum(op.square(op.matmul(W, V))));
    return op.add(data, op.scale(lengths, 0.03));
  },
});

/** No sample is read: every batch has the same loss. */
const noSample = defineModel({
  name: "nothing of the sample",
  params: { A: [4, 5], b: [5] },
  sample: { x: [] },
  loss: ({ A, b }, { x }) =>
    op.add(op.sum(op.square(op.sub(op.matvec(A, op.tanh(b)), 0.5))), op.mul(op.detach(x), 0)),
});

/** A block without influence, one that moves at a constant rate, one whose gradient is the loss. */
const flatBlocks = defineModel({
  name: "flat blocks",
  params: { idle: [3], drift: [5], both: [], w: [4] },
  sample: { x: [4] },
  loss: ({ idle, drift, both, w }, { x }) =>
    op.add(
      op.add(op.scale(op.sum(drift), 0.125), op.scale(op.exp(both), 0.25)),
      op.add(op.square(op.dot(w, x)), op.mul(0, op.sum(idle))),
    ),
});

/** l = eᶜ: the gradient is the loss, one statement for two outputs. */
const lossIsGradient = defineModel({
  name: "the loss is the gradient",
  params: { c: [] },
  sample: { x: [] },
  loss: ({ c }) => op.exp(c),
});

/** Two blocks with one gradient. */
const sameGradient = defineModel({
  name: "two blocks of one gradient",
  params: { a: [8], b: [8], W: [4, 8], V: [4, 8] },
  sample: { x: [8], y: [4] },
  loss: ({ a, b, W, V }, { x, y }) => {
    const input = op.tanh(op.add(op.add(a, b), x));
    return op.mean(op.square(op.sub(op.matvec(op.add(W, V), input), y)));
  },
});

/** Products of two activations: scores and values of tokens. */
const attention = defineModel({
  name: "attention of tokens",
  params: { Q: [3, 4], K: [3, 4], V: [3, 4] },
  sample: { x: [5, 3], y: [5, 4] },
  loss: ({ Q, K, V }, { x, y }) => {
    const scores = op.matmul(op.matmul(x, Q), op.transpose(op.matmul(x, K)));
    const values = op.matmul(op.softmax(op.scale(scores, 0.7)), op.matmul(x, V));
    return op.mean(op.square(op.sub(values, y)));
  },
});

/** Fixed matrices on both sides, and a fixed vector of features. */
const constants = defineModel({
  name: "fixed matrices",
  params: { W: [6, 6], b: [4] },
  sample: { x: [5], y: [4] },
  loss: ({ W, b }, { x, y }) => {
    const features = op.matvec(waves(30, [6, 5]), x);
    const units = op.tanh(op.add(op.matvec(W, features), waves(6, [6])));
    const out = op.add(op.matvec(waves(24, [4, 6]), units), b);
    return op.mean(op.square(op.sub(out, y)));
  },
});

/** Cut, joined and padded in the middle: gradients of parts of a block. */
const pieces = defineModel({
  name: "pieces",
  params: { flat: [37], b: [9] },
  sample: { x: [5], z: [2], y: [3] },
  loss: ({ flat, b }, { x, z, y }) => {
    const W = op.reshape(op.slice(flat, 1, 21), [4, 5]);
    const V = op.reshape(op.slice(flat, 10, 37), [3, 9]);
    const units = op.tanh(op.matvec(W, x));
    const joined = op.concat([units, z, op.pad(op.slice(units, 1, 3), 1, 0)]);
    const out = op.matvec(V, op.mul(joined, op.sigmoid(b)));
    return op.mean(op.square(op.sub(out, y)));
  },
});

/** 1 × n, n × 1 and 1 × 1 matrices. */
const thin = defineModel({
  name: "thin matrices",
  params: { row: [1, 9], column: [7, 1], dot: [1, 1], last: [1, 7] },
  sample: { x: [9], y: [1] },
  loss: ({ row, column, dot, last }, { x, y }) => {
    const one = op.tanh(op.matvec(row, x));
    const many = op.tanh(op.matvec(column, op.matvec(dot, one)));
    return op.sum(op.square(op.sub(op.matvec(last, many), y)));
  },
});

/** Scalars alone. */
const scalars = defineModel({
  name: "scalars",
  params: { a: [], b: [], c: [] },
  sample: { x: [], y: [] },
  loss: ({ a, b, c }, { x, y }) =>
    op.square(op.sub(op.add(op.mul(a, op.tanh(op.mul(b, x))), c), y)),
});

/** Largest and smallest elements, within a sample and of a product. */
const extremes = defineModel({
  name: "extremes",
  params: { A: [4, 6], B: [6, 3] },
  sample: { x: [5, 4] },
  loss: ({ A, B }, { x }) => {
    const scores = op.matmul(op.tanh(op.matmul(x, A)), B);
    return op.add(op.mean(op.square(op.maxOf(scores, 0))), op.mean(op.square(op.minOf(scores, 1))));
  },
});

/** A matrix for every sample, of parameters and fields, and a product with it. */
const ownMatrix = defineModel({
  name: "a matrix of each sample",
  params: { W: [5, 4], v: [5] },
  sample: { u: [5], x: [4] },
  loss: ({ W, v }, { u, x }) => {
    const matrix = op.tanh(op.add(W, op.outer(u, x)));
    const out = op.matvec(op.transpose(matrix), v);
    return op.mean(op.square(op.sub(op.matvec(matrix, out), u)));
  },
});

/** Labels as numbers and as classes at once, and statistics over units in the middle. */
const normalized = defineModel({
  name: "normalized units",
  params: { W: [8, 4], gain: [8], V: [3, 8] },
  sample: { x: [4], label: { labels: 3 }, weight: [] },
  loss: ({ W, gain, V }, { x, label, weight }) => {
    const units = op.mul(gain, op.layerNorm(op.matvec(W, x), { epsilon: 0.01 }));
    const loss = op.softmaxCrossEntropy(op.matvec(V, op.softplus(units)), label);
    return op.mul(op.sigmoid(weight), loss);
  },
});

/** Values of lengths that four does not divide, and blocks that begin between two vec4f. */
const oddLengths = defineModel({
  name: "odd lengths",
  params: { a: [7], b: [10], W: [3, 7], c: [5, 6] },
  sample: { x: [7], y: [10], image: [5, 6], label: { labels: 10 } },
  loss: ({ a, b, W, c }, { x, y, image, label }) => {
    const units = op.tanh(op.mul(op.add(a, x), op.add(1, op.square(a))));
    const seen = op.sigmoid(op.mul(c, op.sub(image, op.maxOf(image, 0))));
    const scores = op.add(op.mul(b, y), op.mul(op.sum(seen), 0.1));
    const penalty = op.sum(op.square(op.tanh(c)));
    const loss = op.add(op.softmaxCrossEntropy(scores, label), op.mean(op.square(units)));
    return op.add(op.add(loss, op.sum(op.square(op.matvec(W, units)))), op.scale(penalty, 0.1));
  },
});

/** Windows that overlap, of images whose rows hold fours and of images whose rows do not. */
const windows = defineModel({
  name: "overlapping windows",
  params: { K: [2, 1, 3, 3], L: [3, 2, 3, 3], M: [2, 3, 2, 2], v: [2, 2, 2] },
  sample: { image: [1, 17, 19], y: [] },
  loss: ({ K, L, M, v }, { image, y }) => {
    const first = op.tanh(op.conv2d(image, K, { stride: 2 }));
    const second = op.softplus(op.conv2d(first, L, { stride: 2, padding: 1 }));
    const third = op.tanh(op.conv2d(second, M, { stride: [2, 3] }));
    return op.square(op.sub(op.sum(op.mul(third, v)), y));
  },
});

/** By name. */
export const STAGED_MODELS: Readonly<Record<string, Model>> = Object.fromEntries(
  [
    lastLayerFirst,
    tied,
    columns,
    recurrent,
    penalty,
    noSample,
    flatBlocks,
    lossIsGradient,
    sameGradient,
    attention,
    constants,
    pieces,
    thin,
    scalars,
    extremes,
    ownMatrix,
    normalized,
    oddLengths,
    windows,
  ].map((model) => [model.name, model]),
);
