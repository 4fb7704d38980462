/** The command that repeats or resumes a run, ready to be pasted into a shell. */
import type { Execution } from "../engine/index.ts";
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
  /** `--schedule`, where it was given. */
  readonly execution: Execution;
}

/** `thermograd run …` with every parameter that is not at its default, and `rest` behind. */
export function runCommand(
  { experiment, parameters, seed, quick, execution }: RunSettings,
  rest: readonly string[] = [],
): string {
  const defaults = defaultParameters(experiment, quick);
  const settings = Object.entries(parameters)
    .filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(defaults[name]))
    .flatMap(([name, value]) => ["--set", `${name}=${printValue(value)}`]);
  const words = ["thermograd", "run", experiment.id, ...settings, "--seed", String(seed)];
  const { schedule } = execution;
  const forced = schedule === undefined ? [] : ["--schedule", schedule];
  return [...words, ...(quick ? ["--quick"] : []), ...forced, ...rest].map(quote).join(" ");
}
