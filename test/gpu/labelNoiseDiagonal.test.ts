/**
 * Experiment label-noise-diagonal (card 3A) run small: every prediction within 4 standard errors and its
 * systematic bound, for one to four factors, both noises and both starts; collapse above T_c.
 *
 * Fixed seeds; about 70 comparisons: false alarm 5e-3 for fresh ones.
 */
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import type { ExperimentResult, Quantity } from "../../experiments/experiment.ts";
import { labelNoiseDiagonal } from "../../experiments/labelNoiseDiagonal.ts";
import { describeWithDevice } from "../gpu.ts";

type Parameters = z.input<typeof labelNoiseDiagonal.parameters>;

/** |estimate − value| over what is allowed. */
const misfit = ({ estimate, systematic }: Quantity, value: number): number =>
  Math.abs(estimate.value - value) / (4 * estimate.standardError + systematic);

describeWithDevice("label-noise-diagonal", "software", (device) => {
  const run = (given: Parameters, seed = 3): Promise<ExperimentResult> =>
    labelNoiseDiagonal.run(labelNoiseDiagonal.parameters.parse(given), {
      device: device(),
      seed,
      quick: false,
    });

  function agrees({ quantities }: ExperimentResult): Quantity[] {
    const predicted = quantities.filter((q) => q.predicted !== null);
    for (const quantity of predicted) {
      const label = `${quantity.name} ${JSON.stringify(quantity.condition)}`;
      if (quantity.predicted === 0) expect(quantity.estimate.value, label).toBe(0);
      else expect(misfit(quantity, quantity.predicted!), label).toBeLessThanOrEqual(1);
    }
    return predicted;
  }

  test.each<Parameters>([
    { learningRates: [0.01, 0.02, 0.04, 0.055], replicas: 400, steps: 4000, burnIn: 2000 },
    { depth: 1, learningRates: [0.015], start: "point", replicas: 400, steps: 4000 },
    { depth: 2, learningRates: [0.02, 0.08], replicas: 400, steps: 4000 },
    { depth: 3, learningRates: [0.03], noiseLaw: "normal", replicas: 400, steps: 4000 },
    { depth: 0, learningRates: [0.05, 0.7], noiseLaw: "normal", replicas: 400, steps: 1000 },
    { depth: 1, slope: 1.3, labelNoise: 0.4, learningRates: [0.002, 0.03], replicas: 400 },
  ])("agrees with the laws: %o", async (given) => {
    const result = await run(given);
    const predicted = agrees(result);
    expect(predicted.length).toBeGreaterThanOrEqual(3);
    const variances = predicted.filter((q) => q.name === "var(v)");
    for (const q of variances) {
      expect(misfit(q, 1.5 * q.predicted!), "negative control: half more is seen").toBeGreaterThan(
        1,
      );
    }
    expect(result.figures.map(({ id }) => id).slice(0, 2)).toEqual(["mean", "variance"]);
  });

  test("two factors collapse above T_c, three do not", async () => {
    const learningRates = [0.4];
    const two = await run({ learningRates, replicas: 200, steps: 3000, burnIn: 3000 });
    const three = await run({ depth: 2, learningRates, replicas: 200, steps: 3000, burnIn: 3000 });
    const mean = ({ quantities }: ExperimentResult): Quantity =>
      quantities.find(({ name }) => name === "mean(v)")!;
    expect(mean(two).predicted).toBeNull();
    expect(mean(two).estimate.value).toBeLessThan(1e-6);
    expect(two.warnings.join()).toMatch(/above the critical temperature k\/s² = 0\.05000/);
    expect(mean(three).estimate.value).toBeGreaterThan(3e-4);
    const rate = two.quantities.find(({ name }) => name === "d ln v/dt at v = 0")!;
    expect(misfit(rate, rate.predicted!)).toBeLessThanOrEqual(1);
    expect(rate.estimate.value).toBeLessThan(-1.5);
    // The continuous rate 4(k − Ts²) = −1.4 misses what 2 E ln|1 + 2η(k + sξ)| has beyond it.
    expect(misfit(rate, -1.4)).toBeGreaterThan(1);
  });

  test("no law is claimed where steps are too large", async () => {
    const { quantities, warnings } = await run({
      learningRates: [3],
      slope: 0.2,
      labelNoise: 0.1,
      replicas: 50,
      steps: 200,
      burnIn: 200,
    });
    expect(quantities.find(({ name }) => name === "var(v)")!.predicted).toBeNull();
    expect(warnings.join()).toMatch(/beyond the first correction may exceed/);
  });

  test("bad input", async () => {
    await expect(run({ learningRates: [0.1, 0.1] })).rejects.toThrow("0.1 stands there twice");
    await expect(run({ steps: 0 })).rejects.toThrow("steps: 0 observe nothing");
  });
});

describe("parameters", () => {
  test.each<[unknown, string]>([
    [{ depth: -1 }, "depth"],
    [{ learningRates: [] }, "learningRates"],
    [{ slope: 0 }, "slope"],
    [{ labelNoise: 0 }, "labelNoise"],
    [{ noiseLaw: "cauchy" }, "noiseLaw"],
    [{ replicas: 1 }, "replicas"],
  ])("%o is refused", (given, name) => {
    const { error } = labelNoiseDiagonal.parameters.safeParse(given);
    expect(error?.issues[0]?.path[0]).toBe(name);
  });
});
