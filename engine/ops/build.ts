/**
 * Building graphs: `op` has a function for each operation; those with windows and norms are made in
 * `windowed.ts`. Import it from `ops/index.ts`, which binds the table that `apply` looks names up in.
 */
import { invariant, ShapeError } from "../errors.ts";
import { constant, type Node, printShape, type Shape, sameShape } from "../graph.ts";
import { apply, type Operand, operand } from "./apply.ts";
import { normalizeAxes } from "./shapes.ts";
import {
  avgPool,
  conv2d,
  layerNorm,
  maxPool,
  patches,
  reverse,
  unpatch,
  weightNorm,
} from "./windowed.ts";

const unary = (name: string) => (x: Operand) => apply(name, [x]);
const binary = (name: string) => (a: Operand, b: Operand) => apply(name, [a, b]);

type Axes = number | readonly number[];

const reduction = (name: string) => (x: Operand, axis?: Axes) => {
  const node = operand(name, x, 0);
  return apply(name, [node], { axes: normalizeAxes(name, axis, node.shape) });
};

const oneAxis = (name: string, axis: number, shape: Shape): number =>
  normalizeAxes(name, [axis], shape)[0]!;

function transpose(x: Operand, axes?: readonly number[]): Node {
  const node = operand("transpose", x, 0);
  const reversed = node.shape.map((_, i) => node.shape.length - 1 - i);
  return apply("transpose", [node], { axes: axes ?? reversed });
}

function concat(parts: readonly Operand[], axis = 0): Node {
  const [first, ...others] = parts.map((part, i) => operand("concat", part, i));
  if (first === undefined) throw new ShapeError("concat: got no inputs; give at least one.");
  const along = oneAxis("concat", axis, first.shape);
  return others.reduce((joined, next) => apply("concat", [joined, next], { axis: along }), first);
}

function slice(x: Operand, start: number, stop: number, axis = 0): Node {
  const node = operand("slice", x, 0);
  return apply("slice", [node], { start, stop, axis: oneAxis("slice", axis, node.shape) });
}

function pad(x: Operand, before: number, after: number, axis = 0): Node {
  const node = operand("pad", x, 0);
  return apply("pad", [node], { before, after, axis: oneAxis("pad", axis, node.shape) });
}

/**
 * The operations of a loss, as functions of nodes and numbers.
 *
 * Elementwise functions of two operands broadcast like NumPy. Reductions take an axis or a list of
 * axes (negative ones count from the end), none means all, and drop the axes they reduce.
 *
 * @example
 * const loss = op.scale(op.square(op.sub(op.dot(w, x), y)), 0.5);
 */
export const op = Object.freeze({
  add: binary("add"),
  sub: binary("sub"),
  mul: binary("mul"),
  div: binary("div"),
  neg: unary("neg"),
  /** factor · x, the factor a number. */
  scale: (x: Operand, factor: number) => apply("scale", [x], { factor }),
  square: unary("square"),
  sqrt: unary("sqrt"),
  abs: unary("abs"),
  /** Elementwise minimum; at a tie each side gets half the derivative. */
  min: binary("min"),
  /** Elementwise maximum; at a tie each side gets half the derivative. */
  max: binary("max"),
  /** 1 where x > 0, else 0; its derivative is 0. */
  step: unary("step"),
  /** max(x, 0); its derivative at 0 is 0. */
  relu: unary("relu"),
  exp: unary("exp"),
  log: unary("log"),
  tanh: unary("tanh"),
  /** 1 / (1 + e^−x) */
  sigmoid: unary("sigmoid"),
  /** log(1 + e^x) */
  softplus: unary("softplus"),
  erf: unary("erf"),
  sin: unary("sin"),
  cos: unary("cos"),
  /** x, which differentiation takes for a constant: a drift that is no gradient, detach(A θ)·θ. */
  detach: unary("detach"),
  /** Σ_i a_i b_i of two vectors [n]. */
  dot: binary("dot"),
  /** W x: [m, n], [n] → [m]. */
  matvec: binary("matvec"),
  /** a bᵀ: [m], [n] → [m, n]. */
  outer: binary("outer"),
  /** A B: [m, k], [k, n] → [m, n]. */
  matmul: binary("matmul"),
  /** Output axis i is input axis axes[i]; without `axes` the order is reversed. */
  transpose,
  reshape: (x: Operand, shape: Shape) => apply("reshape", [x], { shape: [...shape] }),
  /** Elements `[start, stop)` along an axis (the first by default). */
  slice,
  /** Zeros before and after, along an axis (the first by default). */
  pad,
  /** Parts joined along an axis (the first by default). */
  concat,
  /** Elements in reverse order along an axis, a list of axes, or all. */
  reverse,
  broadcastTo: (x: Operand, shape: Shape) => apply("broadcastTo", [x], { shape: [...shape] }),
  sum: reduction("sum"),
  mean: reduction("mean"),
  /** Largest element; ties share the derivative equally. */
  maxOf: reduction("maxOf"),
  /** Smallest element; ties share the derivative equally. */
  minOf: reduction("minOf"),
  /** 1 at the label's place, else 0: [...] → [..., classes]. */
  oneHot: (label: Operand, classes: number) => apply("oneHot", [label], { classes }),
  /** vector[label]: [n], [] → []. */
  pick: binary("pick"),
  /** log Σ_i e^{x_i} over the last axis. */
  logSumExp: unary("logSumExp"),
  /** e^{x_i} / Σ_j e^{x_j} over the last axis. */
  softmax: unary("softmax"),
  /** x − logSumExp(x) over the last axis. */
  logSoftmax: unary("logSoftmax"),
  /** −logSoftmax(logits)[label], in nats: [n], [] → []. */
  softmaxCrossEntropy: binary("softmaxCrossEntropy"),
  patches,
  unpatch,
  conv2d,
  avgPool,
  maxPool,
  layerNorm,
  weightNorm,
});

/** Zeros of a shape: a scalar constant, broadcast. */
export const zeros = (shape: Shape): Node =>
  shape.length === 0 ? constant(0) : op.broadcastTo(0, shape);

/** Sum over the axes along which `shape` was broadcast to get `x`: the adjoint of broadcasting. */
export function sumTo(x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.shape.length - shape.length;
  invariant(lead >= 0, `sumTo: ${printShape(shape)} was not broadcast to ${printShape(x.shape)}`);
  const axes = x.shape.flatMap((length, axis) =>
    axis < lead || (shape[axis - lead] === 1 && length !== 1) ? [axis] : [],
  );
  const summed = op.sum(x, axes);
  return sameShape(summed.shape, shape) ? summed : op.reshape(summed, shape);
}
