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
    [[2, 3], { before: 1, after: 1, axis: 1, value: -2.5 }],
  ),
  ...withAttributes(
    "reverse",
    [[4], { axes: [0] }],
    [[2, 3, 2], { axes: [0, 2] }],
    [[2, 3], { axes: [] }],
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

/** Windows that overlap, touch, leave gaps, leave rows over; of one pixel and of the whole image. */
const WINDOWS: readonly (readonly [Shape, number[], number[]])[] = [
  [
    [2, 4, 5],
    [2, 3],
    [1, 1],
  ],
  [
    [1, 5, 4],
    [3, 2],
    [2, 1],
  ],
  [
    [2, 4, 4],
    [2, 2],
    [2, 2],
  ],
  [
    [1, 6, 5],
    [2, 1],
    [3, 2],
  ],
  [
    [2, 3, 3],
    [1, 1],
    [1, 1],
  ],
  [
    [1, 3, 2],
    [3, 2],
    [1, 1],
  ],
  [
    [1, 7, 1],
    [5, 1],
    [2, 1],
  ],
];

const counts = ([, ...size]: Shape, window: readonly number[], stride: readonly number[]) =>
  size.map((length, axis) => Math.floor((length - window[axis]!) / stride[axis]!) + 1);

const windows: OperationCase[] = WINDOWS.flatMap(([image, window, stride]) => [
  ...withAttributes("patches", [image, { window, stride }]),
  ...withAttributes("unpatch", [
    [image[0]!, ...window, ...counts(image, window, stride)],
    { stride, size: image.slice(1) },
  ]),
]);

const convolutions: OperationCase[] = withAttributes(
  "conv2d",
  [
    [
      [1, 4, 4],
      [2, 1, 3, 3],
    ],
    { stride: [1, 1], padding: [0, 0, 0, 0] },
  ],
  [
    [
      [2, 3, 4],
      [2, 2, 2, 3],
    ],
    { stride: [1, 1], padding: [1, 0, 1, 2] },
  ],
  [
    [
      [2, 5, 4],
      [1, 2, 3, 2],
    ],
    { stride: [2, 3], padding: [1, 1, 0, 1] },
  ],
  [
    [
      [2, 2, 2],
      [3, 2, 1, 1],
    ],
    { stride: [1, 1], padding: [0, 0, 0, 0] },
  ],
  // More padding than the kernel covers: places that see nothing but zeros.
  [
    [
      [1, 2, 3],
      [1, 1, 2, 2],
    ],
    { stride: [1, 1], padding: [2, 3, 0, 2] },
  ],
  [
    [
      [1, 3, 3],
      [2, 1, 3, 3],
    ],
    { stride: [1, 1], padding: [0, 0, 0, 0] },
  ],
);

const pools: OperationCase[] = ["avgPool", "maxPool"].flatMap((op) =>
  withAttributes(
    op,
    [[2, 4, 4], { window: [2, 2], stride: [2, 2], padding: [0, 0, 0, 0] }],
    [[1, 4, 5], { window: [3, 2], stride: [1, 2], padding: [1, 1, 0, 1] }],
    [[2, 3, 5], { window: [2, 2], stride: [3, 2], padding: [0, 0, 1, 0] }],
  ),
);

const norms: OperationCase[] = [
  ...withAttributes(
    "layerNorm",
    [[5], { axes: [0], epsilon: 0 }],
    [[2, 3], { axes: [1], epsilon: 0.1 }],
    [[2, 2, 3], { axes: [1, 2], epsilon: 1e-5 }],
    [[2, 3], { axes: [0, 1], epsilon: 0.3 }],
  ),
  ...withAttributes(
    "weightNorm",
    [[4], { axes: [0] }],
    [[3, 2], { axes: [1] }],
    [[2, 3, 2], { axes: [0, 2] }],
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
  ...windows,
  ...convolutions,
  ...pools,
  ...norms,
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
