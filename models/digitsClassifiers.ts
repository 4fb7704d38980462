/** Classifiers of the 8×8 digits: a linear softmax, and one hidden layer of tanh units. */
import type { Node } from "../engine/graph.ts";
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";

const PIXELS = 64;
const CLASSES = 10;
const sample = { x: [PIXELS], digit: { labels: CLASSES } } as const;

/** 1 where the label has the largest logit, else 0. */
const correct = (logits: Node, label: Node): Node =>
  op.sub(1, op.step(op.sub(op.maxOf(logits), op.pick(logits, label))));

/** Logits W x + b; cross-entropy; metric `accuracy`. 650 parameters. */
export function softmaxClassifier(): Model {
  type Params = Readonly<Record<"W" | "b", Node>>;
  type Sample = Readonly<Record<"x" | "digit", Node>>;
  const logits = ({ W, b }: Params, { x }: Sample): Node => op.add(op.matvec(W, x), b);
  return defineModel({
    name: "softmax",
    params: { W: [CLASSES, PIXELS], b: [CLASSES] },
    sample,
    loss: (theta, s) => op.softmaxCrossEntropy(logits(theta, s), s.digit),
    metrics: { accuracy: (theta, s) => correct(logits(theta, s), s.digit) },
  });
}

/** Logits V tanh(W x + b) + c; cross-entropy; metric `accuracy`. 75 h + 10 parameters. */
export function tanhClassifier(hidden: number): Model {
  type Params = Readonly<Record<"W" | "b" | "V" | "c", Node>>;
  type Sample = Readonly<Record<"x" | "digit", Node>>;
  const logits = ({ W, b, V, c }: Params, { x }: Sample): Node =>
    op.add(op.matvec(V, op.tanh(op.add(op.matvec(W, x), b))), c);
  return defineModel({
    name: "tanh",
    params: { W: [hidden, PIXELS], b: [hidden], V: [CLASSES, hidden], c: [CLASSES] },
    sample,
    loss: (theta, s) => op.softmaxCrossEntropy(logits(theta, s), s.digit),
    metrics: { accuracy: (theta, s) => correct(logits(theta, s), s.digit) },
  });
}
