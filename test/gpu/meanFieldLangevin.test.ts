/**
 * Experiment mean-field-langevin end to end, at settings that nobody tuned and near instability.
 *
 * About 120 comparisons at 4 standard errors + systematic: a fresh seed would fail in 1 of 100 runs.
 * Negative controls: exact values 10 % off, and the mean-field limit, must fail the same assertion.
 */
import { expect, test } from "vitest";
import { experiments, type Quantity } from "../../experiments/index.ts";
import { describeWithDevice } from "../gpu.ts";

const experiment = experiments.find(({ id }) => id === "mean-field-langevin")!;

/** |estimate − predicted| in units of what is allowed. */
const misfit = ({ estimate, systematic }: Quantity, predicted: number): number =>
  Math.abs(estimate.value - predicted) / (4 * estimate.standardError + systematic);

describeWithDevice("mean-field-langevin", "software", (device) => {
  const run = (parameters: Record<string, unknown>, more: Record<string, unknown> = {}) =>
    experiment.run(experiment.parameters.parse(parameters), {
      ...{ device: device(), seed: 1, quick: false },
      ...more,
    });
  const compared = ({ quantities }: { quantities: readonly Quantity[] }) =>
    quantities.filter(({ predicted }) => predicted !== null);
  const expectAgreement = (rows: readonly Quantity[]): void => {
    for (const row of rows) {
      const what = `${row.name} ${JSON.stringify(row.condition)} ${row.estimate.value}`;
      expect(misfit(row, row.predicted!), what).toBeLessThan(1);
    }
  };

  const SMALL = { systems: 256, particles: [2, 8], learningRates: [0.2] };

  test("the card's systems agree; 10 % off and the mean-field limit do not", async () => {
    const result = await run({ ...SMALL, precision: 0.01 });
    const rows = compared(result);
    // Two N and two s: 6 stationary numbers each, 3 at each of two steps.
    expect(rows).toHaveLength(4 * 6 + 4 * 6);
    expectAgreement(rows);
    expect(result.warnings).toEqual([]);
    for (const row of rows) {
      if (!["<x>", "Var(x)", "Var(mean)", "Var(x - mean)"].includes(row.name)) continue;
      expect(misfit(row, 1.1 * row.predicted!), row.name).toBeGreaterThan(1);
    }
    const limits = result.quantities.filter(({ name }) => name === "Var(x) over lambda/r");
    expect(limits.map(({ predicted }) => predicted)).toEqual([null, null, null, null]);
    // N = 8 without noise is 5 % off, the others more.
    for (const row of limits) expect(misfit(row, 1)).toBeGreaterThan(1);
    // The 1/N term is there: replicas that do not interact would have none.
    for (const row of rows.filter(({ name }) => name === "gap: 1/N")) {
      expect(misfit(row, 0)).toBeGreaterThan(5);
    }
  });

  test("repulsion, one particle, many particles, near instability", async () => {
    for (const change of [
      { coupling: -0.3, particles: [1, 3], learningRates: [0.3] },
      { learningRates: [0.78], particles: [65], gradientNoise: [0.5], precision: 0.05 },
      { learningRates: [3.9], coupling: -0.1, confinement: 0.51, particles: [2], target: 30 },
    ]) {
      expectAgreement(compared(await run({ systems: 200, precision: 0.02, ...change })));
    }
  });

  test("where nothing is stationary the path is compared, and a warning says so", async () => {
    const result = await run({ ...SMALL, learningRates: [0.81], particles: [4] });
    const rows = compared(result);
    expect(rows.map(({ name }) => name)).toEqual(
      rows.map(() => expect.stringContaining("from the start")),
    );
    expect(rows).toHaveLength(12);
    expectAgreement(rows);
    expect(result.warnings.join()).toMatch(/no stationary state, eta \(k \+ r\) = 2.025/);
  });

  test("too few systems are not compared, lists with repetitions refused", async () => {
    const few = await run({ systems: 8, particles: [2], learningRates: [0.2], precision: 0.05 });
    expect(compared(few)).toEqual([]);
    expect(few.warnings.join()).toMatch(/8 systems are too few/);
    await expect(run({ particles: [2, 2] })).rejects.toThrow("particles: 2 stands there twice");
  });

  test("an interrupted run resumes to the same numbers", async () => {
    const settings = { ...SMALL, particles: [2], precision: 0.02 };
    const whole = await run(settings);
    const abort = new AbortController();
    let bytes: Uint8Array | undefined;
    const cut = run(settings, {
      signal: abort.signal,
      onCheckpoint: (saved: Uint8Array) => {
        bytes = saved;
      },
      onProgress: ({ fraction }: { fraction: number }) => {
        if (fraction > 0.3) abort.abort(new Error("enough"));
      },
    });
    await expect(cut).rejects.toThrow("enough");
    const resumed = await run(settings, { resume: bytes });
    expect(resumed.quantities.map(({ estimate }) => estimate.value)).toEqual(
      whole.quantities.map(({ estimate }) => estimate.value),
    );
  });
});
