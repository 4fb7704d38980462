/** Shape rules at definition time: results, and errors that say what was given and what fits. */
import { describe, expect, it } from "vitest";
import { ShapeError } from "../../engine/errors.ts";
import { type Node, param, sampleField } from "../../engine/graph.ts";
import { apply, op } from "../../engine/ops/index.ts";

const s = param("s", []);
const two = param("two", [2]);
const three = param("three", [3]);
const W = param("W", [3, 2]);
const T = param("T", [2, 3, 4]);
const image = param("image", [2, 5, 6]);
const kernel = param("kernel", [4, 2, 3, 3]);
const label = sampleField("digit", [], 10);

const SHAPES: readonly (readonly [string, Node, readonly number[]])[] = [
  ["matvec", op.matvec(W, two), [3]],
  ["outer", op.outer(two, three), [2, 3]],
  ["matmul", op.matmul(W, op.transpose(W)), [3, 3]],
  ["transpose reverses", op.transpose(T), [4, 3, 2]],
  ["transpose with axes", op.transpose(T, [1, 2, 0]), [3, 4, 2]],
  ["broadcasting", op.add(op.reshape(three, [3, 1]), two), [3, 2]],
  ["number and array", op.mul(2, W), [3, 2]],
  ["sum of everything", op.sum(T), []],
  ["sum over the last axis", op.sum(T, -1), [2, 3]],
  ["mean over two axes", op.mean(T, [0, 2]), [3]],
  ["slice along the last axis", op.slice(T, 1, 3, -1), [2, 3, 2]],
  ["concat of three", op.concat([two, three, two]), [7]],
  ["pad", op.pad(three, 1, 2), [6]],
  ["reverse", op.reverse(W), [3, 2]],
  ["patches", op.patches(image, { window: [2, 3] }), [2, 2, 3, 4, 4]],
  ["patches with a stride", op.patches(image, { window: 2, stride: [2, 3] }), [2, 2, 2, 2, 2]],
  ["unpatch", op.unpatch(param("g", [2, 2, 2, 2, 2]), { size: [5, 6], stride: [2, 3] }), [2, 5, 6]],
  ["conv2d", op.conv2d(image, kernel), [4, 3, 4]],
  ["conv2d, same", op.conv2d(image, kernel, { padding: "same" }), [4, 5, 6]],
  ["conv2d, same, stride 2", op.conv2d(image, kernel, { padding: "same", stride: 2 }), [4, 3, 3]],
  ["conv2d, valid", op.conv2d(image, kernel, { padding: "valid", stride: [1, 3] }), [4, 3, 2]],
  ["conv2d, padded", op.conv2d(image, kernel, { padding: [0, 2] }), [4, 3, 8]],
  ["maxPool strides by its window", op.maxPool(image, { window: 2 }), [2, 2, 3]],
  ["avgPool", op.avgPool(image, { window: [3, 2], stride: 1, padding: 1 }), [2, 5, 7]],
  ["layerNorm", op.layerNorm(image), [2, 5, 6]],
  ["weightNorm", op.weightNorm(W, { gain: three }), [3, 2]],
  ["oneHot", op.oneHot(label, 10), [10]],
  ["logSumExp over the last axis", op.logSumExp(T), [2, 3]],
  ["softmax", op.softmax(T), [2, 3, 4]],
  ["softmaxCrossEntropy", op.softmaxCrossEntropy(three, label), []],
];

it.each(SHAPES)("%s", (_name, node, shape) => {
  expect(node.shape).toEqual(shape);
});

const ERRORS: readonly (readonly [() => unknown, string])[] = [
  [
    () => op.matvec(W, three),
    "matvec: matrix [3, 2] needs a vector [2], got [3]; did you mean matvec(transpose(W), x)?",
  ],
  [
    () => op.matvec(W, param("M", [2, 4])),
    "matvec: matrix [3, 2] needs a vector [2], got [2, 4]; did you mean matmul(W, x)?",
  ],
  [() => op.matvec(W, s), "matvec: matrix [3, 2] needs a vector [2], got []."],
  [
    () => op.matvec(two, two),
    "matvec: needs a matrix [m, n] and a vector [n], got [2] and [2]; did you mean dot(a, b) or " +
      "outer(a, b)?",
  ],
  [() => op.dot(two, three), "dot: needs two vectors of one length, got [2] and [3]."],
  [
    () => op.dot(W, two),
    "dot: needs two vectors of one length, got [3, 2] and [2]; did you mean matvec(W, x)?",
  ],
  [() => op.outer(W, two), "outer: needs two vectors [m] and [n], got [3, 2] and [2]."],
  [
    () => op.matmul(W, W),
    "matmul: needs matrices [m, k] and [k, n], got [3, 2] and [3, 2]; did you mean matmul(A, " +
      "transpose(B))?",
  ],
  [
    () => op.matmul(W, two),
    "matmul: needs matrices [m, k] and [k, n], got [3, 2] and [2]; did you mean matvec(A, x)?",
  ],
  [
    () => op.add(two, three),
    "add: shapes [2] and [3] do not broadcast (2 against 3); aligned on the right, axes must be " +
      "equal or 1.",
  ],
  [
    () => op.transpose(T, [0, 0, 1]),
    "transpose: axes [0, 0, 1] do not order the 3 axes of [2, 3, 4]; name each of 0 to 2 once.",
  ],
  [
    () => op.reshape(W, [4]),
    "reshape: [3, 2] has 6 elements, [4] has 4; the numbers must be equal.",
  ],
  [() => op.reshape(W, [-1]), "reshape: [-1] is no shape; axis lengths are integers of 1 or more."],
  [
    () => op.broadcastTo(three, [3, 2]),
    "broadcastTo: shapes [3] and [3, 2] do not broadcast (3 against 2); aligned on the right, " +
      "axes must be equal or 1.",
  ],
  [
    () => op.broadcastTo(W, [2]),
    "broadcastTo: [3, 2] does not repeat to [2]; aligned on the right, its axes must be equal or 1.",
  ],
  [
    () => op.slice(three, 1, 4),
    "slice: [1, 4) is no range of axis 0 of [3]; integers with 0 <= start < stop <= 3 are.",
  ],
  [() => op.slice(three, 0, 1, 1), "slice: [3] has no axis 1; it has 0 to 0."],
  [() => op.pad(three, -1, 0), "pad: -1 is no number of zeros; give an integer of 0 or more."],
  [
    () => op.concat([W, param("M", [3, 3])]),
    "concat: [3, 2] and [3, 3] do not join along axis 0; all other axes must be equal.",
  ],
  [() => op.concat([]), "concat: got no inputs; give at least one."],
  [() => op.sum(T, 3), "sum: [2, 3, 4] has no axis 3; it has 0 to 2."],
  [() => op.mean(s, 0), "mean: [] has no axis 0; it has none."],
  [() => op.sum(T, [1, -2]), "sum: axes [1, -2] name an axis twice; name each once."],
  [() => op.reverse(T, 3), "reverse: [2, 3, 4] has no axis 3; it has 0 to 2."],
  [
    () => op.conv2d(param("picture", [5, 6]), kernel),
    "conv2d: needs an image [channels, height, width] and a kernel [out, channels, height, width], " +
      "got [5, 6] and [4, 2, 3, 3]; did you mean op.reshape(x, [1, 5, 6])?",
  ],
  [
    () => op.conv2d(image, W),
    "conv2d: needs an image [channels, height, width] and a kernel [out, channels, height, width], " +
      "got [2, 5, 6] and [3, 2].",
  ],
  [
    () => op.conv2d(image, param("K", [2, 4, 3, 3])),
    "conv2d: kernel [2, 4, 3, 3] reads 4 channels, the image [2, 5, 6] has 2; axis 1 of the kernel " +
      "must be the image's channels.",
  ],
  [
    () => op.conv2d(image, param("K", [1, 2, 9, 3]), { padding: [1, 0] }),
    "conv2d: a kernel [9, 3] is larger than the image [5, 6], padded to [7, 6]; make the kernel " +
      "smaller, or add 1 or more to padding.",
  ],
  [
    () => op.conv2d(image, kernel, { stride: 0 }),
    "conv2d: stride is 0; give an integer of 1 or more, or two: [y, x].",
  ],
  [
    () => op.conv2d(image, kernel, { padding: [1, -1] }),
    "conv2d: padding is [1, -1]; give an integer of 0 or more, or two: [y, x].",
  ],
  [
    () => op.conv2d(image, kernel, { padding: "full" as "same" }),
    'conv2d: padding is "full"; give "same", "valid", an integer of 0 or more, or two: [y, x].',
  ],
  [
    () => op.maxPool(W, { window: 2 }),
    "maxPool: needs an image [channels, height, width], got [3, 2]; did you mean op.reshape(x, [1, " +
      "3, 2])?",
  ],
  [
    () => op.avgPool(image, { window: 2, padding: 2 }),
    "avgPool: padding [2, 2, 2, 2] (top, bottom, left, right) leaves a window [2, 2] with nothing " +
      "but padding; pad less than the window is long.",
  ],
  [
    () => op.maxPool(image, { window: 8 }),
    "maxPool: a window [8, 8] is larger than the image [5, 6], padded to [5, 6]; make the window " +
      "smaller, or add 2 or more to padding.",
  ],
  [
    () => op.patches(image, { window: 1.5 }),
    "patches: window is 1.5; give an integer of 1 or more, or two: [y, x].",
  ],
  [
    () => op.patches(image, { window: 7 }),
    "patches: a window [7, 7] is larger than the image [5, 6]; make the window smaller, or pad " +
      "the image.",
  ],
  [
    () => op.unpatch(image, { size: [5, 6] }),
    "unpatch: needs patches [channels, window height, window width, rows, columns], got [2, 5, 6].",
  ],
  [
    () => op.unpatch(param("g", [2, 2, 2, 2, 2]), { size: [5, 6] }),
    "unpatch: an image [5, 6] has [4, 5] windows [2, 2] at stride [1, 1], got [2, 2].",
  ],
  [
    () => op.layerNorm(three, { epsilon: -1 }),
    "layerNorm: epsilon is -1; give a number of 0 or more, added to the variance.",
  ],
  [() => op.layerNorm(three, { axes: 1 }), "layerNorm: [3] has no axis 1; it has 0 to 0."],
  [
    () => op.weightNorm(W, { gain: two }),
    "weightNorm: the gain has shape [2], needs [] or one length for each norm, [3].",
  ],
  [() => op.oneHot(label, 2.5), "oneHot: 2.5 classes; give an integer of 1 or more."],
  [() => op.pick(W, label), "pick: needs a vector [n] and a label [], got [3, 2] and []."],
  [() => op.softmax(s), "softmax: needs a vector [n] of logits, got a scalar []."],
  [
    () => op.scale(s, Number.NaN),
    "scale: factor is NaN; give a finite number, or multiply nodes with op.mul.",
  ],
  [
    () => op.add(s, undefined as unknown as Node),
    "add: input 2 is undefined; give a node of the graph or a number.",
  ],
  [() => apply("add", [s]), "add: needs 2 inputs, got 1."],
];

describe("errors", () => {
  it.each(ERRORS)("%#: %s", (build, message) => {
    expect(build).toThrow(ShapeError);
    expect(build).toThrow(new ShapeError(message));
  });

  it("lists the operations when there is none of the name", () => {
    expect(() => apply("relu6", [s])).toThrow(/^apply: no operation "relu6"; there are add, sub, /);
    expect(() => apply("toString", [s])).toThrow(ShapeError);
  });
});
