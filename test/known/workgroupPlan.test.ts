/** Plans of the schedule `workgroup`: memory as WebGPU counts it, reasons, refusals. No GPU. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LimitError } from "../../engine/errors.ts";
import { size } from "../../engine/graph.ts";
import type { Model } from "../../engine/model.ts";
import { trainingProgram } from "../../engine/plan/staged/trainingProgram.ts";
import { scratchPlaces } from "../../engine/plan/workgroup/memory.ts";
import { planWorkgroup, type WorkgroupPlan } from "../../engine/plan/workgroup/workgroupPlan.ts";
import { type DynamicsOptions, dynamicsOf } from "../../engine/update/dynamics.ts";
import { heunLangevin } from "../../engine/update/heunLangevin.ts";
import { sgd } from "../../engine/update/sgd.ts";
import type { UpdateRule } from "../../engine/update/updateRule.ts";
import { COMPOSITES, network } from "../composites.ts";
import { nullDevice } from "../gpu.ts";
import { NETWORKS } from "../networks.ts";

interface Change {
  readonly maxBatch?: number;
  readonly allowed?: number;
  readonly rule?: UpdateRule;
  readonly dynamics?: DynamicsOptions;
  readonly workgroup?: number;
}

const request = (model: Model, change: Change = {}) => ({
  model,
  dynamics: dynamicsOf(
    model,
    change.rule ?? sgd({}),
    [{ momentum: 0.5, gradientNoise: 0, clipNorm: 1, learningRate: 0.1, temperature: 1 }],
    change.dynamics ?? {},
  ),
  sampling: "withReplacement" as const,
  samples: 256,
  maxBatch: change.maxBatch ?? 16,
  lanes: 16,
  observation: null,
  limits: { maxComputeWorkgroupStorageSize: change.allowed ?? 16384 },
  ...(change.workgroup !== undefined && { workgroup: change.workgroup }),
});

const plan = (model: Model, change: Change = {}): WorkgroupPlan =>
  planWorkgroup(request(model, change));

let device: GPUDevice;
beforeAll(async () => {
  device = await nullDevice();
});
afterAll(() => device.destroy());

/** Whether the device takes the kernel. */
async function accepts({ shader, workgroup }: WorkgroupPlan): Promise<boolean> {
  const module = device.createShaderModule({ code: shader(null).code });
  expect((await module.getCompilationInfo()).messages).toEqual([]);
  return device
    .createComputePipelineAsync({
      layout: "auto",
      compute: { module, constants: { WORKGROUP: workgroup } },
    })
    .then(
      () => true,
      () => false,
    );
}

describe("memory", () => {
  const models = {
    ...COMPOSITES,
    ...Object.fromEntries(Object.values(NETWORKS).map(({ model }) => [model.name, model])),
  };

  test.each(Object.entries(models))("values of %s never overlap", async (_name, model) => {
    const program = trainingProgram(model);
    const { places, words } = scratchPlaces(program, 5);
    const ends = new Map<unknown, number>();
    for (const { reads, level } of program.stages) {
      for (const of of reads) ends.set(of, Math.max(level, ends.get(of) ?? 0));
    }
    const rooms = program.stages.flatMap(({ statements, level }) =>
      statements
        .filter((statement) => places.has(statement))
        .map((statement) => {
          const { at, stride, samples } = places.get(statement)!;
          const end = at + (size(statement.node.shape) - 1) * stride + samples;
          expect(end).toBeLessThanOrEqual(words);
          return { at, end, from: level, to: ends.get(statement) ?? level };
        }),
    );
    for (const [i, a] of rooms.entries()) {
      for (const b of rooms.slice(i + 1)) {
        const together = a.from <= b.to && b.from <= a.to;
        expect(together && a.at < b.end && b.at < a.end).toBe(false);
      }
    }
    expect(await accepts(plan(model, { allowed: 1 << 20, maxBatch: 2 }))).toBe(true);
  });

  test("bytes are those that the device counts, to the last batch that fits", async () => {
    const allowed = device.limits.maxComputeWorkgroupStorageSize;
    const model = network(2, 32);
    let maxBatch = 1;
    while (plan(model, { maxBatch, allowed: 1 << 20 }).memory.bytes <= allowed) maxBatch += 1;
    expect(await accepts(plan(model, { maxBatch: maxBatch - 1, allowed }))).toBe(true);
    expect(await accepts(plan(model, { maxBatch, allowed: 1 << 20 }))).toBe(false);
    expect(() => plan(model, { maxBatch, allowed })).toThrow(
      `this device allows ${allowed}; use schedule: "batched", or a batchSize of at most ${maxBatch - 1}.`,
    );
  });

  test("more than every device has is used and said", () => {
    const own = plan(network(2, 64), { allowed: 32768, maxBatch: 40 });
    expect(own.memory.bytes).toBeGreaterThan(16384);
    expect(own.reasons.join("\n")).toContain(
      "more than the 16384 bytes that every WebGPU device has",
    );
    expect(plan(network(2, 8)).reasons.join("\n")).not.toContain("more than");
  });
});

test("barriers are counted as they stand in the kernel, and explained", () => {
  const own = plan(network(2, 32));
  const [, loop] = own.shader(null).code.split("for (var taken");
  expect(loop!.split("workgroupBarrier()").length - 1).toBe(own.barriers);
  expect(own.reasons.join("\n")).toContain(
    `${own.barriers} barriers a step: 4 after levels of loss and gradient, 2 to clip G, 1 after the update`,
  );
});

describe("refusals", () => {
  test("more parameters than fit", () => {
    expect(() => plan(network(64, 64))).toThrow(LimitError);
    expect(() => plan(network(64, 64))).toThrow(
      /needs \d+ bytes of workgroup memory with batches of 16, this device allows 16384; use schedule: "batched"; 4225 parameters are too many/,
    );
  });

  test("dynamics that couple all parameters", () => {
    const model = network(2, 4);
    expect(() =>
      plan(model, { rule: heunLangevin({ learningRate: 0.1, temperature: 1 }) }),
    ).toThrow(
      /the rule heunLangevin, whose gradient is corrected; use schedule: "thread", or leave it out/,
    );
    const noiseCovariance = Array.from({ length: model.parameterCount }, (_, i) =>
      Array.from({ length: model.parameterCount }, (_, j) => (i === j ? 1 : 0)),
    );
    expect(() => plan(model, { dynamics: { noiseCovariance } })).toThrow("a noise covariance");
  });
});

test("threads follow the largest stage, unless asked for", () => {
  expect(plan(network(2, 4)).workgroup).toBe(32);
  expect(plan(network(2, 32)).workgroup).toBe(128);
  expect(plan(network(2, 32), { workgroup: 5 }).workgroup).toBe(5);
});
