/**
 * Schedules that run in stages: a trajectory depends on (seed, condition, replica, step) alone.
 *
 * Bit by bit the same for chunks, slices, steps per dispatch, shards and calls, observed or not,
 * interrupted and resumed or not; the same replicas freeze at the same step as in `thread`.
 */
import { describe, expect, test } from "vitest";
import { LimitError } from "../../engine/errors.ts";
import { gaussian } from "../../engine/initial.ts";
import { moments } from "../../engine/observe/moments.ts";
import type { Observables } from "../../engine/observe/observation.ts";
import { series } from "../../engine/observe/series.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { linearRegression, network } from "../composites.ts";
import { describeWithDevice } from "../gpu.ts";
import { relativeError, sampleData } from "../parity.ts";
import { by, STAGED } from "../schedules.ts";
import { STAGED_MODELS } from "../stagedModels.ts";
import { stateError, twins } from "../twins.ts";

const STEPS = 23;
const REPLICAS = 7;

const model = network(4, 8);
const base = {
  model,
  data: sampleData(model, 12, 9),
  update: sgd({ learningRate: 0.05, momentum: 0.7, gradientNoise: 0.2, weightDecay: 0.01 }),
  sampling: "reshuffled",
  sweep: { batchSize: [2, 3] },
  replicas: REPLICAS,
  seed: 0xabcdef,
  initial: gaussian({ standardDeviation: 0.5 }),
} satisfies EnsembleOptions;

const observables = {
  loss: series({ of: ["loss", "g.g", "theta.g", "v.v"], every: 2 }),
  moments: moments({ of: ["W[1,2]", "v.a[3]"], lags: [1, 3] }),
};

const bits = (data: Float32Array | Float64Array): string =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");

describeWithDevice("invariance of stages", "software", (device) => {
  describe.each(STAGED)("%s", (schedule) => {
    const make = <O extends Observables>(options: EnsembleOptions<O>) =>
      createEnsemble(device(), {
        ...options,
        execution: { ...by(schedule), ...options.execution },
      });

    async function finalBits(options: EnsembleOptions, calls = [STEPS]): Promise<string> {
      await using ensemble = await make(options);
      for (const steps of calls) await ensemble.advance({ steps });
      const { theta, velocity, step } = await ensemble.state();
      expect(step).toBe(calls.reduce((sum, steps) => sum + steps, 0));
      return bits(theta.data) + (velocity ? bits(velocity.data) : "");
    }

    test("chunks, steps in a dispatch, calls; another seed is seen", async () => {
      const expected = await finalBits(base);
      for (const execution of [
        { stepsPerDispatch: 1 },
        { stepsPerDispatch: 1000 },
        { lanesPerChunk: 1 },
        { lanesPerChunk: 5, stepsPerDispatch: 4 },
      ]) {
        const other = await finalBits({ ...base, execution });
        expect(other, JSON.stringify(execution)).toBe(expected);
      }
      expect(await finalBits(base, [1, 2, 0, 4, 11, 5])).toBe(expected);
      expect(await finalBits({ ...base, seed: 1 })).not.toBe(expected);
    });

    test("a shard holds the whole's replicas", async () => {
      await using whole = await make(base);
      await using shard = await make({ ...base, replicas: { first: 3, count: 2 } });
      for (const ensemble of [whole, shard]) await ensemble.advance({ steps: STEPS });
      const [all, part] = [(await whole.state()).theta.data, (await shard.state()).theta.data];
      const count = model.parameterCount;
      for (const condition of [0, 1]) {
        const from = (condition * REPLICAS + 3) * count;
        const own = condition * 2 * count;
        const two = bits(part.slice(own, own + 2 * count));
        expect(bits(all.slice(from, from + 2 * count))).toBe(two);
      }
    });

    test("interrupted and resumed, bit by bit; records too", async () => {
      await using first = await make({ ...base, observables });
      await first.advance({ steps: 5 });
      await first.observe({ steps: 4 });
      first.set({ learningRate: 0.02 });
      const saved = await first.checkpoint();
      await using second = await make({ ...base, observables, from: saved });
      const [a, b] = [await first.observe({ steps: 9 }), await second.observe({ steps: 9 })];
      expect(bits(b.loss.values.data)).toBe(bits(a.loss.values.data));
      expect(bits(b.moments.second.data)).toBe(bits(a.moments.second.data));
      const [x, y] = [await first.state(), await second.state()];
      expect(bits(y.theta.data)).toBe(bits(x.theta.data));
      expect(bits(y.velocity!.data)).toBe(bits(x.velocity!.data));
      expect(y.step).toBe(18);
    });

    test("what is read, evaluated or restored between calls is the present state", async () => {
      await using ensemble = await make(base);
      await using looked = await make(base);
      await ensemble.advance({ steps: 12 });
      await looked.advance({ steps: 5 });
      const early = await looked.checkpoint();
      const evaluated = await looked.evaluate();
      await looked.advance({ steps: 7 });
      const later = await looked.evaluate();
      expect(bits(Float64Array.from(later.data))).not.toBe(bits(Float64Array.from(evaluated.data)));
      const expected = await ensemble.state();
      expect(bits((await looked.state()).theta.data)).toBe(bits(expected.theta.data));
      await looked.advance({ steps: 3 });
      await looked.restore(early);
      expect((await looked.evaluate()).data).toEqual(evaluated.data);
      await looked.advance({ steps: 7 });
      expect(bits((await looked.state()).theta.data)).toBe(bits(expected.theta.data));
    });

    test("records do not depend on chunks and dispatches", async () => {
      const record = async (execution: EnsembleOptions["execution"]) => {
        await using ensemble = await make({ ...base, observables, execution: { ...execution } });
        await ensemble.advance({ steps: 3 });
        return ensemble.observe({ steps: STEPS });
      };
      const expected = await record({});
      for (const execution of [
        { stepsPerDispatch: 1 },
        { stepsPerDispatch: 5, lanesPerChunk: 3 },
      ]) {
        const other = await record(execution);
        expect(bits(other.loss.values.data)).toBe(bits(expected.loss.values.data));
        expect(other.moments.counts).toEqual(expected.moments.counts);
        for (const field of ["reference", "first", "firstEnd", "second"] as const) {
          expect(bits(other.moments[field].data), field).toBe(bits(expected.moments[field].data));
        }
      }
    });

    test("observing does not change trajectories beyond rounding", async () => {
      // Where G is recorded the update is a pass of its own: compilers may round it otherwise.
      for (const of of ["loss", "g.g"] as const) {
        await using watched = await make({
          ...base,
          observables: { one: series({ of, every: 2 }) },
        });
        await watched.observe({ steps: STEPS });
        await using alone = await make(base);
        await alone.advance({ steps: STEPS });
        const [seen, unseen] = [await watched.state(), await alone.state()];
        const error = relativeError(seen.theta.data, unseen.theta.data);
        expect(error).toBeLessThanOrEqual(of === "loss" ? 0 : 1e-6);
      }
    });

    test("hyperparameters changed in mid-run; a batch beyond the plan's is refused", async () => {
      const options: EnsembleOptions = { ...base, sampling: "distinct" };
      await using ensemble = await make(options);
      await using thread = await createEnsemble(device(), { ...options, execution: by("thread") });
      for (const one of [ensemble, thread]) {
        await one.advance({ steps: 7 });
        one.set({ learningRate: 0.02, momentum: 0.3 });
        one.set({ batchSize: 3, weightDecay: 0.1 }, 0);
        one.set({ batchSize: 1 }, 1);
        await one.advance({ steps: 8 });
      }
      const [x, y] = [await ensemble.state(), await thread.state()];
      expect(relativeError(x.theta.data, y.theta.data)).toBeLessThanOrEqual(2e-5);
      expect(relativeError(x.velocity!.data, y.velocity!.data)).toBeLessThanOrEqual(2e-5);
      expect(() => ensemble.set({ batchSize: 4 })).toThrow(
        "set: batchSize is 4, the ensemble was created for distinct batches of up to 3 samples",
      );
      expect(ensemble.conditions.map(({ batchSize }) => batchSize)).toEqual([3, 1]);
    });

    test("the same replicas freeze at the same step as in thread, and stay", async () => {
      const options: EnsembleOptions = {
        ...base,
        model: linearRegression(5),
        data: sampleData(linearRegression(5), 20, 4),
        update: sgd({ batchSize: 2 }),
        sampling: "withReplacement",
        sweep: { learningRate: [0.05, 0.6, 1.5, 4] },
        bounds: { theta: 300, loss: 1e6 },
      };
      const frozen = async (name: typeof schedule) => {
        await using ensemble = await createEnsemble(device(), {
          ...options,
          observables: { loss: series({ of: "loss" }) },
          execution: { ...by(name), stepsPerDispatch: 7 },
        });
        await ensemble.observe({ steps: 40 });
        const at = await ensemble.frozen();
        const { data } = (await ensemble.state()).theta;
        const { loss } = await ensemble.observe({ steps: 2 });
        expect(bits((await ensemble.state()).theta.data.slice(-6))).toBe(bits(data.slice(-6)));
        return { at: [...at], theta: data, gone: [...loss.values.data].map(Number.isNaN) };
      };
      const [own, exact] = [await frozen(schedule), await frozen("thread")];
      expect(own.at).toEqual(exact.at);
      expect(own.gone).toEqual(exact.gone);
      expect(own.at.slice(0, REPLICAS)).toEqual(Array(REPLICAS).fill(-1));
      expect(new Set(own.at.slice(REPLICAS)).size).toBeGreaterThan(5);
      expect(own.at).toContain(16);
      for (let lane = 0; lane < own.at.length; lane += 1) {
        const of = (data: ArrayLike<number>) =>
          Array.from({ length: 6 }, (_, p) => data[lane * 6 + p]!);
        expect(relativeError(of(own.theta), of(exact.theta))).toBeLessThan(2e-4);
      }
    });

    test("common noise gives every condition the same minibatches and initial states", async () => {
      const options: EnsembleOptions = {
        ...base,
        sweep: { learningRate: [0.03, 0.03000001, 0.03] },
        commonNoise: true,
        update: sgd({ batchSize: 2, gradientNoise: 0.1 }),
      };
      await using ensemble = await make(options);
      await ensemble.advance({ steps: STEPS });
      const { data } = (await ensemble.state()).theta;
      const size = data.length / 3;
      const [a, b, c] = [0, 1, 2].map((i) => bits(data.slice(i * size, (i + 1) * size)));
      expect(c).toBe(a);
      expect(b).not.toBe(a);
    });

    test("a call that is aborted can be taken up again; disposal waits for a call", async () => {
      // So many lanes that a round, after which an abort is heard, is far from all steps.
      const options: EnsembleOptions = { ...base, replicas: 100 };
      const steps = 300;
      const ensemble = await make(options);
      const abort = new AbortController();
      const call = ensemble.advance({
        steps,
        signal: abort.signal,
        onProgress: () => abort.abort(new Error("enough")),
      });
      await expect(call).rejects.toThrow("enough");
      expect(ensemble.step).toBeGreaterThan(0);
      expect(ensemble.step).toBeLessThan(steps);
      await ensemble.advance({ steps: steps - ensemble.step });
      const { theta, velocity } = await ensemble.state();
      expect(bits(theta.data) + bits(velocity!.data)).toBe(await finalBits(options, [steps]));
      const last = ensemble.advance({ steps: 50 });
      await expect(ensemble.advance({ steps: 1 })).rejects.toThrow("busy with advance");
      await ensemble[Symbol.asyncDispose]();
      await expect(last).resolves.toBeUndefined();
      await expect(ensemble.advance({ steps: 1 })).rejects.toThrow("was disposed of");
    });

    test("more lanes than one dimension of workgroups: slices", async () => {
      const { sweep: _, ...rest } = base;
      const options: EnsembleOptions = {
        ...rest,
        model: linearRegression(4),
        data: sampleData(linearRegression(4), 12, 9),
        update: sgd({ learningRate: 0.05, batchSize: 2 }),
        replicas: 70_001,
        sampling: "distinct",
      };
      const final = async (execution: EnsembleOptions["execution"]) => {
        await using ensemble = await createEnsemble(device(), {
          ...options,
          execution: { ...execution },
        });
        await ensemble.advance({ steps: 6 });
        return (await ensemble.state()).theta.data;
      };
      const whole = await final(by(schedule));
      const chunks = await final({ schedule, lanesPerChunk: 30_001, stepsPerDispatch: 4 });
      expect(bits(chunks) === bits(whole)).toBe(true);
      const exact = await final(by("thread"));
      let worst = 0;
      for (let i = 0; i < whole.length; i += 1) {
        worst = Math.max(worst, Math.abs(whole[i]! - exact[i]!));
      }
      expect(worst).toBeLessThanOrEqual(1e-5);
    });

    test("a batch of a thousand samples, all of them and the most of them", async () => {
      const tied = STAGED_MODELS["tied autoencoder"]!;
      const given = (sampling: "fullBatch" | "distinct"): EnsembleOptions => ({
        model: tied,
        data: sampleData(tied, 1003, 5),
        update: sgd({ learningRate: 0.1, ...(sampling === "distinct" && { batchSize: 1000 }) }),
        sampling,
        replicas: 2,
        seed: 3,
        initial: gaussian({ standardDeviation: 0.4 }),
      });
      if (schedule === "workgroup") {
        const made = make(given("distinct"));
        await expect(made).rejects.toBeInstanceOf(LimitError);
        await expect(made).rejects.toThrow(
          /^workgroup schedule: .* needs \d+ bytes .* batches of 1000, this device allows \d+; use schedule: "batched"/,
        );
        return;
      }
      for (const sampling of ["fullBatch", "distinct"] as const) {
        await using ensemble = await make(given(sampling));
        await ensemble.advance({ steps: 3 });
        const exact = twins(given(sampling), { steps: 3 });
        expect(stateError(await ensemble.state(), exact)).toBeLessThanOrEqual(2e-5);
      }
    });
  });
});
