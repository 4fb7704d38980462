/**
 * Quantities of a replica over the whole data set, at θ_t and v_t, before the update of step t.
 *
 *   f(θ) = (1/N) Σ l_i(θ) + (λ/2)|θ|²,  λ the weight decay of the condition
 *
 * Those that are means of per-sample scalars are graphs here, made by repeated differentiation along
 * a direction d (Pearlmutter, Neural Computation 6, 147 (1994)): d·H_i d never needs H_i d of a
 * sample in memory. |∇f|² is no such mean; `run/fullGradient.ts` sums vectors for it.
 */
import { gradient, substitute } from "../autodiff.ts";
import { ArgumentError } from "../errors.ts";
import { constant, type Node, param, topologicalOrder } from "../graph.ts";
import type { Model } from "../model.ts";
import { op } from "../ops/index.ts";
import { simplify } from "../simplify.ts";
import { DIRECTION, WEIGHT_DECAY } from "../wgsl/sampleFunction.ts";

/** Quantities that the evaluation kernels compute, not the schedule; one pass over the data each. */
export const FULL_DATA = [
  "fullLoss",
  "fullGradientSquare",
  "theta.fullGradient",
  "velocityCurvature",
  "velocityThirdDerivative",
] as const;

export type FullDataQuantity = (typeof FULL_DATA)[number];

export const isFullData = (name: string): name is FullDataQuantity =>
  (FULL_DATA as readonly string[]).includes(name);

/** Quantities that are evaluated along the velocity. */
export const isAlongVelocity = (name: string): boolean =>
  name === "velocityCurvature" || name === "velocityThirdDerivative";

/** @throws ArgumentError for a quantity along a velocity that is not kept. */
export function requireDirection(where: string, name: string, hasVelocity: boolean): void {
  if (hasVelocity || !isAlongVelocity(name)) return;
  throw new ArgumentError(
    `${where}: "${name}" needs a velocity, and no condition has momentum > 0; keep it with ` +
      "keepVelocity: true.",
  );
}

const sum = (terms: readonly Node[]): Node => terms.reduce((total, term) => op.add(total, term));

const inner = (a: readonly Node[], b: readonly Node[]): Node =>
  sum(a.map((node, i) => op.sum(op.mul(node, b[i]!))));

/** d·∇l, d·H d or f_ijk d_i d_j d_k of one sample, with what weight decay adds to it. */
function derivativeAlong(model: Model, order: number): Node {
  const theta = model.params.map(({ name, shape }) => param(name, shape));
  const d = model.params.map(({ name, shape }) => param(`${DIRECTION}${name}`, shape));
  let along = model.loss;
  for (let k = 0; k < order; k += 1) along = inner(d, gradient(along, theta));
  return order === 2 ? op.add(along, op.mul(param(WEIGHT_DECAY, []), inner(d, d))) : along;
}

/** θ·∇l + λ|θ|² of one sample. */
function thetaGradient(model: Model): Node {
  const theta = model.params.map(({ name, shape }) => param(name, shape));
  const decay = op.mul(param(WEIGHT_DECAY, []), inner(theta, theta));
  return op.add(inner(theta, model.gradients), decay);
}

function sampleScalar(model: Model, name: string): Node {
  if (name === "loss" || name === "fullLoss") return model.loss;
  if (name === "theta.fullGradient") return thetaGradient(model);
  if (name === "velocityCurvature") return derivativeAlong(model, 2);
  if (name === "velocityThirdDerivative") return derivativeAlong(model, 3);
  return model.metrics[name]!;
}

/**
 * Per-sample scalars whose means over the data are the named quantities, simplified together; of a
 * model without draws.
 *
 * `fullGradientSquare` has none. Leaves: θ, the sample, `direction.<block>` and `weight decay`.
 */
export const sampleScalars = (model: Model, names: readonly string[]): Node[] =>
  simplify(names.map((name) => sampleScalar(model, name)));

/** What λ multiplies in a quantity, beside the mean over the data: |θ|² or |v|²; null: nothing. */
export function decaySquare(name: string): "theta" | "direction" | null {
  if (name === "theta.fullGradient") return "theta";
  return name === "velocityCurvature" ? "direction" : null;
}

/** The same scalars as `sampleScalars` without what weight decay adds (`decaySquare`). */
export function undecayedScalars(model: Model, names: readonly string[]): Node[] {
  const scalars = names.map((name) => sampleScalar(model, name));
  const decays = topologicalOrder(scalars).filter(
    ({ op: kind, attributes }) => kind === "param" && attributes.name === WEIGHT_DECAY,
  );
  return simplify(substitute(scalars, new Map(decays.map((node) => [node, constant([0], [])]))));
}
