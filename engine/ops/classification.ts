/**
 * Class labels and softmax: oneHot, pick, logSumExp, softmax, logSoftmax, softmaxCrossEntropy.
 *
 * All but oneHot expand into primitive operations that subtract the largest logit first, so that
 * no exponential overflows. The shift cancels from the value and therefore from the derivative:
 * adjoints are written for the composite, never through the maximum. Labels are integers held as
 * floating-point numbers. The float64 rules throw `DataError` for anything else; generated code
 * picks nothing (data are checked on entry).
 */
import { DataError, ShapeError } from "../errors.ts";
import { type Node, printShape, type Shape, size } from "../graph.ts";
import { isLiteral, printIndex } from "../wgsl/indexing.ts";
import { floatLiteral } from "../wgsl/literal.ts";
import { op } from "./build.ts";
import type { Op } from "./op.ts";
import { expectInputs } from "./shapes.ts";

const classesOf = (node: Node): number => node.shape[node.shape.length - 1]!;

function checkLabel(name: string, label: number, classes: number): number {
  if (Number.isInteger(label) && label >= 0 && label < classes) return label;
  throw new DataError(
    `${name}: label ${label} is no class; labels are integers of 0 to ${classes - 1}.`,
  );
}

const oneHot: Op = {
  name: "oneHot",
  shape: (inputs, attributes) => {
    expectInputs("oneHot", inputs, 1);
    const classes = attributes.classes as number;
    if (!Number.isInteger(classes) || classes < 1) {
      throw new ShapeError(`oneHot: ${classes} classes; give an integer of 1 or more.`);
    }
    return [...inputs[0]!, classes];
  },
  value: ([label], node, out = new Float64Array(size(node.shape))) => {
    const classes = classesOf(node);
    out.fill(0);
    for (let i = 0; i < label!.length; i += 1) {
      out[i * classes + checkLabel("oneHot", label![i]!, classes)] = 1;
    }
    return out;
  },
  adjoint: () => [null],
  wgsl: {
    reads: (_node, out) => [out.slice(0, -1)],
    expression: ([label], _node, out) => {
      const place = out[out.length - 1]!;
      const number = isLiteral(place) ? floatLiteral(place.constant) : `f32(${printIndex(place)})`;
      return `select(0f, 1f, ${label} == ${number})`;
    },
  },
};

function vectorAndLabel(name: string, inputs: readonly Shape[]): Shape {
  expectInputs(name, inputs, 2);
  const [vector, label] = inputs as [Shape, Shape];
  if (vector.length !== 1 || label.length !== 0) {
    throw new ShapeError(
      `${name}: needs a vector [n] and a label [], got ${printShape(vector)} and ` +
        `${printShape(label)}.`,
    );
  }
  return [];
}

const pick: Op = {
  name: "pick",
  shape: (inputs) => vectorAndLabel("pick", inputs),
  value: ([vector, label], _node, out = new Float64Array(1)) => {
    out[0] = vector![checkLabel("pick", label![0]!, vector!.length)]!;
    return out;
  },
  adjoint: (node, g) => {
    const [vector, label] = node.inputs as [Node, Node];
    return [op.mul(g, op.oneHot(label, vector.shape[0]!)), null];
  },
  expand: ({ inputs: [vector, label] }) => op.dot(vector!, op.oneHot(label!, vector!.shape[0]!)),
};

/** A sum over the last axis of `like`, shaped so that it broadcasts against `like` again. */
const keepLast = (x: Node, like: Node): Node =>
  like.shape.length === 1 ? x : op.reshape(x, [...like.shape.slice(0, -1), 1]);

const last = (x: Node): number => x.shape.length - 1;

/** x − max x, e^{x − max x}, and the sum of the latter, over the last axis. */
function shifted(x: Node): { top: Node; rest: Node; weights: Node; total: Node } {
  const top = op.maxOf(x, last(x));
  const rest = op.sub(x, keepLast(top, x));
  const weights = op.exp(rest);
  return { top, rest, weights, total: op.sum(weights, last(x)) };
}

function overLastAxis(name: string, inputs: readonly Shape[]): Shape {
  expectInputs(name, inputs, 1);
  if (inputs[0]!.length === 0) {
    throw new ShapeError(`${name}: needs a vector [n] of logits, got a scalar [].`);
  }
  return inputs[0]!;
}

/** Calls `row(x, offset, n)` for each run of n elements along the last axis. */
function rows(x: Float64Array, node: Node, row: (offset: number, n: number) => void): void {
  const n = classesOf(node.inputs[0]!);
  for (let offset = 0; offset < x.length; offset += n) row(offset, n);
}

function logSumExpOf(x: Float64Array, offset: number, n: number): number {
  let top = -Infinity;
  for (let i = 0; i < n; i += 1) top = Math.max(top, x[offset + i]!);
  let total = 0;
  for (let i = 0; i < n; i += 1) total += Math.exp(x[offset + i]! - top);
  return top + Math.log(total);
}

const logSumExp: Op = {
  name: "logSumExp",
  shape: (inputs) => overLastAxis("logSumExp", inputs).slice(0, -1),
  value: ([x], node, out = new Float64Array(size(node.shape))) => {
    rows(x!, node, (offset, n) => {
      out[offset / n] = logSumExpOf(x!, offset, n);
    });
    return out;
  },
  adjoint: ({ inputs: [x] }, g) => [op.mul(keepLast(g, x!), op.softmax(x!))],
  expand: ({ inputs: [x] }) => {
    const { top, total } = shifted(x!);
    return op.add(top, op.log(total));
  },
};

const softmax: Op = {
  name: "softmax",
  shape: (inputs) => overLastAxis("softmax", inputs),
  value: ([x], node, out = new Float64Array(size(node.shape))) => {
    rows(x!, node, (offset, n) => {
      const normalization = logSumExpOf(x!, offset, n);
      for (let i = offset; i < offset + n; i += 1) out[i] = Math.exp(x![i]! - normalization);
    });
    return out;
  },
  // p_i (g_i − Σ_j g_j p_j)
  adjoint: (node, g) => {
    const mean = op.sum(op.mul(g, node), last(node));
    return [op.mul(node, op.sub(g, keepLast(mean, node)))];
  },
  expand: ({ inputs: [x] }) => {
    const { weights, total } = shifted(x!);
    return op.div(weights, keepLast(total, x!));
  },
};

const logSoftmax: Op = {
  name: "logSoftmax",
  shape: (inputs) => overLastAxis("logSoftmax", inputs),
  value: ([x], node, out = new Float64Array(size(node.shape))) => {
    rows(x!, node, (offset, n) => {
      const normalization = logSumExpOf(x!, offset, n);
      for (let i = offset; i < offset + n; i += 1) out[i] = x![i]! - normalization;
    });
    return out;
  },
  // g − p Σ_j g_j
  adjoint: ({ inputs: [x] }, g) => {
    const sum = keepLast(op.sum(g, last(g)), x!);
    return [op.sub(g, op.mul(op.softmax(x!), sum))];
  },
  expand: ({ inputs: [x] }) => {
    const { rest, total } = shifted(x!);
    return op.sub(rest, keepLast(op.log(total), x!));
  },
};

const softmaxCrossEntropy: Op = {
  name: "softmaxCrossEntropy",
  shape: (inputs) => vectorAndLabel("softmaxCrossEntropy", inputs),
  value: ([x, label], _node, out = new Float64Array(1)) => {
    const place = checkLabel("softmaxCrossEntropy", label![0]!, x!.length);
    out[0] = logSumExpOf(x!, 0, x!.length) - x![place]!;
    return out;
  },
  adjoint: ({ inputs: [x, label] }, g) => [
    op.mul(g, op.sub(op.softmax(x!), op.oneHot(label!, x!.shape[0]!))),
    null,
  ],
  expand: ({ inputs: [x, label] }) => {
    const { rest, total } = shifted(x!);
    return op.sub(op.log(total), op.pick(rest, label!));
  },
};

export const classification: readonly Op[] = [
  oneHot,
  pick,
  logSumExp,
  softmax,
  logSoftmax,
  softmaxCrossEntropy,
];
