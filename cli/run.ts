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
import { EXIT, type Io } from "./io.ts";
import { printValue, resolveParameters } from "./parameters.ts";
import { createProgress } from "./progress.ts";
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
  return { experiment, parameters, seed, quick };
}

function freshSettings(given: Arguments, experiment: Experiment): RunSettings {
  const quick = given.switches.has("quick");
  const base = quick ? experiment.quick : {};
  const parameters = resolveParameters(experiment, given.values.get("set") ?? [], base);
  return { experiment, parameters, seed: readSeed(lastValue(given, "seed")), quick };
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

/** The command that goes on from where the run stopped; null if nothing was saved. */
async function saveForLater(
  store: CheckpointStore,
  settings: RunSettings,
  given: Arguments,
): Promise<{ path: string; command: string } | null> {
  const path = await store.save();
  if (path === null) return null;
  return { path, command: runCommand(settings, ["--resume", path, ...repeatedOptions(given)]) };
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
    const names = await writing.catch((error: unknown) => {
      failure = error ?? new Error("writing failed");
      return [];
    });
    if (io.isTTY && names.length > 0) {
      io.stderr.write(`wrote ${names.map((name) => join(directory, name)).join(" ")}\n`);
    }
  }
  // The answer of a long run is printed even when its files could not be written.
  const isJson = given.switches.has("json");
  io.stdout.write(isJson ? `${printJson(jsonReport(report))}\n` : printReport(report));
  if (failure !== undefined) throw failure;
}

/** Runs an experiment. Exit code 0 whatever the predictions say, 130 when interrupted. */
export async function run(given: Arguments, io: Io): Promise<number> {
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

  const store = createCheckpointStore({ settings, cwd: io.cwd, directory, resumed });
  const progress = createProgress(io);
  const session = createSession(io, lastValue(given, "adapter"));
  const interrupt = catchInterrupt(io, {
    onFirst: () => progress.say("stopping; a second Ctrl-C ends at once without a checkpoint"),
    beforeExit: progress.stop,
  });
  try {
    const outcome = await execute(settings, {
      session,
      progress,
      signal: interrupt.signal,
      resume: checkpoint?.bytes,
      onCheckpoint: store.take,
    });
    progress.stop();
    if (outcome.kind === "finished") {
      await finish(outcome, settings, given, io, directory);
      await store.discard();
      return EXIT.ok;
    }
    const saved = await saveForLater(store, settings, given);
    io.stderr.write(
      saved === null
        ? `interrupted before ${experiment.id} had a checkpoint; start it again.\n`
        : `interrupted; saved in ${saved.path}. Go on with:\n  ${saved.command}\n`,
    );
    return EXIT.interrupted;
  } catch (error) {
    progress.stop();
    const saved = await saveForLater(store, settings, given).catch(() => null);
    if (saved !== null && saved.path !== resumed) {
      io.stderr.write(`the last checkpoint is in ${saved.path}. Go on with:\n  ${saved.command}\n`);
    }
    throw error;
  } finally {
    progress.stop();
    await session.close();
    interrupt.release();
  }
}
