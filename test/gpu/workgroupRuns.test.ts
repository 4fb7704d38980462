/**
 * Runs under the schedule `workgroup`: bitwise the same for every number of threads, division into
 * dispatches, chunks, shards and calls, observed or not, interrupted and resumed or not; and what is
 * observed, counted and frozen is what `thread` observes, counts and freezes.
 *
 * Records are compared with those of `thread` by |a − b|₂/|b|₂, bound 5e-5: both are float32.
 */
import { expect, test } from "vitest";
import { gaussian } from "../../engine/initial.ts";
import { density } from "../../engine/observe/density.ts";
import { moments } from "../../engine/observe/moments.ts";
import { series } from "../../engine/observe/series.ts";
import { snapshot } from "../../engine/observe/snapshot.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { network } from "../composites.ts";
import { describeWithDevice } from "../gpu.ts";
import { optionsFor } from "../observed.ts";
import { relativeError, sampleData } from "../parity.ts";

const BOUND = 5e-5;
const STEPS = 37;

const model = network(4, 4);
const base = {
  model,
  data: sampleData(model, 12, 9),
  update: sgd({ learningRate: 0.05, momentum: 0.7, gradientNoise: 0.2 }),
  sampling: "reshuffled",
  sweep: { batchSize: [2, 3] },
  replicas: 5,
  seed: 0xabcdef,
  initial: gaussian({ standardDeviation: 0.5 }),
  execution: { schedule: "workgroup" },
} satisfies EnsembleOptions;

const bits = (data: Float32Array | Float64Array): string =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");

describeWithDevice("runs under the schedule workgroup", "software", (device) => {
  /** Bits of θ and v after some steps in calls of given lengths. */
  async function finalBits(options: EnsembleOptions, calls = [STEPS]): Promise<string> {
    await using ensemble = await createEnsemble(device(), options);
    for (const steps of calls) await ensemble.advance({ steps });
    const { theta, velocity } = await ensemble.state();
    return bits(theta.data) + bits(velocity!.data);
  }

  test("threads, dispatches, chunks and calls change nothing", async () => {
    const expected = await finalBits(base);
    const executions = [
      { workgroup: 5 },
      { stepsPerDispatch: 1 },
      { stepsPerDispatch: 7 },
      { lanesPerChunk: 3 },
    ];
    for (const execution of executions) {
      const other = { ...base, execution: { ...base.execution, ...execution } };
      expect(await finalBits(other), JSON.stringify(execution)).toBe(expected);
    }
    expect(await finalBits(base, [1, 20, 16])).toBe(expected);
    expect(await finalBits({ ...base, seed: 1 })).not.toBe(expected);
  });

  test("a shard has the trajectories of the whole", async () => {
    await using whole = await createEnsemble(device(), base);
    const shard = { ...base, replicas: { first: 2, count: 2 } };
    await using part = await createEnsemble(device(), shard);
    for (const ensemble of [whole, part]) await ensemble.advance({ steps: STEPS });
    const count = model.parameterCount;
    const [all, own] = [(await whole.state()).theta.data, (await part.state()).theta.data];
    for (let condition = 0; condition < 2; condition += 1) {
      const from = (5 * condition + 2) * count;
      const expected = all.slice(from, from + 2 * count);
      expect([...own.slice(2 * condition * count, 2 * (condition + 1) * count)]).toEqual([
        ...expected,
      ]);
    }
  });

  test("observed and resumed bitwise, within an epoch", async () => {
    const observables = {
      each: series({ of: ["loss", "theta.theta", "v.b[1]", "g.g", "learningRate"], every: 2 }),
      states: snapshot({ every: 10 }),
    };
    const given = { ...base, observables };
    await using whole = await createEnsemble(device(), given);
    await whole.observe({ steps: 16 });
    const rest = await whole.observe({ steps: STEPS - 16 });
    const { theta, velocity } = await whole.state();
    expect(bits(theta.data) + bits(velocity!.data)).toBe(await finalBits(base));

    let bytes: Uint8Array;
    {
      await using first = await createEnsemble(device(), given);
      await first.observe({ steps: 16 });
      bytes = await first.checkpoint();
    }
    await using resumed = await createEnsemble(device(), { ...given, from: bytes });
    const again = await resumed.observe({ steps: STEPS - 16 });
    expect(bits(again.each.values.data)).toBe(bits(rest.each.values.data));
    expect(bits((await resumed.state()).theta.data)).toBe(bits(theta.data));
  });

  test("series, moments and densities are those of thread", async () => {
    const vector = Array.from({ length: model.parameterCount }, (_, p) => Math.sin(p + 1));
    const observables = {
      each: series({
        of: ["loss", "fullLoss", "theta.theta", "g.g", "theta.g", "v.v", "g.W[1,2]"],
        every: 3,
      }),
      along: series({ of: [{ name: "along", vector }] }),
      moments: moments({ of: ["W[0,0]", "a[1]", "loss"], lags: [1, 4] }),
      density: density({ axes: [{ of: "W[0,1]", from: -1, to: 1, bins: 8 }] }),
    };
    const record = async (schedule: "thread" | "workgroup") => {
      const given = { ...base, observables, execution: { schedule } };
      await using ensemble = await createEnsemble(device(), given);
      return ensemble.observe({ steps: 60 });
    };
    const [own, theirs] = [await record("workgroup"), await record("thread")];
    const numbers = (of: typeof own): [string, ArrayLike<number>][] => [
      ["series", of.each.values.data],
      ["projection", of.along.values.data],
      ["first moments", of.moments.first.data],
      ["second moments", of.moments.second.data],
    ];
    const expected = new Map(numbers(theirs));
    for (const [name, values] of numbers(own)) {
      expect(relativeError(values, expected.get(name)!), name).toBeLessThanOrEqual(BOUND);
    }
    // A coordinate on a bin's edge may fall on either side of it.
    const [counts, others] = [[...own.density.counts.data], [...theirs.density.counts.data]];
    const moved = counts.reduce((sum, n, i) => sum + Math.abs(n - others[i]!), 0);
    expect(counts.reduce((sum, n) => sum + n, 0)).toBeGreaterThan(300);
    expect(moved).toBeLessThanOrEqual(2);
  });

  test("replicas that diverge freeze at the step at which they do under thread", async () => {
    const record = async (
      schedule: "thread" | "workgroup",
      bounds: { theta?: number; loss?: number },
    ) => {
      await using ensemble = await createEnsemble(device(), {
        ...optionsFor(2, 0),
        sweep: { learningRate: [0.05, 4] },
        observables: { loss: series({ of: "loss" }), moments: moments() },
        bounds,
        execution: { schedule },
      });
      await ensemble.advance({ steps: 4 });
      const { run, loss } = await ensemble.observe({ steps: 56 });
      return {
        frozen: [...run.frozen],
        loss: loss.values.data,
        theta: (await ensemble.state()).theta.data,
      };
    };
    for (const bounds of [{}, { theta: 50 }, { loss: 1e3 }]) {
      const [own, theirs] = [await record("workgroup", bounds), await record("thread", bounds)];
      expect(own.frozen).toEqual(theirs.frozen);
      expect(own.frozen.filter((step) => step >= 0).length).toBe(3);
      expect([...own.loss].map(Number.isFinite)).toEqual([...theirs.loss].map(Number.isFinite));
      // Divergence multiplies rounding errors as it does θ.
      expect(relativeError(own.theta, theirs.theta)).toBeLessThanOrEqual(1e-3);
    }
  });

  test("hyperparameters change between calls, batches not beyond what was planned", async () => {
    await using ensemble = await createEnsemble(device(), base);
    await using other = await createEnsemble(device(), {
      ...base,
      execution: { schedule: "thread" },
    });
    for (const each of [ensemble, other]) {
      await each.advance({ steps: 10 });
      each.set({ learningRate: 0.01, batchSize: 2 });
      await each.advance({ steps: 10 });
    }
    const [own, theirs] = [(await ensemble.state()).theta.data, (await other.state()).theta.data];
    expect(relativeError(own, theirs)).toBeLessThanOrEqual(BOUND);
    expect(() => ensemble.set({ batchSize: 4 })).toThrow(
      "set: batchSize is 4, the ensemble was created for batches, in the schedule workgroup, of up to 3",
    );
  });
});
