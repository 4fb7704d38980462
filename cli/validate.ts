/**
 * `thermograd validate`: experiments run one after the other, their predictions judged together.
 *
 * An experiment that fails is reported, and the others go on. Exit code 1 if anything disagrees or
 * failed. `--json` prints `{ agrees, experiments: [result | { experiment, error }], seconds }`.
 * `--out` keeps the evidence as files after each experiment, so that Ctrl-C loses none that finished.
 */
import { ArgumentError, ThermogradError } from "../engine/errors.ts";
import type { Execution } from "../engine/index.ts";
import type { Experiment } from "../experiments/experiment.ts";
import { jsonReport, printJson, type Report } from "../report/result.ts";
import { printAgreement, printQuantities } from "../report/terminal.ts";
import type { Validated } from "../report/validationPage.ts";
import { type Arguments, lastValue } from "./arguments.ts";
import { quote } from "./commandLine.ts";
import { execute } from "./execute.ts";
import { prepareDirectory } from "./files.ts";
import { findExperiment } from "./findExperiment.ts";
import { catchInterrupt, type Interrupt } from "./interrupt.ts";
import { EXIT, type Io, widthOf } from "./io.ts";
import { defaultParameters } from "./parameters.ts";
import { createProgress, type ProgressLine } from "./progress.ts";
import { readExecution } from "./schedule.ts";
import { readSeed } from "./seed.ts";
import { createSession, type Session } from "./session.ts";
import { mergeValidated, readValidated, writeValidated } from "./validationFiles.ts";

/** What one experiment came to. */
type Verdict =
  | { readonly experiment: string; readonly report: Report }
  | { readonly experiment: string; readonly error: { name: string; message: string } };

interface Circumstances {
  readonly io: Io;
  readonly session: Session;
  readonly interrupt: Interrupt;
  readonly seed: number;
  readonly quick: boolean;
  readonly execution: Execution;
}

/** null when the signal came. */
async function judgeOne(
  experiment: Experiment,
  progress: ProgressLine,
  { io, session, interrupt, seed, quick, execution }: Circumstances,
): Promise<Verdict | null> {
  try {
    const parameters = defaultParameters(experiment, quick);
    const settings = { experiment, parameters, seed, quick, execution };
    const outcome = await execute(settings, { session, progress, signal: interrupt.signal });
    progress.stop();
    if (outcome.kind === "interrupted") return null;
    return { experiment: experiment.id, report: outcome.report };
  } catch (error) {
    progress.stop();
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    const isOurs = !(error instanceof ThermogradError);
    io.stderr.write(`${experiment.id}: ${isOurs ? (stack ?? message) : message}\n`);
    // What broke one run (a lost device) must not break the next.
    await session.close();
    return { experiment: experiment.id, error: { name, message } };
  }
}

const isGood = (verdict: Verdict): boolean =>
  "report" in verdict && verdict.report.quantities.every(({ agrees }) => agrees !== false);

function printVerdicts(verdicts: readonly Verdict[], width: number): string {
  const reports = verdicts.flatMap((verdict) => ("report" in verdict ? [verdict.report] : []));
  const quantities = reports.flatMap((report) => report.quantities);
  const tables = printQuantities(
    reports.map(({ experiment, quantities }) => ({ owner: experiment, quantities })),
    width,
  );
  const warnings = reports.flatMap(({ experiment, warnings }) =>
    warnings.map((warning) => `warning: ${experiment}: ${warning}\n`),
  );
  const failures = verdicts.flatMap((verdict) =>
    "error" in verdict ? [`failed: ${verdict.experiment}: ${verdict.error.message}\n`] : [],
  );
  return `${tables}\n${printAgreement(quantities)}\n${[...warnings, ...failures].join("")}`;
}

const jsonVerdicts = (verdicts: readonly Verdict[], seconds: number): string =>
  printJson({
    agrees: verdicts.every(isGood),
    experiments: verdicts.map((verdict) =>
      "report" in verdict ? jsonReport(verdict.report) : verdict,
    ),
    seconds,
  });

/** Verdicts of `chosen`, of the first ones only where the signal came; `keep` is given each. */
async function judgeAll(
  chosen: readonly Experiment[],
  circumstances: Circumstances,
  keep: (verdict: Verdict) => Promise<void>,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const [index, experiment] of chosen.entries()) {
    const label = `[${index + 1}/${chosen.length}] ${experiment.id}`;
    const progress = createProgress(circumstances.io, { label });
    const verdict = await judgeOne(experiment, progress, circumstances);
    if (verdict === null) break;
    verdicts.push(verdict);
    await keep(verdict);
  }
  return verdicts;
}

/** A verdict as the page and the JSON of `--out` keep it. */
function validatedOf(verdict: Verdict, { title, card }: Experiment): Validated {
  const { experiment } = verdict;
  if ("error" in verdict) {
    return { experiment, title, card, run: null, error: verdict.error.message };
  }
  const { provenance, seconds, warnings, quantities } = jsonReport(verdict.report);
  return {
    experiment,
    title,
    card,
    run: { provenance, seconds, warnings, quantities },
    error: null,
  };
}

/** What keeps each verdict in the directory of `--out`, if there is one. */
async function keeper(
  out: string | undefined,
  io: Io,
  experiments: readonly Experiment[],
): Promise<(verdict: Verdict) => Promise<void>> {
  if (out === undefined) return async () => {};
  const directory = await prepareDirectory(out, io.cwd);
  let validated = await readValidated(directory);
  return async (verdict) => {
    const experiment = experiments.find(({ id }) => id === verdict.experiment)!;
    validated = mergeValidated(validated, [validatedOf(verdict, experiment)], experiments);
    await writeValidated(directory, validated);
  };
}

/** The command that takes up the experiments a signal has left. */
function remainder(rest: readonly Experiment[], given: Arguments): string {
  const options = ["seed", "adapter", "schedule", "out"].flatMap((name) => {
    const value = lastValue(given, name);
    return value === undefined ? [] : [`--${name}`, value];
  });
  const quick = given.switches.has("quick") ? ["--quick"] : [];
  const words = ["thermograd", "validate", ...rest.map(({ id }) => id), ...options, ...quick];
  return words.map(quote).join(" ");
}

export async function validate(given: Arguments, io: Io): Promise<number> {
  const experiments = await io.experiments();
  const ids = [...new Set(given.positionals)];
  const chosen =
    ids.length === 0 ? experiments : ids.map((id) => findExperiment("validate", id, experiments));
  if (chosen.length === 0) {
    throw new ArgumentError("validate: there are no experiments to run; nothing was validated.");
  }
  const seed = readSeed(lastValue(given, "seed"));
  const execution = readExecution("validate", given);
  const keep = await keeper(lastValue(given, "out"), io, experiments);
  const session = createSession(io, lastValue(given, "adapter"), execution);
  const interrupt = catchInterrupt(io, {
    onFirst: () => io.stderr.write("stopping; a second Ctrl-C ends at once\n"),
    beforeExit: () => io.stderr.write(io.isTTY ? "\x1b[?25h\n" : ""),
  });
  const clock = performance.now();
  try {
    // Without a device nothing can be validated: that error is the command's, not an experiment's.
    await session.device();
    const quick = given.switches.has("quick");
    const verdicts = await judgeAll(
      chosen,
      { io, session, interrupt, seed, quick, execution },
      keep,
    );
    const seconds = (performance.now() - clock) / 1000;
    const isJson = given.switches.has("json");
    if (verdicts.length > 0) {
      io.stdout.write(
        isJson ? `${jsonVerdicts(verdicts, seconds)}\n` : printVerdicts(verdicts, widthOf(io)),
      );
    }
    if (verdicts.length < chosen.length) {
      const rest = chosen.slice(verdicts.length);
      io.stderr.write(
        `stopped after ${verdicts.length} of ${chosen.length}; go on with ${remainder(rest, given)}\n`,
      );
      return EXIT.interrupted;
    }
    return verdicts.every(isGood) ? EXIT.ok : EXIT.disagrees;
  } finally {
    await session.close();
    interrupt.release();
  }
}
