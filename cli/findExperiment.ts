/** An experiment by its name on the command line. */
import { ArgumentError } from "../engine/errors.ts";
import type { Experiment } from "../experiments/experiment.ts";
import { suggest } from "./nearest.ts";

/** @throws ArgumentError with near names. */
export function findExperiment(
  command: string,
  id: string,
  experiments: readonly Experiment[],
): Experiment {
  const found = experiments.find((experiment) => experiment.id === id);
  if (found !== undefined) return found;
  const names = experiments.map((experiment) => experiment.id);
  const remedy = suggest(id, names, "thermograd list shows all.");
  throw new ArgumentError(`${command}: there is no experiment "${id}"; ${remedy}`);
}
