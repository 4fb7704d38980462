/**
 * Overdamped Langevin dynamics by the Euler–Maruyama step; with minibatch gradients it is SGLD.
 *
 * Source: M. Welling and Y. W. Teh, ICML 2011 (SGLD); machine learning in and out of equilibrium
 * (arXiv 2306.03521), section 2. With sampling "reshuffled" it is SGWORLD with noise at every step.
 */
import {
  GRADIENT_HYPERPARAMETERS,
  type GradientSettings,
  nonNegative,
  numbers,
  STEP_HYPERPARAMETERS,
} from "./gradientHyperparameters.ts";
import type { Hyperparameter, UpdateRule } from "./updateRule.ts";

export const TEMPERATURE: Hyperparameter = {
  unit: "loss",
  meaning: "T, of the law exp(−L/T) that is sampled",
  initial: 1,
  complaint: nonNegative,
};

export interface LangevinSettings extends GradientSettings {
  readonly temperature?: number;
}

/**
 * θ' = θ − ηG + √(2ηT) ξ, ξ ~ N(0, 1) for each parameter.
 *
 * Time in steps; η [θ²/loss] is the time step. Samples exp(−L/T) up to O(η). On L = ½hθ² with the
 * full gradient ⟨θ²⟩ = T/(h(1 − ηh/2)) exactly. Minibatches add their own noise (SGLD).
 *
 * @see Welling & Teh, ICML 2011, eq. 4
 * @example langevin({ learningRate: 0.01, batchSize: 8, temperature: 0.5 })
 */
export function langevin(settings: LangevinSettings): UpdateRule {
  return {
    name: "langevin",
    shader: "update/langevin",
    source: "Welling & Teh, ICML 2011, eq. 4",
    equation: "theta' = theta - eta G + sqrt(2 eta T) xi",
    hyperparameters: {
      ...STEP_HYPERPARAMETERS,
      temperature: TEMPERATURE,
      ...GRADIENT_HYPERPARAMETERS,
    },
    setting: numbers(settings),
    vectors: [],
    needs: () => [],
    normals: (conditions) => ({
      prepare: 0,
      update: conditions.some((c) => c.temperature !== 0) ? 1 : 0,
    }),
    complaint: () => null,
    constants: ({ learningRate, temperature }) => ({
      kick: Math.sqrt(2 * learningRate! * temperature!),
    }),
    update: (x, gradient, xi, { learningRate }, { kick }) => {
      x[0]! += kick! * xi[0] - learningRate! * gradient;
    },
  };
}
