/**
 * An observation, window by window: steps on the device, records of the host in between (full-data
 * quantities, snapshots), readback and merging while the next window runs.
 */
import type { Device } from "../device.ts";
import type { ObservationPlan } from "../observe/observation.ts";
import type { Range } from "./buffers.ts";
import type { Chunk } from "./chunk.ts";
import type { EnsembleShape } from "./ensembleShape.ts";
import { type GroupSums, groupSums } from "./groupSums.ts";
import type { LaneMemory } from "./laneMemory.ts";
import type { Observing } from "./observing.ts";
import type { Stepper } from "./stepper.ts";

export interface WindowedRun {
  readonly device: Device;
  readonly shape: EnsembleShape;
  readonly plan: ObservationPlan;
  readonly observing: Observing;
  readonly steps: number;
  readonly memory: LaneMemory;
  readonly dispatcher: Stepper;
  /** Full-data quantities at the present state, [quantity, lane]. */
  readonly evaluate: (of: readonly string[]) => Promise<Float64Array>;
  /** Takes `steps` steps after `before`, in the window that began at `first`. */
  readonly take: (before: number, steps: number, first: number) => Promise<void>;
}

export async function observeWindows(run: WindowedRun): Promise<void> {
  const { device, plan, shape, memory } = run;
  const sums = await groupSums(device, plan, memory.chunks, shape.replicas);
  run.dispatcher.clearMoments();
  let reading: Promise<void> = Promise.resolve();
  try {
    for (let done = 0; done < run.steps; ) {
      const steps = Math.min(run.plan.window, run.steps - done);
      await takeSteps(run, done, done + steps);
      const merging = mergeWindow(run, sums, done, steps);
      await reading;
      reading = merging;
      done += steps;
    }
  } finally {
    await reading;
    sums.destroy();
  }
}

/** The steps of a window, with the host's own records in between. */
async function takeSteps(run: WindowedRun, first: number, end: number): Promise<void> {
  const { observing, memory } = run;
  for (let rel = first; rel < end; ) {
    const due = observing.due(rel);
    if (due.fullData.length > 0 || due.snapshot) run.dispatcher.flush();
    if (due.fullData.length > 0) {
      observing.takeFullData(rel, due.fullData, await run.evaluate(due.fullData));
    }
    if (due.snapshot) observing.takeSnapshot(rel, await memory.readPhaseSpace());
    const next = observing.nextDue(rel, end);
    await run.take(rel, next - rel, first);
    rel = next;
  }
}

/** Copies a window's results at once, in queue order; merges them when they arrive. */
async function mergeWindow(
  run: WindowedRun,
  sums: GroupSums,
  first: number,
  steps: number,
): Promise<void> {
  const { plan, observing, dispatcher } = run;
  const { chunks, readback } = run.memory;
  const range = (buffer: GPUBuffer | null, { state, lanes }: Chunk, words: number): Range => ({
    buffer: buffer ?? state,
    offset: 0,
    size: 4 * words * lanes,
  });
  sums.submit();
  const copies = chunks.map((chunk, c) =>
    readback.read([
      range(chunk.series, chunk, plan.seriesWords),
      range(chunk.moments, chunk, plan.momentsWords),
      ...sums.ranges(c),
    ]),
  );
  dispatcher.clearMoments();
  for (const [c, { firstLane, lanes }] of chunks.entries()) {
    const [series, moments, grids] = (await copies[c]!).map((bytes) => new Float32Array(bytes));
    observing.takeSeries(series!, firstLane, lanes, first, steps);
    observing.takeMoments(moments!, firstLane, lanes);
    if (grids) observing.takeGrids(grids, firstLane, lanes);
  }
}
