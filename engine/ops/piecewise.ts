/**
 * Functions with kinks: abs, min, max, step, relu.
 *
 * Derivatives at the kink are conventions: 0 for abs, relu (as PyTorch and JAX have it) and step;
 * at a tie of min or max each operand gets half. `step` is 0 at 0, and its derivative is 0
 * everywhere: the delta function is left out.
 */
import type { Node } from "../graph.ts";
import { op } from "./build.ts";
import { binaryOp, unaryOp } from "./elementwise.ts";
import type { Op } from "./op.ts";

/** sign(x) with sign(0) = 0. */
const sign = (x: Node): Node => op.sub(op.step(x), op.step(op.neg(x)));

const abs = unaryOp({
  name: "abs",
  value: Math.abs,
  adjoint: (x, _y, g) => op.mul(g, sign(x)),
  wgsl: (x) => `abs(${x})`,
});

const step = unaryOp({
  name: "step",
  value: (x) => (x > 0 ? 1 : 0),
  adjoint: () => null,
  wgsl: (x) => `select(0f, 1f, ${x} > 0f)`,
});

const relu = unaryOp({
  name: "relu",
  value: (x) => (x > 0 ? x : 0),
  adjoint: (x, _y, g) => op.mul(g, op.step(x)),
  wgsl: (x) => `max(${x}, 0f)`,
});

/** Shares of a winner by sign(winner − other): 1, ½ at a tie, 0; and the rest. */
function shares(difference: Node, g: Node): [Node, Node] {
  const won = op.scale(op.add(sign(difference), 1), 0.5);
  const first = op.mul(g, won);
  return [first, op.sub(g, first)];
}

const max = binaryOp({
  name: "max",
  value: Math.max,
  adjoint: (a, b, _y, g) => shares(op.sub(a, b), g),
  wgsl: (a, b) => `max(${a}, ${b})`,
});

const min = binaryOp({
  name: "min",
  value: Math.min,
  adjoint: (a, b, _y, g) => shares(op.sub(b, a), g),
  wgsl: (a, b) => `min(${a}, ${b})`,
});

export const piecewise: readonly Op[] = [abs, min, max, step, relu];
