/**
 * Every observable in the schedules that run in stages against what `thread` records, and full losses.
 *
 * Same seeds, so the same paths up to rounding: float fields are compared as vectors, |a − b|₂/|b|₂,
 * bound 1e-4 (moments and displacements are differences; their rounding is that of θ's, magnified);
 * counts of records and of cells, steps, axes and units must be equal. A path as near to a cell's edge
 * as rounding (1e-6 of its width, 3000 records) would part counts: with this seed there is none.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { LimitError } from "../../engine/errors.ts";
import { gaussian } from "../../engine/initial.ts";
import { crossings } from "../../engine/observe/crossings.ts";
import { density } from "../../engine/observe/density.ts";
import { displacement } from "../../engine/observe/displacement.ts";
import { entropyProduction } from "../../engine/observe/entropyProduction.ts";
import { flux } from "../../engine/observe/flux.ts";
import { moments } from "../../engine/observe/moments.ts";
import { series } from "../../engine/observe/series.ts";
import { snapshot } from "../../engine/observe/snapshot.ts";
import type { Schedule } from "../../engine/plan/schedule.ts";
import { cosine } from "../../engine/rate/cosine.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { ubu } from "../../engine/update/ubu.ts";
import { network } from "../composites.ts";
import { describeWithDevice } from "../gpu.ts";
import { relativeError, sampleData } from "../parity.ts";
import { by, STAGED } from "../schedules.ts";

const BOUND = 1e-4;
const STEPS = 40;

const model = network(4, 8);
const n = model.parameterCount;
const along = { name: "along", vector: Array.from({ length: n }, (_, p) => Math.sin(p + 1)) };
const alongV = { ...along, name: "v along", velocity: true };
const plane = [
  { of: "W[1,2]", from: -0.7, to: 0.8, bins: 5 },
  { of: along, from: -2.1, to: 1.9, bins: 4 },
];

const observables = {
  loss: series({
    of: [
      "loss",
      "fullLoss",
      "theta.theta",
      "g.g",
      "theta.g",
      "v.v",
      "W[7,3]",
      "v.c",
      along,
      alongV,
    ],
  }),
  slow: series({ of: ["theta.g", "learningRate"], every: 7 }),
  moments: moments({ of: ["W[0,0]", "v.a[2]", along], lags: [1, 4] }),
  sparse: moments({ of: [alongV, "c"], lags: [6], every: 3 }),
  line: density({ axes: [plane[0]!], every: 3 }),
  plane: density({ axes: plane }),
  flux: flux({ axes: plane }),
  faces: crossings({ axes: plane, every: 2 }),
  far: displacement({ lags: [1, 3, 10], of: ["W[1,2]", along], origins: 3, local: false }),
  all: displacement({ lags: [2, 20], local: false }),
  entropy: entropyProduction({
    of: ["a[1]", along],
    center: [0.1, -0.2],
    form: [
      [0.4, -0.3],
      [0.5, 0.2],
    ],
    windows: [1, 5],
    histograms: [{ window: 1, width: 0.05, bins: 6 }],
  }),
  states: snapshot({ every: 9 }),
};

const options = (learningRate = 0.05) =>
  ({
    model,
    data: sampleData(model, 24, 9),
    update: sgd({ momentum: 0.7, gradientNoise: 0.2, weightDecay: 0.02 }),
    rate: cosine({ annealSteps: 60 }),
    sweep: { batchSize: [2, 6], learningRate: [learningRate, 0.02] },
    sampling: "symmetric",
    replicas: 5,
    seed: 11,
    initial: gaussian({ standardDeviation: 0.5 }),
    observables,
  }) satisfies EnsembleOptions;

/** Largest relative error of the numbers of two records, and where they differ in anything else. */
function differences(a: unknown, b: unknown, at = ""): { worst: number; where: string }[] {
  if (ArrayBuffer.isView(b)) {
    const [x, y] = [a as Float64Array, b as Float64Array];
    const missing = y.findIndex((value, i) => Number.isNaN(value) !== Number.isNaN(x[i]!));
    if (missing >= 0) return [{ worst: Infinity, where: `${at}[${missing}]` }];
    const known = (data: Float64Array): number[] =>
      [...data].filter((value) => !Number.isNaN(value));
    return [{ worst: relativeError(known(x), known(y)), where: at }];
  }
  if (typeof b === "object" && b !== null) {
    return Object.entries(b).flatMap(([key, value]) =>
      differences((a as Record<string, unknown>)[key], value, `${at}.${key}`),
    );
  }
  return [{ worst: Object.is(a, b) ? 0 : Infinity, where: at }];
}

describeWithDevice("observables in stages", "software", (device) => {
  const record = async (schedule: Schedule, given = options()) => {
    await using ensemble = await createEnsemble(device(), { ...given, execution: by(schedule) });
    await ensemble.advance({ steps: 3 });
    const { run, ...records } = await ensemble.observe({ steps: STEPS });
    expect(run.provenance.schedule).toBe(schedule);
    return { records, frozen: [...run.frozen] };
  };
  let exact: Awaited<ReturnType<typeof record>>;
  beforeAll(async () => {
    exact = await record("thread");
  });

  describe.each(STAGED)("%s", (schedule) => {
    test("every one records what thread records", async () => {
      const { records, frozen } = await record(schedule);
      expect(frozen).toEqual(exact.frozen);
      const found = differences(records, exact.records);
      expect(found.length).toBeGreaterThan(100);
      expect(found.filter(({ worst }) => !(worst <= BOUND))).toEqual([]);
      // Counts are whole numbers: one that differs is further off than this.
      const counts = found.filter(({ where }) =>
        /\.(counts|outside|visits|along|up)\./.test(where),
      );
      expect(counts.length).toBeGreaterThan(3);
    });

    test("negative control: a rate off by 1 in 1000 is seen by every one", async () => {
      const { records } = await record(schedule, options(0.05005));
      for (const name of Object.keys(observables) as (keyof typeof observables)[]) {
        if (["plane", "line", "flux", "faces"].includes(name)) continue;
        const worst = differences(records[name], exact.records[name]).map((one) => one.worst);
        expect(Math.max(...worst), name).toBeGreaterThan(BOUND);
      }
    });

    test("displacements with local sums are refused, of all parameters or of some", async () => {
      for (const of of [{}, { of: ["W[1,2]"] }]) {
        const observed = { far: displacement({ lags: [1, 3], ...of }) };
        const given = { ...options(), observables: observed, execution: by(schedule) };
        const made = createEnsemble(device(), given);
        await expect(made).rejects.toBeInstanceOf(LimitError);
        await expect(made).rejects.toThrow(
          new RegExp(
            `^${schedule} schedule: .*displacement with local: true.*use schedule: "thread"`,
          ),
        );
      }
    });

    test("with a point of its own for the gradient, and the displacement kept", async () => {
      const given = {
        ...options(),
        update: ubu({ friction: 2, temperature: 0.1, batchSize: 4 }),
        sweep: { learningRate: [0.05, 0.02], clipNorm: [0, 0.3] },
        observables: {
          loss: series({ of: ["loss", "g.g", "theta.g", "v.v", "theta.theta"] }),
          states: snapshot({ every: 10 }),
        },
      };
      const run = async (one: Schedule) => {
        await using ensemble = await createEnsemble(device(), { ...given, execution: by(one) });
        const { loss, states } = await ensemble.observe({ steps: STEPS });
        return { loss, states };
      };
      const found = differences(await run(schedule), await run("thread"));
      expect(found.filter(({ worst }) => !(worst <= BOUND))).toEqual([]);
    });
  });
});
