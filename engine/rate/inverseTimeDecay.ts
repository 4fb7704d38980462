/**
 * A learning rate that falls as a power of time: the steps of stochastic approximation
 * (H. Robbins and S. Monro, Ann. Math. Statist. 22, 400 (1951)), which converge for ½ < p ≤ 1.
 */
import { nonNegative } from "../update/gradientHyperparameters.ts";
import { given, type Rate, rateFactor, wholeSteps } from "./rate.ts";

export interface InverseTimeDecaySettings {
  /** Steps after which the rate begins to fall as a power. */
  readonly decaySteps?: number;
  readonly power?: number;
}

/**
 * η_t = η (1 + t/n)^−p, n = `decaySteps`, p = `power`.
 *
 * Time in SGD steps.
 *
 * @see Robbins & Monro, Ann. Math. Statist. 22, 400 (1951), conditions (6): Σ η_t = ∞, Σ η_t² < ∞
 * @example inverseTimeDecay({ decaySteps: 1000, power: 0.75 })
 */
export const inverseTimeDecay = (settings: InverseTimeDecaySettings): Rate => ({
  name: "inverseTimeDecay",
  shaders: ["rate/inverse_time_decay"],
  equation: "eta_t = eta (1 + t/n)^-p",
  hyperparameters: {
    decaySteps: {
      unit: "steps",
      meaning: "n, steps after which the rate falls as a power of time",
      initial: null,
      complaint: wholeSteps(1),
    },
    power: {
      unit: "1",
      meaning: "p, the rate falls as t^−p at long times",
      initial: 1,
      complaint: nonNegative,
    },
  },
  setting: given(settings),
  complaint: () => null,
  expression: rateFactor,
  factor: (step, { decaySteps, power }) => (1 + step / decaySteps!) ** -power!,
});
