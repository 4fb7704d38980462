/** Linear annealing of the learning rate. */
import { ANNEALING, type AnnealingSettings } from "./annealing.ts";
import { given, type Rate, rateFactor } from "./rate.ts";

/**
 * η_t = η (1 − (1 − f) min(t, n)/n), n = `annealSteps`, f = `finalFactor`.
 *
 * Time in SGD steps; constant at fη after n steps. f > 1 makes it grow.
 *
 * @example linearDecay({ annealSteps: 10_000, finalFactor: 0.1 })
 */
export const linearDecay = (settings: AnnealingSettings): Rate => ({
  name: "linearDecay",
  shaders: ["rate/linear_decay"],
  equation: "eta_t = eta (1 - (1 - f) min(t, n)/n)",
  hyperparameters: ANNEALING,
  setting: given(settings),
  complaint: () => null,
  expression: rateFactor,
  factor: (step, { annealSteps, finalFactor }) =>
    1 - (1 - finalFactor!) * (Math.min(step, annealSteps!) / annealSteps!),
});
