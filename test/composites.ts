/** Models that put many operations together: what emission and autodiff have to get right at once. */
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";

/** ½(w·x + b − y)² */
export const linearRegression = (inputs: number): Model =>
  defineModel({
    name: "linear regression",
    params: { w: [inputs], b: [] },
    sample: { x: [inputs], y: [] },
    loss: ({ w, b }, { x, y }) => op.scale(op.square(op.sub(op.add(op.dot(w, x), b), y)), 0.5),
  });

/** ½(a·tanh(Wx + b) + c − y)² */
export const network = (inputs: number, hidden: number): Model =>
  defineModel({
    name: `MLP ${inputs}-${hidden}-1`,
    params: { W: [hidden, inputs], b: [hidden], a: [hidden], c: [] },
    sample: { x: [inputs], y: [] },
    loss: ({ W, b, a, c }, { x, y }) => {
      const units = op.tanh(op.add(op.matvec(W, x), b));
      return op.scale(op.square(op.sub(op.add(op.dot(a, units), c), y)), 0.5);
    },
  });

/** −log softmax(Wx + b)[label], with accuracy as a metric. */
export const softmaxClassifier = (inputs: number, classes: number): Model =>
  defineModel({
    name: `softmax ${inputs}-${classes}`,
    params: { W: [classes, inputs], b: [classes] },
    sample: { x: [inputs], label: { labels: classes } },
    loss: ({ W, b }, { x, label }) => op.softmaxCrossEntropy(op.add(op.matvec(W, x), b), label),
    metrics: {
      accuracy: ({ W, b }, { x, label }) => {
        const logits = op.add(op.matvec(W, x), b);
        return op.sub(1, op.step(op.sub(op.maxOf(logits), op.pick(logits, label))));
      },
    },
  });

/** ½(w·x/|w| − y)²: the same for w and cw, so that w·∇l = 0. */
export const scaleInvariant = (inputs: number): Model =>
  defineModel({
    name: "scale-invariant",
    params: { w: [inputs] },
    sample: { x: [inputs], y: [] },
    loss: ({ w }, { x, y }) => {
      const direction = op.div(w, op.sqrt(op.dot(w, w)));
      return op.scale(op.square(op.sub(op.dot(direction, x), y)), 0.5);
    },
  });

const deepNetwork = defineModel({
  name: "MLP of two hidden layers",
  params: { W1: [6, 3], b1: [6], W2: [4, 6], b2: [4], a: [4] },
  sample: { x: [3], y: [] },
  loss: ({ W1, b1, W2, b2, a }, { x, y }) => {
    const first = op.tanh(op.add(op.matvec(W1, x), b1));
    const second = op.relu(op.add(op.matvec(W2, first), b2));
    return op.scale(op.square(op.sub(op.dot(a, second), y)), 0.5);
  },
});

const deepClassifier = defineModel({
  name: "classifier with a hidden layer",
  params: { W1: [5, 4], W2: [3, 5] },
  sample: { x: [4], label: { labels: 3 } },
  loss: ({ W1, W2 }, { x, label }) =>
    op.softmaxCrossEntropy(op.matvec(W2, op.sigmoid(op.matvec(W1, x))), label),
});

/** softmax(QKᵀ)V on four tokens: reductions within reductions. */
const attention = defineModel({
  name: "attention",
  params: { Q: [3, 2], K: [3, 2], V: [3, 2] },
  sample: { x: [4, 3], y: [4, 2] },
  loss: ({ Q, K, V }, { x, y }) => {
    const scores = op.matmul(op.matmul(x, Q), op.transpose(op.matmul(x, K)));
    const values = op.matmul(op.softmax(op.scale(scores, 0.7)), op.matmul(x, V));
    return op.mean(op.square(op.sub(values, y)));
  },
});

/** Blocks cut from one parameter vector and joined again. */
const slicesAndConcats = defineModel({
  name: "slices and concats",
  params: { flat: [14] },
  sample: { x: [3], y: [2] },
  loss: ({ flat }, { x, y }) => {
    const W = op.reshape(op.slice(flat, 0, 6), [2, 3]);
    const V = op.reshape(op.slice(flat, 6, 12), [3, 2]);
    const units = op.concat([op.tanh(op.matvec(W, x)), op.slice(flat, 12, 13)]);
    const out = op.add(op.matvec(op.transpose(V), units), op.slice(flat, 13, 14));
    return op.add(op.sum(op.square(op.sub(out, y))), op.scale(op.maxOf(units), 0.1));
  },
});

/** (x − mean)/deviation over units, then a product with weights that reads the norm again. */
const layerNorm = defineModel({
  name: "layer norm",
  params: { W: [5, 3], gain: [5], a: [5] },
  sample: { x: [3], y: [] },
  loss: ({ W, gain, a }, { x, y }) => {
    const z = op.matvec(W, x);
    const centered = op.sub(z, op.mean(z));
    const deviation = op.sqrt(op.add(op.mean(op.square(centered)), 0.01));
    const normalized = op.mul(gain, op.div(centered, deviation));
    return op.square(op.sub(op.dot(a, op.softplus(normalized)), y));
  },
});

const nested = defineModel({
  name: "nested reductions",
  params: { A: [3, 4], B: [4, 2] },
  sample: { x: [3, 4] },
  loss: ({ A, B }, { x }) => {
    const rows = op.logSumExp(op.mul(A, x));
    const columns = op.maxOf(op.matmul(op.mul(A, x), B), 0);
    const spread = op.sum(op.abs(op.sub(op.outer(rows, columns), op.mean(rows))), 1);
    return op.add(op.mean(op.square(spread)), op.sum(op.mul(op.minOf(B, 1), op.sum(A, 0))));
  },
});

// A row of 39 vec4f: more than are written out.
const longRows = defineModel({
  name: "long rows",
  params: { w: [150], v: [3] },
  sample: { x: [150], z: [3], y: [] },
  loss: ({ w, v }, { x, z, y }) =>
    op.square(op.sub(op.add(op.scale(op.dot(w, x), 0.1), op.dot(v, z)), y)),
});

/** By name; what `test/gpu/ops.test.ts` and `test/known/emit.test.ts` iterate over. */
export const COMPOSITES: Readonly<Record<string, Model>> = Object.fromEntries(
  [
    linearRegression(8),
    network(2, 32),
    softmaxClassifier(6, 4),
    scaleInvariant(5),
    deepNetwork,
    deepClassifier,
    attention,
    slicesAndConcats,
    layerNorm,
    nested,
    longRows,
  ].map((model) => [model.name, model]),
);
