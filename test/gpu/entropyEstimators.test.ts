/**
 * Experiment entropy-estimators end to end, at settings that nobody tuned.
 *
 * About 60 comparisons at 4 standard errors + systematic: a fresh seed would fail in 1 of 250 runs.
 * Negative controls: expectations that are off must fail the same assertion.
 */
import { expect, test } from "vitest";
import type { RunContext } from "../../experiments/experiment.ts";
import { experiments, type Quantity } from "../../experiments/index.ts";
import { describeWithDevice } from "../gpu.ts";

const experiment = experiments.find(({ id }) => id === "entropy-estimators")!;

/** |estimate − predicted| in units of what is allowed. */
const misfit = ({ estimate, systematic }: Quantity, predicted: number): number =>
  Math.abs(estimate.value - predicted) / (4 * estimate.standardError + systematic);

const SMALL = {
  dimensions: [],
  sizes: [],
  covarianceDimensions: [],
  covarianceSizes: [],
  learningRates: [],
  lawSize: 100,
  histogramSize: 500,
  histogramBins: 10,
};

describeWithDevice("entropy-estimators", "software", (device) => {
  const run = (parameters: Record<string, unknown>, seed = 1, context: Partial<RunContext> = {}) =>
    experiment.run(experiment.parameters.parse({ ...SMALL, ...parameters }), {
      device: device(),
      seed,
      quick: false,
      ...context,
    });
  const compared = ({ quantities }: { quantities: readonly Quantity[] }) =>
    quantities.filter(({ predicted }) => predicted !== null);

  test("bias of neighbors and log-determinants is the expected one", async () => {
    const result = await run({
      dimensions: [1, 8],
      sizes: [300],
      conditionNumber: 50,
      covarianceDimensions: [2, 8],
      covarianceSizes: [6, 30],
      covarianceRepeats: 120,
    });
    const rows = compared(result);
    // Two with one that is extrapolated, two log-determinants, five laws, the histogram.
    expect(rows).toHaveLength(2 + 1 + 2 + 5 + 1);
    for (const row of rows) {
      expect(misfit(row, row.predicted!), `${row.name} ${row.estimate.value}`).toBeLessThan(1);
    }
    // No bias at all is refuted for log-determinants; a neighbor more or less, 1/3, for the others.
    const named = (name: string) => rows.filter((row) => row.name === name);
    for (const row of named("bias (log det)")) expect(misfit(row, 0)).toBeGreaterThan(1);
    for (const row of [...named("bias (nearest neighbor)"), ...named("bias (law)")]) {
      expect(misfit(row, row.predicted! - 1 / 3)).toBeGreaterThan(1);
    }
    const said = result.warnings.join("\n");
    expect(said).toMatch(/300 samples in 8 dimensions .* at most 5 dimensions/);
    expect(said).toMatch(/30 independent samples in 8 dimensions, need 40/);
    const shrunk = result.quantities.filter(({ name }) => name === "bias (shrunk)");
    expect(shrunk.map(({ condition }) => condition.dimension)).toEqual([2, 8]);
    // Of a covariance far from a sphere: above the entropy, and nothing is predicted.
    expect(shrunk[1]!.estimate.value).toBeGreaterThan(4 * shrunk[1]!.estimate.standardError);
    expect(shrunk.map(({ predicted }) => predicted)).toEqual([null, null]);
  });

  test("paths are no replicas: the excess of float64 runs, dS/d ln eta of each", async () => {
    const chain = { iterates: 150, graphNeighbors: 8, dimension: 3, curvature: 2, noise: 0.1 };
    const result = await run({ ...chain, learningRates: [0.9, 0.01, 1.5, 0.05] });
    const rows = compared(result).filter(({ name }) => !name.startsWith("bias"));
    expect(rows).toHaveLength(3 * 4 + 2 * 4);
    for (const row of rows) {
      expect(misfit(row, row.predicted!), `${row.name} ${row.estimate.value}`).toBeLessThan(1);
      if (row.name.startsWith("S ")) expect(misfit(row, row.predicted! + 0.4)).toBeGreaterThan(1);
    }
    const excess = rows.filter(({ name }) => name.startsWith("S (graph, path) -"));
    expect(excess.map(({ condition }) => condition.learningRate)).toEqual([0.01, 0.05, 0.9]);
    // The slow run sees little of its state, the fast one (1 − ηh = −0.8) nearly all.
    expect(misfit(excess[0]!, 0)).toBeGreaterThan(3);
    expect(excess[0]!.estimate.value).toBeLessThan(-1);
    const slopes = rows.filter(({ name }) => name === "dS/dln eta (graph, path)");
    // Taken for the stationary entropy it has the wrong temperature, and a warning says so.
    const stationary = rows.find(({ name }) => name === "dS/dln eta (graph, replicas)")!;
    expect(misfit(slopes[0]!, stationary.predicted!)).toBeGreaterThan(1);
    expect(result.warnings.join("\n")).toMatch(
      /0\.01 to 0\.05: entropies of paths of 150 iterates/,
    );
    expect(result.warnings.join("\n")).toMatch(/rate 1\.5 left out: .* eta h = 3/);
  });

  test("another seed draws other samples, the same seed the same", async () => {
    const values = async (seed: number) =>
      (await run({ learningRates: [0.3], iterates: 40, graphNeighbors: 3 }, seed)).quantities.map(
        ({ estimate }) => estimate.value,
      );
    const [one, again, other] = [await values(1), await values(1), await values(2)];
    expect(again).toEqual(one);
    for (const [i, value] of other.entries()) expect(value).not.toBe(one[i]);
  });

  test("a run cut short goes on to the same result; its file holds no clouds but the first", async () => {
    const settings = { dimensions: [9], sizes: [60, 400], repeats: 24 };
    const whole = await run(settings);
    const [few] = whole.quantities;
    expect([few!.condition.samples, few!.predicted, few!.systematic]).toEqual([60, null, 0]);
    expect(whole.warnings.join("\n")).toMatch(
      /60 samples in 9 dimensions: no prediction, as whitening/,
    );
    const controller = new AbortController();
    let saved: Uint8Array = new Uint8Array(0);
    const cut = run(settings, 1, {
      signal: controller.signal,
      onProgress: ({ phase }) => {
        if (phase.startsWith("law exponential")) controller.abort(new Error("enough"));
      },
      onCheckpoint: (bytes) => {
        saved = bytes;
      },
    });
    await expect(cut).rejects.toThrow("enough");
    // Draws of the neighbors' task alone: 24 clouds of 400 points in 9 dimensions, 4 bytes each.
    expect(saved.length).toBeLessThan((24 * 400 * 9 * 4) / 4);
    const seen = new Set<string>();
    const resumed = await run(settings, 1, {
      resume: saved,
      onProgress: ({ phase }) => seen.add(phase),
    });
    expect(resumed.quantities).toEqual(whole.quantities);
    expect(resumed.warnings).toEqual(whole.warnings);
    expect([...seen].filter((phase) => /^neighbors|^law uniform/.test(phase))).toEqual([]);
  });

  test("few repetitions: no predictions; bad input", async () => {
    const few = await run({ repeats: 5, learningRates: [1e-5], curvature: 1e-30 });
    expect(few.warnings.join("\n")).toMatch(/0\.00001 left out: steps are .* float32 rounds away/);
    expect(compared(few)).toEqual([]);
    expect(few.warnings.join("\n")).toContain("no predictions: 5 replicas say");
    await expect(run({ covarianceDimensions: [3] })).rejects.toThrow(
      "covarianceSizes: 0 sizes for 1 covarianceDimensions",
    );
    await expect(run({ neighbors: 20 })).rejects.toThrow("100 samples are too few for neighbor 20");
    await expect(run({ iterates: 40 })).rejects.toThrow("50 neighbors among 40 iterates");
    await expect(run({ dimensions: [2, 2] })).rejects.toThrow("2 stands there twice");
  });
});
