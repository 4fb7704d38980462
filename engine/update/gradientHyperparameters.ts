/**
 * Hyperparameters of the gradient that every update rule is given,
 *
 *   G = clip_c((1/B) Σ ∇l_b + sξ) + λθ,   clip_c(g) = g min(1, c/|g|),
 *
 * and the checks that rules share.
 */
import type { Hyperparameter } from "./updateRule.ts";

export const nonNegative = (value: number): string | null =>
  Number.isFinite(value) && value >= 0 ? null : "must be a finite number >= 0";

export const positive = (value: number): string | null =>
  Number.isFinite(value) && value > 0 ? null : "must be a finite number > 0";

export const fraction = (value: number): string | null =>
  value >= 0 && value < 1 ? null : "must be in [0, 1)";

export const flag = (value: number): string | null =>
  value === 0 || value === 1 ? null : "must be 0 or 1";

/** η and B, which every condition must say. */
export const STEP_HYPERPARAMETERS: Readonly<Record<string, Hyperparameter>> = {
  batchSize: {
    unit: "samples",
    meaning: "samples in a minibatch, B",
    initial: null,
    complaint: (value) =>
      Number.isInteger(value) && value >= 1 ? null : "must be a whole number >= 1",
  },
  learningRate: {
    unit: "θ²/loss",
    meaning: "step size η",
    initial: null,
    complaint: nonNegative,
  },
};

export const GRADIENT_HYPERPARAMETERS: Readonly<Record<string, Hyperparameter>> = {
  weightDecay: {
    unit: "loss/θ²",
    meaning: "λ, adds λθ to the gradient",
    initial: 0,
    complaint: nonNegative,
  },
  gradientNoise: {
    unit: "loss/θ",
    meaning:
      "s, standard deviation of Gaussian noise added to each component of the gradient (a factor " +
      "of the noise where the ensemble gives its covariance)",
    initial: 0,
    complaint: nonNegative,
  },
  clipNorm: {
    unit: "loss/θ",
    meaning: "c, longest gradient of a minibatch, longer ones are shortened to it; 0: no clipping",
    initial: 0,
    complaint: nonNegative,
  },
};

/** What is common to the settings of all rules. */
export interface GradientSettings {
  readonly learningRate?: number;
  readonly batchSize?: number;
  readonly weightDecay?: number;
  readonly gradientNoise?: number;
  readonly clipNorm?: number;
}

/** The given numbers, flags as 0 or 1. */
export const numbers = (settings: object): Record<string, number> =>
  Object.fromEntries(
    Object.entries(settings)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, Number(value)]),
  );
