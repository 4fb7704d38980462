/** Every experiment the command line knows. */
import type { Experiment } from "./experiment.ts";
import { heavyBallMode } from "./heavyBallMode.ts";

export type {
  Experiment,
  ExperimentResult,
  Figure,
  Mark,
  Progress,
  Quantity,
  RunContext,
} from "./experiment.ts";

export const experiments: readonly Experiment[] = [
  heavyBallMode,
] as unknown as readonly Experiment[];
