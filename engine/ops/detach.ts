/**
 * A value that differentiation takes for a constant (PyTorch's `detach`, JAX's `stop_gradient`).
 *
 * With it a loss has a gradient that is no gradient field: ∇ of detach(A θ)·θ is A θ, for any A. Such
 * a loss is no potential: its value tells nothing of the dynamics, and every derivative beyond the
 * first, Hessian-vector products and `velocityCurvature` included, holds A θ fixed as well.
 */
import { unaryOp } from "./elementwise.ts";

export const detach = unaryOp({
  name: "detach",
  value: (x) => x,
  adjoint: () => null,
  wgsl: (x) => x,
});
