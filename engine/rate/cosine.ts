/** Cosine annealing of the learning rate (Loshchilov & Hutter, arXiv 1608.03983, eq. 5). */
import { ANNEALING, type AnnealingSettings } from "./annealing.ts";
import { given, type Rate, rateFactor } from "./rate.ts";

/**
 * η_t = η (f + (1 − f)(1 + cos(π min(t, n)/n))/2), n = `annealSteps`, f = `finalFactor`.
 *
 * Time in SGD steps; constant at fη after n steps.
 *
 * @see arXiv 1608.03983, eq. 5
 * @example cosine({ annealSteps: 10_000, finalFactor: 0.01 })
 */
export const cosine = (settings: AnnealingSettings): Rate => ({
  name: "cosine",
  shaders: ["rate/cosine"],
  equation: "eta_t = eta (f + (1 - f)(1 + cos(pi min(t, n)/n))/2)",
  hyperparameters: ANNEALING,
  setting: given(settings),
  complaint: () => null,
  expression: rateFactor,
  factor: (step, { annealSteps, finalFactor }) => {
    const share = Math.min(step, annealSteps!) / annealSteps!;
    return finalFactor! + (1 - finalFactor!) * 0.5 * (1 + Math.cos(Math.PI * share));
  },
});
