/** Settings of a learning rate that falls from η to a last value and stays there. */
import { nonNegative } from "../update/gradientHyperparameters.ts";
import type { Hyperparameter } from "../update/updateRule.ts";
import { wholeSteps } from "./rate.ts";

export interface AnnealingSettings {
  /** Steps from η to `finalFactor` η. */
  readonly annealSteps?: number;
  readonly finalFactor?: number;
}

export const ANNEALING: Readonly<Record<string, Hyperparameter>> = {
  annealSteps: {
    unit: "steps",
    meaning: "n, steps until the rate has fallen to its last value",
    initial: null,
    complaint: wholeSteps(1),
  },
  finalFactor: {
    unit: "1",
    meaning: "f, last rate over the first",
    initial: 0,
    complaint: nonNegative,
  },
};
