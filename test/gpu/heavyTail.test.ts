/**
 * Experiment heavy-tail (card 3C) run small: mean, quantiles and Hill exponents within 4 standard errors and
 * their systematic bounds; another temperature, the limit of the exponent and escapes must be seen.
 *
 * Fixed seeds; about 50 comparisons: false alarm 3e-3 for fresh ones.
 */
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { each } from "../../engine/initial.ts";
import { series } from "../../engine/observe/series.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { onlineData } from "../../engine/wgsl/row.ts";
import type { ExperimentResult, Quantity } from "../../experiments/experiment.ts";
import { heavyTail } from "../../experiments/heavyTail.ts";
import { balancedPair } from "../../models/balancedPair.ts";
import { balanceLaw, gaussianDataMoments } from "../../models/theory/index.ts";
import { describeWithDevice } from "../gpu.ts";
import { twins } from "../twins.ts";

type Parameters = z.input<typeof heavyTail.parameters>;

const misfit = ({ estimate, systematic }: Quantity, value: number): number =>
  Math.abs(estimate.value - value) / (4 * estimate.standardError + systematic);

describeWithDevice("heavy-tail", "software", (device) => {
  const run = (given: Parameters, seed = 3): Promise<ExperimentResult> =>
    heavyTail.run(heavyTail.parameters.parse(given), { device: device(), seed, quick: false });

  const named = ({ quantities }: ExperimentResult, name: string): Quantity =>
    quantities.find((quantity) => quantity.name === name)!;

  test("every step is the model's, on the device as in float64", async () => {
    const theta = Float64Array.of(1, 1, 0.3, 0.3, 4, 4, 1.1, 0.7);
    const options = {
      model: balancedPair(),
      data: onlineData,
      update: sgd({ learningRate: 1e-3, batchSize: 1 }),
      sweep: { temperature: [0.1, 0.3], timeStep: [1e-3], slope: [1.5], adapted: [0, 1] },
      replicas: 4,
      seed: 11,
      initial: each(theta),
      observables: { factors: series({ of: ["u", "w"] }) },
    };
    await using ensemble = await createEnsemble(device(), options);
    await ensemble.advance({ steps: 50 });
    const { theta: states } = await ensemble.state();
    twins(options, { steps: 50 }).forEach(({ theta: twin }, lane) => {
      for (const k of [0, 1]) {
        const difference = states.data[2 * lane + k]! / twin[k]! - 1;
        expect(Math.abs(difference), `lane ${lane}`).toBeLessThan(1e-4);
      }
    });
  });

  test.each<Parameters>([
    { temperatures: [0.1, 0.2], replicas: 200, burnIn: 2000, steps: 20_000, timeStep: 2e-3 },
    { temperatures: [0.08], replicas: 200, slope: 2, labelNoise: 0.5, steps: 10_000, burnIn: 0 },
  ])("agrees: %o", async (given) => {
    const result = await run(given);
    const predicted = result.quantities.filter((one) => one.predicted !== null);
    expect(predicted.length).toBeGreaterThanOrEqual(9);
    for (const quantity of predicted) {
      const label = `${quantity.name} ${JSON.stringify(quantity.condition)}`;
      if (quantity.predicted === 0) expect(quantity.estimate.value, label).toBe(0);
      else expect(misfit(quantity, quantity.predicted!), label).toBeLessThanOrEqual(1);
    }
    // Negative controls: the law at a temperature half as large again, the exponent of the limit.
    const temperature = given.temperatures![0]!;
    const { slope = 1, labelNoise = 1 } = given;
    const hotter = balanceLaw({
      depth: 1,
      temperature: 1.5 * temperature,
      data: gaussianDataMoments(slope, labelNoise),
    });
    expect(misfit(named(result, "mean(v)"), hotter.mean)).toBeGreaterThan(1);
    expect(misfit(named(result, "Hill exponent, top 1 %"), 2.5)).toBeGreaterThan(1);
    expect(result.figures.map(({ id }) => id)).toEqual(["density", "quantiles", "hill"]);
  });

  test("steps of one length lose replicas to large v: counted, and nothing is claimed", async () => {
    const result = await run({
      clock: "uniform",
      replicas: 200,
      temperatures: [0.2],
      timeStep: 4e-3,
      steps: 20_000,
      burnIn: 1000,
    });
    expect(named(result, "escaped share").estimate.value).toBeGreaterThan(0.05);
    expect(result.quantities.every(({ predicted }) => predicted === null)).toBe(true);
    expect(result.warnings.join()).toMatch(/\d+ of 200 replicas escaped beyond \|v\| = 1000/);
  });

  test("above the critical temperature v collapses, and nothing is claimed", async () => {
    const result = await run({
      temperatures: [0.6],
      timeStep: 2e-3,
      steps: 40_000,
      burnIn: 5000,
      replicas: 50,
    });
    expect(named(result, "q50(v)").estimate.value).toBeLessThan(1e-3);
    expect(named(result, "q50(v)").predicted).toBeNull();
    expect(result.warnings.join()).toMatch(/below the critical b2\/a3 = 0\.333/);
  });

  test("next below the critical temperature v leaves all numbers, and nothing is claimed", async () => {
    const { quantities, warnings } = await run({
      temperatures: [0.33],
      replicas: 30,
      steps: 1000,
      burnIn: 0,
    });
    expect(quantities.every(({ predicted }) => predicted === null)).toBe(true);
    expect(warnings.join()).toMatch(/temperature 0\.33 is so near to the critical/);
  });

  test("a start at one point, runs too short, steps too long", async () => {
    const small = { temperatures: [0.1], replicas: 30, fractions: [] };
    const point = await run({ ...small, start: "point", burnIn: 1000, steps: 20_000 });
    expect(point.warnings.join()).toMatch(/66 % of the start at v = k are left; raise burnIn/);
    const short = await run({ ...small, burnIn: 0, steps: 500 });
    expect(short.warnings.join()).toMatch(/less than 3 relaxation times of 2\.4e\+3 steps/);
    const coarse = await run({ ...small, timeStep: 0.05, burnIn: 0, steps: 500 });
    expect(coarse.warnings.join()).toMatch(/steps of timeStep 0\.05 may shift q05\(v\) by/);
    expect(named(coarse, "q50(v)").predicted).toBeNull();
    const hopeless = await run({ ...small, slope: 1000, burnIn: 0, steps: 500 });
    expect(named(hopeless, "escaped share").predicted).toBeNull();
    await expect(run({ temperatures: [0.1, 0.1] })).rejects.toThrow("0.1 stands there twice");
    await expect(run({ every: 1 })).rejects.toThrow("raise every");
  });
});

describe("parameters", () => {
  test.each<[unknown, string]>([
    [{ temperatures: [0] }, "temperatures"],
    [{ slope: -1 }, "slope"],
    [{ labelNoise: 0 }, "labelNoise"],
    [{ quantiles: [1] }, "quantiles"],
    [{ fractions: [0] }, "fractions"],
    [{ clock: "wall" }, "clock"],
  ])("%o is refused", (given, name) => {
    const { error } = heavyTail.parameters.safeParse(given);
    expect(error?.issues[0]?.path[0]).toBe(name);
  });
});
