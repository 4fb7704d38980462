/**
 * Overdamped Langevin dynamics by the Euler–Maruyama step; with minibatch gradients it is SGLD.
 *
 * Source: M. Welling and Y. W. Teh, ICML 2011 (SGLD); machine learning in and out of equilibrium
 * (arXiv 2306.03521), section 2. With sampling "reshuffled" it is SGWORLD with noise at every step.
 *
 * Mean-field Langevin dynamics (T. Suzuki, D. Wu, A. Nitanda, arXiv 2306.07221) is this rule on a model
 * whose loss reads `mean`, the mean over the group of replicas that interact: each replica is a particle,
 * the force on it −∂l/∂θ at fixed mean.
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
 * full gradient ⟨θ²⟩ = T/(h(1 − ηh/2)) exactly. Minibatches add their own noise (SGLD). Where replicas
 * interact in groups of N it is mean-field Langevin dynamics of N particles.
 *
 * @see Welling & Teh, ICML 2011, eq. 4
 * @example langevin({ learningRate: 0.01, batchSize: 8, temperature: 0.5 })
 * @example
 * const particles = defineModel({
 *   params: { x: [] },
 *   sample: {},
 *   draws: { xi: [] },
 *   loss: ({ x }, _sample, { draws, mean }) =>
 *     op.add(op.mul(op.add(op.sub(mean.x, 1), draws.xi), x), op.scale(op.square(x), 0.25)),
 * });
 * const systems = await createEnsemble(device, {
 *   model: particles, data: onlineData, seed: 7, replicas: 4096, groupSize: 32,
 *   update: langevin({ learningRate: 0.05, batchSize: 1, temperature: 0.3 }),
 * });
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
