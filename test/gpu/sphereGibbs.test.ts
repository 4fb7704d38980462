/**
 * Experiment sphere-gibbs with small settings: the measured rungs agree with the exact law, do not
 * agree with the Gibbs law where the step is large, nor with the exact law of another noise.
 */
import { expect, test } from "vitest";
import type { Quantity } from "../../experiments/experiment.ts";
import { sphereGibbs } from "../../experiments/sphereGibbs.ts";
import { tiltedSphere } from "../../models/theory/index.ts";
import { describeWithDevice } from "../gpu.ts";

const settings = (given: Record<string, unknown>) => sphereGibbs.parameters.parse(given);

const agrees = ({ estimate, predicted, systematic }: Quantity, value = predicted) =>
  Math.abs(estimate.value - value!) <= 4 * estimate.standardError + systematic;

describeWithDevice("sphere-gibbs", "software", (device) => {
  const run = (given: Record<string, unknown>, seed = 3) =>
    sphereGibbs.run(settings(given), { device: device(), seed, quick: true });

  test("in ten dimensions at rates 0.1 and 0.3: exact law holds, Gibbs law fails", async () => {
    const given = { dimension: 10, learningRates: [0.1, 0.3], replicas: 4000 };
    const { quantities, warnings } = await run(given);
    expect(quantities.map(({ name }) => name)).toEqual([
      ...["U", "S", "F = U - T S"],
      ...["U", "S", "F = U - T S"],
      "T1 = dU/dS",
    ]);
    for (const quantity of quantities) {
      expect(agrees(quantity), `${quantity.name} ${JSON.stringify(quantity.condition)}`).toBe(true);
      expect(quantity.systematic).toBeLessThan(quantity.estimate.standardError);
    }
    const [U, S, F] = quantities.slice(3) as [Quantity, Quantity, Quantity];
    // Card 1B: U = .449 where the Gibbs law says .488.
    const { gibbs } = tiltedSphere({ dimension: 10, learningRate: 0.3, noise: 1 });
    expect(agrees(U, gibbs.excess)).toBe(false);
    expect(agrees(S, gibbs.entropy)).toBe(false);
    expect(agrees(F, gibbs.excess - 0.15 * gibbs.entropy)).toBe(false);
    expect(
      warnings.filter((text) => /rate 0\.3.*Gibbs law.*misses [US] by/.test(text)),
    ).toHaveLength(2);
    // Negative control: the exact law of 5 % more noise.
    const other = tiltedSphere({ dimension: 10, learningRate: 0.3, noise: 1.05 });
    expect(agrees(U, other.excess)).toBe(false);
    expect(agrees(S, other.entropy)).toBe(false);
  });

  test("from rates of thousandths to beyond 2, on the circle as on the sphere", async () => {
    for (const given of [
      { dimension: 2, learningRates: [0.02, 2.2], replicas: 1500 },
      { dimension: 3, learningRates: [0.005, 1], noise: 0.3, replicas: 1500 },
    ]) {
      const { quantities, warnings } = await run(given);
      for (const quantity of quantities) {
        expect(quantity.predicted).not.toBeNull();
        expect(agrees(quantity), `${quantity.name} ${JSON.stringify(quantity.condition)}`).toBe(
          true,
        );
      }
      expect(warnings.every((text) => text.includes("Gibbs law"))).toBe(true);
    }
  });

  test("no prediction where the law is not resolved or replicas are few, and says so", async () => {
    const one = await run({ learningRates: [3], noise: 1e-3, replicas: 100 });
    expect(one.quantities.every(({ predicted }) => predicted === null)).toBe(true);
    expect(one.warnings.join()).toContain("no prediction: tiltedSphere");
    const few = await run({ learningRates: [0.1], replicas: 5 });
    expect(few.quantities.every(({ predicted }) => predicted === null)).toBe(true);
    expect(few.warnings.join()).toContain("need 20; add replicas");
    await expect(run({ learningRates: [0.1, 0.1] })).rejects.toThrow("stands there twice");
  });
});
