/**
 * Random numbers and settings of the loss on the device: trajectories against the float64 twin, full
 * losses, and that a trajectory stays a function of (seed, condition, replica, step) alone.
 *
 * Errors are |a − b|₂/|b|₂ of each replica's θ and v over 50 steps, the bound that of
 * `dynamics.test.ts`.
 */
import { describe, expect, test } from "vitest";
import { gaussian } from "../../engine/initial.ts";
import type { Model } from "../../engine/model.ts";
import { moments } from "../../engine/observe/moments.ts";
import { series } from "../../engine/observe/series.ts";
import { referenceLoss } from "../../engine/referenceTrajectory.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { type EnsembleOptions, resolve } from "../../engine/run/options.ts";
import { langevin } from "../../engine/update/langevin.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { onlineData } from "../../engine/wgsl/row.ts";
import { flippedNetwork, noisyRegression, online } from "../drawModels.ts";
import { describeWithDevice } from "../gpu.ts";
import { sampleData } from "../parity.ts";
import { stateError, twins } from "../twins.ts";

const BOUND = 2e-5;
const STEPS = 50;

const MODELS: Readonly<Record<string, Model>> = {
  "normal label noise": noisyRegression,
  "signs, uniform numbers and noise on hidden units": flippedNetwork,
  "online, few draws": online(2),
  "online, many draws": online(9),
};

const options = (model: Model, change: Partial<EnsembleOptions> = {}): EnsembleOptions => ({
  model,
  data: model.fields.length === 0 ? onlineData : sampleData(model, 24, 3),
  update: sgd({ learningRate: 0.02, batchSize: 4 }),
  replicas: 3,
  seed: 0xfeed,
  initial: gaussian({ standardDeviation: 0.4, mean: 0.1 }),
  ...change,
});

const bits = (data: Float32Array | Float64Array): string =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");

describeWithDevice("draws", "software", (device) => {
  const deviceError = async (given: EnsembleOptions, twin = given): Promise<number> => {
    await using ensemble = await createEnsemble(device(), given);
    await ensemble.advance({ steps: STEPS });
    return stateError(await ensemble.state(), twins(twin, { steps: STEPS }));
  };

  describe.each(Object.entries(MODELS))("%s", (_name, model) => {
    const sweep = { labelNoise: [0, 0.5, 2], momentum: [0, 0.8], batchSize: [1, 6] };

    test("swept, with momentum and several batch sizes, is as in float64", async () => {
      expect(await deviceError(options(model, { sweep }))).toBeLessThanOrEqual(BOUND);
    });

    test("kept loops are as in float64", async () => {
      const given = options(model, { sweep, execution: { unroll: 0 } });
      expect(await deviceError(given)).toBeLessThanOrEqual(BOUND);
    });

    test("negative controls: another strength, seed or replica is seen", async () => {
      const wrong: Partial<EnsembleOptions>[] = [
        { sweep: { labelNoise: [0.502] } },
        { seed: 1 },
        { replicas: { first: 1, count: 3 } },
      ];
      for (const change of wrong) {
        const error = await deviceError(options(model), options(model, change));
        expect(error, JSON.stringify(change)).toBeGreaterThan(5 * BOUND);
      }
    });

    test("common noise gives all conditions the same draws", async () => {
      const given = options(model, { sweep: { weightDecay: [0, 0] }, commonNoise: true });
      expect(await deviceError(given)).toBeLessThanOrEqual(BOUND);
      await using ensemble = await createEnsemble(device(), given);
      await ensemble.advance({ steps: 5 });
      const { data } = (await ensemble.state()).theta;
      const half = data.length / 2;
      expect(bits(Float32Array.from(data.subarray(0, half)))).toBe(
        bits(Float32Array.from(data.subarray(half))),
      );
    });

    test("chunks, dispatches, shards and checkpoints change no bit", async () => {
      const sampling = "withReplacement" as const;
      const given = options(model, { sampling, sweep: { labelNoise: [0.5, 1] }, replicas: 7 });
      const final = async (change: Partial<EnsembleOptions>): Promise<string> => {
        await using ensemble = await createEnsemble(device(), { ...given, ...change });
        await ensemble.advance({ steps: STEPS });
        return bits((await ensemble.state()).theta.data as Float32Array);
      };
      const whole = await final({});
      for (const execution of [{ stepsPerDispatch: 3 }, { lanesPerChunk: 4 }, { workgroup: 7 }]) {
        expect(await final({ execution }), JSON.stringify(execution)).toBe(whole);
      }
      expect(await final({ seed: 3 })).not.toBe(whole);

      await using first = await createEnsemble(device(), given);
      await first.advance({ steps: 20 });
      const from = await first.checkpoint();
      await using resumed = await createEnsemble(device(), { ...given, from });
      await resumed.advance({ steps: STEPS - 20 });
      expect(bits((await resumed.state()).theta.data as Float32Array)).toBe(whole);

      const one = { ...given, sweep: { labelNoise: [0.5] } };
      const thetaOf = async (replicas: EnsembleOptions["replicas"]): Promise<Float32Array> => {
        await using ensemble = await createEnsemble(device(), { ...one, replicas });
        await ensemble.advance({ steps: STEPS });
        return (await ensemble.state()).theta.data as Float32Array;
      };
      const shard = await thetaOf({ first: 3, count: 4 });
      const all = await thetaOf(7);
      expect(bits(shard)).toBe(bits(all.slice(3 * model.parameterCount)));
    });
  });

  test("a rule with noise of its own, a sampled law without replacement", async () => {
    const given = options(noisyRegression, {
      update: langevin({ learningRate: 0.02, batchSize: 4, temperature: 0.1 }),
      sampling: "reshuffled",
      sweep: { labelNoise: [0.5, 1] },
    });
    expect(await deviceError(given)).toBeLessThanOrEqual(BOUND);
  });

  test("a setting is changed between steps, and refused out of its range", async () => {
    const given = options(noisyRegression, { sweep: { labelNoise: [0.5, 1] } });
    await using ensemble = await createEnsemble(device(), given);
    ensemble.set({ labelNoise: 0 }, 1);
    await ensemble.advance({ steps: STEPS });
    const state = await ensemble.state();
    const quiet = twins({ ...given, sweep: { labelNoise: [0.5, 0] } }, { steps: STEPS });
    expect(stateError(state, quiet)).toBeLessThanOrEqual(BOUND);
    expect(ensemble.conditions.map((c) => c.labelNoise)).toEqual([0.5, 0]);
    expect(() => ensemble.set({ labelNoise: -1 })).toThrow(
      "sgd: labelNoise is -1, it must be a finite number >= 0.",
    );
    expect(() => ensemble.set({ labelnoise: 1 })).toThrow(/"labelnoise" is no hyperparameter/);
  });

  test("full losses are those of labels without noise, with each condition's settings", async () => {
    const given = {
      ...options(flippedNetwork, {
        sweep: { labelNoise: [0.5, 1], flipProbability: [0, 1] },
        execution: { lanesPerChunk: 5 },
      }),
      observables: { loss: series({ of: ["fullLoss", "loss"] }) },
    };
    await using ensemble = await createEnsemble(device(), given);
    const { loss } = await ensemble.observe({ steps: 2 });
    const { conditions } = resolve(given);
    twins(given, {
      steps: 2,
      onStep: (lane, { step, theta, loss: minibatch }) => {
        const setting = conditions[Math.floor(lane / 3)]!;
        const expected = referenceLoss(flippedNetwork, given.data, theta, setting);
        const measured = loss.values.data[lane * 2 + step]!;
        expect(Math.abs(measured / expected - 1)).toBeLessThanOrEqual(BOUND);
        // p = 1 flips every label, noise or not.
        const wrong = { ...setting, flipProbability: 1 - setting.flipProbability! };
        const other = referenceLoss(flippedNetwork, given.data, theta, wrong);
        expect(Math.abs(measured / other - 1)).toBeGreaterThan(5 * BOUND);
        const noisy = loss.values.data[12 * 2 + lane * 2 + step]!;
        expect(Math.abs(noisy / minibatch - 1)).toBeLessThanOrEqual(BOUND);
      },
    });
  });

  test("an online model has no full loss; a metric may be its expectation", async () => {
    const model = online(2);
    const refusal = /draws its samples; declare a metric that is the expected loss/;
    const observables = { full: series({ of: "fullLoss" }) };
    await expect(createEnsemble(device(), { ...options(model), observables })).rejects.toThrow(
      refusal,
    );
    await using ensemble = await createEnsemble(
      device(),
      options(model, { sweep: { labelNoise: [0, 2] } }),
    );
    await expect(ensemble.evaluate({ of: ["loss"] })).rejects.toThrow(refusal);
    const { data, axes } = await ensemble.evaluate();
    expect(axes[0]!.values).toEqual(["expectedLoss"]);
    const { theta } = await ensemble.state();
    for (let lane = 0; lane < 6; lane += 1) {
      const [a, b] = [theta.data[2 * lane]!, theta.data[2 * lane + 1]!];
      const expected = 0.5 * (a * a + b * b + (lane < 3 ? 0 : 16));
      expect(Math.abs(data[lane]! / expected - 1)).toBeLessThanOrEqual(1e-6);
    }
  });

  test("moments are observed beside the draws: eight storage buffers are enough", async () => {
    const given = {
      ...options(noisyRegression, { sampling: "reshuffled", update: sgd({ momentum: 0.5 }) }),
      sweep: { learningRate: [0.02], batchSize: [4] },
      observables: { m: moments({ lags: [1] }), s: series({ of: ["loss", "v.v"] }) },
    };
    await using ensemble = await createEnsemble(device(), given);
    const { m } = await ensemble.observe({ steps: 4 });
    expect(m.second.data.every(Number.isFinite)).toBe(true);
  });
});
