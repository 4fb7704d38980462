/**
 * The whole kernel of four models, as a reader would want it: loops kept, nothing observed; and one
 * of the schedule `workgroup`.
 *
 * A change of the emitter, the schedule or the library shows here as a diff to be read. Renew the
 * files with `UPDATE_GOLDEN=1 npx vitest run test/known/golden.test.ts`.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Model } from "../../engine/model.ts";
import { planThread } from "../../engine/plan/threadPlan.ts";
import { planWorkgroup } from "../../engine/plan/workgroup/workgroupPlan.ts";
import { dynamicsOf } from "../../engine/update/dynamics.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { linearRegression, network, scaleInvariant, softmaxClassifier } from "../composites.ts";
import { nullDevice } from "../gpu.ts";
import { compile } from "../kernel.ts";

const GOLDEN: Readonly<Record<string, Model>> = {
  linear_regression: linearRegression(8),
  mlp_2_32_1: network(2, 32),
  softmax: softmaxClassifier(6, 4),
  scale_invariant: scaleInvariant(5),
};

const file = (name: string): URL => new URL(`../golden/${name}.wgsl`, import.meta.url);

let device: GPUDevice;
beforeAll(async () => {
  device = await nullDevice();
});
afterAll(() => device.destroy());

/** What every kernel is planned for. */
const request = (model: Model) => ({
  model,
  dynamics: dynamicsOf(model, sgd({}), [{ momentum: 0, gradientNoise: 0, clipNorm: 0 }], {}),
  sampling: "withReplacement" as const,
  samples: 256,
  maxBatch: 16,
  lanes: 1024,
  unroll: 0,
});

async function compare(name: string, code: string): Promise<void> {
  await compile(device, code);
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(file(name), code);
  const remedy =
    "read the difference, then renew with UPDATE_GOLDEN=1 npx vitest run test/known/golden.test.ts";
  expect(existsSync(file(name)), `test/golden/${name}.wgsl is missing; ${remedy}`).toBe(true);
  expect(code, `test/golden/${name}.wgsl differs; ${remedy}`).toBe(
    readFileSync(file(name), "utf8"),
  );
}

test.each(Object.entries(GOLDEN))("%s", async (name, model) => {
  await compare(name, planThread(request(model)).shader(null).code);
});

test("workgroup_mlp_8_16_1", async () => {
  const limits = { maxComputeWorkgroupStorageSize: 16384 };
  const plan = planWorkgroup({ ...request(network(8, 16)), observation: null, limits });
  await compare("workgroup_mlp_8_16_1", plan.shader(null).code);
});
