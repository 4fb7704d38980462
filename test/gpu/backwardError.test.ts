/**
 * Experiment backward-error (card 2A) run small: orders of distance, the coefficient ¼, the device beside
 * float64; other orders and coefficients must be seen.
 */
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { backwardError } from "../../experiments/backwardError.ts";
import type { ExperimentResult, Quantity } from "../../experiments/experiment.ts";
import { smallRateLimit } from "../../experiments/smallRateLimit.ts";
import { describeWithDevice } from "../gpu.ts";

type Parameters = z.input<typeof backwardError.parameters>;

const misfit = ({ estimate, systematic }: Quantity, value: number): number =>
  Math.abs(estimate.value - value) / (4 * estimate.standardError + systematic);

describeWithDevice("backward-error", "software", (device) => {
  const run = (given: Parameters, seed = 2): Promise<ExperimentResult> =>
    backwardError.run(backwardError.parameters.parse(given), {
      device: device(),
      seed,
      quick: false,
    });

  test.each<Parameters>([
    { replicas: 2 },
    { inputs: 2, hidden: 3, outputs: 2, samples: 4, batchSize: 2, replicas: 3, scale: 1 },
    { activation: "linear", learningRate: 0.02, replicas: 2, deviceRates: [0.05], dataSeed: 5 },
  ])("orders are 2, and 3 with eta/4: %o", async (given) => {
    const { quantities, warnings, figures } = await run(given);
    expect(warnings).toEqual([]);
    const rates = given.deviceRates?.length ?? 3;
    const predicted = quantities.filter((q) => q.predicted !== null);
    expect(predicted).toHaveLength(5 + 2 * rates);
    for (const quantity of predicted) {
      const label = `${quantity.name} ${JSON.stringify(quantity.condition)}`;
      expect(misfit(quantity, quantity.predicted!), label).toBeLessThanOrEqual(1);
      // An order off by 0.1, a coefficient or a distance by 2 %.
      const isOrder = quantity.name.startsWith("order");
      const wrong = isOrder ? quantity.predicted! + 0.1 : 1.02 * quantity.predicted!;
      expect(misfit(quantity, wrong), `${label}, wrong`).toBeGreaterThan(1);
    }
    const orders = quantities.filter(({ name }) => name === "order of |step - flow|");
    expect(orders.map(({ predicted: order }) => order)).toEqual([2, 3, 2, 2]);
    expect(figures[0]!.marks).toHaveLength(9);
  });

  test("nothing is claimed where rates are too large, or lost in rounding", async () => {
    const large = await run({ replicas: 2, learningRate: 2, halvings: 4 });
    expect(large.warnings.join("\n")).toMatch(/no (?:order|prediction) of/);
    // Orders of 1 settle where flows end long before η: no claim of 2 is made of them.
    const steep = await run({ replicas: 2, scale: 100, deviceRates: [1e-5], halvings: 4 }, 1);
    expect(
      steep.quantities.filter(({ name }) => /^(?:order of|coefficient)/.test(name)),
    ).not.toEqual([]);
    for (const { name, predicted } of steep.quantities) {
      if (/^(?:order of|coefficient)/.test(name)) expect(predicted, name).toBeNull();
    }
    const small = await run({ replicas: 2, learningRate: 1e-6 });
    const order = small.quantities.find(({ condition }) => condition.correction === "+eta/4")!;
    expect(order.predicted).toBeNull();
    expect(small.warnings.join("\n")).toMatch(/no prediction of order/);
    await expect(run({ batchSize: 2 })).rejects.toThrow(
      "batchSize: 2 does not divide the 5 samples",
    );
  });
});

describe("smallRateLimit", () => {
  test("removes two orders, and bounds what is left", () => {
    const rates = [0.2, 0.1, 0.05, 0.025];
    const limit = smallRateLimit(
      rates,
      rates.map((eta) => 3 + eta - 2 * eta ** 2),
    );
    expect(Math.abs(limit.value - 3)).toBeLessThan(1e-12);
    // Linear through 0.05 and 0.025 leaves 2 · 0.05 · 0.025.
    expect(Math.abs(limit.bound - 0.0025)).toBeLessThan(1e-12);
    const next = smallRateLimit(
      rates,
      rates.map((eta) => 3 + eta + eta ** 3),
    );
    expect(Math.abs(next.value - 3)).toBeGreaterThan(1e-4);
    expect(Math.abs(next.value - 3)).toBeLessThan(next.bound / 5);
  });
});
