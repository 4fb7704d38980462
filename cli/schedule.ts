/** `--schedule`: the schedule that all ensembles of a command are run with. */
import { ArgumentError, type Execution, SCHEDULES } from "../engine/index.ts";
import { type Arguments, lastValue } from "./arguments.ts";
import { suggest } from "./nearest.ts";

/** Empty where `--schedule` is absent. @throws ArgumentError for a name that is no schedule. */
export function readExecution(command: string, given: Arguments): Execution {
  const name = lastValue(given, "schedule");
  if (name === undefined) return {};
  const schedule = SCHEDULES.find((known) => known === name);
  if (schedule === undefined) {
    const all = `there are ${SCHEDULES.join(", ")}.`;
    throw new ArgumentError(
      `${command}: --schedule ${name} is no schedule; ${suggest(name, SCHEDULES, all)}`,
    );
  }
  return { schedule };
}
