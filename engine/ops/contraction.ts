/** Products of vectors and matrices: dot, matvec, outer, matmul. No broadcasting. */
import { ShapeError } from "../errors.ts";
import { type Node, printShape, type Shape } from "../graph.ts";
import { op } from "./build.ts";
import type { Lowering, Op } from "./op.ts";
import { expectInputs } from "./shapes.ts";

/** The error of a product whose operands do not fit; `hint` is a question or "". */
const misfit = (name: string, needs: string, a: Shape, b: Shape, hint = ""): ShapeError =>
  new ShapeError(
    `${name}: needs ${needs}, got ${printShape(a)} and ${printShape(b)}` +
      (hint === "" ? "." : `; ${hint}`),
  );

const term: Lowering["expression"] = ([a, b]) => `(${a} * ${b})`;

const dot: Op = {
  name: "dot",
  shape: (inputs) => {
    expectInputs("dot", inputs, 2);
    const [a, b] = inputs as [Shape, Shape];
    if (a.length !== 1 || b.length !== 1 || a[0] !== b[0]) {
      const matrix = a.length === 2 && b.length === 1 && a[1] === b[0];
      const hint = matrix ? "did you mean matvec(W, x)?" : "";
      throw misfit("dot", "two vectors of one length", a, b, hint);
    }
    return [];
  },
  value: ([a, b], _node, out = new Float64Array(1)) => {
    let sum = 0;
    for (let i = 0; i < a!.length; i += 1) sum += a![i]! * b![i]!;
    out[0] = sum;
    return out;
  },
  adjoint: (node, g) => {
    const [a, b] = node.inputs as [Node, Node];
    return [op.mul(g, b), op.mul(g, a)];
  },
  wgsl: {
    reduce: { over: (node) => node.inputs[0]!.shape, combine: "sum" },
    reads: (_node, _out, k) => [k, k],
    expression: term,
  },
};

function matvecShape(inputs: readonly Shape[]): Shape {
  expectInputs("matvec", inputs, 2);
  const [w, x] = inputs as [Shape, Shape];
  if (w.length !== 2) {
    const vectors = w.length === 1 && x.length === 1;
    const hint = vectors ? "did you mean dot(a, b) or outer(a, b)?" : "";
    throw misfit("matvec", "a matrix [m, n] and a vector [n]", w, x, hint);
  }
  if (x.length !== 1 || x[0] !== w[1]) {
    const turned = x.length === 1 && x[0] === w[0] ? "did you mean matvec(transpose(W), x)?" : "";
    const other = x.length === 2 && x[0] === w[1] ? "did you mean matmul(W, x)?" : "";
    const hint = turned || other;
    throw new ShapeError(
      `matvec: matrix ${printShape(w)} needs a vector [${w[1]}], got ${printShape(x)}` +
        (hint === "" ? "." : `; ${hint}`),
    );
  }
  return [w[0]!];
}

const matvec: Op = {
  name: "matvec",
  shape: matvecShape,
  value: ([w, x], node, out = new Float64Array(node.shape[0]!)) => {
    const columns = x!.length;
    for (let i = 0; i < out.length; i += 1) {
      let sum = 0;
      for (let j = 0; j < columns; j += 1) sum += w![i * columns + j]! * x![j]!;
      out[i] = sum;
    }
    return out;
  },
  adjoint: (node, g) => {
    const [w, x] = node.inputs as [Node, Node];
    return [op.outer(g, x), op.matvec(op.transpose(w), g)];
  },
  wgsl: {
    reduce: { over: (node) => node.inputs[1]!.shape, combine: "sum" },
    reads: (_node, [i], [k]) => [[i!, k!], [k!]],
    expression: term,
  },
};

const outer: Op = {
  name: "outer",
  shape: (inputs) => {
    expectInputs("outer", inputs, 2);
    const [a, b] = inputs as [Shape, Shape];
    if (a.length !== 1 || b.length !== 1) {
      throw misfit("outer", "two vectors [m] and [n]", a, b);
    }
    return [a[0]!, b[0]!];
  },
  value: ([a, b], _node, out = new Float64Array(a!.length * b!.length)) => {
    for (let i = 0; i < a!.length; i += 1) {
      for (let j = 0; j < b!.length; j += 1) out[i * b!.length + j] = a![i]! * b![j]!;
    }
    return out;
  },
  adjoint: (node, g) => {
    const [a, b] = node.inputs as [Node, Node];
    return [op.matvec(g, b), op.matvec(op.transpose(g), a)];
  },
  wgsl: { reads: (_node, [i, j]) => [[i!], [j!]], expression: term },
};

function matmulShape(inputs: readonly Shape[]): Shape {
  expectInputs("matmul", inputs, 2);
  const [a, b] = inputs as [Shape, Shape];
  if (a.length !== 2 || b.length !== 2 || a[1] !== b[0]) {
    const matrices = a.length === 2 && b.length === 2;
    const vector = a.length === 2 && b.length === 1 && a[1] === b[0];
    const swapped = matrices && a[1] === b[1] ? "did you mean matmul(A, transpose(B))?" : "";
    const hint = vector ? "did you mean matvec(A, x)?" : swapped;
    throw misfit("matmul", "matrices [m, k] and [k, n]", a, b, hint);
  }
  return [a[0]!, b[1]!];
}

const matmul: Op = {
  name: "matmul",
  shape: matmulShape,
  value: ([a, b], node, out = new Float64Array(node.shape[0]! * node.shape[1]!)) => {
    const [rows, columns] = node.shape as [number, number];
    const inner = node.inputs[0]!.shape[1]!;
    out.fill(0);
    for (let i = 0; i < rows; i += 1) {
      for (let k = 0; k < inner; k += 1) {
        const factor = a![i * inner + k]!;
        for (let j = 0; j < columns; j += 1) out[i * columns + j]! += factor * b![k * columns + j]!;
      }
    }
    return out;
  },
  adjoint: (node, g) => {
    const [a, b] = node.inputs as [Node, Node];
    return [op.matmul(g, op.transpose(b)), op.matmul(op.transpose(a), g)];
  },
  wgsl: {
    reduce: { over: (node) => [node.inputs[0]!.shape[1]!], combine: "sum" },
    reads: (_node, [i, j], [k]) => [
      [i!, k!],
      [k!, j!],
    ],
    expression: term,
  },
};

export const contraction: readonly Op[] = [dot, matvec, outer, matmul];
