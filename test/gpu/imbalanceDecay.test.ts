/**
 * Experiment imbalance-decay (card 3B) run small: the identity of every step, the rate at each learning
 * rate within 4 standard errors, its limit; and wrong identities, which must be seen.
 */
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import type { SeriesRecord } from "../../engine/record.ts";
import type { ExperimentResult, Quantity } from "../../experiments/experiment.ts";
import { deviceViolation } from "../../experiments/imbalanceDecay/identity.ts";
import { imbalanceDecay } from "../../experiments/imbalanceDecay.ts";
import { describeWithDevice } from "../gpu.ts";

type Parameters = z.input<typeof imbalanceDecay.parameters>;

const misfit = ({ estimate, systematic }: Quantity, value: number): number =>
  Math.abs(estimate.value - value) / (4 * estimate.standardError + systematic);

describeWithDevice("imbalance-decay", "software", (device) => {
  const run = (given: Parameters, seed = 5): Promise<ExperimentResult> =>
    imbalanceDecay.run(imbalanceDecay.parameters.parse(given), {
      device: device(),
      seed,
      quick: false,
    });

  test.each<Parameters>([
    { replicas: 1500 },
    { learningRates: [0.003], slope: 2, u: 0.8, labelNoise: 1.5, replicas: 1000 },
    { learningRates: [0.01, 0.02], slope: 0.3, u: 1, labelNoise: 0.1, replicas: 1000, time: 8 },
  ])("agrees: %o", async (given) => {
    const { quantities, warnings, figures, records } = await run(given);
    expect(warnings).toEqual([]);
    const rates = given.learningRates?.length ?? 3;
    expect(quantities).toHaveLength(3 + 2 * rates + (rates > 1 ? 1 : 0));
    for (const quantity of quantities) {
      const label = `${quantity.name} ${JSON.stringify(quantity.condition)}`;
      expect(quantity.predicted, label).not.toBeNull();
      expect(misfit(quantity, quantity.predicted!), label).toBeLessThanOrEqual(1);
    }
    for (const quantity of quantities.filter(({ name }) => name === "d ln|I|/step")) {
      expect(misfit(quantity, 1.1 * quantity.predicted!), "10 % are seen").toBeGreaterThan(1);
    }
    // The identity with a learning rate that is 10 % off is seen as well.
    const steps = records.identity!.steps as SeriesRecord;
    const largest = Math.max(...(given.learningRates ?? [0.01]));
    expect(deviceViolation(steps, largest).worst).toBeLessThan(5e-7);
    expect(deviceViolation(steps, 1.1 * largest).worst).toBeGreaterThan(1e-5);
    expect(figures.map(({ id }) => id)).toEqual(["decay-rate", "imbalance"]);
  });

  test("no claim beyond the expansion, and bad input", async () => {
    const { quantities, warnings } = await run({ learningRates: [0.1], replicas: 100 });
    expect(warnings.join()).toMatch(/no prediction: imbalanceDecay: learningRate 0\.1 times/);
    const rate = quantities.find(({ name }) => name === "d ln|I|/step")!;
    expect(rate.predicted).toBeNull();
    await expect(run({ u: 1 })).rejects.toThrow("u: 1 and 1 are balanced to 0.001");
    await expect(run({ learningRates: [0.1, 0.1] })).rejects.toThrow("0.1 stands there twice");
  });
});

describe("parameters", () => {
  test.each<[unknown, string]>([
    [{ learningRates: [-1] }, "learningRates"],
    [{ labelNoise: 0 }, "labelNoise"],
    [{ time: 1 }, "time"],
    [{ identitySteps: 0 }, "identitySteps"],
  ])("%o is refused", (given, name) => {
    const { error } = imbalanceDecay.parameters.safeParse(given);
    expect(error?.issues[0]?.path[0]).toBe(name);
  });
});
