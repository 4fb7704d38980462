/** Grids over several windows of readback, of replicas that freeze, and what is refused. */
import { describe, expect, test } from "vitest";
import { gaussian } from "../../engine/initial.ts";
import { density } from "../../engine/observe/density.ts";
import { flux } from "../../engine/observe/flux.ts";
import { GRID_BLOCK, GROUPS } from "../../engine/observe/grid.ts";
import { referenceFlux } from "../../engine/observe/referenceGrid.ts";
import { snapshot } from "../../engine/observe/snapshot.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { quadraticMode } from "../../models/quadraticMode.ts";
import { describeWithDevice } from "../gpu.ts";

describeWithDevice("grids", "software", (device) => {
  test("several windows: every record is counted once", async () => {
    const { data, model: mode } = quadraticMode(1);
    const steps = 2 * GRID_BLOCK + 17;
    await using ensemble = await createEnsemble(device(), {
      model: mode,
      data,
      sampling: "fullBatch",
      update: sgd({ learningRate: 0.3, momentum: 0.5, gradientNoise: 1 }),
      replicas: 3,
      seed: 4,
      observables: {
        states: snapshot({ every: 1 }),
        flux: flux({
          axes: [
            { of: "theta", from: -1, to: 1, bins: 4 },
            { of: "v.theta", from: -1.5, to: 1.5, bins: 5 },
          ],
        }),
      },
    });
    const { states, flux: record } = await ensemble.observe({ steps });
    for (let replica = 0; replica < 3; replica += 1) {
      const path = Array.from({ length: steps }, (_, t) => [
        states.values.data[(t * 3 + replica) * 2]!,
        states.values.data[(t * 3 + replica) * 2 + 1]!,
      ]);
      const own = referenceFlux(
        [
          { of: "theta", from: -1, to: 1, bins: 4 },
          { of: "v.theta", from: -1.5, to: 1.5, bins: 5 },
        ],
        path,
      );
      expect([...record.visits.data.subarray(20 * replica, 20 * replica + 20)]).toEqual([
        ...own.visits.subarray(0, 20),
      ]);
      for (const k of [0, 1] as const) {
        for (let cell = 0; cell < 20; cell += 1) {
          const got = record.displacement.data[(2 * replica + k) * 20 + cell]!;
          // GRID_BLOCK float32 additions of numbers below 1.
          expect(Math.abs(got - own.displacement[k][cell]!)).toBeLessThan(1e-4);
        }
      }
    }
  });

  test("a replica that freezes counts up to its last step, and is told", async () => {
    const { data, model: mode } = quadraticMode(1);
    await using ensemble = await createEnsemble(device(), {
      model: mode,
      data,
      sampling: "fullBatch",
      update: sgd({}),
      sweep: { learningRate: [0.1, 3] },
      replicas: 2,
      seed: 1,
      bounds: { theta: 100 },
      initial: gaussian({ standardDeviation: 1 }),
      observables: { density: density({ axes: [{ of: "theta", from: -9, to: 9, bins: 2 }] }) },
    });
    const { density: record, run } = await ensemble.observe({ steps: 64 });
    expect([...record.frozen.data.subarray(GROUPS, GROUPS + 3)]).toEqual([1, 1, 0]);
    expect([...record.frozen.data.subarray(0, 2)]).toEqual([0, 0]);
    for (const lane of [0, 1, 2, 3]) {
      const at = Math.floor(lane / 2) * GROUPS + (lane % 2);
      const counted =
        record.counts.data[2 * at]! + record.counts.data[2 * at + 1]! + record.outside.data[at]!;
      expect(counted).toBe(run.frozen[lane]! < 0 ? 64 : run.frozen[lane]!);
    }
  });
});

describe("bad input is one sentence", () => {
  const x = { of: "x", from: 0, to: 1, bins: 4 };
  const y = { ...x, of: "y" };
  test.each([
    [() => density({ axes: [] }), "density: axes has 0 entries; give 1 or 2."],
    [() => flux({ axes: [x] }), "flux: axes has 1 entries; give 2."],
    [() => flux({ axes: [x, x] }), "flux: both axes are x; name another quantity for one of them."],
    [
      () => density({ axes: [{ ...x, to: 0 }] }),
      "density: x goes from 0 to 0; give finite numbers",
    ],
    [() => density({ axes: [{ ...x, from: Number.NaN }] }), "density: x goes from NaN to 1; give"],
    [
      () => density({ axes: [{ ...x, from: 1e8, to: 1e8 + 1 }] }),
      "by more than a float32 rounding",
    ],
    [() => density({ axes: [{ ...x, bins: 2.5 }] }), "density: x has 2.5 bins; use a whole number"],
    [() => density({ axes: [x], every: 0 }), "density: every is 0, a number of SGD steps"],
    [() => density({ axes: [{ ...x, of: "fullLoss" }] }), "fullLoss is not known on the device"],
    [
      () =>
        flux({
          axes: [
            { ...x, bins: 200 },
            { ...y, bins: 200 },
          ],
        }),
      "flux: 40000 cells for each replica, the limit is 16384; use fewer bins.",
    ],
  ])("%#", (make, message) => {
    expect(make).toThrow(message);
  });
});
