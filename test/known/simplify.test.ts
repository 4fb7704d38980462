/** `simplify`: rules one by one, then values, idempotence and size over random graphs. */
import { describe, expect, it } from "vitest";
import { gradient } from "../../engine/autodiff.ts";
import { constant, type Node, param, topologicalOrder } from "../../engine/graph.ts";
import { apply, op, ops, zeros } from "../../engine/ops/index.ts";
import { evaluate } from "../../engine/reference.ts";
import { simplify } from "../../engine/simplify.ts";
import { expectClose } from "../differences.ts";
import { randomGraph } from "../randomGraphs.ts";

const x = param("x", []);
const v = param("v", [3]);
const w = param("w", [3]);
const A = param("A", [2, 3]);
const u = param("u", [2]);
const t = param("t", [2]);
const I = param("I", [2, 3, 3]);
const K1 = param("K1", [2, 2, 1, 1]);

/** `add(v, scale(w, factor=2))`, with shapes where they are not those of the inputs. */
function print(node: Node): string {
  if (node.op === "param" || node.op === "sample") return node.attributes.name as string;
  if (node.op === "constant") return `${node.attributes.values}`;
  const parts = node.inputs.map(print);
  if (node.op === "scale") parts.push(`${node.attributes.factor}`);
  if (node.op === "broadcastTo" || node.op === "reshape") parts.push(`[${node.shape}]`);
  if (node.op === "transpose") parts.push(`[${node.attributes.axes}]`);
  return `${node.op}(${parts.join(", ")})`;
}

const RULES: readonly (readonly [string, Node, string])[] = [
  ["x + 0", op.add(v, 0), "v"],
  ["0 + x", op.add(zeros([3]), v), "v"],
  ["x + 0 of a larger shape", op.add(x, zeros([3])), "broadcastTo(x, [3])"],
  ["x - 0", op.sub(v, 0), "v"],
  ["0 - x", op.sub(0, v), "neg(v)"],
  ["x - x", op.sub(v, v), "broadcastTo(0, [3])"],
  ["x + (-y)", op.add(v, op.neg(w)), "sub(v, w)"],
  ["(-x) + y", op.add(op.neg(v), w), "sub(w, v)"],
  ["x - (-y)", op.sub(v, op.neg(w)), "add(v, w)"],
  ["x * 1", op.mul(v, 1), "v"],
  ["x * 1 of a larger shape", op.mul(x, constant([1, 1, 1], [3])), "broadcastTo(x, [3])"],
  ["x * 0", op.mul(v, 0), "broadcastTo(0, [3])"],
  ["x * constant", op.mul(2.5, v), "scale(v, 2.5)"],
  ["x * x", op.mul(v, v), "square(v)"],
  ["x / constant", op.div(v, 4), "scale(v, 0.25)"],
  ["scale of scale", op.scale(op.scale(v, 2), 3), "scale(v, 6)"],
  ["scale by 1", op.scale(v, 1), "v"],
  ["scale by 0", op.scale(v, 0), "broadcastTo(0, [3])"],
  ["scale by -1", op.scale(v, -1), "neg(v)"],
  ["scale of neg", op.scale(op.neg(v), 3), "scale(v, -3)"],
  ["neg of scale", op.neg(op.scale(v, 3)), "scale(v, -3)"],
  ["neg of neg", op.neg(op.neg(v)), "v"],
  ["neg of difference", op.neg(op.sub(v, w)), "sub(w, v)"],
  ["transpose of transpose", op.transpose(op.transpose(A)), "A"],
  ["reshape of reshape", op.reshape(op.reshape(A, [3, 2]), [6]), "reshape(A, [6])"],
  ["reshape and back", op.reshape(op.reshape(A, [6]), [2, 3]), "A"],
  [
    "broadcast of broadcast",
    op.broadcastTo(op.broadcastTo(x, [3]), [2, 3]),
    "broadcastTo(x, [2,3])",
  ],
  ["operand that broadcasting repeats anyway", op.mul(op.broadcastTo(x, [3]), v), "mul(x, v)"],
  ["function of a repeated value", op.exp(op.broadcastTo(x, [3])), "broadcastTo(exp(x), [3])"],
  ["sum of a uniform array", op.sum(op.broadcastTo(2, [2, 3]), 0), "broadcastTo(4, [3])"],
  // Larger than constant folding goes.
  ["sum over an axis", op.sum(op.broadcastTo(2, [100, 2]), 0), "broadcastTo(200, [2])"],
  ["mean of a uniform array", op.mean(op.broadcastTo(2, [100])), "2"],
  ["constants", op.exp(op.add(constant([1, 2], [2]), -1)), `${[1, Math.E]}`],
  ["product with zeros", op.matvec(zeros([2, 3]), v), "broadcastTo(0, [2])"],
  ["padded zeros", op.pad(zeros([2]), 1, 0), "broadcastTo(0, [3])"],
  ["sum of an outer product", op.sum(op.outer(u, v)), "mul(sum(u), sum(v))"],
  [
    "squared norm of an outer product",
    op.sum(op.square(op.outer(u, v))),
    "mul(sum(square(u)), sum(square(v)))",
  ],
  [
    "the same as a product",
    op.sum(op.mul(op.outer(u, v), op.outer(u, v))),
    "mul(sum(square(u)), sum(square(v)))",
  ],
  ["outer product along a matrix", op.sum(op.mul(A, op.outer(u, v))), "dot(u, matvec(A, v))"],
  [
    "inner product of outer products",
    op.sum(op.mul(op.outer(u, v), op.outer(t, w))),
    "mul(dot(u, t), dot(v, w))",
  ],
  // Not over everything, and not a product of the whole matrix: they stay.
  ["rows of an outer product", op.sum(op.outer(u, v), 1), "sum(outer(u, v))"],
  ["outer product times a row", op.sum(op.mul(op.outer(u, v), w)), "sum(mul(outer(u, v), w))"],
  ["function of a reshaped array", op.exp(op.reshape(A, [3, 2])), "reshape(exp(A), [3,2])"],
  [
    "functions of arrays reshaped alike",
    op.add(op.reshape(A, [6]), op.tanh(op.reshape(op.sin(A), [6]))),
    "reshape(add(A, tanh(sin(A))), [6])",
  ],
  [
    "bias and activation of a convolution",
    op.tanh(op.add(op.conv2d(I, K1), op.reshape(t, [2, 1, 1]))),
    "reshape(tanh(add(matmul(reshape(K1, [2,2]), reshape(I, [2,9])), reshape(t, [2,1]))), [2,3,3])",
  ],
  ["a reshaped array and a scalar", op.mul(op.reshape(A, [6]), x), "reshape(mul(A, x), [6])"],
  // Along what was reshaped, or of its own shape: they stay.
  ["a reshaped array and a row", op.mul(op.reshape(A, [3, 2]), u), "mul(reshape(A, [3,2]), u)"],
  [
    "a reshaped array and a column across",
    op.mul(op.reshape(A, [3, 2]), op.reshape(v, [3, 1])),
    "mul(reshape(A, [3,2]), reshape(v, [3,1]))",
  ],
  [
    "a reshaped array and another",
    op.mul(op.reshape(A, [3, 2]), param("B", [3, 2])),
    "mul(reshape(A, [3,2]), B)",
  ],
  ["reshaped scalars", op.add(op.reshape(x, [1]), param("y", [1])), "add(x, y)"],
  ["reverse of reverse", op.reverse(op.reverse(A, 1), 1), "A"],
  ["reverse along another axis", op.reverse(op.reverse(A, 0), 1), "reverse(reverse(A))"],
  ["reverse of one element", op.reverse(op.reshape(x, [1])), "reshape(x, [1])"],
  ["windows of one pixel", op.patches(I, { window: 1 }), "reshape(I, [2,1,1,3,3])"],
  ["windows of one pixel, some left out", op.patches(I, { window: 1, stride: 2 }), "patches(I)"],
  [
    "windows of a constant",
    op.patches(op.broadcastTo(3, [1, 9, 9]), { window: 2 }),
    "broadcastTo(3, [1,2,2,8,8])",
  ],
  [
    "a convolution with one pixel is a product",
    op.conv2d(I, K1),
    "reshape(matmul(reshape(K1, [2,2]), reshape(I, [2,9])), [2,3,3])",
  ],
  [
    "unpatch of windows of one pixel",
    op.unpatch(op.reshape(I, [2, 1, 1, 3, 3]), { size: [3, 3] }),
    "I",
  ],
  ["slice of everything", op.slice(v, 0, 3), "v"],
  ["pick", op.pick(v, 1), "dot(v, 0,1,0)"],
];

it.each(RULES)("%s", (_name, node, expected) => {
  const [simple] = simplify([node]);
  expect(print(simple!)).toBe(expected);
  expect(simple!.shape).toEqual(node.shape);
});

it("gives the squared norm of a dense layer's gradient without the gradient", () => {
  const loss = op.sum(op.tanh(op.matvec(A, v)));
  const [slope] = gradient(loss, [A]);
  const [norm] = simplify([op.sum(op.square(slope!))]);
  expect(topologicalOrder([norm!]).map((node) => node.op)).not.toContain("outer");
  const params = {
    A: Float64Array.of(0.3, -1, 0.2, 0.7, 0.1, -0.4),
    v: Float64Array.of(2, -1, 0.5),
  };
  const [simple, plain] = evaluate([norm!, op.sum(op.square(slope!))], { params, sample: {} });
  expectClose(simple!, plain!, 1e-15);
});

it("does not take a padding that is not zero for zeros", () => {
  const given = { before: 1, after: 0, axis: 0, value: -2 };
  const node = apply("pad", [zeros([2])], given);
  expect([...evaluate(simplify([node]), { params: {}, sample: {} })[0]!]).toEqual([-2, 0, 0]);
});

it("keeps what it must not touch", () => {
  // 1e-30 · 1e-30 underflows in float32, the two steps need not; 1/1e-42 overflows.
  for (const node of [
    op.scale(op.scale(v, 1e-30), 1e-30),
    op.div(v, 1e-42),
    op.log(constant(-1)),
  ]) {
    expect(print(simplify([node])[0]!)).toBe(print(node));
  }
});

it("makes equal nodes one, commuted operands included, and keeps leaves the objects they are", () => {
  const [a, b] = simplify([
    op.tanh(op.mul(v, w)),
    op.sum(op.tanh(op.mul(param("w", [3]), param("v", [3])))),
  ]);
  expect(b!.inputs[0]).toBe(a);
  expect(a!.inputs[0]!.inputs[0]).toBe(v);
  expect(simplify([op.sub(v, w)])[0]).not.toBe(simplify([op.sub(w, v)])[0]);
});

it("tells apart nodes that differ in an attribute or in the sign of zero", () => {
  const [a, b] = simplify([op.slice(v, 0, 2), op.slice(v, 1, 3)]);
  expect(a).not.toBe(b);
  const [p, q] = simplify([op.max(x, constant(0)), op.max(x, constant(-0))]);
  expect(p).not.toBe(q);
});

describe.each(Array.from({ length: 60 }, (_, seed) => seed))("random graph %i", (seed) => {
  const { output, params, values } = randomGraph(seed + 500, 10);
  const outputs = [output, ...gradient(output, params)];
  const simple = simplify(outputs);

  it("has the same values and shapes", () => {
    const before = evaluate(outputs, { params: values, sample: {} });
    const after = evaluate(simple, { params: values, sample: {} });
    outputs.forEach((node, i) => {
      expect(simple[i]!.shape).toEqual(node.shape);
      expectClose(after[i]!, before[i]!, 1e-12, `output ${i}`);
    });
  });

  it("is at its fixed point, made of primitive operations, and not larger", () => {
    const again = simplify(simple);
    expect(again).toEqual(simple);
    expect(topologicalOrder(again).length).toBe(topologicalOrder(simple).length);
    for (const node of topologicalOrder(simple)) expect(ops[node.op]?.expand).toBeUndefined();
  });
});

it("shares the exponentials of softmax cross-entropy between loss and gradient", () => {
  const logits = param("logits", [5]);
  const loss = op.softmaxCrossEntropy(logits, 2);
  const simple = simplify([loss, ...gradient(loss, [logits])]);
  const names = topologicalOrder(simple).map((node) => node.op);
  for (const once of ["exp", "sum", "maxOf", "log", "div"]) {
    expect(
      names.filter((name) => name === once),
      once,
    ).toHaveLength(1);
  }
});
