/**
 * Programs that run both in Node and in a browser's worker; the test compares their results.
 *
 * Every experiment of the command line runs here too: `run("experiment", { id, parameters, seed })`.
 */

import type { Device } from "../../../engine/device.ts";
import { ArgumentError } from "../../../engine/errors.ts";
import type { Program } from "../../../engine/worker.ts";
import type { ExperimentResult, Progress } from "../../../experiments/experiment.ts";
import { experiments } from "../../../experiments/index.ts";
import { neighbors } from "./neighbors.ts";
import { network, tuning } from "./network.ts";
import { thrownDice } from "./thrownDice.ts";

export interface ExperimentArguments {
  readonly id: string;
  /** Values that differ from the quick ones. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly seed: number;
}

/** Runs an experiment, in its quick setting. */
const experiment: Program<ExperimentArguments, ExperimentResult, Progress> = async (
  device,
  { id, parameters, seed },
  onProgress,
) => {
  const found = experiments.find((one) => one.id === id);
  if (found === undefined) {
    const ids = experiments.map((one) => one.id).join(", ");
    throw new ArgumentError(`experiment: there is no "${id}"; there are ${ids}.`);
  }
  const settings = found.parameters.parse({ ...found.quick, ...parameters });
  // Compared with another run: by rule, the same on both.
  const untuned: Device = { ...device, execution: { ...device.execution, tune: false } };
  return found.run(settings, { device: untuned, seed, quick: true, onProgress });
};

export const programs = {
  thrownDice,
  network,
  tuning,
  neighbors,
  experiment,
};
