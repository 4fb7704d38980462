/**
 * Numbers of a replica at one step, by name, and their WGSL.
 *
 * All are taken before the update of step t, from θ_t, v_t, the minibatch loss,
 * G_t = (1/B) Σ ∇l_b + λθ (+ noise) and the learning rate η_t that the update will use.
 */
import { ArgumentError } from "../errors.ts";
import type { Model } from "../model.ts";
import { FULL_DATA } from "./fullData.ts";

/** A linear projection a·θ (or a·v, a·G). */
export interface Projection {
  readonly name: string;
  /** Coefficients, [param]. */
  readonly vector: readonly number[];
  /** Project the velocity instead of θ. */
  readonly velocity?: boolean;
  /** Project the minibatch gradient G instead of θ. */
  readonly gradient?: boolean;
}

/**
 * `loss` (minibatch), `theta.theta`, `g.g`, `theta.g`, `v.v`, `learningRate` (η_t, before a
 * learning-rate matrix), a coordinate such as `W[0,1]`, its velocity `v.W[0,1]`, its component of G
 * `g.W[0,1]`, its mean over the group of replicas that interact `mean.W[0,1]`, or a projection. Where the rate finds itself (`fdrRate`): `rateDrops`, the number of its
 * drops so far, `stepsSinceDrop`, and `fdrRatio`, ⟨O_L⟩/⟨O_R⟩ of the last check (0 before the first).
 * Over the full data, for `series` and `evaluate`:
 *
 * - `fullLoss`: the mean loss L, no weight decay
 * - `fullGradientSquare`: |∇f|², with f = L + (λ/2)|θ|², λ the weight decay in the gradient
 * - `theta.fullGradient`: θ·∇f
 * - `velocityCurvature`: v·H v, H the Hessian of f at θ_t; v_t is the velocity that led to θ_t
 * - `velocityThirdDerivative`: Σ f_ijk v_i v_j v_k
 *
 * The last two need a velocity: without momentum v_t = −(1 − ν)G_{t−1}, kept with
 * `keepVelocity: true`.
 */
export type Quantity = string | Projection;

export const quantityName = (quantity: Quantity): string =>
  typeof quantity === "string" ? quantity : quantity.name;

/** What the expressions may refer to. */
export interface QuantityContext {
  readonly model: Model;
  readonly hasVelocity: boolean;
  /** Does the learning rate find itself? */
  readonly adapts: boolean;
  readonly conditions: number;
  /** Places a vector in the read-only `observation` buffer, returns its offset. */
  readonly place: (vector: readonly number[]) => number;
}

/** Statements that compute it (may be none) and the expression that reads it. */
export interface QuantityCode {
  readonly lines: readonly string[];
  readonly value: string;
}

const DOTS: Readonly<Record<string, readonly [string, string]>> = {
  "theta.theta": ["theta", "theta"],
  "g.g": ["gradient", "gradient"],
  "theta.g": ["theta", "gradient"],
  "v.v": ["velocity", "velocity"],
};

/** What the schedule holds of the learning rate; all but the first where it finds itself. */
const RATES: Readonly<Record<string, string>> = {
  learningRate: "h.learning_rate",
  rateDrops: "adaptation.drops",
  fdrRatio: "adaptation.ratio",
  stepsSinceDrop: "steps_since_drop(adaptation, h)",
};

/** Index of a coordinate name in θ, e.g. `W[0,1]`; −1 if there is none. */
export const coordinateIndex = (model: Model, name: string): number =>
  model.coordinateNames.indexOf(name.replaceAll(" ", ""));

/** Arrays of the schedule that have an element for each parameter, by the prefix of its name. */
const VECTORS: Readonly<Record<string, string>> = {
  "v.": "velocity",
  "g.": "gradient",
  "mean.": "group_mean",
};

/** `v.W[0,1]` → `W[0,1]` */
export const afterPoint = (name: string): string => name.slice(name.indexOf(".") + 1);

export function quantityCode(
  quantity: Quantity,
  local: string,
  context: QuantityContext,
): QuantityCode {
  const { model, hasVelocity } = context;
  const name = quantityName(quantity);
  if (typeof quantity !== "string") return projectionCode(quantity, local, context);
  if (name === "loss") return { lines: [], value: "loss" };
  const pair = DOTS[name];
  if (pair) {
    requireVelocity(name === "v.v", hasVelocity, name);
    return {
      lines: [
        `var ${local} = 0.0;`,
        `for (var p = 0u; p < PARAMS; p += 1u) { ${local} += ${pair[0]}[p] * ${pair[1]}[p]; }`,
      ],
      value: local,
    };
  }
  const rate = Object.hasOwn(RATES, name) ? RATES[name] : undefined;
  if (rate !== undefined) {
    requireAdaptation(name !== "learningRate", context.adapts, name);
    return { lines: [], value: rate };
  }
  const vector = VECTORS[name.slice(0, name.indexOf(".") + 1)] ?? "theta";
  const index = coordinateIndex(model, vector === "theta" ? name : afterPoint(name));
  if (index < 0) {
    throw new ArgumentError(
      `observables: "${name}" is no quantity of this model; use loss, ${FULL_DATA.join(", ")}, ` +
        `theta.theta, g.g, theta.g, v.v, learningRate, a projection, or a coordinate (${model.coordinateNames.slice(0, 4).join(", ")}` +
        `${model.parameterCount > 4 ? ", …" : ""}; v.${model.coordinateNames[0]} for its velocity, ` +
        `g.${model.coordinateNames[0]} for its gradient).`,
    );
  }
  requireVelocity(vector === "velocity", hasVelocity, name);
  if (vector === "group_mean" && !model.interacts) {
    throw new ArgumentError(
      `observables: "${name}" is a mean over replicas that interact, and those of ${model.name} do ` +
        "not; average over the replicas of the record.",
    );
  }
  return { lines: [], value: `${vector}[${index}u]` };
}

function projectionCode(
  projection: Projection,
  local: string,
  context: QuantityContext,
): QuantityCode {
  const { vector, velocity = false, gradient = false, name } = projection;
  const { model } = context;
  if (vector.length !== model.parameterCount || !vector.every(Number.isFinite)) {
    throw new ArgumentError(
      `observables: projection "${name}" has ${vector.length} coefficients for ` +
        `${model.parameterCount} parameters; give one finite number a parameter, in the order ` +
        `${model.coordinateNames.slice(0, 3).join(", ")}, …`,
    );
  }
  if (velocity && gradient) {
    throw new ArgumentError(
      `observables: projection "${name}" asks for the velocity and the gradient; name one of them.`,
    );
  }
  requireVelocity(velocity, context.hasVelocity, name);
  const at = context.place(vector);
  const from = velocity ? "velocity" : gradient ? "gradient" : "theta";
  return {
    lines: [
      `var ${local} = 0.0;  // ${name}`,
      `for (var p = 0u; p < PARAMS; p += 1u) { ${local} += observation[${at}u + p] * ${from}[p]; }`,
    ],
    value: local,
  };
}

function requireAdaptation(needed: boolean, present: boolean, name: string): void {
  if (needed && !present) {
    throw new ArgumentError(
      `observables: "${name}" is of a learning rate that finds itself, and this one does not; ` +
        "give rate: fdrRate({ … }), or observe learningRate.",
    );
  }
}

function requireVelocity(needed: boolean, present: boolean, name: string): void {
  if (needed && !present) {
    throw new ArgumentError(
      `observables: "${name}" needs a velocity, and no condition has momentum > 0; ` +
        `without momentum v = -g, so observe g.g instead.`,
    );
  }
}
