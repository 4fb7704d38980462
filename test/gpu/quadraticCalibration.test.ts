/**
 * Experiment quadratic-calibration end to end, at settings that nobody tuned and near instability.
 *
 * About 40 comparisons at 4 standard errors + systematic: a fresh seed would fail in 1 of 400 runs.
 * Negative controls: exact values 10 % off, and the continuous theory, must fail the same assertion.
 */
import { expect, test } from "vitest";
import { experiments, type Quantity } from "../../experiments/index.ts";
import { describeWithDevice } from "../gpu.ts";

const experiment = experiments.find(({ id }) => id === "quadratic-calibration")!;

/** |estimate − predicted| in units of what is allowed. */
const misfit = ({ estimate, systematic }: Quantity, predicted: number): number =>
  Math.abs(estimate.value - predicted) / (4 * estimate.standardError + systematic);

describeWithDevice("quadratic-calibration", "software", (device) => {
  const run = (parameters: Record<string, unknown>, seed = 1) =>
    experiment.run(experiment.parameters.parse(parameters), {
      device: device(),
      seed,
      quick: false,
    });
  const compared = ({ quantities }: { quantities: readonly Quantity[] }) =>
    quantities.filter(({ predicted }) => predicted !== null);

  const CARD = { learningRates: [0.08, 0.32, 0.16], replicas: 2000 };

  test("the card's modes: all quantities are exact, the continuous theory is refuted", async () => {
    const result = await run(CARD);
    const rows = compared(result);
    // 5 a rung without the ratio, T2 of one, two T1 of each of three kinds, two differences of graphs
    expect(rows).toHaveLength(3 * 4 + 1 + 6 + 2);
    for (const row of rows) {
      expect(misfit(row, row.predicted!), `${row.name} ${row.estimate.value}`).toBeLessThan(1);
    }
    const T4 = rows.filter(({ name }) => name === "T4");
    expect(T4.map(({ condition }) => condition.learningRate)).toEqual([0.08, 0.16, 0.32]);
    for (const row of T4) {
      expect(misfit(row, (row.condition.learningRate as number) / 2)).toBeGreaterThan(1);
      expect(misfit(row, 1.1 * row.predicted!)).toBeGreaterThan(1);
    }
    for (const row of rows.filter(({ name }) => name.startsWith("S "))) {
      // Half a nat: a variance 10 % off in each of four modes is 0.19, three errors and the bias 0.2.
      expect(misfit(row, row.predicted! + 0.5)).toBeGreaterThan(1);
    }
    const graphs = rows.filter(({ name }) => name === "dS (graph)");
    expect(graphs.map(({ estimate }) => estimate.n)).toEqual([20, 20]);
    for (const row of graphs) expect(misfit(row, 1.25 * row.predicted!)).toBeGreaterThan(1);
    for (const row of rows.filter(({ name }) => name === "T1" || name === "T2")) {
      expect(misfit(row, 1.1 * row.predicted!)).toBeGreaterThan(1);
    }
    expect(result.warnings.join("\n")).toMatch(/0\.32: the continuous theory .* misses T4/);
    const naive = result.quantities.filter(({ name }) => name === "T4 / (eta s^2/2)");
    expect(naive.map(({ predicted }) => predicted)).toEqual([null, null, null]);
  });

  test("near instability, one mode; rungs beyond it are left out with a warning", async () => {
    const settings = { curvatures: [3], noise: 0.1, replicas: 1000 };
    const result = await run({ ...settings, learningRates: [0.2, 0.66, 0.7, 0.4] });
    for (const row of compared(result))
      expect(misfit(row, row.predicted!), row.name).toBeLessThan(1);
    const places = result.quantities.map(({ condition }) => Object.values(condition).join());
    expect(new Set(places)).toEqual(new Set(["0.2", "0.4", "0.66", "0.2 to 0.4", "0.4 to 0.66"]));
    expect(result.warnings.join("\n")).toMatch(
      /rate 0\.7 left out: .* eta h = 2\.\d+ is not between/,
    );
  });

  test("more dimensions than neighbors can bear: no such entropy, and why", async () => {
    const curvatures = [1, 1, 1, 2, 2, 2];
    const result = await run({ curvatures, learningRates: [0.1, 0.2], replicas: 300 });
    const rows = compared(result);
    expect(rows.map(({ name }) => name)).not.toContain("S (nearest neighbor)");
    for (const row of rows) expect(misfit(row, row.predicted!), row.name).toBeLessThan(1);
    expect(result.warnings.join("\n")).toMatch(
      /300 samples in 6 dimensions .* at most 5 dimensions/,
    );
  });

  test("a burn-in by hand that leaves the start: no prediction for its rungs, and why", async () => {
    const settings = { curvatures: [1, 2], replicas: 100, burnIn: 8, steps: 20 };
    const { quantities, warnings } = await run({ ...settings, learningRates: [0.05, 0.6] });
    const claims = quantities.filter(({ predicted }) => predicted !== null);
    // 0.95^16 is left at 0.05, 0.4^16 at 0.6: only the fast rung is stationary.
    expect(new Set(claims.map(({ condition }) => condition.learningRate))).toEqual(new Set([0.6]));
    expect(warnings.join("\n")).toMatch(/rate 0\.05: no prediction: after burnIn = 8 steps 4\d %/);
  });

  test("rungs have noise of their own", async () => {
    const result = await run({ ...CARD, learningRates: [0.1, 0.100001], replicas: 500 });
    const [a, b] = result.quantities
      .filter(({ name }) => name === "U")
      .map((row) => row.estimate.value);
    // Common noise would make them equal to 10⁻⁵.
    expect(Math.abs(a! / b! - 1)).toBeGreaterThan(1e-4);
    // And their entropies are not told apart: no temperature is compared.
    const T1 = result.quantities.filter(({ name }) => name.startsWith("T1"));
    expect(T1.map(({ predicted }) => predicted)).toEqual([null, null]);
    expect(T1[0]!.estimate.warnings.join()).toMatch(/no denominator/);
  });

  test("bad input", async () => {
    await expect(run({ learningRates: [1.5] })).rejects.toThrow(
      "learningRates: none of 1.5 has a stationary state, which needs a rate below 2/h = 1",
    );
    await expect(run({ learningRates: [0.1, 0.1] })).rejects.toThrow("0.1 stands there twice");
    await expect(run({ learningRates: [1e-7] })).rejects.toThrow(/slowest relaxation takes/);
    const few = await run({ ...CARD, replicas: 5 });
    expect(compared(few)).toEqual([]);
    expect(few.warnings.join("\n")).toContain("no predictions: 5 replicas");
  });
});
