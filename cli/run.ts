/** `thermograd run`: one experiment, its answer on stdout, its files in `--out`. */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ArgumentError, CheckpointError } from "../engine/errors.ts";
import { VERSION } from "../engine/version.ts";
import type { Experiment } from "../experiments/experiment.ts";
import { jsonReport, printJson } from "../report/result.ts";
import { printReport } from "../report/terminal.ts";
import { type Arguments, lastValue } from "./arguments.ts";
import { writeArtifacts } from "./artifacts.ts";
import { type Checkpoint, decodeCheckpoint } from "./checkpoint.ts";
import { type CheckpointStore, createCheckpointStore } from "./checkpointStore.ts";
import { type RunSettings, runCommand } from "./commandLine.ts";
import { execute, type Outcome } from "./execute.ts";
import { prepareDirectory } from "./files.ts";
import { findExperiment } from "./findExperiment.ts";
import { catchInterrupt } from "./interrupt.ts";
import { EXIT, type Io, widthOf } from "./io.ts";
import { printValue, resolveParameters } from "./parameters.ts";
import { createProgress } from "./progress.ts";
import { readExecution } from "./schedule.ts";
import { readSeed } from "./seed.ts";
import { createSession } from "./session.ts";

async function readCheckpoint(
  file: string,
  experiment: Experiment,
  cwd: string,
): Promise<Checkpoint> {
  const bytes = await readFile(resolve(cwd, file)).catch((error: NodeJS.ErrnoException) => {
    throw new ArgumentError(
      `--resume ${file}: cannot be read (${error.code}); give the file an interrupted run named.`,
    );
  });
  const checkpoint = await decodeCheckpoint(new Uint8Array(bytes), file, VERSION);
  const { header } = checkpoint;
  if (header.experiment !== experiment.id) {
    throw new CheckpointError(
      `--resume ${file}: belongs to experiment "${header.experiment}", not "${experiment.id}"; ` +
        `write thermograd run ${header.experiment} --resume ${file}.`,
    );
  }
  return checkpoint;
}

const refuseChange = (file: string, option: string, was: string): ArgumentError =>
  new ArgumentError(
    `${option}: the run in ${file} has ${was}, which cannot change halfway; ` +
      `leave ${option.split(" ")[0]} out, or start a new run without --resume.`,
  );

/** Parameters and seed of a resumed run; options may repeat them, but not change them. */
function resumedSettings(
  given: Arguments,
  experiment: Experiment,
  { header }: Checkpoint,
  file: string,
): RunSettings {
  const { seed, quick } = header;
  const parameters = experiment.parameters.parse(header.parameters);
  const settings = given.values.get("set") ?? [];
  const asked = resolveParameters(experiment, settings, parameters);
  for (const setting of settings) {
    const name = setting.slice(0, setting.indexOf("="));
    if (JSON.stringify(asked[name]) === JSON.stringify(parameters[name])) continue;
    throw refuseChange(file, `--set ${setting}`, `${name}=${printValue(parameters[name])}`);
  }
  const seedText = lastValue(given, "seed");
  if (seedText !== undefined && readSeed(seedText) !== seed) {
    throw refuseChange(file, `--seed ${seedText}`, `seed ${seed}`);
  }
  if (given.switches.has("quick") && !quick) {
    throw refuseChange(file, "--quick", "the full parameters");
  }
  return { experiment, parameters, seed, quick, execution: readExecution("run", given) };
}

function freshSettings(given: Arguments, experiment: Experiment): RunSettings {
  const quick = given.switches.has("quick");
  const base = quick ? experiment.quick : {};
  const parameters = resolveParameters(experiment, given.values.get("set") ?? [], base);
  const execution = readExecution("run", given);
  return { experiment, parameters, seed: readSeed(lastValue(given, "seed")), quick, execution };
}

/** Options that a command which resumes has to repeat. */
function repeatedOptions(given: Arguments): string[] {
  const out = lastValue(given, "out");
  const adapter = lastValue(given, "adapter");
  return [
    ...(out === undefined ? [] : ["--out", out]),
    ...(adapter === undefined ? [] : ["--adapter", adapter]),
    ...(given.switches.has("json") ? ["--json"] : []),
  ];
}

async function finish(
  outcome: Extract<Outcome, { kind: "finished" }>,
  settings: RunSettings,
  given: Arguments,
  io: Io,
  directory: string | undefined,
): Promise<void> {
  const { report, result } = outcome;
  let failure: unknown;
  if (directory !== undefined) {
    const writing = writeArtifacts(directory, settings.experiment, report, result);
    await writing.catch((error: unknown) => {
      failure = error ?? new Error("writing failed");
    });
  }
  // The answer of a long run is printed even when its files could not be written.
  const isJson = given.switches.has("json");
  io.stdout.write(isJson ? `${printJson(jsonReport(report))}\n` : printReport(report, widthOf(io)));
  if (failure !== undefined) throw failure;
  const out = lastValue(given, "out");
  if (out !== undefined) io.stderr.write(`report: ${join(out, "report.html")}\n`);
}

/** What `run` was asked to do, read and checked before anything is opened. */
interface Request {
  readonly given: Arguments;
  readonly settings: RunSettings;
  readonly checkpoint: Checkpoint | undefined;
  /** `--resume`, as given. */
  readonly resumed: string | undefined;
  /** `--out`, absolute. */
  readonly directory: string | undefined;
}

async function readRequest(given: Arguments, io: Io): Promise<Request> {
  const experiment = findExperiment("run", given.positionals[0]!, await io.experiments());
  const resumed = lastValue(given, "resume");
  const checkpoint =
    resumed === undefined ? undefined : await readCheckpoint(resumed, experiment, io.cwd);
  const settings =
    checkpoint === undefined || resumed === undefined
      ? freshSettings(given, experiment)
      : resumedSettings(given, experiment, checkpoint, resumed);
  const out = lastValue(given, "out");
  const directory = out === undefined ? undefined : await prepareDirectory(out, io.cwd);
  return { given, settings, checkpoint, resumed, directory };
}

/** Says where an interrupted or failed run can go on; false if it cannot. */
async function tellResume(store: CheckpointStore, request: Request, io: Io): Promise<boolean> {
  const { settings, given } = request;
  const path = await store.save();
  if (path === null) return false;
  const command = runCommand(settings, ["--resume", path, ...repeatedOptions(given)]);
  io.stderr.write(`The checkpoint is in ${path}. Go on with:\n  ${command}\n`);
  return true;
}

/** Runs an experiment. Exit code 0 whatever the predictions say, 130 when interrupted. */
export async function run(given: Arguments, io: Io): Promise<number> {
  const request = await readRequest(given, io);
  const { settings, checkpoint, resumed, directory } = request;
  const store = createCheckpointStore({ settings, cwd: io.cwd, directory, resumed });
  const progress = createProgress(io);
  const session = createSession(io, lastValue(given, "adapter"), settings.execution);
  const interrupt = catchInterrupt(io, {
    onFirst: () => progress.say("stopping; a second Ctrl-C ends at once without a checkpoint"),
    beforeExit: progress.stop,
  });
  const { signal } = interrupt;
  const resume = checkpoint?.bytes;
  try {
    const around = { session, progress, signal, resume, onCheckpoint: store.take };
    const outcome = await execute(settings, around);
    progress.stop();
    if (outcome.kind === "finished") {
      await finish(outcome, settings, given, io, directory);
      await store.discard();
      return EXIT.ok;
    }
    if (!(await tellResume(store, request, io))) {
      io.stderr.write(`${settings.experiment.id} had no checkpoint yet; start it again.\n`);
    }
    return EXIT.interrupted;
  } catch (error) {
    progress.stop();
    // The failure itself is what counts: that its checkpoint cannot be saved must not hide it.
    if (store.isTaken()) await tellResume(store, request, io).catch(() => false);
    throw error;
  } finally {
    progress.stop();
    await session.close();
    interrupt.release();
  }
}
