/** What is kept of the tuner's answers, where, and what makes another answer necessary. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { mayTune } from "../../engine/adapter/node.ts";
import { tuningFiles } from "../../engine/adapter/tuningFiles.ts";
import type { Device } from "../../engine/device.ts";
import { type EnsembleOptions, resolve } from "../../engine/run/options.ts";
import type { Tuned } from "../../engine/run/tune.ts";
import { readTuned, tuningKey, writeTuned } from "../../engine/run/tuningCache.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { linearRegression, softmaxClassifier } from "../composites.ts";
import { sampleData } from "../parity.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "thermograd-tuning-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const tuned: Tuned = {
  setting: { schedule: "thread", workgroup: 64, unroll: 0 },
  trials: [
    { setting: { schedule: "thread", workgroup: 16 }, replicaStepsPerSecond: 1e6 },
    { setting: { schedule: "thread", workgroup: 64, unroll: 0 }, replicaStepsPerSecond: 2e6 },
    { setting: { schedule: "batched" }, replicaStepsPerSecond: null, why: "no time was left" },
  ],
  seconds: 1.2,
};

describe("files", () => {
  test("give back what was written, in another process too", async () => {
    await writeTuned(tuningFiles(root), "k1", tuned);
    expect(await readTuned(tuningFiles(root), "k1")).toEqual({ ...tuned, seconds: 0 });
    expect(await readTuned(tuningFiles(root), "k2")).toBeNull();
    // Nothing is left of how it was written.
    expect(await readdir(join(root, "tuning"))).toEqual(["k1.json"]);
  });

  test("that are damaged are a miss, and written over", async () => {
    const store = tuningFiles(root);
    await writeTuned(store, "k", tuned);
    const path = join(root, "tuning", "k.json");
    const whole = await readFile(path, "utf8");
    const damaged = [
      whole.slice(0, whole.length / 2),
      "",
      "null",
      '{"setting":{"schedule":"warp"},"trials":[]}',
      '{"setting":{"schedule":"thread"}}',
      '{"setting":{"schedule":"thread"},"trials":[{"setting":{},"replicaStepsPerSecond":1}]}',
      '{"setting":{"schedule":"thread"},"trials":[{"setting":{"schedule":"thread"}}]}',
    ];
    for (const text of damaged) {
      await writeFile(path, text);
      expect(await readTuned(store, "k"), text).toBeNull();
    }
    await writeTuned(store, "k", tuned);
    expect(await readTuned(store, "k")).toEqual({ ...tuned, seconds: 0 });
  });

  test("that cannot be written are no error", async () => {
    await writeFile(join(root, "file"), "");
    const store = tuningFiles(join(root, "file"));
    await writeTuned(store, "k", tuned);
    expect(await readTuned(store, "k")).toBeNull();
  });
});

describe("the key", () => {
  const model = linearRegression(2);
  const base: EnsembleOptions = {
    model,
    data: sampleData(model, 12, 1),
    update: sgd({ learningRate: 0.1, batchSize: 3 }),
    replicas: 4,
    seed: 1,
  };
  const device = (adapter = "A", driver = "1", bytes = 16384): Device =>
    ({
      info: { adapter, driver },
      gpu: { limits: { maxComputeWorkgroupStorageSize: bytes } },
    }) as unknown as Device;
  const key = (change: Partial<EnsembleOptions> = {}, on = device(), words = 0) =>
    tuningKey(on, resolve({ ...base, ...change }), change.execution ?? {}, words);

  test("is the same for other seeds, learning rates and starts", async () => {
    const same = await key();
    expect(same).toMatch(/^[0-9a-f]{64}$/);
    expect(await key({ seed: 2 })).toBe(same);
    expect(await key({ update: sgd({ learningRate: 0.3, batchSize: 3 }) })).toBe(same);
    expect(await key({ data: sampleData(model, 12, 2) })).toBe(same);
  });

  test("is another one for whatever changes a kernel, its work, or the device", async () => {
    const wider = linearRegression(3);
    const classifier = softmaxClassifier(2, 3);
    const others = await Promise.all([
      key(),
      key({ model: wider, data: sampleData(wider, 12, 1) }),
      key({ model: classifier, data: sampleData(classifier, 12, 1) }),
      key({ data: sampleData(model, 24, 1) }),
      key({ replicas: 5 }),
      key({ update: sgd({ learningRate: 0.1, batchSize: 4 }) }),
      key({ update: sgd({ learningRate: 0.1, batchSize: 3, momentum: 0.5 }) }),
      key({ sampling: "distinct" }),
      key({ sweep: { batchSize: [3, 4] } }),
      key({ execution: { schedule: "thread" } }),
      key({ execution: { lanesPerChunk: 2 } }),
      key({}, device("B")),
      key({}, device("A", "2")),
      key({}, device("A", "1", 32768)),
      key({}, device(), 12),
    ]);
    expect(new Set(others).size).toBe(others.length);
  });
});

test("THERMOGRAD_TUNE is on, off, or an error", () => {
  expect(mayTune(undefined)).toBe(true);
  expect(mayTune("on")).toBe(true);
  expect(mayTune("off")).toBe(false);
  expect(() => mayTune("of")).toThrow('THERMOGRAD_TUNE: "of" is neither "on" nor "off"; use one');
});
