/** Sums, products, powers: elementwise, with broadcasting. */
import { ShapeError } from "../errors.ts";
import type { Node } from "../graph.ts";
import { floatLiteral } from "../wgsl/literal.ts";
import { op } from "./build.ts";
import { binaryOp, unaryOp } from "./elementwise.ts";
import type { Op } from "./op.ts";

const factor = (node: Pick<Node, "attributes">): number => node.attributes.factor as number;

const add = binaryOp({
  name: "add",
  value: (a, b) => a + b,
  adjoint: (_a, _b, _y, g) => [g, g],
  wgsl: (a, b) => `(${a} + ${b})`,
});

const sub = binaryOp({
  name: "sub",
  value: (a, b) => a - b,
  adjoint: (_a, _b, _y, g) => [g, op.neg(g)],
  wgsl: (a, b) => `(${a} - ${b})`,
});

const mul = binaryOp({
  name: "mul",
  value: (a, b) => a * b,
  adjoint: (a, b, _y, g) => [op.mul(g, b), op.mul(g, a)],
  wgsl: (a, b) => `(${a} * ${b})`,
});

// d(a/b) = da/b − (a/b)·db/b, which reuses both the quotient and g/b.
const div = binaryOp({
  name: "div",
  value: (a, b) => a / b,
  adjoint: (_a, b, y, g) => {
    const da = op.div(g, b);
    return [da, op.neg(op.mul(da, y))];
  },
  wgsl: (a, b) => `(${a} / ${b})`,
  dear: true,
});

const neg = unaryOp({
  name: "neg",
  value: (x) => -x,
  adjoint: (_x, _y, g) => op.neg(g),
  wgsl: (x) => `(-${x})`,
});

const scale = unaryOp({
  name: "scale",
  value: (x, node) => factor(node) * x,
  adjoint: (_x, y, g) => op.scale(g, factor(y)),
  wgsl: (x, node) => `(${x} * ${floatLiteral(factor(node))})`,
  check: (node) => {
    if (!Number.isFinite(factor(node))) {
      throw new ShapeError(
        `scale: factor is ${factor(node)}; give a finite number, or multiply nodes with op.mul.`,
      );
    }
  },
});

const square = unaryOp({
  name: "square",
  value: (x) => x * x,
  adjoint: (x, _y, g) => op.mul(op.scale(g, 2), x),
  wgsl: (x) => `(${x} * ${x})`,
});

const sqrt = unaryOp({
  name: "sqrt",
  value: Math.sqrt,
  adjoint: (_x, y, g) => op.div(op.scale(g, 0.5), y),
  wgsl: (x) => `sqrt(${x})`,
  dear: true,
});

export const arithmetic: readonly Op[] = [add, sub, mul, div, neg, scale, square, sqrt];
