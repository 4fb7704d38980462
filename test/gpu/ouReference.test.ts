/**
 * Experiment ou-reference end to end: card E1's processes, and drifts and noises nobody tuned.
 *
 * About 100 comparisons at 4 standard errors + systematic: a fresh seed would fail in 1 of 160 runs.
 * Negative controls: values 10 % off, reversed currents, continuous rates at finite dt.
 */
import { expect, test } from "vitest";
import { experiments, type Quantity } from "../../experiments/index.ts";
import { ouSettings } from "../../experiments/ouReference/settings.ts";
import { ouPlan } from "../../experiments/ouReference/theory.ts";
import { describeWithDevice } from "../gpu.ts";
import { seeded } from "../seeded.ts";

const experiment = experiments.find(({ id }) => id === "ou-reference")!;

/** |estimate − predicted| in units of what is allowed. */
const misfit = ({ estimate, systematic }: Quantity, predicted: number): number =>
  Math.abs(estimate.value - predicted) / (4 * estimate.standardError + systematic);

describeWithDevice("ou-reference", "software", (device) => {
  const run = (parameters: Record<string, unknown>, seed = 1) =>
    experiment.run(experiment.parameters.parse(parameters), {
      device: device(),
      seed,
      quick: false,
    });
  type Result = Awaited<ReturnType<typeof run>>;
  const named = ({ quantities }: Result, name: string): Quantity =>
    quantities.find((one) => one.name === name)!;
  const expectAgreement = (result: Result, least: number): void => {
    const compared = result.quantities.filter(({ predicted }) => predicted !== null);
    expect(compared.length).toBeGreaterThanOrEqual(least);
    for (const row of compared) {
      expect(misfit(row, row.predicted!), `${row.name} ${row.estimate.value}`).toBeLessThan(1);
    }
  };
  const small = { timeStep: 0.1, replicas: 3000, steps: 300, paths: 400, pathSteps: 100 };

  test.each(["iso", "aniso", "gyrator"])("card E1, %s", async (preset) => {
    const result = await run({ ...small, preset });
    expectAgreement(result, 13);
    expect(result.warnings).toEqual([]);
    for (const name of ["area", "entropyProduction", "cyclingFrequency", "currentSlope"]) {
      const row = named(result, name);
      expect(misfit(row, 1.1 * row.predicted!), `${name}, 10 % off`).toBeGreaterThan(1);
      expect(misfit(row, -row.predicted!), `${name}, reversed`).toBeGreaterThan(1);
    }
    expect(named(result, "densityError").estimate.value).toBeLessThan(0.02);
    // Rates of states 0.1 apart are not those of the process.
    const { continuous } = ouPlan(ouSettings.parse({ ...small, preset })).exact!;
    expect(misfit(named(result, "area"), continuous.areaRate[0]![1]!)).toBeGreaterThan(1);
    const pairs = named(result, "entropyProduction(pairs)");
    expect(misfit(pairs, continuous.entropyProduction)).toBeGreaterThan(1);
    expect(misfit(named(result, "currentSlope / continuous"), 1)).toBeGreaterThan(1);
    expect(named(result, "currentSignificance").estimate.value).toBe(0.001);
  });

  test.each([1, 2, 3])("a random process, %i", async (seed) => {
    const random = seeded(seed);
    // Eigenvalues in (0.3, 5) with a random basis; D with a random correlation.
    const [one, two] = [0.4 + 4.5 * random(), 0.4 + 4.5 * random()];
    const [u, v] = [2 * random() - 1, 2 * random() - 1];
    const determinant = 1 - u * v;
    const a = [
      (one - u * v * two) / determinant,
      (u * (two - one)) / determinant,
      (v * (one - two)) / determinant,
      (two - u * v * one) / determinant,
    ];
    const [d11, d22] = [0.2 + random(), 0.2 + random()];
    const d = [d11, 1.2 * (random() - 0.5) * Math.sqrt(d11 * d22), d22];
    expectAgreement(await run({ ...small, timeStep: 0.05, a, d }, seed), 13);
  });

  test("detailed balance: nothing flows, and nothing is seen to flow", async () => {
    const result = await run({ ...small, a: [2, 0.5, 1, 3], d: [0.5, 0, 1] });
    expectAgreement(result, 10);
    expect(named(result, "area").predicted).toBe(0);
    expect(named(result, "entropyProduction").predicted).toBe(0);
    expect(result.quantities.map(({ name }) => name)).not.toContain("currentSlope");
    const { estimate } = named(result, "currentStatistic");
    expect(Math.abs(estimate.value - 1)).toBeLessThan(4 * estimate.standardError);
    expect(named(result, "currentSignificance").estimate.value).toBeGreaterThan(0.05);
  });

  test("Euler's scheme has a state and rates of its own", async () => {
    const result = await run({ ...small, integrator: "euler" });
    expectAgreement(result, 11);
    expect(named(result, "entropyProduction").predicted).toBeNull();
    const exact = ouPlan(ouSettings.parse(small)).exact!.sampled;
    expect(misfit(named(result, "cov(1,1)"), exact.covariance[0]![0]!)).toBeGreaterThan(1);
    expect(result.warnings.join()).toContain("without prediction under Euler's scheme");
  });

  test("long and short time steps, few cells, few replicas", async () => {
    expectAgreement(await run({ ...small, timeStep: 2, bins: 5, reach: 1.5 }), 11);
    expectAgreement(await run({ ...small, timeStep: 1e-4, steps: 100, replicas: 500 }), 13);
    const few = await run({ ...small, replicas: 5, preset: "iso" });
    expect(few.quantities.every(({ predicted }) => predicted === null)).toBe(true);
    expect(few.warnings.join("\n")).toContain("5 groups of replicas are too few to tell");
  });

  test("no stationary state: no prediction, and why; bad input", async () => {
    const result = await run({ ...small, steps: 50, a: [1, 0, 0, -0.5] });
    expect(result.quantities.every(({ predicted }) => predicted === null)).toBe(true);
    expect(result.warnings[0]).toMatch(/no prediction: .*eigenvalue of the drift is not above 0/);
    await expect(run({ ...small, neighborLag: 100 })).rejects.toThrow("neighborLag: 100 steps in");
    const lonely = await run({ ...small, steps: 50, paths: 1 });
    expect(named(lonely, "entropyProduction(neighbors)").estimate.warnings.join()).toContain(
      "1 paths of 100 records have 0 pairs in a half",
    );
    expect(named(lonely, "entropyProduction(best current)").predicted).toBeNull();
    await expect(run({ d: [1, 2, 1] })).rejects.toThrow(
      "d: 1,2,1 is no positive definite matrix (d11 d22 must exceed d12²)",
    );
  });
});
