/** Cosine annealing of the learning rate (Loshchilov & Hutter, arXiv 1608.03983, eq. 5). */
import { nonNegative } from "../update/gradientHyperparameters.ts";
import type { Rate } from "./rate.ts";

export interface CosineSettings {
  /** Steps from η to `finalFactor` η. */
  readonly annealSteps?: number;
  readonly finalFactor?: number;
}

/**
 * η_t = η (f + (1 − f)(1 + cos(π min(t, n)/n))/2), n = `annealSteps`, f = `finalFactor`.
 *
 * Time in SGD steps; constant at fη after n steps.
 *
 * @see arXiv 1608.03983, eq. 5
 * @example cosine({ annealSteps: 10_000, finalFactor: 0.01 })
 */
export const cosine = (settings: CosineSettings): Rate => ({
  name: "cosine",
  shader: "rate/cosine",
  equation: "eta_t = eta (f + (1 - f)(1 + cos(pi min(t, n)/n))/2)",
  hyperparameters: {
    annealSteps: {
      unit: "steps",
      meaning: "n, steps until the rate has fallen to its last value",
      initial: null,
      complaint: (value) =>
        Number.isInteger(value) && value >= 1 && value <= 2 ** 24
          ? null
          : "must be a whole number from 1 to 2^24",
    },
    finalFactor: {
      unit: "1",
      meaning: "f, last rate over the first",
      initial: 0,
      complaint: nonNegative,
    },
  },
  setting: Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)),
  complaint: () => null,
  factor: (step, { annealSteps, finalFactor }) => {
    const share = Math.min(step, annealSteps!) / annealSteps!;
    return finalFactor! + (1 - finalFactor!) * 0.5 * (1 + Math.cos(Math.PI * share));
  },
});
