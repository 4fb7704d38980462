/**
 * Learning rates on the device against their float64 twins: schedules at every step, with tables of
 * their own in every condition; rates that find themselves, decision by decision.
 */
import { describe, expect, test } from "vitest";
import { gaussian } from "../../engine/initial.ts";
import { series } from "../../engine/observe/series.ts";
import { snapshot } from "../../engine/observe/snapshot.ts";
import type { AdaptationState } from "../../engine/rate/adaptation.ts";
import { cosine } from "../../engine/rate/cosine.ts";
import { exponentialDecay } from "../../engine/rate/exponentialDecay.ts";
import { type FdrRateSettings, fdrRate } from "../../engine/rate/fluctuationDissipation.ts";
import { inverseTimeDecay } from "../../engine/rate/inverseTimeDecay.ts";
import { linearDecay } from "../../engine/rate/linearDecay.ts";
import { piecewise } from "../../engine/rate/piecewise.ts";
import { stepDecay } from "../../engine/rate/stepDecay.ts";
import { warmUp } from "../../engine/rate/warmUp.ts";
import type { ReferenceMoment } from "../../engine/referenceTrajectory.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { mergeShards } from "../../engine/run/merge.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { langevin } from "../../engine/update/langevin.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { linearRegression, network } from "../composites.ts";
import { describeWithDevice } from "../gpu.ts";
import { sampleData } from "../parity.ts";
import { stateError, twins } from "../twins.ts";

/** As in `dynamics.test.ts`. */
const BOUND = 2e-5;
const STEPS = 50;
const REPLICAS = 3;

const model = linearRegression(2);
const base = {
  model,
  data: sampleData(model, 24, 3),
  update: sgd({ learningRate: 0.05, batchSize: 4, momentum: 0.5 }),
  replicas: REPLICAS,
  seed: 0xfeed,
  initial: gaussian({ standardDeviation: 0.4, mean: 0.1 }),
} satisfies EnsembleOptions;

type Change = Partial<EnsembleOptions>;

/** A schedule with a sweep over its numbers, and another that must be seen. */
const SCHEDULES: Readonly<Record<string, { change: Change; wrong: Change }>> = {
  cosine: {
    change: { rate: cosine({ annealSteps: 40 }), sweep: { finalFactor: [0, 0.1] } },
    wrong: { rate: cosine({ annealSteps: 41 }), sweep: { finalFactor: [0, 0.1] } },
  },
  linear: {
    change: { rate: linearDecay({ finalFactor: 0.1 }), sweep: { annealSteps: [30, 60] } },
    wrong: { rate: linearDecay({ finalFactor: 0.11 }), sweep: { annealSteps: [30, 60] } },
  },
  step: {
    change: { rate: stepDecay({ dropEvery: 7 }), sweep: { dropFactor: [0.5, 1.1] } },
    wrong: { rate: stepDecay({ dropEvery: 8 }), sweep: { dropFactor: [0.5, 1.1] } },
  },
  exponential: {
    change: { rate: exponentialDecay({ decayFactor: 0.3 }), sweep: { decaySteps: [20, 40] } },
    wrong: { rate: exponentialDecay({ decayFactor: 0.31 }), sweep: { decaySteps: [20, 40] } },
  },
  "inverse time": {
    change: { rate: inverseTimeDecay({ decaySteps: 10 }), sweep: { power: [0, 0.75, 1] } },
    wrong: { rate: inverseTimeDecay({ decaySteps: 11 }), sweep: { power: [0, 0.75, 1] } },
  },
  "warm-up": {
    change: { rate: warmUp({ firstFactor: 0.1 }), sweep: { warmUpSteps: [0, 10, 60] } },
    wrong: { rate: warmUp({ firstFactor: 0.12 }), sweep: { warmUpSteps: [0, 10, 60] } },
  },
  "warm-up, then cosine": {
    change: {
      rate: warmUp({ followedBy: cosine({ annealSteps: 30 }) }),
      sweep: { warmUpSteps: [0, 10, 60] },
    },
    wrong: {
      rate: warmUp({ followedBy: cosine({ annealSteps: 30 }) }),
      sweep: { warmUpSteps: [0, 11, 60] },
    },
  },
  "constant pieces": {
    change: {
      rate: piecewise({ steps: [0, 10, 30], factors: [1, 0.5, 0.1] }),
      sweep: { pieceStep1: [10, 25], pieceFactor2: [0.1, 0] },
    },
    wrong: {
      rate: piecewise({ steps: [0, 10, 31], factors: [1, 0.5, 0.1] }),
      sweep: { pieceStep1: [10, 25], pieceFactor2: [0.1, 0] },
    },
  },
  "linear pieces": {
    change: {
      rate: piecewise({ steps: [0, 10, 30], factors: [0, 1, 0.1], pieces: "linear" }),
      sweep: { pieceStep1: [10, 25] },
    },
    wrong: {
      rate: piecewise({ steps: [0, 10, 30], factors: [0, 1, 0.2], pieces: "linear" }),
      sweep: { pieceStep1: [10, 25] },
    },
  },
};

const OBSERVED = ["learningRate", "rateDrops", "fdrRatio", "stepsSinceDrop"] as const;

const bits = (data: Float32Array | Float64Array): string =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");

/** What one lane's rate was before each step. */
interface RateHistory {
  readonly learningRate: number[];
  readonly states: AdaptationState[];
}

function histories(options: EnsembleOptions, steps: number): RateHistory[] {
  const all: RateHistory[] = [];
  const onStep = (lane: number, { learningRate, adaptation }: ReferenceMoment): void => {
    all[lane] ??= { learningRate: [], states: [] };
    all[lane].learningRate.push(learningRate);
    if (adaptation) all[lane].states.push({ ...adaptation });
  };
  twins(options, { steps, onStep });
  return all;
}

/** Rates that find themselves, over 240 steps of a few replicas in several conditions. */
const ADAPTIVE: Readonly<Record<string, { settings: FdrRateSettings; change: Change }>> = {
  "velocity, no momentum": {
    settings: { ratioTolerance: 0.3, checkEvery: 12, dropFactor: 0.5 },
    change: { update: sgd({ learningRate: 0.2, batchSize: 4, weightDecay: 0.1 }) },
  },
  "velocity with momentum, swept": {
    settings: { center: [0.3, -0.2, 0.1] },
    change: {
      update: sgd({ learningRate: 0.1, batchSize: 4, gradientNoise: 0.3 }),
      sweep: {
        momentum: [0, 0.8],
        dampening: [0, 0.3],
        ratioTolerance: [0.1, 0.4],
        checkEvery: [6, 16],
        dropFactor: [0.6],
      },
    },
  },
  "a short memory": {
    settings: { ratioTolerance: 0.05, checkEvery: 4, dropFactor: 0.7, capacity: 3 },
    change: { update: sgd({ learningRate: 0.2, batchSize: 4, clipNorm: 1 }) },
  },
  "displacement of Nesterov's step": {
    settings: { relation: "displacement", ratioTolerance: 0.3, checkEvery: 12, dropFactor: 0.5 },
    change: {
      update: sgd({ learningRate: 0.1, batchSize: 4, momentum: 0.5, nesterov: true }),
      rateScale: { w: [1, 0.5] },
    },
  },
  "displacement of Langevin's": {
    settings: { relation: "displacement", ratioTolerance: 0.3, checkEvery: 12, center: [1, 0, 0] },
    change: { update: langevin({ learningRate: 0.1, batchSize: 4, temperature: 0.05 }) },
  },
};

const adaptive = (name: string, more: FdrRateSettings = {}): EnsembleOptions => {
  const { settings, change } = ADAPTIVE[name]!;
  return { ...base, ...change, rate: fdrRate({ ...settings, ...more }) };
};

describeWithDevice("learning rates", "software", (device) => {
  test.each(Object.entries(SCHEDULES))("%s", async (_name, { change, wrong }) => {
    const given: EnsembleOptions = { ...base, ...change };
    const observables = { rate: series({ of: "learningRate" }) };
    await using ensemble = await createEnsemble(device(), { ...given, observables });
    const { rate } = await ensemble.observe({ steps: STEPS });
    histories(given, STEPS).forEach(({ learningRate }, lane) => {
      learningRate.forEach((eta, t) => {
        const off = Math.abs(rate.values.data[lane * STEPS + t]! - eta);
        // A few roundings of numbers of order 1, times η.
        expect(off, `lane ${lane}, step ${t}`).toBeLessThanOrEqual(1e-6 * 0.05);
      });
    });
    const state = await ensemble.state();
    expect(stateError(state, twins(given, { steps: STEPS }))).toBeLessThanOrEqual(BOUND);
    const other = twins({ ...base, ...wrong }, { steps: STEPS });
    expect(stateError(state, other)).toBeGreaterThan(5 * BOUND);
  });

  test("a constant rate is observed as it is set", async () => {
    const observables = { rate: series({ of: "learningRate" }) };
    const sweep = { learningRate: [0.05, 0.01] };
    await using ensemble = await createEnsemble(device(), { ...base, sweep, observables });
    const first = await ensemble.observe({ steps: 2 });
    ensemble.set({ learningRate: 0.02 }, 1);
    const second = await ensemble.observe({ steps: 1 });
    expect([...first.rate.values.data]).toEqual(
      [0.05, 0.01].flatMap((rate) => new Array(2 * REPLICAS).fill(Math.fround(rate))),
    );
    expect([...second.rate.values.data].slice(REPLICAS)).toEqual(
      new Array(REPLICAS).fill(Math.fround(0.02)),
    );
  });

  describe("that find themselves", () => {
    const steps = 240;
    test.each(Object.keys(ADAPTIVE))("%s", async (name) => {
      const given = adaptive(name);
      const observables = { rate: series({ of: OBSERVED }) };
      await using ensemble = await createEnsemble(device(), { ...given, observables });
      const { rate } = await ensemble.observe({ steps });
      const expected = histories(given, steps);
      const at = (q: number, lane: number, t: number): number =>
        rate.values.data[(q * expected.length + lane) * steps + t]!;
      let drops = 0;
      expected.forEach(({ learningRate, states }, lane) => {
        states.forEach(({ ratio, drops: made, blocks, count }, t) => {
          const setting = ensemble.conditions[Math.floor(lane / REPLICAS)]!;
          const where = `lane ${lane}, step ${t}`;
          expect(at(1, lane, t), where).toBe(made);
          expect(at(3, lane, t), where).toBe((blocks * setting.checkEvery!) / 2 + count);
          expect(at(0, lane, t) / learningRate[t]!, where).toBeCloseTo(1, 5);
          expect(Math.abs(at(2, lane, t) - ratio), where).toBeLessThan(
            1e-3 * (1 + Math.abs(ratio)),
          );
        });
        drops += states[steps - 1]!.drops;
      });
      // Some drop, and not every time.
      expect(drops).toBeGreaterThan(0);
      const checks = expected.length * (steps / 16);
      expect(drops).toBeLessThan(checks);
      const state = await ensemble.state();
      expect(stateError(state, twins(given, { steps }))).toBeLessThanOrEqual(5 * BOUND);
      const other = twins(adaptive(name, { dropFactor: 0.65 }), { steps });
      if (!("dropFactor" in (given.sweep ?? {}))) {
        expect(stateError(state, other)).toBeGreaterThan(25 * BOUND);
      }
    });

    test("give the same bits in any chunks, dispatches, calls, shards, and from a checkpoint", async () => {
      const given = adaptive("velocity with momentum, swept");
      const observables = { rate: series({ of: OBSERVED, every: 3 }) };
      const run = async (change: Change = {}, calls = [steps]) => {
        await using ensemble = await createEnsemble(device(), { ...given, ...change, observables });
        for (const count of calls.slice(0, -1)) await ensemble.advance({ steps: count });
        const record = await ensemble.observe({ steps: calls[calls.length - 1]! });
        return { record, checkpoint: await ensemble.checkpoint(), state: await ensemble.state() };
      };
      const whole = await run();
      const expected = bits(whole.record.rate.values.data);
      for (const execution of [
        { stepsPerDispatch: 7 },
        { lanesPerChunk: 5, workgroup: 3 },
        { unroll: 0 },
      ]) {
        expect(bits((await run({ execution })).record.rate.values.data)).toBe(expected);
      }
      const late = await run({}, [101, 2, 137]);
      expect(bits(late.state.theta.data)).toBe(bits(whole.state.theta.data));
      const shard = async (first: number, count: number) =>
        (await run({ replicas: { first, count } })).record;
      const joined = mergeShards(await shard(0, 2), await shard(2, 1));
      expect(bits(joined.rate.values.data)).toBe(expected);
      await using ensemble = await createEnsemble(device(), given);
      await ensemble.advance({ steps: 77 });
      const from = await ensemble.checkpoint();
      await using resumed = await createEnsemble(device(), { ...given, from });
      await resumed.advance({ steps: steps - 77 });
      expect(bits((await resumed.state()).theta.data)).toBe(bits(whole.state.theta.data));
    });

    test("in another model, written out or in loops", async () => {
      const other = network(2, 3);
      for (const relation of ["velocity", "displacement"] as const) {
        const given: EnsembleOptions = {
          ...base,
          model: other,
          data: sampleData(other, 24, 3),
          rate: fdrRate({ relation, ratioTolerance: 0.5, checkEvery: 10, dropFactor: 0.5 }),
        };
        const expected = twins(given, { steps: 100 });
        expect(expected.some(({ adaptation }) => adaptation!.drops > 0)).toBe(true);
        for (const unroll of [0, 4096]) {
          const execution = { unroll };
          await using ensemble = await createEnsemble(device(), { ...given, execution });
          await ensemble.advance({ steps: 100 });
          expect(stateError(await ensemble.state(), expected)).toBeLessThanOrEqual(5 * BOUND);
        }
      }
    });

    test("do not disturb snapshots", async () => {
      const given = adaptive("velocity, no momentum");
      const observables = { states: snapshot({ every: 5 }), v: series({ of: "v.b", every: 5 }) };
      await using ensemble = await createEnsemble(device(), { ...given, observables });
      await ensemble.advance({ steps: 30 });
      const { theta, velocity } = await ensemble.state();
      const { states, v } = await ensemble.observe({ steps: 1 });
      const count = model.parameterCount;
      expect(states.coordinates).toEqual(["w[0]", "w[1]", "b", "v.w[0]", "v.w[1]", "v.b"]);
      for (let lane = 0; lane < REPLICAS; lane += 1) {
        const own = states.values.data.subarray(2 * count * lane, 2 * count * (lane + 1));
        expect([...own.subarray(0, count)]).toEqual([
          ...theta.data.subarray(count * lane, count * (lane + 1)),
        ]);
        expect(own[2 * count - 1]).toBe(velocity!.data[count * (lane + 1) - 1]);
        expect(own[2 * count - 1]).toBe(v.values.data[lane]);
      }
    });

    test("refuse another time between checks in mid-run", async () => {
      await using ensemble = await createEnsemble(device(), adaptive("velocity, no momentum"));
      ensemble.set({ ratioTolerance: 0.2, dropFactor: 0.9 });
      expect(() => ensemble.set({ checkEvery: 14 })).toThrow(
        "set: checkEvery is 14 in condition 0, the ensemble was created with 12, and sums over blocks " +
          "of half of it are under way; create it with the other value.",
      );
    });
  });
});
