/**
 * exp, log, tanh, sigmoid, softplus, erf, sin, cos: elementwise.
 *
 * Adjoints reuse the node itself where the derivative is a function of the value (exp, tanh,
 * sigmoid). Generated WGSL calls functions of our own library: WGSL lets its builtins be wrong by
 * 2⁻¹¹ and more.
 */
import { op } from "./build.ts";
import { unaryOp } from "./elementwise.ts";
import { erf as erfValue } from "./errorFunction.ts";
import type { Op } from "./op.ts";

const exp = unaryOp({
  name: "exp",
  value: Math.exp,
  adjoint: (_x, y, g) => op.mul(g, y),
  wgsl: (x) => `exp_accurate(${x})`,
  dear: true,
  imports: ["lib/exp"],
});

const log = unaryOp({
  name: "log",
  value: Math.log,
  adjoint: (x, _y, g) => op.div(g, x),
  wgsl: (x) => `log_accurate(${x})`,
  dear: true,
  imports: ["lib/log"],
});

const tanh = unaryOp({
  name: "tanh",
  value: Math.tanh,
  adjoint: (_x, y, g) => op.mul(g, op.sub(1, op.square(y))),
  wgsl: (x) => `tanh_accurate(${x})`,
  dear: true,
  imports: ["lib/tanh"],
});

const sigmoid = unaryOp({
  name: "sigmoid",
  value: (x) => {
    // e^−|x| does not overflow.
    const e = Math.exp(-Math.abs(x));
    return (x >= 0 ? 1 : e) / (1 + e);
  },
  adjoint: (_x, y, g) => op.mul(g, op.mul(y, op.sub(1, y))),
  wgsl: (x) => `sigmoid_accurate(${x})`,
  dear: true,
  imports: ["lib/sigmoid"],
});

const softplus = unaryOp({
  name: "softplus",
  value: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  adjoint: (x, _y, g) => op.mul(g, op.sigmoid(x)),
  wgsl: (x) => `softplus_accurate(${x})`,
  dear: true,
  imports: ["lib/sigmoid"],
});

const erf = unaryOp({
  name: "erf",
  value: erfValue,
  adjoint: (x, _y, g) => op.mul(g, op.scale(op.exp(op.neg(op.square(x))), 2 / Math.sqrt(Math.PI))),
  wgsl: (x) => `erf_accurate(${x})`,
  dear: true,
  imports: ["lib/erf"],
});

const sin = unaryOp({
  name: "sin",
  value: Math.sin,
  adjoint: (x, _y, g) => op.mul(g, op.cos(x)),
  wgsl: (x) => `sin_accurate(${x})`,
  dear: true,
  imports: ["lib/trigonometry"],
});

const cos = unaryOp({
  name: "cos",
  value: Math.cos,
  adjoint: (x, _y, g) => op.neg(op.mul(g, op.sin(x))),
  wgsl: (x) => `cos_accurate(${x})`,
  dear: true,
  imports: ["lib/trigonometry"],
});

export const transcendental: readonly Op[] = [exp, log, tanh, sigmoid, softplus, erf, sin, cos];
