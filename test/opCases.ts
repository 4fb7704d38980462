/**
 * Every operation of the table in losses: what `test/gpu/ops.test.ts` runs on the device.
 *
 * Each case is a node f(θ, x) of some shape, reached through parameters and sample fields; the loss
 * of its operation is Σ_cases Σ_i (½ w_i y_i² + u_i y_i) with weights that differ from element to
 * element, so that a wrong index shows, and an adjoint that depends on the value.
 */
import { constant, type Node, type Shape, size } from "../engine/graph.ts";
import { defineModel, type FieldShape, type Model } from "../engine/model.ts";
import { type Operand, op } from "../engine/ops/index.ts";

/** Asks for leaves by shape. */
export interface Leaves {
  /** A parameter block times a sample field of its shape, plus constants: p x + c. */
  readonly affine: (shape: Shape) => Node;
  readonly param: (shape: Shape) => Node;
  readonly field: (shape: Shape) => Node;
  readonly label: (labels: number) => Node;
}

export type Case = (leaves: Leaves) => Node;

const weights = (shape: Shape, phase: number): Node =>
  constant(
    Array.from({ length: size(shape) }, (_, i) =>
      Math.fround(0.6 + 0.4 * Math.sin(2.3 * i + phase)),
    ),
    shape,
  );

/** Σ_i (½ w_i y_i² + u_i y_i), a scalar. */
export const weigh = (y: Node): Node => {
  const terms = op.add(
    op.scale(op.mul(weights(y.shape, 0.3), op.square(y)), 0.5),
    op.mul(weights(y.shape, 1.1), y),
  );
  return y.shape.length === 0 ? terms : op.sum(terms);
};

/** The model whose loss is the sum of the weighed cases; blocks `p0`, … and fields `x0`, …. */
export function modelOfCases(name: string, cases: readonly Case[]): Model {
  const params: Record<string, Shape> = {};
  const sample: Record<string, FieldShape> = {};
  const build = (nodes: (table: "params" | "sample", name: string) => Node): Node => {
    let blocks = 0;
    let fields = 0;
    const param = (shape: Shape): Node => {
      params[`p${blocks}`] = shape;
      return nodes("params", `p${blocks++}`);
    };
    const declare = (shape: FieldShape): Node => {
      sample[`x${fields}`] = shape;
      return nodes("sample", `x${fields++}`);
    };
    const field = (shape: Shape): Node => declare(shape);
    const label = (labels: number): Node => declare({ labels });
    const affine = (shape: Shape): Node =>
      op.add(op.mul(param(shape), field(shape)), weights(shape, 2.1));
    return cases
      .map((make) => weigh(make({ affine, param, field, label })))
      .reduce((sum, term) => op.add(sum, term));
  };
  // A first pass collects the shapes, the second builds on the model's own leaves.
  build((table, leaf) => {
    const declared = (table === "params" ? params : sample)[leaf]!;
    return constant(0.5, Array.isArray(declared) ? (declared as Shape) : []);
  });
  return defineModel({
    name,
    params,
    sample,
    loss: (theta, x) => build((table, leaf) => (table === "params" ? theta : x)[leaf]!),
  });
}

type ShapePair = readonly [Shape, Shape];

// Compiling is what the tests' time goes to: one operation of a kind has all shapes, others few.
const SHAPES: readonly Shape[] = [[], [1], [3], [2, 3], [2, 1, 2]];
const FEW_SHAPES: readonly Shape[] = [[], [2, 2]];
const FEW_PAIRS: readonly ShapePair[] = [
  [[], [2]],
  [[2, 1], [2]],
];
const PAIRS: readonly ShapePair[] = [
  [[], []],
  [[3], [3]],
  [[], [3]],
  [[2, 3], []],
  [[2, 3], [3]],
  [[2, 1], [3]],
  [
    [1, 3],
    [2, 1],
  ],
  [
    [2, 1, 3],
    [2, 1],
  ],
];

type Unary = (x: Operand) => Node;
type Binary = (a: Operand, b: Operand) => Node;

const unary = (f: Unary, shapes = FEW_SHAPES): Case[] =>
  shapes.map(
    (shape) =>
      ({ affine }) =>
        f(affine(shape)),
  );

/** For functions of positive numbers. */
const unaryPositive = (f: Unary): Case[] => unary((x) => f(op.add(op.square(x), 0.5)));

const binary = (f: Binary, pairs = FEW_PAIRS): Case[] =>
  pairs.map(
    ([left, right]) =>
      ({ affine }) =>
        f(affine(left), affine(right)),
  );

type Reduction = (x: Operand, axis?: number | readonly number[]) => Node;

const fewReductions = (f: Reduction): Case[] => [
  ({ affine }) => f(affine([3])),
  ({ affine }) => f(affine([2, 3]), 1),
  ({ affine }) => op.mul(affine([2, 3]), f(affine([2, 3]), 0)),
];

/** On each shape, over each axis and over all. */
const reduction = (f: Reduction): Case[] => [
  ({ affine }) => f(affine([4])),
  ({ affine }) => f(affine([3, 2])),
  ({ affine }) => f(affine([3, 2]), 0),
  ({ affine }) => f(affine([3, 2]), -1),
  ({ affine }) => f(affine([2, 3, 2]), 1),
  ({ affine }) => f(affine([2, 3, 2]), [0, 2]),
  ({ affine }) => f(op.tanh(f(affine([2, 3]), 1))),
  ({ affine }) => op.mul(affine([2, 3]), f(affine([2, 3]), 0)),
];

const lastAxis = (f: Unary): Case[] => [
  ({ affine }) => f(affine([4])),
  ({ affine }) => f(op.scale(affine([2, 3]), 4)),
];

/** Cases of every operation in `ops`. */
export const CASES: Readonly<Record<string, readonly Case[]>> = {
  add: binary(op.add),
  sub: binary(op.sub),
  mul: binary(op.mul, PAIRS),
  div: binary((a, b) => op.div(a, op.add(op.square(b), 0.5))),
  neg: unary(op.neg),
  scale: unary((x) => op.scale(x, -1.7)),
  square: unary(op.square, SHAPES),
  sqrt: unaryPositive(op.sqrt),
  abs: unary(op.abs),
  min: binary(op.min),
  max: binary(op.max),
  // Its derivative is zero: the parameters within get exactly nothing.
  step: [
    ...FEW_SHAPES.map(
      (shape): Case =>
        ({ affine }) =>
          op.mul(op.step(affine(shape)), affine(shape)),
    ),
    ({ param }) => op.step(param([2])),
  ],
  relu: unary(op.relu),
  exp: unary(op.exp),
  log: unaryPositive(op.log),
  tanh: unary(op.tanh, SHAPES),
  sigmoid: unary(op.sigmoid),
  softplus: unary(op.softplus),
  erf: unary(op.erf),
  sin: unary(op.sin),
  cos: unary(op.cos),
  // Held fixed: only the other factor gets a derivative.
  detach: [
    ...FEW_SHAPES.map(
      (shape): Case =>
        ({ affine }) =>
          op.mul(op.detach(affine(shape)), affine(shape)),
    ),
    ({ param }) => {
      const theta = param([2]);
      return op.dot(op.detach(op.mul(theta, theta)), theta);
    },
  ],
  dot: [
    ({ param, field }) => op.dot(param([5]), field([5])),
    ({ affine }) => op.dot(affine([3]), op.tanh(affine([3]))),
    ({ affine }) => op.dot(affine([1]), affine([1])),
  ],
  matvec: [
    ({ param, field }) => op.matvec(param([3, 4]), field([4])),
    ({ affine }) => op.matvec(affine([2, 3]), op.tanh(affine([3]))),
    ({ affine }) => op.matvec(op.transpose(affine([3, 2])), affine([3])),
    ({ param, field }) => op.matvec(param([1, 3]), field([3])),
    ({ param, field }) => op.matvec(param([3, 1]), field([1])),
  ],
  outer: [
    ({ param, field }) => op.outer(param([3]), field([2])),
    ({ affine }) => op.outer(op.tanh(affine([2])), op.tanh(affine([3]))),
  ],
  matmul: [
    ({ param, field }) => op.matmul(param([2, 3]), field([3, 4])),
    ({ affine }) => op.matmul(op.tanh(affine([2, 3])), op.matmul(affine([3, 2]), affine([2, 3]))),
    ({ affine }) => op.matmul(affine([2, 3]), op.transpose(affine([2, 3]))),
  ],
  transpose: [
    ({ affine }) => op.transpose(affine([2, 3])),
    ({ affine }) => op.transpose(op.tanh(affine([2, 3, 4])), [1, 2, 0]),
    ({ affine }) => op.mul(op.transpose(affine([2, 3])), affine([3, 2])),
  ],
  reshape: [
    ({ affine }) => op.reshape(affine([6]), [2, 3]),
    ({ affine }) => op.reshape(op.tanh(affine([2, 3])), [3, 2]),
    ({ affine }) => op.reshape(affine([2, 3, 2]), [4, 3]),
    ({ affine }) => op.matvec(op.reshape(op.tanh(affine([3, 4])), [2, 6]), affine([6])),
    ({ affine }) => op.reshape(op.transpose(op.reshape(op.sin(affine([12])), [3, 4])), [2, 6]),
  ],
  broadcastTo: [
    ({ affine }) => op.broadcastTo(affine([]), [3]),
    ({ affine }) => op.broadcastTo(affine([3]), [2, 3]),
    ({ affine }) => op.mul(op.broadcastTo(op.tanh(affine([2, 1])), [2, 3]), affine([2, 3])),
  ],
  slice: [
    ({ affine }) => op.slice(affine([5]), 1, 4),
    ({ affine }) => op.slice(op.tanh(affine([3, 4])), 1, 3, 1),
    ({ affine }) => op.slice(affine([3, 2]), 2, 3),
  ],
  pad: [
    ({ affine }) => op.pad(affine([3]), 1, 2),
    ({ affine }) => op.pad(op.tanh(affine([2, 3])), 2, 1, 1),
    ({ affine }) => op.pad(affine([2, 2]), 0, 2),
    ({ affine }) => op.pad(affine([1]), 2, 0),
  ],
  concat: [
    ({ affine }) => op.concat([affine([2]), affine([3])]),
    ({ affine }) => op.concat([op.tanh(affine([2, 3])), affine([2, 1]), affine([2, 2])], 1),
    ({ affine }) => op.concat([affine([1, 2]), affine([2, 2])]),
  ],
  reverse: [
    ({ affine }) => op.reverse(affine([3])),
    ({ affine }) => op.matvec(op.reverse(op.tanh(affine([2, 3])), 1), affine([3])),
    ({ affine }) => op.reverse(affine([2, 2, 2]), [0, 2]),
  ],
  patches: [
    ({ affine }) => op.patches(affine([1, 3, 3]), { window: 2 }),
    ({ affine }) => op.patches(op.tanh(affine([2, 3, 4])), { window: [2, 1], stride: [1, 2] }),
    ({ affine }) =>
      op.matvec(op.reshape(op.patches(affine([1, 4, 3]), { window: [2, 3] }), [6, 3]), affine([3])),
  ],
  unpatch: [
    ({ affine }) => op.unpatch(affine([1, 2, 2, 2, 2]), { size: [3, 3] }),
    ({ affine }) => op.unpatch(op.tanh(affine([2, 3, 1, 2, 2])), { size: [5, 3], stride: 2 }),
    ({ affine }) => op.unpatch(affine([1, 2, 2, 2, 1]), { size: [4, 3], stride: 2 }),
    ({ affine }) => op.unpatch(affine([1, 1, 2, 2, 2]), { size: [4, 6], stride: 3 }),
  ],
  conv2d: [
    ({ param, field }) => op.conv2d(field([1, 4, 4]), param([2, 1, 3, 3]), { padding: "same" }),
    ({ affine }) => op.conv2d(op.tanh(affine([2, 3, 3])), op.tanh(affine([2, 2, 2, 2]))),
    ({ affine }) =>
      op.conv2d(affine([2, 4, 5]), affine([1, 2, 2, 3]), { stride: [2, 1], padding: [1, 0] }),
    ({ param, affine }) => op.conv2d(affine([2, 2, 2]), param([3, 2, 1, 1])),
  ],
  avgPool: [
    ({ affine }) => op.avgPool(affine([2, 4, 4]), { window: 2 }),
    ({ affine }) => op.avgPool(op.tanh(affine([1, 3, 4])), { window: 3, stride: 2, padding: 1 }),
  ],
  maxPool: [
    ({ affine }) => op.maxPool(affine([2, 4, 4]), { window: 2 }),
    ({ affine }) => op.maxPool(op.sin(affine([1, 3, 4])), { window: 3, stride: 2, padding: 1 }),
    // Everything ties.
    ({ affine }) =>
      op.maxPool(op.broadcastTo(affine([2, 1, 1]), [2, 3, 3]), { window: 2, stride: 1 }),
  ],
  layerNorm: [
    ({ affine }) => op.layerNorm(affine([5]), { epsilon: 0 }),
    ({ affine }) => op.layerNorm(op.tanh(affine([2, 3])), { axes: 1, epsilon: 0.1 }),
    ({ affine }) => op.layerNorm(affine([2, 2, 2]), { axes: [1, 2] }),
  ],
  weightNorm: [
    ({ affine }) => op.weightNorm(affine([4])),
    ({ affine }) => op.matvec(op.weightNorm(affine([2, 3])), affine([3])),
    ({ affine }) => op.weightNorm(affine([2, 3]), { gain: affine([2]) }),
    ({ affine }) => op.weightNorm(op.tanh(affine([2, 2, 2])), { axes: [0, 2], gain: 3 }),
  ],
  sum: reduction(op.sum),
  mean: fewReductions(op.mean),
  maxOf: reduction(op.maxOf),
  minOf: fewReductions(op.minOf),
  oneHot: [
    ({ affine, label }) => op.mul(op.oneHot(label(4), 4), affine([4])),
    ({ affine, label }) => op.matvec(affine([2, 3]), op.oneHot(label(3), 3)),
  ],
  pick: [
    ({ affine, label }) => op.pick(affine([4]), label(4)),
    ({ affine, label }) => op.pick(op.matvec(affine([3, 2]), op.tanh(affine([2]))), label(3)),
  ],
  logSumExp: lastAxis(op.logSumExp),
  softmax: lastAxis(op.softmax),
  logSoftmax: lastAxis(op.logSoftmax),
  softmaxCrossEntropy: [
    ({ affine, label }) => op.softmaxCrossEntropy(affine([4]), label(4)),
    ({ affine, label }) => op.softmaxCrossEntropy(op.scale(affine([3]), 5), label(3)),
  ],
};
