/**
 * Experiment epoch-displacement (card A3b) run small: orders with and without each term, exact means on
 * the device within 4 standard errors; other orders, and the other law's means, must be seen.
 */
import { expect, test } from "vitest";
import type { z } from "zod";
import { epochDisplacement } from "../../experiments/epochDisplacement.ts";
import type { ExperimentResult, Quantity } from "../../experiments/experiment.ts";
import { describeWithDevice } from "../gpu.ts";

type Parameters = z.input<typeof epochDisplacement.parameters>;

const misfit = ({ estimate, systematic }: Quantity, value: number): number =>
  Math.abs(estimate.value - value) / (4 * estimate.standardError + systematic);

describeWithDevice("epoch-displacement", "software", (device) => {
  const run = (given: Parameters, seed = 3): Promise<ExperimentResult> =>
    epochDisplacement.run(epochDisplacement.parameters.parse(given), {
      device: device(),
      seed,
      quick: false,
    });

  test.each<Parameters>([
    { replicas: 16_384 },
    { samples: 8, batchSize: 2, w: -1, dataSeed: 4, deviceRates: [0.1], replicas: 8192 },
    { samples: 5, batchSize: 1, tilt: 0, w: 2, deviceRates: [0.2], replicas: 8192 },
  ])("orders, and means of epochs: %o", async (given) => {
    const { quantities, warnings, figures } = await run(given);
    expect(warnings).toEqual([]);
    const rates = given.deviceRates?.length ?? 3;
    expect(quantities).toHaveLength(6 + 2 * rates);
    for (const quantity of quantities) {
      const label = `${quantity.name} ${JSON.stringify(quantity.condition)}`;
      expect(quantity.predicted, label).not.toBeNull();
      expect(misfit(quantity, quantity.predicted!), label).toBeLessThanOrEqual(1);
      const isOrder = quantity.name.startsWith("order");
      const wrong = isOrder ? quantity.predicted! + 0.1 : 1.1 * quantity.predicted!;
      expect(misfit(quantity, wrong), `${label}, wrong`).toBeGreaterThan(1);
    }
    const orders = quantities.filter(({ name }) => name === "order of err");
    expect(orders.map(({ predicted }) => predicted)).toEqual([3, 1, 2, 2]);
    expect(figures.map(({ id }) => id)).toEqual(["orders", "displacement"]);
  });

  test("epochs of independent batches are seen not to be reshuffled ones", async () => {
    const { quantities } = await run({ deviceRates: [0.2], replicas: 65_536 });
    const [reshuffled, distinct] = quantities.slice(-2) as [Quantity, Quantity];
    expect(misfit(reshuffled, distinct.predicted!)).toBeGreaterThan(2);
    expect(misfit(distinct, reshuffled.predicted!)).toBeGreaterThan(2);
  });

  test("large rates claim no order; few replicas no mean; bad input", async () => {
    const large = await run({ learningRate: 5, halvings: 4, replicas: 4 });
    expect(large.warnings.join("\n")).toMatch(/no prediction of order of err/);
    expect(large.warnings.join("\n")).toMatch(/no predictions: 4 replicas say/);
    await expect(run({ batchSize: 4 })).rejects.toThrow("batchSize: 4 does not cut the 6 samples");
    await expect(run({ batchSize: 6 })).rejects.toThrow("batchSize: 6 does not cut the 6");
    await expect(run({ samples: 12, batchSize: 1 })).rejects.toThrow("479001600 sequences");
  });
});
