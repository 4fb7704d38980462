/**
 * Implicit SGD: the gradient of the step's minibatch is taken where the step ends.
 *
 * Source: P. Toulis and E. M. Airoldi, Annals of Statistics 45, 1694 (2017) (there with one
 * sample a step). Solved by Newton's method with conjugate gradients, `shaders/gradient/implicit.wgsl`.
 * Left out: clipping, which is not the gradient of anything.
 */
import {
  GRADIENT_HYPERPARAMETERS,
  type GradientSettings,
  numbers,
  STEP_HYPERPARAMETERS,
} from "./gradientHyperparameters.ts";
import type { Hyperparameter, UpdateRule } from "./updateRule.ts";

const isCount = (value: number): string | null =>
  Number.isInteger(value) && value >= 1 && value <= 10_000
    ? null
    : "must be a whole number from 1 to 10000";

const HYPERPARAMETERS: Readonly<Record<string, Hyperparameter>> = {
  ...STEP_HYPERPARAMETERS,
  weightDecay: GRADIENT_HYPERPARAMETERS.weightDecay!,
  gradientNoise: GRADIENT_HYPERPARAMETERS.gradientNoise!,
  tolerance: {
    unit: "1",
    meaning:
      "ε: a step is solved when |θ' − θ + ηG(θ')| is at most ε|ηG(θ)|, or the last Newton step at " +
      "most ε|θ' − θ|, up to the rounding of θ",
    initial: 1e-5,
    complaint: (value) => (value > 0 && value < 1 ? null : "must be above 0 and below 1"),
  },
  newtonSteps: {
    unit: "iterations",
    meaning: "most Newton iterations of a step",
    initial: 16,
    complaint: isCount,
  },
  cgSteps: {
    unit: "iterations",
    meaning: "most conjugate-gradient iterations of a Newton iteration",
    initial: 64,
    complaint: isCount,
  },
};

export interface ImplicitSgdSettings extends Omit<GradientSettings, "clipNorm"> {
  readonly tolerance?: number;
  readonly newtonSteps?: number;
  readonly cgSteps?: number;
}

/**
 * θ' = θ − ηG(θ'), G(y) = (1/B) Σ ∇l_b(y) + λy + sξ with the step's minibatch and ξ.
 *
 * Stable for every η > 0 where the loss is convex. On l = ½hθ² with noise s: ⟨θ²⟩ = ηs²/(h(2 + ηh))
 * exactly. Steps beyond `newtonSteps` are taken as far as they were solved and counted in
 * `run.unsolved`. Where ηH has eigenvalues below −1 there are several solutions; the one that is
 * reached from θ is taken. G as observed is G(θ').
 *
 * @see Toulis & Airoldi, Annals of Statistics 45, 1694 (2017)
 * @example implicitSgd({ learningRate: 1, batchSize: 8 })
 */
export function implicitSgd(settings: ImplicitSgdSettings): UpdateRule {
  return {
    name: "implicit-sgd",
    shader: "update/implicit_sgd",
    source: "Toulis & Airoldi, Annals of Statistics 45, 1694 (2017)",
    equation: "theta' = theta - eta G(theta')",
    hyperparameters: HYPERPARAMETERS,
    setting: numbers(settings),
    vectors: ["unsolved"],
    needs: () => ["unsolved"],
    normals: () => ({ prepare: 0, update: 0 }),
    complaint: () => null,
    gradient: "implicit",
    // The element is at the solution already.
    update: () => {},
  };
}
