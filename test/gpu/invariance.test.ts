/**
 * A trajectory is a function of (seed, condition, replica, step) alone: bit by bit the same for
 * every workgroup size, division into dispatches, chunks, shards and calls, observed or not,
 * interrupted and resumed or not.
 *
 * All comparisons are of bits. Only moments, which are float32 sums, depend on where a call of
 * `observe` begins; that has a bound.
 */
import { describe, expect, test } from "vitest";
import { gaussian } from "../../engine/initial.ts";
import { moments } from "../../engine/observe/moments.ts";
import { series } from "../../engine/observe/series.ts";
import { snapshot } from "../../engine/observe/snapshot.ts";
import { referenceTrajectory } from "../../engine/referenceTrajectory.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { merge, mergeShards, recentered } from "../../engine/run/merge.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { SAMPLING_LAWS } from "../../engine/sampling.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { linearRegression } from "../composites.ts";
import { describeWithDevice } from "../gpu.ts";
import { relativeError, sampleData } from "../parity.ts";
import { twins } from "../twins.ts";

const STEPS = 37;
const REPLICAS = 23;

const model = linearRegression(1);
const base = {
  model,
  data: sampleData(model, 12, 9),
  update: sgd({ learningRate: 0.05, momentum: 0.7, gradientNoise: 0.2 }),
  sampling: "reshuffled",
  sweep: { batchSize: [2, 3] },
  replicas: REPLICAS,
  seed: 0xabcdef,
  initial: gaussian({ standardDeviation: 0.5 }),
} satisfies EnsembleOptions;

const observables = {
  loss: series({ of: ["loss", "theta.theta", "v.b"], every: 2 }),
  moments: moments({ lags: [1] }),
  states: snapshot({ every: 10 }),
};

const bits = (data: Float32Array | Float64Array): string =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");

describeWithDevice("invariance", "software", (device) => {
  /** Bits of θ and v after some steps in calls of given lengths. */
  async function finalBits(options: EnsembleOptions, calls = [STEPS]): Promise<string> {
    await using ensemble = await createEnsemble(device(), options);
    for (const steps of calls) await ensemble.advance({ steps });
    const { theta, velocity, step } = await ensemble.state();
    expect(step).toBe(calls.reduce((sum, steps) => sum + steps, 0));
    return bits(theta.data) + (velocity ? bits(velocity.data) : "");
  }

  test("two runs", async () => {
    expect(await finalBits(base)).toBe(await finalBits(base));
  });

  test("negative control: another seed is seen", async () => {
    expect(await finalBits({ ...base, seed: 1 })).not.toBe(await finalBits(base));
  });

  test("workgroup sizes", async () => {
    const expected = await finalBits(base);
    for (const workgroup of [1, 7, 16, 64, 256]) {
      const other = await finalBits({ ...base, execution: { workgroup } });
      expect(other, `workgroup ${workgroup}`).toBe(expected);
    }
  });

  test("steps in a dispatch", async () => {
    const expected = await finalBits(base);
    for (const stepsPerDispatch of [1, 3, 1000]) {
      const other = await finalBits({ ...base, execution: { stepsPerDispatch } });
      expect(other, `${stepsPerDispatch} steps`).toBe(expected);
    }
  });

  test.each(SAMPLING_LAWS)("chunks of lanes, sampling %s", async (sampling) => {
    const { sweep, ...rest } = base;
    const options: EnsembleOptions =
      sampling === "fullBatch" ? { ...rest, sampling } : { ...rest, sweep, sampling };
    const expected = await finalBits(options);
    for (const lanesPerChunk of [1, 5, 16, 46]) {
      const execution = { lanesPerChunk, stepsPerDispatch: 4 };
      expect(await finalBits({ ...options, execution }), `${lanesPerChunk} lanes`).toBe(expected);
    }
  });

  test.each(SAMPLING_LAWS)("calls of advance, sampling %s", async (sampling) => {
    const { sweep, ...rest } = base;
    const options: EnsembleOptions =
      sampling === "fullBatch" ? { ...rest, sampling } : { ...rest, sweep, sampling };
    const expected = await finalBits(options);
    expect(await finalBits(options, [1, 2, 0, 4, 11, 19])).toBe(expected);
  });

  test("many lanes: slices of lanes, and more workgroups than one dimension holds", async () => {
    const { sweep: _, ...rest } = base;
    const update = sgd({ learningRate: 0.05, batchSize: 2 });
    const options: EnsembleOptions = { ...rest, update, replicas: 70_001, sampling: "distinct" };
    const final = (execution: EnsembleOptions["execution"]): Promise<string> =>
      finalBits({ ...options, execution: { ...execution } }, [6]);
    const expected = await final({ stepsPerDispatch: 6 });
    expect((await final({})) === expected).toBe(true);
    expect((await final({ workgroup: 1, stepsPerDispatch: 3 })) === expected).toBe(true);
  });

  test("a call that is aborted can be taken up again", async () => {
    const steps = 30_000;
    await using ensemble = await createEnsemble(device(), base);
    const abort = new AbortController();
    const done: number[] = [];
    const call = ensemble.advance({
      steps,
      signal: abort.signal,
      onProgress: (progress) => {
        done.push(progress.steps);
        abort.abort(new Error("enough"));
      },
    });
    await expect(call).rejects.toThrow("enough");
    expect(done).toEqual([ensemble.step]);
    expect(ensemble.step).toBeLessThan(steps);
    await ensemble.advance({ steps: steps - ensemble.step });
    const { theta, velocity } = await ensemble.state();
    expect(bits(theta.data) + bits(velocity!.data)).toBe(await finalBits(base, [steps]));
  });

  test("one call at a time; disposal waits for it", async () => {
    const observe = async () => {
      await using ensemble = await createEnsemble(device(), { ...base, observables });
      const call = ensemble.observe({ steps: 4 });
      await expect(ensemble.advance({ steps: 1 })).rejects.toThrow(
        "advance: the ensemble is busy with observe; await that call first.",
      );
      expect(() => ensemble.set({ learningRate: 1 })).toThrow("busy with observe");
      await expect(ensemble.restore(new Uint8Array(0))).rejects.toThrow("busy with observe");
      return call;
    };
    expect((await observe()).run.steps).toBe(4);
  });

  test("a shard holds the whole's replicas", async () => {
    await using whole = await createEnsemble(device(), base);
    await using shard = await createEnsemble(device(), {
      ...base,
      replicas: { first: 9, count: 6 },
    });
    await whole.advance({ steps: STEPS });
    await shard.advance({ steps: STEPS });
    const [all, part] = [(await whole.state()).theta.data, (await shard.state()).theta.data];
    const count = model.parameterCount;
    for (const condition of [0, 1]) {
      const from = (condition * REPLICAS + 9) * count;
      const own = condition * 6 * count;
      expect(bits(all.slice(from, from + 6 * count))).toBe(bits(part.slice(own, own + 6 * count)));
    }
  });

  test("observing does not change trajectories", async () => {
    await using watched = await createEnsemble(device(), { ...base, observables });
    await watched.observe({ steps: 20 });
    await watched.advance({ steps: 5 });
    await watched.observe({ steps: STEPS - 25 });
    const { theta, velocity } = await watched.state();
    expect(bits(theta.data) + bits(velocity!.data)).toBe(await finalBits(base));
  });

  test("records do not depend on workgroups, dispatches and chunks", async () => {
    const record = async (execution: EnsembleOptions["execution"]) => {
      await using ensemble = await createEnsemble(device(), {
        ...base,
        observables,
        execution: { ...execution },
      });
      await ensemble.advance({ steps: 3 });
      return ensemble.observe({ steps: STEPS });
    };
    const expected = await record({});
    for (const execution of [
      { workgroup: 7 },
      { stepsPerDispatch: 1 },
      { stepsPerDispatch: 5, lanesPerChunk: 9 },
    ]) {
      const other = await record(execution);
      expect(bits(other.loss.values.data)).toBe(bits(expected.loss.values.data));
      expect(bits(other.states.values.data)).toBe(bits(expected.states.values.data));
      expect(other.moments.counts).toEqual(expected.moments.counts);
      for (const field of ["reference", "first", "firstEnd", "second"] as const) {
        expect(bits(other.moments[field].data), field).toBe(bits(expected.moments[field].data));
      }
    }
  });

  describe.each(SAMPLING_LAWS)("checkpoint in the middle of an epoch, sampling %s", (sampling) => {
    const { sweep, ...rest } = base;
    const options: EnsembleOptions =
      sampling === "fullBatch" ? { ...rest, sampling } : { ...rest, sweep, sampling };

    test("resumes as if undisturbed", async () => {
      await using first = await createEnsemble(device(), options);
      await first.advance({ steps: 15 });
      const saved = await first.checkpoint();
      // Restored into a new ensemble, and into the old one after it went on.
      await using second = await createEnsemble(device(), { ...options, from: saved });
      expect(second.step).toBe(15);
      await second.advance({ steps: STEPS - 15 });
      await first.advance({ steps: 6 });
      await first.restore(saved);
      expect(first.step).toBe(15);
      await first.advance({ steps: STEPS - 15 });
      const expected = await finalBits(options);
      for (const ensemble of [first, second]) {
        const { theta, velocity } = await ensemble.state();
        expect(bits(theta.data) + bits(velocity!.data)).toBe(expected);
      }
    });
  });

  test("a checkpoint keeps the origin of moments and changed hyperparameters", async () => {
    await using first = await createEnsemble(device(), { ...base, observables });
    await first.advance({ steps: 4 });
    const before = await first.observe({ steps: 8 });
    first.set({ learningRate: 0.02 });
    const saved = await first.checkpoint();
    await using second = await createEnsemble(device(), { ...base, observables, from: saved });
    expect(second.conditions).toEqual(first.conditions);
    const [a, b] = [await first.observe({ steps: 8 }), await second.observe({ steps: 8 })];
    expect(bits(b.loss.values.data)).toBe(bits(a.loss.values.data));
    expect(bits(b.moments.second.data)).toBe(bits(a.moments.second.data));
    expect(merge(before, b).moments.counts).toEqual([16, 14]);
  });

  test("records of shards merge to the record of the whole", async () => {
    const record = async (replicas: EnsembleOptions["replicas"]) => {
      await using ensemble = await createEnsemble(device(), { ...base, observables, replicas });
      await ensemble.advance({ steps: 5 });
      return ensemble.observe({ steps: STEPS });
    };
    const whole = await record(REPLICAS);
    const parts = [
      await record({ first: 0, count: 9 }),
      await record({ first: 9, count: 1 }),
      await record({ first: 10, count: 13 }),
    ];
    const merged = parts.reduce((a, b) => mergeShards(a, b));
    expect(merged.loss).toEqual(whole.loss);
    expect(bits(merged.loss.values.data)).toBe(bits(whole.loss.values.data));
    expect(merged.states).toEqual(whole.states);
    expect(merged.run.replicas).toEqual({ first: 0, count: REPLICAS });
    expect(merged.run.frozen).toEqual(whole.run.frozen);
    expect(merged.moments.counts).toEqual(whole.moments.counts);
    // Shards have origins of their own (the pilot mean of their replicas): equal up to float32 sums.
    const about = recentered(merged.moments, whole.moments.reference);
    for (const field of ["first", "firstEnd", "second"] as const) {
      expect(about[field].axes).toEqual(whole.moments[field].axes);
      expect(relativeError(about[field].data, whole.moments[field].data)).toBeLessThan(1e-5);
    }
    const later = mergeShards(parts[1]!, parts[2]!);
    expect(later.loss.values.axes[2]!.values).toEqual(Array.from({ length: 14 }, (_, r) => 9 + r));
  });

  test("observing in blocks gives the same series, and moments without the pairs at the seam", async () => {
    await using whole = await createEnsemble(device(), { ...base, observables });
    await using pieces = await createEnsemble(device(), { ...base, observables });
    const once = await whole.observe({ steps: 40 });
    const blocks = [];
    for (const steps of [10, 20, 10]) blocks.push(await pieces.observe({ steps }));
    const merged = blocks.reduce((a, b) => merge(a, b));
    expect(bits(merged.loss.values.data)).toBe(bits(once.loss.values.data));
    expect([...merged.loss.steps]).toEqual([...once.loss.steps]);
    expect(bits(merged.states.values.data)).toBe(bits(once.states.values.data));
    expect(once.moments.counts).toEqual([40, 39]);
    expect(merged.moments.counts).toEqual([40, 37]);
    // Lag 0 has no pairs to lose: equal up to the rounding of float32 sums of 40 terms.
    const size = once.moments.coordinates.length;
    const lagZero = (data: ArrayLike<number>): number[] =>
      Array.from(data).filter((_, i) => Math.floor(i / size ** 2) % 2 === 0);
    expect(
      relativeError(lagZero(merged.moments.second.data), lagZero(once.moments.second.data)),
    ).toBeLessThan(40 * 2 ** -24);
  });

  test("common noise gives every condition the same minibatches and initial states", async () => {
    const options: EnsembleOptions = {
      model,
      data: base.data,
      update: sgd({ batchSize: 2 }),
      sweep: { learningRate: [0.03, 0.03000001, 0.03] },
      replicas: 5,
      seed: 3,
      initial: base.initial,
    };
    const thetas = async (commonNoise: boolean): Promise<string[]> => {
      await using ensemble = await createEnsemble(device(), { ...options, commonNoise });
      await ensemble.advance({ steps: STEPS });
      const { data } = (await ensemble.state()).theta;
      const size = data.length / 3;
      return [0, 1, 2].map((c) => bits(data.slice(c * size, (c + 1) * size)));
    };
    const common = await thetas(true);
    expect(common[2]).toBe(common[0]);
    expect(common[1]).not.toBe(common[0]);
    const own = await thetas(false);
    expect(own[2]).not.toBe(own[0]);
    expect(own[0]).toBe(common[0]);
  });

  test("hyperparameters changed in mid-run act from the next step on", async () => {
    for (const sampling of ["reshuffled", "symmetric", "withReplacement"] as const) {
      const options: EnsembleOptions = { ...base, sampling, replicas: 2 };
      await using ensemble = await createEnsemble(device(), options);
      await ensemble.advance({ steps: 15 });
      ensemble.set({ learningRate: 0.02, momentum: 0.3 });
      ensemble.set({ batchSize: 4, weightDecay: 0.1 }, 1);
      await ensemble.advance({ steps: 15 });
      const { theta } = await ensemble.state();
      twins(options, { steps: 15 }).forEach((half, lane) => {
        const condition = Math.floor(lane / 2);
        const end = referenceTrajectory({
          model,
          data: options.data,
          rule: options.update,
          setting: ensemble.conditions[condition]!,
          sampling,
          initial: base.initial(model),
          lane: { seed: options.seed, condition, replica: lane % 2 },
          steps: 15,
          from: half,
        });
        const count = model.parameterCount;
        const own = theta.data.subarray(lane * count, (lane + 1) * count);
        expect(relativeError(own, end.theta), `${sampling} lane ${lane}`).toBeLessThan(2e-5);
      });
    }
  });
});
