/**
 * Slices of the schedule `batched`: whether each keeps its working copy or all share one, trajectories are
 * the same bit by bit, and so is what others read of the state in between.
 */
import { expect, test } from "vitest";
import { gaussian } from "../../engine/initial.ts";
import type { BatchedPlan } from "../../engine/plan/batched/batchedPlan.ts";
import { BatchedDispatcher } from "../../engine/run/batchedDispatcher.ts";
import { LaneMemory } from "../../engine/run/laneMemory.ts";
import { type EnsembleOptions, resolve } from "../../engine/run/options.ts";
import { plannerOf } from "../../engine/run/planner.ts";
import { SLICE_BUDGET, type SliceBudget, Slices } from "../../engine/run/slices.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { network } from "../composites.ts";
import { describeWithDevice } from "../gpu.ts";
import { sampleData } from "../parity.ts";

const model = network(4, 8);
const LANES = 11;
const options = (lanesPerChunk: number): EnsembleOptions => ({
  model,
  data: sampleData(model, 12, 9),
  update: sgd({ learningRate: 0.05, momentum: 0.7, batchSize: 3 }),
  sampling: "distinct",
  replicas: LANES,
  seed: 5,
  initial: gaussian({ standardDeviation: 0.5 }),
  execution: { schedule: "batched", lanesPerChunk, stepsPerDispatch: 4 },
});

describeWithDevice("slices of the schedule batched", "software", (device) => {
  function parts(lanesPerChunk: number) {
    const resolved = resolve(options(lanesPerChunk));
    const planned = plannerOf(device(), resolved, undefined)({ schedule: "batched" });
    const plan = planned.plan as BatchedPlan;
    const memory = new LaneMemory(device(), planned.resolved, plan, null);
    memory.initialize();
    const laneBytes = 4 * (plan.memory.replicaWords + plan.memory.scratchWords);
    return { plan, memory, resolved: planned.resolved, laneBytes };
  }

  /** The state after stretches of steps, which others read, or read and write, in between. */
  async function states(lanesPerChunk: number, budgetOf: (laneBytes: number) => SliceBudget) {
    const { plan, memory, resolved, laneBytes } = parts(lanesPerChunk);
    const budget = budgetOf(laneBytes);
    const dispatcher = new BatchedDispatcher(device(), resolved, plan, null, memory, budget);
    const seen: number[][] = [];
    const stretches = [5, 1, 9, 2];
    for (const [i, steps] of stretches.entries()) {
      const firstStep = stretches.slice(0, i).reduce((sum, taken) => sum + taken, 0);
      await dispatcher.take({ firstStep, steps, rebuild: i === 0, window: null });
      if (i === 1) dispatcher.flush();
      else if (i > 1) dispatcher.release();
      if (i === 0) continue;
      const state = await memory.readStates();
      seen.push([...state]);
      if (i === 2)
        memory.write(
          state.map((x) => x / 2),
          await memory.readFrozen(),
        );
    }
    dispatcher.destroy();
    memory.destroy();
    return seen;
  }

  const of = (lanes: number, kept: number) => (laneBytes: number) => ({
    slice: lanes * laneBytes,
    kept,
  });

  test("one for all lanes, several with their own copies, several in turn in one", async () => {
    const expected = await states(LANES, () => SLICE_BUDGET);
    expect(expected[1]).not.toEqual(expected[0]);
    for (const lanesPerChunk of [LANES, 4]) {
      for (const lanes of [1, 3]) {
        for (const kept of [0, 2 ** 30]) {
          const other = await states(lanesPerChunk, of(lanes, kept));
          expect(other, `${lanesPerChunk} ${lanes} ${kept}`).toEqual(expected);
        }
      }
    }
  });

  test("are even, and share a key where they share a copy", () => {
    const { plan, memory, laneBytes } = parts(6);
    const made = (lanes: number, kept: number) => {
      const slices = new Slices(device().gpu, plan, memory.chunks, of(lanes, kept)(laneBytes));
      slices.destroy();
      return slices.all.map(({ first, last, key }) => [first, last, key]);
    };
    const copies = 4 * plan.memory.replicaWords * LANES;
    expect(made(2, copies)).toEqual([
      [0, 2, 0],
      [2, 4, 1],
      [4, 5, 2],
      [0, 2, 3],
      [2, 4, 4],
      [4, 6, 5],
    ]);
    expect(made(2, copies - 1).map(([, , key]) => key)).toEqual([0, 0, 0, 1, 1, 1]);
    memory.destroy();
  });
});
