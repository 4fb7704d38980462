/**
 * What peers written in TypeScript share: the request, a first training for the ruler, then the clock.
 *
 * A peer is started as `<peer> <problem> <folder> <check steps> <seconds> <weights file>`, trains the
 * check steps, writes its weights, then trains for the seconds and prints one line of JSON. The Python
 * and C peers do the same in their own words.
 */
import { writeFileSync } from "node:fs";
import { bytesOf, type Problem, readProblem } from "../problem.ts";

/** A line of JSON on stdout. */
export interface Timed {
  readonly steps: number;
  readonly seconds: number;
  /** Until the check was done: loading, compiling, training. */
  readonly setupSeconds: number;
  readonly version: string;
  /** Where the peer runs on WebGPU. */
  readonly adapter?: string;
  /** thermograd's way to run the ensemble. */
  readonly schedule?: string;
}

export interface System extends Pick<Timed, "version" | "adapter" | "schedule"> {
  readonly take: (steps: number) => void | Promise<void>;
  /** Resolves when all steps taken are done. */
  readonly wait: () => void | Promise<void>;
  /** Weights in the peers' order. */
  readonly read: () => Promise<Float32Array> | Float32Array;
  /** Most steps between two waits; frameworks that queue without bound need one. */
  readonly mostSteps: number;
}

/** Waits are at most every tenth of the time measured. */
const WAITS = 10;

async function take(system: System, steps: number): Promise<void> {
  for (let left = steps; left > 0; left -= system.mostSteps) {
    await system.take(Math.min(left, system.mostSteps));
    await system.wait();
  }
}

/** Steps between two waits: doubled until they fill a tenth of the time, which also warms up. */
async function calibrate(system: System, seconds: number): Promise<number> {
  for (let steps = 1; ; steps *= 2) {
    const begun = performance.now();
    await take(system, Math.min(steps, system.mostSteps));
    const took = (performance.now() - begun) / 1000;
    if (took >= seconds / WAITS || steps >= system.mostSteps)
      return Math.min(steps, system.mostSteps);
  }
}

/** Runs a peer from the command line to its line of JSON. */
export async function timeSystem(create: (problem: Problem) => Promise<System>): Promise<void> {
  const begun = performance.now();
  const [id, folder, checkSteps, budget, weights] = process.argv.slice(2) as [
    string,
    string,
    string,
    string,
    string,
  ];
  const seconds = Number(budget);
  const system = await create(readProblem(folder, id));
  await take(system, Number(checkSteps));
  writeFileSync(weights, bytesOf(await system.read()));
  const setupSeconds = (performance.now() - begun) / 1000;
  const chunk = await calibrate(system, seconds);
  let steps = 0;
  const start = performance.now();
  let took = 0;
  while (took < seconds) {
    await take(system, chunk);
    steps += chunk;
    took = (performance.now() - start) / 1000;
  }
  const { version, adapter, schedule } = system;
  const timed: Timed = {
    steps,
    seconds: took,
    setupSeconds,
    version,
    ...(adapter !== undefined && { adapter }),
    ...(schedule !== undefined && { schedule }),
  };
  process.stdout.write(`${JSON.stringify(timed)}\n`, () => process.exit(0));
}
