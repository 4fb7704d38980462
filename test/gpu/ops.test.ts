/**
 * Loss and gradient of every operation on the device against the float64 interpreter, with all
 * loops rolled and with all written out: both emission paths, and for larger models a mixture.
 *
 * Errors: |l − r| / ⟨|l_b|⟩ for losses, |g − r|₂ / |r|₂ for each gradient block; bound 2e-5, of
 * which float32 takes about 1e-6 (a few dozen operations of 2⁻²⁴ each).
 */
import { describe, expect, test } from "vitest";
import type { Device } from "../../engine/device.ts";
import type { Model } from "../../engine/model.ts";
import { ops } from "../../engine/ops/index.ts";
import { COMPOSITES } from "../composites.ts";
import { describeWithDevice } from "../gpu.ts";
import { CASES, modelOfCases } from "../opCases.ts";
import { onDevice, parityErrors, sampleData } from "../parity.ts";

const BOUND = 2e-5;
const SAMPLES = 5;

async function expectParity(
  device: Device,
  model: Model,
  unrolls: readonly number[] = [0, 4096],
  evaluate = false,
): Promise<void> {
  const data = sampleData(model, SAMPLES, 11);
  for (const unroll of unrolls) {
    const errors = parityErrors(model, data, await onDevice(device, model, data, unroll, evaluate));
    expect(errors.loss, `loss, unroll ${unroll}`).toBeLessThanOrEqual(BOUND);
    expect(errors.evaluated, `evaluated loss, unroll ${unroll}`).toBeLessThanOrEqual(BOUND);
    const where = `∂/∂${errors.block}, unroll ${unroll}`;
    expect(errors.gradient, where).toBeLessThanOrEqual(BOUND);
  }
}

test("every operation of the table has cases", () => {
  expect(Object.keys(CASES).sort()).toEqual(Object.keys(ops).sort());
});

describeWithDevice("operations", "software", (device) => {
  describe("of the table", () => {
    test.each(Object.entries(CASES))("%s", async (name, cases) => {
      await expectParity(device(), modelOfCases(name, cases));
    });
  });

  describe("together", () => {
    test.each(Object.entries(COMPOSITES))("%s", async (_name, model) => {
      // 20: inner loops written out, outer ones not.
      await expectParity(device(), model, [0, 20, 4096], true);
    });
  });

  test("negative control: a gradient of another data set is seen", async () => {
    const model = COMPOSITES["MLP of two hidden layers"]!;
    const data = sampleData(model, SAMPLES, 11);
    const result = await onDevice(device(), model, data, 4096);
    const errors = parityErrors(model, sampleData(model, SAMPLES, 12), result);
    expect(errors.gradient).toBeGreaterThan(BOUND);
    expect(errors.loss).toBeGreaterThan(BOUND);
  });
});
