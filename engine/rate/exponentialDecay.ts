/** A learning rate that falls by the same share at every step. */
import { positive } from "../update/gradientHyperparameters.ts";
import { given, type Rate, rateFactor, wholeSteps } from "./rate.ts";

export interface ExponentialDecaySettings {
  /** Steps in which the rate falls by `decayFactor`. */
  readonly decaySteps?: number;
  readonly decayFactor?: number;
}

/**
 * η_t = η γ^(t/n), n = `decaySteps`, γ = `decayFactor`.
 *
 * Time in SGD steps. γ > 1 makes it grow, for range tests. The device holds γ in float32, so choose
 * n such that γ is not close to 1: an error of 6·10⁻⁸ in γ is one of 6·10⁻⁸ t/n in η_t.
 *
 * @example exponentialDecay({ decaySteps: 1000, decayFactor: 0.5 })
 */
export const exponentialDecay = (settings: ExponentialDecaySettings): Rate => ({
  name: "exponentialDecay",
  shaders: ["rate/exponential_decay"],
  equation: "eta_t = eta gamma^(t/n)",
  hyperparameters: {
    decaySteps: {
      unit: "steps",
      meaning: "n, steps in which the rate falls by decayFactor",
      initial: null,
      complaint: wholeSteps(1),
    },
    decayFactor: {
      unit: "1",
      meaning: "γ, the rate after decaySteps over that before",
      initial: 0.5,
      complaint: positive,
    },
  },
  setting: given(settings),
  complaint: () => null,
  expression: rateFactor,
  factor: (step, { decaySteps, decayFactor }) => decayFactor! ** (step / decaySteps!),
});
