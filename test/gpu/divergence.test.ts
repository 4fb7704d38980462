/** Replicas that diverge: frozen at the right step, counted, and without effect on the others. */
import { expect, test } from "vitest";
import { DivergedError } from "../../engine/errors.ts";
import { fixed } from "../../engine/initial.ts";
import { defineModel } from "../../engine/model.ts";
import { moments } from "../../engine/observe/moments.ts";
import { series } from "../../engine/observe/series.ts";
import { snapshot } from "../../engine/observe/snapshot.ts";
import { op } from "../../engine/ops/index.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { batchIndices } from "../../engine/sampling.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { describeWithDevice } from "../gpu.ts";
import { optionsFor } from "../observed.ts";
import { twins } from "../twins.ts";

describeWithDevice("replicas that diverge", "software", (device) => {
  const options = {
    ...optionsFor(2, 0),
    sweep: { learningRate: [0.05, 4] },
  } satisfies EnsembleOptions;
  const observables = {
    loss: series({ of: ["loss", "fullLoss"], every: 3 }),
    moments: moments(),
    states: snapshot({ every: 4 }),
  };
  const steps = 60;

  /** The rule of `thread.wgsl` on the twin: loss at every step, |θ| every 16. */
  function frozenByTwin(bounds: { theta: number; loss: number }, given: EnsembleOptions): number[] {
    const frozen: number[] = [];
    twins(given, {
      steps,
      onStep: (lane, { step, loss, theta }) => {
        frozen[lane] ??= -1;
        const square = theta.reduce((sum, x) => sum + x * x, 0);
        const left = !(loss <= bounds.loss) || (step % 16 === 0 && !(square <= bounds.theta ** 2));
        if (left && frozen[lane] === -1) frozen[lane] = step;
      },
    });
    return frozen;
  }

  test("freeze at their step, are counted, and have no records from there", async () => {
    await using ensemble = await createEnsemble(device(), { ...options, observables });
    await ensemble.advance({ steps: 4 });
    const record = await ensemble.observe({ steps: steps - 4 });
    const frozen = [...record.run.frozen];
    expect(frozen).toEqual(frozenByTwin({ theta: 1e6, loss: 1e12 }, options));
    expect(frozen.slice(0, 3)).toEqual([-1, -1, -1]);
    expect(frozen.slice(3).every((step) => step > 4 && step < steps)).toBe(true);
    expect([...(await ensemble.frozen())]).toEqual(frozen);

    const times = record.loss.steps.length;
    record.loss.values.data.forEach((value, i) => {
      const lane = Math.floor(i / times) % 6;
      const gone = frozen[lane]! >= 0 && record.loss.steps[i % times]! >= frozen[lane]!;
      expect(Number.isFinite(value), `loss of lane ${lane}`).toBe(!gone);
    });
    const count = record.states.coordinates.length;
    record.states.values.data.forEach((value, i) => {
      const lane = Math.floor(i / count) % 6;
      const step = record.states.steps[Math.floor(i / count / 6)]!;
      expect(Number.isFinite(value)).toBe(frozen[lane]! < 0 || step < frozen[lane]!);
    });
    const perLane = record.moments.second.data.length / 6;
    record.moments.second.data.forEach((value, i) => {
      expect(Number.isFinite(value)).toBe(frozen[Math.floor(i / perLane)]! < 0);
    });
    expect(record.moments.counts).toEqual([steps - 4]);
  });

  test("do not disturb the others, and stay frozen", async () => {
    await using both = await createEnsemble(device(), { ...options, observables });
    await using alone = await createEnsemble(device(), {
      ...options,
      sweep: { learningRate: [0.05] },
      observables,
    });
    const [x, y] = [await both.observe({ steps }), await alone.observe({ steps })];
    const half = y.loss.values.data.length / 2;
    expect(x.loss.values.data.slice(0, half)).toEqual(y.loss.values.data.slice(0, half));
    const part = y.moments.second.data.length;
    expect(x.moments.second.data.slice(0, part)).toEqual(y.moments.second.data);
    expect(y.run.frozen.some((step) => step >= 0)).toBe(false);

    const before = (await both.state()).theta.data;
    const saved = await both.checkpoint();
    await using resumed = await createEnsemble(device(), { ...options, from: saved });
    for (const ensemble of [both, resumed]) {
      await ensemble.advance({ steps: 10 });
      expect([...(await ensemble.frozen())]).toEqual([...x.run.frozen]);
      const after = (await ensemble.state()).theta.data;
      expect(after.slice(after.length / 2)).toEqual(before.slice(before.length / 2));
      expect(after.slice(0, 3)).not.toEqual(before.slice(0, 3));
    }
  });

  test("leave bounds of one's own", async () => {
    // |θ| is looked at every 16 steps; the loss is let go as far as float32 reaches.
    const given = { ...options, bounds: { theta: 100, loss: 1e38 } };
    await using ensemble = await createEnsemble(device(), given);
    await ensemble.advance({ steps });
    const frozen = [...(await ensemble.frozen())];
    expect(frozen).toEqual(frozenByTwin(given.bounds, given));
    expect(frozen.slice(3)).toEqual([16, 16, 16]);
  });

  test('throw with onDiverge: "throw", in advance and in observe', async () => {
    const first = Math.min(...frozenByTwin({ theta: 1e6, loss: 1e12 }, options).slice(3));
    const message =
      `3 of 6 replicas left |θ| < 1e6 or loss < 1e12, first at step ${first}, and were frozen; ` +
      "lower learningRate, or widen bounds if this is not divergence.";
    const given = { ...options, observables, onDiverge: "throw" } as const;
    await using ensemble = await createEnsemble(device(), given);
    await expect(ensemble.advance({ steps })).rejects.toThrow(new DivergedError(message));
    expect(ensemble.step).toBe(steps);
    await using observed = await createEnsemble(device(), given);
    await expect(observed.observe({ steps })).rejects.toBeInstanceOf(DivergedError);
    await using calm = await createEnsemble(device(), {
      ...given,
      sweep: { learningRate: [0.05] },
    });
    await expect(calm.advance({ steps })).resolves.toBeUndefined();
  });

  test("a loss that is no number freezes the replicas that meet it", async () => {
    // ½(w√q − y)², and one sample whose q is −1. What 0/0 or inf − inf give is up to the compiler.
    const model = defineModel({
      name: "one bad sample",
      params: { w: [] },
      sample: { q: [], y: [] },
      loss: ({ w }, { q, y }) => op.scale(op.square(op.sub(op.mul(w, op.sqrt(q)), y)), 0.5),
    });
    const [samples, bad, replicas] = [64, 5, 40];
    const dataWith = (value: number) => ({
      name: "q",
      samples,
      fields: {
        q: { data: Array.from({ length: samples }, (_, i) => (i === bad ? value : 1)), shape: [] },
        y: { data: Array.from({ length: samples }, (_, i) => Math.fround(Math.sin(i))), shape: [] },
      },
    });
    const given = {
      model,
      update: sgd({ learningRate: 0.1, batchSize: 1 }),
      replicas,
      seed: 2,
      initial: fixed(0.5),
    };
    await using ensemble = await createEnsemble(device(), { ...given, data: dataWith(-1) });
    await using clean = await createEnsemble(device(), { ...given, data: dataWith(1) });
    await ensemble.advance({ steps });
    await clean.advance({ steps });
    const met = Array.from({ length: replicas }, (_, replica) => {
      const lane = { seed: 2, condition: 0, replica };
      const step = Array.from({ length: steps }, (_, t) => t).find((t) =>
        batchIndices("withReplacement", lane, t, samples, 1).includes(bad),
      );
      return step ?? -1;
    });
    expect(met.filter((step) => step >= 0).length).toBeGreaterThan(5);
    expect(met.filter((step) => step < 0).length).toBeGreaterThan(5);
    expect([...(await ensemble.frozen())]).toEqual(met);
    const own = (await ensemble.state()).theta.data;
    const undisturbed = (await clean.state()).theta.data;
    met.forEach((step, r) => {
      if (step < 0) expect(own[r]).toBe(undisturbed[r]);
      expect(Number.isFinite(own[r])).toBe(true);
    });
  });
});
