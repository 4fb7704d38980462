/** `defineModel`: layout of θ, names, gradients, types, and what it refuses. */
import { describe, expect, expectTypeOf, it } from "vitest";
import { ArgumentError, ShapeError } from "../../engine/errors.ts";
import { type Node, param, topologicalOrder } from "../../engine/graph.ts";
import { defineModel, type FieldShape } from "../../engine/model.ts";
import { op } from "../../engine/ops/index.ts";
import { evaluate } from "../../engine/reference.ts";
import { expectClose } from "../differences.ts";

const student = defineModel({
  name: "student",
  params: { W: [3, 2], a: [3], bias: [] },
  sample: { x: [2], y: [], digit: { labels: 10 } },
  loss: ({ W, a, bias }, { x, y }) =>
    op.scale(op.square(op.sub(op.add(op.dot(a, op.tanh(op.matvec(W, x))), bias), y)), 0.5),
  metrics: {
    output: ({ W, a, bias }, { x }) => op.add(op.dot(a, op.tanh(op.matvec(W, x))), bias),
    isFive: (_theta, { digit }) => op.pick(op.oneHot(digit, 10), 5),
  },
});

it("lays θ out in the order of declaration", () => {
  expect(student.params).toEqual([
    { name: "W", shape: [3, 2], offset: 0, size: 6 },
    { name: "a", shape: [3], offset: 6, size: 3 },
    { name: "bias", shape: [], offset: 9, size: 1 },
  ]);
  expect(student.parameterCount).toBe(10);
  expect(student.coordinateNames.join(" ")).toBe(
    "W[0,0] W[0,1] W[1,0] W[1,1] W[2,0] W[2,1] a[0] a[1] a[2] bias",
  );
  expect(student.fields).toEqual([
    { name: "x", shape: [2], labels: 0, bytes: false, size: 2 },
    { name: "y", shape: [], labels: 0, bytes: false, size: 1 },
    { name: "digit", shape: [], labels: 10, bytes: false, size: 1 },
  ]);
});

it("traces loss, gradients and metrics into one shared graph", () => {
  const outputs = [student.loss, ...student.gradients, ...Object.values(student.metrics)];
  expect(student.gradients.map((node) => node.shape)).toEqual([[3, 2], [3], []]);
  const tanhs = topologicalOrder(outputs).filter((node) => node.op === "tanh");
  expect(tanhs).toHaveLength(1);
});

it("evaluates to the numbers of a hand calculation", () => {
  const params = {
    W: Float64Array.of(1, 0, 0, 1, 1, 1),
    a: Float64Array.of(1, -1, 2),
    bias: Float64Array.of(0.5),
  };
  const sample = { x: Float64Array.of(0.25, -0.5), y: 1, digit: 5 };
  const h = [Math.tanh(0.25), Math.tanh(-0.5), Math.tanh(-0.25)];
  const output = h[0]! - h[1]! + 2 * h[2]! + 0.5;
  const [loss, , da, dBias] = evaluate([student.loss, ...student.gradients], { params, sample });
  expectClose(loss!, [0.5 * (output - 1) ** 2], 1e-15);
  expectClose(
    da!,
    h.map((x) => (output - 1) * x),
    1e-15,
  );
  expectClose(dBias!, [output - 1], 1e-15);
  const metrics = Object.values(student.metrics);
  expect(evaluate(metrics, { params, sample })[1]![0]).toBe(1);
});

it("is immutable plain data", () => {
  expect(structuredClone(student)).toEqual(student);
  expect(Object.isFrozen(student)).toBe(true);
  expect(() => {
    (student.params as unknown[]).push({});
  }).toThrow(TypeError);
});

it("types the names of blocks and fields", () => {
  defineModel({
    params: { theta: [] },
    sample: { x: [] },
    loss: (theta, sample) => {
      expectTypeOf(theta).toEqualTypeOf<{ readonly theta: Node }>();
      expectTypeOf(sample.x).toEqualTypeOf<Node>();
      // @ts-expect-error: there is no such block
      expect(theta.W).toBeUndefined();
      return op.square(op.sub(theta.theta, sample.x));
    },
  });
});

describe("refuses", () => {
  const build = (
    params: Record<string, readonly number[]>,
    sample: Record<string, FieldShape> = { x: [] },
    loss: (theta: Record<string, Node>) => Node = (theta) =>
      Object.values(theta)
        .map((node) => op.sum(node))
        .reduce((a, b) => op.add(a, b)),
  ) => defineModel({ name: "m", params, sample, loss });

  const ERRORS: readonly (readonly [() => unknown, new (m: string) => Error, string])[] = [
    [
      () => build({ w: [3] }, {}, ({ w }) => w!),
      ShapeError,
      "defineModel(m): loss has shape [3], must be a scalar []; reduce it with op.sum or op.mean.",
    ],
    [
      () => build({ w: [], idle: [2] }, {}, ({ w }) => w!),
      ArgumentError,
      "defineModel(m): loss does not depend on idle, which would never be trained (and under " +
        "noise diffuse without bound); use it in the loss or remove it from params.",
    ],
    [
      () => build({ w: [] }, {}, () => 1 as unknown as Node),
      ArgumentError,
      "defineModel(m): loss returned number; return a node made with op (a number has nothing to " +
        "differentiate).",
    ],
    [
      () => build({ w: [] }, {}, ({ w }) => op.add(w!, param("stray", []))),
      ArgumentError,
      'defineModel(m): param node "stray" is not declared; use only the nodes that the loss and ' +
        "metrics are given.",
    ],
    [
      () => build({ w: [2.5] }),
      ShapeError,
      'defineModel(m): parameter block "w" has shape [2.5]; give a list of integers of 1 or more, ' +
        "[] for a scalar.",
    ],
    [
      () => build({ w: [] }, { x: [0] }),
      ShapeError,
      'defineModel(m): sample field "x" has shape [0]; give a list of integers of 1 or more, [] ' +
        "for a scalar.",
    ],
    [
      () => build({ w: [] }, { y: { labels: 1 } }),
      ArgumentError,
      'defineModel(m): sample field "y" has 1 labels; give an integer of 2 to 2^24.',
    ],
    [
      () => build({}),
      ArgumentError,
      "defineModel(m): params are empty; name one parameter block at least.",
    ],
    [
      () => build({ "": [] }),
      ArgumentError,
      'defineModel(m): parameter block "" is empty; choose another name.',
    ],
    [
      () => build({ x: [] }),
      ArgumentError,
      'defineModel(m): sample field "x" is also a parameter block; rename one of them.',
    ],
    [
      () => build({ while: [] }),
      ArgumentError,
      'defineModel(m): parameter block "while" is a keyword of WGSL; choose another name.',
    ],
    [
      () => build({ w: [] }, { target: [] }),
      ArgumentError,
      'defineModel(m): sample field "target" is a reserved word of WGSL; choose another name.',
    ],
    [
      () => build({ select: [] }),
      ArgumentError,
      'defineModel(m): parameter block "select" is predeclared in WGSL; choose another name.',
    ],
    [
      () => build({ "2w": [] }),
      ArgumentError,
      'defineModel(m): parameter block "2w" is no identifier: letters, digits and _, not ' +
        "beginning with a digit; choose another name.",
    ],
    [
      () => build({ __w: [] }),
      ArgumentError,
      'defineModel(m): parameter block "__w" is reserved by WGSL: _ alone, or beginning with __; ' +
        "choose another name.",
    ],
    [
      () =>
        defineModel({
          name: "m",
          params: { w: [] },
          sample: {},
          loss: ({ w }) => w,
          metrics: { loss: ({ w }) => w },
        }),
      ArgumentError,
      'defineModel(m): metric "loss" is always measured; choose another name.',
    ],
    [
      () =>
        defineModel({
          name: "m",
          params: { w: [2] },
          sample: {},
          loss: ({ w }) => op.sum(w),
          metrics: { w: ({ w }) => w },
        }),
      ShapeError,
      'defineModel(m): metric "w" has shape [2], must be a scalar []; reduce it with op.sum or ' +
        "op.mean.",
    ],
  ];

  it.each(ERRORS)("%#", (define, Kind, message) => {
    expect(define).toThrow(Kind);
    expect(define).toThrow(new Kind(message));
  });
});
