/**
 * Continuous models of SGD: stochastic differential equations whose noise imitates the minibatches',
 * and SGD itself, as conditions of one ensemble.
 *
 * Source: Q. Li, C. Tai, W. E, JMLR 20(40) (2019) (full, state-dependent covariance); S. Mandt,
 * M. Hoffman, D. Blei, JMLR 18(134) (2017) (constant covariance). Euler–Maruyama steps.
 */
import {
  GRADIENT_HYPERPARAMETERS,
  numbers,
  positive,
  STEP_HYPERPARAMETERS,
} from "./gradientHyperparameters.ts";
import { CONSTANT, DIAGONAL, FULL, MINIBATCH } from "./noiseModel.ts";
import type { Hyperparameter, Setting, UpdateRule } from "./updateRule.ts";

const HYPERPARAMETERS: Readonly<Record<string, Hyperparameter>> = {
  batchSize: {
    ...STEP_HYPERPARAMETERS.batchSize!,
    meaning: "samples in a minibatch of the modelled SGD, B",
  },
  learningRate: {
    ...STEP_HYPERPARAMETERS.learningRate!,
    meaning: "step size η of the modelled SGD",
  },
  noiseModel: {
    unit: "0, 1, 2 or 3",
    meaning:
      "0: minibatches, that is SGD; Gaussian noise with 1: the ensemble's noiseCovariance, 2: the " +
      "diagonal of the one-sample covariance at θ, 3: all of it",
    initial: FULL,
    complaint: (value) =>
      [MINIBATCH, CONSTANT, DIAGONAL, FULL].includes(value) ? null : "must be 0, 1, 2 or 3",
  },
  timeStep: {
    unit: "steps of the modelled SGD",
    meaning: "τ, length of a step of models 1 to 3; minibatches (0) always take whole steps",
    initial: 1,
    complaint: positive,
  },
  weightDecay: GRADIENT_HYPERPARAMETERS.weightDecay!,
};

export interface ContinuousSgdSettings {
  readonly learningRate?: number;
  readonly batchSize?: number;
  readonly noiseModel?: number;
  readonly timeStep?: number;
  readonly weightDecay?: number;
}

/** dt/η of a step. */
const timeStep = ({ noiseModel, timeStep: step }: Setting): number =>
  noiseModel === MINIBATCH ? 1 : step!;

/**
 * θ' = θ − τηG, G = ∇L + √(f/τ) n + λθ, n ~ N(0, C₁(θ)): Euler–Maruyama with dt = τη for
 * dθ = −∇L dt + √(ηf C₁) dW. For `noiseModel` 0 SGD, θ' = θ − ηG_B.
 *
 * C₁ is the covariance of one sample's gradient over the N samples (divisor N), f the noise factor
 * of the modelled batches (`noiseFactor`, by the ensemble's sampling law). Time is in steps of the
 * modelled SGD: a step of models 1 to 3 lasts τ. Models 1 to 3 read all N samples in every step, and
 * `loss` is the mean over all of them.
 *
 * @see Li, Tai & E, JMLR 20(40) (2019)
 * @example
 * // SGD, diagonal and full noise side by side: sweep: { noiseModel: [0, 2, 3] }
 * continuousSgd({ learningRate: 0.1, batchSize: 4, timeStep: 0.1 })
 */
export function continuousSgd(settings: ContinuousSgdSettings): UpdateRule {
  return {
    name: "continuous-sgd",
    shader: "update/continuous_sgd",
    source: "Li, Tai & E, JMLR 20(40) (2019)",
    equation: "theta' = theta - tau eta G, G = grad L + sqrt(f/tau) n + lambda theta",
    hyperparameters: HYPERPARAMETERS,
    setting: numbers(settings),
    vectors: [],
    needs: () => [],
    normals: () => ({ prepare: 0, update: 0 }),
    // White noise is no model of batches that are correlated from step to step.
    laws: ["withReplacement", "distinct", "fullBatch"],
    complaint: () => null,
    gradient: "modelled",
    update: (x, gradient, _xi, setting) => {
      x[0]! -= timeStep(setting) * setting.learningRate! * gradient;
    },
  };
}
