/** Every experiment the command line knows. */

import { digits } from "./digits.ts";
import { epochShift } from "./epochShift.ts";
import { epochVariance } from "./epochVariance.ts";
import type { Experiment } from "./experiment.ts";
import { fdrNetwork } from "./fdrNetwork.ts";
import { fdrRegression } from "./fdrRegression.ts";
import { heavyBallMode } from "./heavyBallMode.ts";
import { regressionStationary } from "./regressionStationary.ts";

export type {
  Experiment,
  ExperimentResult,
  Figure,
  Mark,
  Progress,
  Quantity,
  RunContext,
} from "./experiment.ts";

export const experiments = [
  heavyBallMode,
  regressionStationary,
  epochShift,
  epochVariance,
  digits,
  fdrNetwork,
  fdrRegression,
] as unknown as readonly Experiment[];
