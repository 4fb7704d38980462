/** `thermograd list`: the experiments and what they take. */
import { printJson } from "../report/result.ts";
import { printTable } from "../report/table.ts";
import type { Arguments } from "./arguments.ts";
import { EXIT, type Io } from "./io.ts";
import { jsonSchema } from "./parameters.ts";

export async function list(given: Arguments, io: Io): Promise<number> {
  const experiments = await io.experiments();
  if (given.switches.has("json")) {
    const entries = experiments.map((experiment) => ({
      id: experiment.id,
      title: experiment.title,
      card: experiment.card,
      sources: experiment.sources,
      summary: experiment.summary,
      parameters: jsonSchema(experiment),
    }));
    io.stdout.write(`${printJson(entries)}\n`);
    return EXIT.ok;
  }
  const table = printTable([
    { title: "experiment", align: "left", cells: experiments.map(({ id }) => id) },
    { title: "card", align: "left", cells: experiments.map(({ card }) => card) },
    { title: "title", align: "left", cells: experiments.map(({ title }) => title) },
  ]);
  io.stdout.write(table);
  return EXIT.ok;
}
