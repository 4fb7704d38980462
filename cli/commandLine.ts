/** The command that repeats or resumes a run, ready to be pasted into a shell. */
import type { Experiment } from "../experiments/experiment.ts";
import { defaultParameters, type Parameters, printValue } from "./parameters.ts";

/** A word as a POSIX shell reads it back. */
export const quote = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

export interface RunSettings {
  readonly experiment: Experiment;
  readonly parameters: Parameters;
  readonly seed: number;
  readonly quick: boolean;
}

/** `thermograd run …` with every parameter that is not at its default, and `rest` behind. */
export function runCommand(
  { experiment, parameters, seed, quick }: RunSettings,
  rest: readonly string[] = [],
): string {
  const defaults = defaultParameters(experiment, quick);
  const settings = Object.entries(parameters)
    .filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(defaults[name]))
    .flatMap(([name, value]) => ["--set", `${name}=${printValue(value)}`]);
  const words = ["thermograd", "run", experiment.id, ...settings, "--seed", String(seed)];
  return [...words, ...(quick ? ["--quick"] : []), ...rest].map(quote).join(" ");
}
