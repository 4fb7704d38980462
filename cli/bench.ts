/** `thermograd bench`: replica-steps per second of the standard workloads on this adapter. */
import type { Roofline } from "../bench/roofline.ts";
import { ArgumentError } from "../engine/errors.ts";
import { printJson } from "../report/result.ts";
import { type Arguments, lastValue } from "./arguments.ts";
import { catchInterrupt, isAbort } from "./interrupt.ts";
import { type BenchRow, EXIT, type Io, type Workload } from "./io.ts";
import { suggest } from "./nearest.ts";
import { createProgress } from "./progress.ts";
import { readExecution } from "./schedule.ts";
import { createSession } from "./session.ts";

function chooseWorkloads(ids: readonly string[], workloads: readonly Workload[]): Workload[] {
  if (ids.length === 0) return workloads.filter(({ extra }) => extra !== true);
  const groups = new Set(workloads.flatMap(({ group }) => (group === undefined ? [] : [group])));
  const names = [...workloads.map(({ id }) => id), ...groups];
  return ids.flatMap((id) => {
    const found = workloads.filter((workload) => workload.id === id || workload.group === id);
    if (found.length > 0) return found;
    const all = `there are ${names.join(", ")}.`;
    throw new ArgumentError(`bench: there is no workload "${id}"; ${suggest(id, names, all)}`);
  });
}

/** The keys of the contract, in its order, whatever else a row carries. */
const contractRow = (row: BenchRow): BenchRow => ({
  workload: row.workload,
  schedule: row.schedule,
  replicas: row.replicas,
  params: row.params,
  batchSize: row.batchSize,
  replicaStepsPerSecond: row.replicaStepsPerSecond,
  gflops: row.gflops,
  fractionOfPeak: row.fractionOfPeak,
  adapter: row.adapter,
  seconds: row.seconds,
});

export async function bench(given: Arguments, io: Io): Promise<number> {
  const measured = await io.bench();
  const chosen = chooseWorkloads(given.positionals, measured.workloads);
  const session = createSession(io, lastValue(given, "adapter"), readExecution("bench", given));
  const progress = createProgress(io);
  const interrupt = catchInterrupt(io, {
    onFirst: () => progress.say("stopping; a second Ctrl-C ends at once"),
    beforeExit: progress.stop,
  });
  const rooflines: Roofline[] = [];
  try {
    const rows = await measured.runBench({
      workloads: chosen,
      device: await session.device(),
      onProgress: progress.update,
      onRoofline: (roofline) => rooflines.push(roofline),
      signal: interrupt.signal,
    });
    progress.stop();
    if (given.switches.has("json")) {
      io.stdout.write(`${printJson(rows.map(contractRow))}\n`);
    } else {
      const peaks = rooflines.map((roofline) => `\n${measured.printRoofline(roofline)}\n`);
      io.stdout.write(`${measured.printBench(rows)}${peaks.join("")}`);
    }
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
