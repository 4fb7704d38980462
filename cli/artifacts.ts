/** The files of `--out`: record.npz, result.json, report.html and a stand-alone SVG per figure. */
import { join } from "node:path";
import { invariant } from "../engine/errors.ts";
import type { Experiment, ExperimentResult } from "../experiments/experiment.ts";
import { jsonReport, printJson, type Report } from "../report/result.ts";
import { type FileContents, writeWhole } from "./files.ts";
import { parameterSchemas } from "./parameters.ts";

/** Meaning of each parameter, for the page. */
const descriptions = (experiment: Experiment): Record<string, string> =>
  Object.fromEntries(
    Object.entries(parameterSchemas(experiment)).map(([name, schema]) => [
      name,
      schema.description ?? "",
    ]),
  );

/** Draws and packs everything, then writes it; nothing is left half-written. */
export async function writeArtifacts(
  directory: string,
  experiment: Experiment,
  report: Report,
  result: ExperimentResult,
): Promise<void> {
  // Loaded here: drawing takes a document, which is the slowest thing to load.
  const [{ drawFigure }, { printHtml }, { encodeNpz }, { PAPER }] = await Promise.all([
    import("../report/figure.ts"),
    import("../report/html.ts"),
    import("../report/npz.ts"),
    import("../report/theme.ts"),
  ]);
  const files = new Map<string, FileContents>();
  files.set("record.npz", encodeNpz(result.records));
  files.set("result.json", `${printJson(jsonReport(report))}\n`);
  const subject = { ...experiment, descriptions: descriptions(experiment) };
  files.set("report.html", await printHtml(report, subject));
  for (const figure of report.figures) {
    invariant(/^[\w-]+$/.test(figure.id), `figure id "${figure.id}" is not a file name stem`);
    files.set(`${figure.id}.svg`, await drawFigure(figure, { theme: PAPER, title: true }));
  }
  await writeWhole(new Map([...files].map(([name, data]) => [join(directory, name), data])));
}
