/**
 * Programs that run both in Node and in a browser's worker; the test compares their results.
 *
 * To add an experiment: one line, `name: experimentProgram(experiment)`.
 */

import type { Program } from "../../../engine/worker.ts";
import type { Experiment, ExperimentResult, Progress } from "../../../experiments/experiment.ts";
import { thrownDice } from "./thrownDice.ts";

export interface ExperimentArguments {
  /** Values that differ from the quick ones. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly seed: number;
}

/** An experiment, in its quick setting, as a program of the worker. */
export const experimentProgram =
  (experiment: Experiment): Program<ExperimentArguments, ExperimentResult, Progress> =>
  (device, { parameters, seed }, onProgress) =>
    experiment.run(experiment.parameters.parse({ ...experiment.quick, ...parameters }), {
      device,
      seed,
      quick: true,
      onProgress,
    });

export const programs = {
  thrownDice,
};
