/** Inputs for every operation of the table: shapes, attributes, and where the function is smooth. */

import type { Attributes } from "../../engine/graph.ts";
import { constant, type Node, param, type Shape, sampleField, size } from "../../engine/graph.ts";
import { apply } from "../../engine/ops/index.ts";
import { type Random, spacedArray, uniformArray } from "../seeded.ts";

export interface OperationCase {
  readonly op: string;
  readonly shapes: readonly Shape[];
  readonly attributes?: Attributes;
  /** Inputs lie in [0.3, 2.7] instead of [-1.2, 1.2]. */
  readonly positive?: boolean;
  /** The last input is a class label of this value. */
  readonly label?: number;
}

const unary = (names: string, positive = false): OperationCase[] =>
  names
    .split(" ")
    .flatMap((op) => [[], [5], [2, 3]].map((shape) => ({ op, shapes: [shape], positive })));

const BROADCASTS: readonly (readonly [Shape, Shape])[] = [
  [[], []],
  [[4], [4]],
  [[], [3]],
  [[2, 3], []],
  [[2, 3], [3]],
  [
    [2, 1],
    [2, 3],
  ],
  [
    [2, 1],
    [1, 3],
  ],
  [[1], [3]],
  [[3], [2, 1, 3]],
];

const binary = (names: string, positive = false): OperationCase[] =>
  names.split(" ").flatMap((op) => BROADCASTS.map((shapes) => ({ op, shapes, positive })));

const withAttributes = (
  op: string,
  ...cases: readonly (readonly [Shape | readonly [Shape, Shape], Attributes])[]
): OperationCase[] =>
  cases.map(([shapes, attributes]) => ({
    op,
    shapes: (typeof shapes[0] === "object" ? shapes : [shapes]) as readonly Shape[],
    attributes,
  }));

const reductions: OperationCase[] = ["sum", "mean", "maxOf", "minOf"].flatMap((op) =>
  withAttributes(
    op,
    [[], { axes: [] }],
    [[4], { axes: [0] }],
    [[2, 3], { axes: [0, 1] }],
    [[2, 3], { axes: [1] }],
    [[2, 3], { axes: [0] }],
    [[2, 3, 2], { axes: [0, 2] }],
    [[1, 3], { axes: [0] }],
  ),
);

const movements: OperationCase[] = [
  ...withAttributes(
    "transpose",
    [[2, 3], { axes: [1, 0] }],
    [[2, 3, 4], { axes: [2, 0, 1] }],
    [[], { axes: [] }],
  ),
  ...withAttributes(
    "reshape",
    [[2, 3], { shape: [3, 2] }],
    [[6], { shape: [2, 1, 3] }],
    [[1], { shape: [] }],
  ),
  ...withAttributes(
    "broadcastTo",
    [[], { shape: [2, 3] }],
    [[3], { shape: [2, 3] }],
    [[2, 1], { shape: [2, 3] }],
    [[1, 3], { shape: [4, 2, 3] }],
  ),
  ...withAttributes(
    "slice",
    [[5], { start: 1, stop: 4, axis: 0 }],
    [[2, 4], { start: 2, stop: 3, axis: 1 }],
    [[3, 2], { start: 0, stop: 2, axis: 0 }],
  ),
  ...withAttributes(
    "pad",
    [[3], { before: 1, after: 2, axis: 0 }],
    [[2, 2], { before: 0, after: 1, axis: 1 }],
    [[2, 1, 2], { before: 2, after: 0, axis: 1 }],
  ),
  ...withAttributes(
    "concat",
    [[[2], [3]], { axis: 0 }],
    [
      [
        [2, 1],
        [2, 2],
      ],
      { axis: 1 },
    ],
    [
      [
        [1, 2],
        [3, 2],
      ],
      { axis: 0 },
    ],
  ),
];

export const CASES: readonly OperationCase[] = [
  ...binary("add sub mul min max"),
  ...binary("div", true),
  ...unary("neg detach square abs step relu exp tanh sigmoid softplus erf sin cos"),
  ...unary("sqrt log", true),
  ...withAttributes("scale", [[], { factor: 2.5 }], [[2, 3], { factor: -0.3 }]),
  { op: "dot", shapes: [[4], [4]] },
  { op: "dot", shapes: [[1], [1]] },
  { op: "matvec", shapes: [[3, 2], [2]] },
  { op: "matvec", shapes: [[1, 3], [3]] },
  { op: "outer", shapes: [[3], [2]] },
  {
    op: "matmul",
    shapes: [
      [2, 3],
      [3, 4],
    ],
  },
  {
    op: "matmul",
    shapes: [
      [1, 3],
      [3, 1],
    ],
  },
  ...movements,
  ...reductions,
  { op: "oneHot", shapes: [[]], attributes: { classes: 4 }, label: 2 },
  { op: "pick", shapes: [[4], []], label: 3 },
  { op: "softmaxCrossEntropy", shapes: [[4], []], label: 1 },
  ...["logSumExp", "softmax", "logSoftmax"].flatMap((op) => [
    { op, shapes: [[4]] },
    { op, shapes: [[2, 3]] },
    { op, shapes: [[1]] },
  ]),
];

export const title = ({ op, shapes, attributes }: OperationCase): string =>
  `${op}(${shapes.map((shape) => JSON.stringify(shape)).join(", ")})` +
  (attributes === undefined ? "" : ` ${JSON.stringify(attributes)}`);

export interface PreparedCase {
  readonly node: Node;
  /** Inputs with a derivative, and their values by name. */
  readonly params: readonly Node[];
  readonly values: Record<string, Float64Array>;
  readonly sample: Record<string, number>;
  /** Σ weight · output, a scalar with a generic cotangent. */
  readonly weights: Node;
}

export function prepare(given: OperationCase, random: Random): PreparedCase {
  const labels = given.label === undefined ? 0 : 1;
  const shapes = given.shapes.slice(0, given.shapes.length - labels);
  const params = shapes.map((shape, i) => param(`p${i}`, shape));
  // One draw for all inputs: elements of different inputs must not tie either.
  const all = spacedArray(
    random,
    shapes.reduce((total, shape) => total + size(shape), 0),
  ).map((x) => (given.positive ? x + 1.5 : x));
  let offset = 0;
  const values: Record<string, Float64Array> = {};
  for (const [i, shape] of shapes.entries()) {
    values[`p${i}`] = all.slice(offset, offset + size(shape));
    offset += size(shape);
  }
  const label = sampleField("label", [], 4);
  const inputs = labels === 0 ? params : [...params, label];
  const node = apply(given.op, inputs, given.attributes);
  const weights = constant([...uniformArray(random, size(node.shape))], node.shape);
  return { node, params, values, sample: { label: given.label ?? 0 }, weights };
}
