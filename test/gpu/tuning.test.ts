/**
 * The tuner on a device: what it chooses is one of the candidates, kept, found again, and run; a
 * checkpoint goes on under the setting it was made with.
 */
import { describe, expect, test } from "vitest";
import type { TuningStore } from "../../engine/adapter/platform.ts";
import type { Device } from "../../engine/device.ts";
import { LimitError } from "../../engine/errors.ts";
import { fanIn } from "../../engine/initial.ts";
import { defineModel } from "../../engine/model.ts";
import { op } from "../../engine/ops/index.ts";
import { chooseSetting, type Surroundings } from "../../engine/run/chooseSetting.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { deviceMeasurer } from "../../engine/run/measureCandidates.ts";
import { type EnsembleOptions, resolve } from "../../engine/run/options.ts";
import { plannerOf } from "../../engine/run/planner.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { describeWithDevice } from "../gpu.ts";
import { sampleData } from "../parity.ts";

const model = defineModel({
  name: "3-4-1 network",
  params: { W: [4, 3], a: [4] },
  sample: { x: [3], y: [] },
  loss: ({ W, a }, { x, y }) => op.square(op.sub(op.dot(a, op.tanh(op.matvec(W, x))), y)),
});
const options = {
  model,
  data: sampleData(model, 32, 1),
  update: sgd({ learningRate: 0.05, batchSize: 4, momentum: 0.5 }),
  sampling: "reshuffled",
  replicas: 20,
  seed: 3,
  initial: fanIn(),
} satisfies EnsembleOptions;

function memoryStore(): TuningStore & { readonly texts: Map<string, string> } {
  const texts = new Map<string, string>();
  return {
    texts,
    read: async (key) => texts.get(key) ?? null,
    write: async (key, text) => {
      texts.set(key, text);
    },
  };
}

const forbidden: Surroundings["measurer"] = () => {
  throw new Error("nothing is to be measured");
};

function choose(device: Device, given: EnsembleOptions, surroundings: Partial<Surroundings> = {}) {
  const resolved = resolve(given);
  const planner = plannerOf(device, resolved, given.observables);
  return chooseSetting(
    { device, resolved, planner, functionWords: 0, saved: null },
    { store: memoryStore(), mayTune: () => true, measurer: deviceMeasurer, ...surroundings },
  );
}

describeWithDevice("the tuner", "software", (device) => {
  /** Another device to the tuner's memory of this process, the same to all else. */
  const afresh = (): Device => ({ ...device(), gpu: Object.create(device().gpu) as GPUDevice });

  test("measures, keeps the answer, and measures no more", async () => {
    const store = memoryStore();
    const cold = await choose(device(), options, { store });
    expect(cold.by).toBe("measurement");
    const measured = cold.tuned!.trials.filter((trial) => trial.replicaStepsPerSecond !== null);
    expect(measured.length).toBeGreaterThanOrEqual(1);
    for (const { replicaStepsPerSecond } of measured) {
      expect(replicaStepsPerSecond).toBeGreaterThan(0);
    }
    expect(measured.map(({ setting }) => setting)).toContainEqual(cold.planned.setting);
    expect(cold.planned.plan.reasons.at(-1)).toMatch(
      /^tuned: .* replica-steps\/s on .*; chosen thread\/\d+/,
    );
    expect(store.texts.size).toBe(1);
    const warm = { store, measurer: forbidden };
    const again = await choose(device(), options, warm);
    expect(again.by).toBe("cache");
    expect(again.planned.setting).toEqual(cold.planned.setting);
    const elsewhere = await choose(afresh(), options, warm);
    expect(elsewhere.by).toBe("cache");
    expect(elsewhere.reason).toMatch(/^measured earlier: /);
    expect(elsewhere.planned.setting).toEqual(cold.planned.setting);
    // Negative control: another batch size is another program.
    const update = sgd({ learningRate: 0.05, batchSize: 8, momentum: 0.5 });
    await expect(choose(afresh(), { ...options, update }, warm)).rejects.toThrow(
      "nothing is to be",
    );
  });

  test("is asked once by calls that come at the same time", async () => {
    let asked = 0;
    const measurer: Surroundings["measurer"] = (on, resolved) => {
      asked += 1;
      return deviceMeasurer(on, resolved);
    };
    const shared = { store: memoryStore(), measurer };
    const given = { ...options, replicas: 21 };
    const both = await Promise.all([0, 1].map(() => choose(device(), given, shared)));
    expect(asked).toBe(1);
    expect(both[0]!.planned.setting).toEqual(both[1]!.planned.setting);
  });

  test("keeps quiet where it is off, and where the caller has said all", async () => {
    const off = { measurer: forbidden };
    const untuned = await choose(device(), { ...options, execution: { tune: false } }, off);
    expect(untuned).toMatchObject({ by: "rule", reason: expect.stringContaining("tuning is off") });
    const elsewhere = { measurer: forbidden, mayTune: () => false };
    expect((await choose(device(), options, elsewhere)).reason).toContain("THERMOGRAD_TUNE");
    const execution = { schedule: "thread", workgroup: 32 } as const;
    const given = await choose(device(), { ...options, execution }, off);
    expect(given).toMatchObject({ by: "request", reason: "thread/32: asked for" });
    expect(given.planned.setting).toEqual(execution);
  });

  test("an answer that fits no longer is measured again", async () => {
    const store: TuningStore = {
      read: async () => '{"setting":{"schedule":"thread"},"trials":[]}',
      write: async () => {},
    };
    const wide = defineModel({
      name: "wide",
      params: { W: [40, 40] },
      sample: { x: [40] },
      loss: ({ W }, { x }) => op.sum(op.square(op.matvec(W, x))),
    });
    const given = { ...options, model: wide, data: sampleData(wide, 32, 1) };
    const { planned, by } = await choose(device(), { ...given, initial: fanIn() }, { store });
    expect(by).not.toBe("cache");
    expect(planned.plan.schedule).not.toBe("thread");
  });

  test("cuts the lanes of a large ensemble, and measures a dispatch of it", async () => {
    const given = resolve({ ...options, replicas: 100_000 });
    const planner = plannerOf(device(), given, undefined);
    using measurer = deviceMeasurer(device(), given);
    expect(measurer.lanes()).toBe(4096);
    const setting = { schedule: "thread", workgroup: 64 } as const;
    await measurer.prepare({ setting, planned: planner(setting), estimate: 1 });
    expect(measurer.lanes()).toBeGreaterThanOrEqual(4096);
    expect(measurer.lanes()).toBeLessThanOrEqual(100_000);
  });

  test("groups that interact stay whole", () => {
    const interacting = defineModel({
      name: "pull",
      params: { w: [2] },
      sample: { x: [2] },
      loss: ({ w }, { x }, { mean }) =>
        op.sum(op.square(op.sub(op.add(w, x), op.scale(mean.w, 0.5)))),
    });
    const given = resolve({
      ...options,
      model: interacting,
      data: sampleData(interacting, 32, 1),
      replicas: 30_000,
      groupSize: 3000,
    });
    using measurer = deviceMeasurer(device(), given);
    expect(measurer.lanes()).toBe(6000);
  });
});

describeWithDevice("a checkpoint", "software", (device) => {
  const other = { schedule: "thread", workgroup: 8, unroll: 0 } as const;
  const bits = async (ensemble: { state(): Promise<{ theta: { data: ArrayLike<number> } }> }) =>
    [...Float32Array.from((await ensemble.state()).theta.data)].join();

  test("goes on bitwise under the setting it was made with", async () => {
    await using whole = await createEnsemble(device(), { ...options, execution: other });
    await whole.advance({ steps: 13 });
    const saved = await whole.checkpoint();
    await whole.advance({ steps: 20 });
    const end = await bits(whole);
    await using resumed = await createEnsemble(device(), { ...options, from: saved });
    expect(resumed.plan).toMatchObject(other);
    expect(resumed.plan.reasons.at(-1)).toBe("thread/8, loops kept: as the checkpoint has it");
    await resumed.advance({ steps: 20 });
    expect(await bits(resumed)).toBe(end);
    // An ensemble that is there already changes its plan.
    await using restored = await createEnsemble(device(), options);
    expect(restored.plan).toMatchObject({ workgroup: 16, unroll: 4096 });
    await restored.advance({ steps: 5 });
    await restored.restore(saved);
    expect(restored.plan).toMatchObject(other);
    await restored.advance({ steps: 20 });
    expect(await bits(restored)).toBe(end);
  });

  test("gives way to what is asked for, and says so", async () => {
    await using whole = await createEnsemble(device(), { ...options, execution: other });
    await whole.advance({ steps: 13 });
    const saved = await whole.checkpoint();
    await whole.advance({ steps: 20 });
    const execution = { schedule: "batched" } as const;
    await using resumed = await createEnsemble(device(), { ...options, from: saved, execution });
    expect(resumed.plan.schedule).toBe("batched");
    expect(resumed.plan.reasons.at(-1)).toBe(
      "the checkpoint has thread/8, loops kept: the run goes on with its numbers up to rounding",
    );
    await resumed.advance({ steps: 20 });
    const [one, two] = [await whole.state(), await resumed.state()].map(({ theta }) => theta.data);
    const largest = Math.max(...Array.from(one!, Math.abs));
    const difference = Math.max(...Array.from(one!, (value, i) => Math.abs(value - two![i]!)));
    // 20 steps that contract: some hundred roundings of 6e-8.
    expect(difference / largest).toBeLessThan(5e-5);
  });

  test("the device's execution holds where the options leave it open", async () => {
    const forced: Device = { ...device(), execution: { schedule: "batched" } };
    await using ensemble = await createEnsemble(forced, options);
    expect(ensemble.plan.schedule).toBe("batched");
    const execution = { schedule: "thread" } as const;
    await using own = await createEnsemble(forced, { ...options, execution });
    expect(own.plan.schedule).toBe("thread");
  });
});

describe("a forced schedule", () => {
  describeWithDevice("that cannot fit", "null", (device) => {
    test("is refused with numbers and a remedy", async () => {
      const wide = defineModel({
        name: "wide",
        params: { w: [3000] },
        sample: { x: [] },
        loss: ({ w }, { x }) => op.mul(x, op.sum(w)),
      });
      const execution = { schedule: "thread" } as const;
      const given = { ...options, model: wide, data: sampleData(wide, 32, 1), execution };
      const refused = createEnsemble(device(), given);
      await expect(refused).rejects.toThrow(LimitError);
      await expect(refused).rejects.toThrow(
        /3000 parameters.*36000 bytes.*8192; leave schedule out/,
      );
    });
  });
});
