/** A learning rate that drops by a factor every so many steps. */
import { positive } from "../update/gradientHyperparameters.ts";
import { given, type Rate, rateFactor, wholeSteps } from "./rate.ts";

export interface StepDecaySettings {
  /** Steps between two drops. */
  readonly dropEvery?: number;
  readonly dropFactor?: number;
}

/**
 * η_t = η γ^⌊t/n⌋, n = `dropEvery`, γ = `dropFactor`.
 *
 * Time in SGD steps. γ > 1 makes it grow, for range tests.
 *
 * @example stepDecay({ dropEvery: 30_000, dropFactor: 0.1 })
 */
export const stepDecay = (settings: StepDecaySettings): Rate => ({
  name: "stepDecay",
  shaders: ["rate/step_decay"],
  equation: "eta_t = eta gamma^floor(t/n)",
  hyperparameters: {
    dropEvery: {
      unit: "steps",
      meaning: "n, steps between two drops of the rate",
      initial: null,
      complaint: wholeSteps(1),
    },
    dropFactor: {
      unit: "1",
      meaning: "γ, the rate after a drop over that before",
      initial: 0.1,
      complaint: positive,
    },
  },
  setting: given(settings),
  complaint: () => null,
  expression: rateFactor,
  factor: (step, { dropEvery, dropFactor }) => dropFactor! ** Math.floor(step / dropEvery!),
});
