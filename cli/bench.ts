/** `thermograd bench`: replica-steps per second of the standard workloads on this adapter. */
import { join } from "node:path";
import type { CostGrowth } from "../bench/costGrowth.ts";
import type { Roofline } from "../bench/roofline.ts";
import type { Device } from "../engine/device.ts";
import { ArgumentError } from "../engine/errors.ts";
import { VERSION } from "../engine/version.ts";
import type { Figure } from "../experiments/experiment.ts";
import { printJson } from "../report/result.ts";
import { type Arguments, lastValue } from "./arguments.ts";
import { prepareDirectory, writeWhole } from "./files.ts";
import { catchInterrupt, isAbort } from "./interrupt.ts";
import { type Bench, type BenchRow, EXIT, type Io, type Workload } from "./io.ts";
import { suggest } from "./nearest.ts";
import { createProgress, type ProgressLine } from "./progress.ts";
import { readExecution } from "./schedule.ts";
import { createSession } from "./session.ts";

/** Named like a workload, but a measurement of its own. */
const COST_GROWTH = "cost-growth";

function chooseWorkloads(ids: readonly string[], workloads: readonly Workload[]): Workload[] {
  if (ids.length === 0) return workloads.filter(({ extra }) => extra !== true);
  const groups = new Set(workloads.flatMap(({ group }) => (group === undefined ? [] : [group])));
  const names = [...workloads.map(({ id }) => id), ...groups, COST_GROWTH];
  return ids.flatMap((id) => {
    const found = workloads.filter((workload) => workload.id === id || workload.group === id);
    if (found.length > 0) return found;
    const all = `there are ${names.join(", ")}.`;
    throw new ArgumentError(`bench: there is no workload "${id}"; ${suggest(id, names, all)}`);
  });
}

/** A row, and what it was measured with. */
const jsonRow = (row: BenchRow, { info }: Device) => ({
  ...row,
  driver: info.driver,
  versions: { thermograd: VERSION, node: process.version },
});

/** Opens the device, draws progress, hears of Ctrl-C, and ends all of it. */
async function measuring(
  given: Arguments,
  io: Io,
  work: (device: Device, progress: ProgressLine, signal: AbortSignal) => Promise<void>,
): Promise<number> {
  const session = createSession(io, lastValue(given, "adapter"), readExecution("bench", given));
  const progress = createProgress(io);
  const interrupt = catchInterrupt(io, {
    onFirst: () => progress.say("stopping; a second Ctrl-C ends at once"),
    beforeExit: progress.stop,
  });
  try {
    await work(await session.device(), progress, interrupt.signal);
    return EXIT.ok;
  } catch (error) {
    if (isAbort(error, interrupt.signal)) return EXIT.interrupted;
    throw error;
  } finally {
    progress.stop();
    await session.close();
    interrupt.release();
  }
}

/** Writes the figures and the points to the directory of `--out`. */
async function writeGrowth(directory: string, growth: CostGrowth, figures: readonly Figure[]) {
  // Loaded here: drawing takes a document, which is slow to load.
  const [{ drawFigure }, { PAPER }] = await Promise.all([
    import("../report/figure.ts"),
    import("../report/theme.ts"),
  ]);
  const files = new Map([["cost-growth.json", `${printJson(growth)}\n`]]);
  for (const figure of figures) {
    files.set(`${figure.id}.svg`, await drawFigure(figure, { theme: PAPER, title: true }));
  }
  await writeWhole(new Map([...files].map(([name, data]) => [join(directory, name), data])));
}

async function benchGrowth(given: Arguments, io: Io, measured: Bench): Promise<number> {
  if (given.positionals.length > 1) {
    throw new ArgumentError(
      `bench: ${COST_GROWTH} runs alone, got ${given.positionals.join(", ")}; give it without others.`,
    );
  }
  const out = lastValue(given, "out");
  const directory = out === undefined ? null : await prepareDirectory(out, io.cwd);
  return measuring(given, io, async (device, progress, signal) => {
    const growth = await measured.measureCostGrowth({
      device,
      signal,
      onProgress: progress.update,
    });
    progress.stop();
    if (directory !== null) await writeGrowth(directory, growth, measured.costFigures(growth));
    const text = given.switches.has("json") ? `${printJson(growth)}\n` : null;
    io.stdout.write(text ?? measured.printCostGrowth(growth));
  });
}

export async function bench(given: Arguments, io: Io): Promise<number> {
  const measured = await io.bench();
  if (given.positionals.includes(COST_GROWTH)) return benchGrowth(given, io, measured);
  if (given.values.has("out")) {
    throw new ArgumentError(`bench: --out takes the figures of ${COST_GROWTH}; leave it out.`);
  }
  const chosen = chooseWorkloads(given.positionals, measured.workloads);
  return measuring(given, io, async (device, progress, signal) => {
    const rooflines: Roofline[] = [];
    const rows = await measured.runBench({
      workloads: chosen,
      device,
      onProgress: progress.update,
      onRoofline: (roofline) => rooflines.push(roofline),
      signal,
    });
    progress.stop();
    if (given.switches.has("json")) {
      io.stdout.write(`${printJson(rows.map((row) => jsonRow(row, device)))}\n`);
    } else {
      const peaks = rooflines.map((roofline) => `\n${measured.printRoofline(roofline)}\n`);
      io.stdout.write(`${measured.printBench(rows)}${peaks.join("")}`);
    }
  });
}
