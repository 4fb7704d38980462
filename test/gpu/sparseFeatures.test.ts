/**
 * Experiment sparse-features (card 4A) run small: the identity of each step, the fall of nnz and L1 with the
 * learning rate, survivors, what is claimed where; and violations, which must be seen.
 */
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import type { SeriesRecord } from "../../engine/record.ts";
import type { ExperimentResult, Quantity } from "../../experiments/experiment.ts";
import { cardPrediction, cardRow } from "../../experiments/sparseFeatures/card.ts";
import { deviceLedger } from "../../experiments/sparseFeatures/identity.ts";
import type { RateMeasures } from "../../experiments/sparseFeatures/measures.ts";
import { differenceQuantities } from "../../experiments/sparseFeatures/quantities.ts";
import { lengthsOf } from "../../experiments/sparseFeatures/settings.ts";
import { sparseFeatures } from "../../experiments/sparseFeatures.ts";
import { describeWithDevice } from "../gpu.ts";

type Parameters = z.input<typeof sparseFeatures.parameters>;

const parsed = (given: Parameters) => sparseFeatures.parameters.parse(given);

describeWithDevice("sparse-features", "software", (device) => {
  const run = (given: Parameters, seed = 3): Promise<ExperimentResult> =>
    sparseFeatures.run(parsed(given), { device: device(), seed, quick: false });

  const at = ({ quantities }: ExperimentResult, name: string, rate: number): Quantity =>
    quantities.find(
      (one) =>
        one.name === name && one.condition.learningRate === rate && one.condition.method === "SGD",
    )!;

  test("nnz and L1 fall with the rate; each step shrinks the imbalance by its factor", async () => {
    const learningRates = [0.05, 0.5];
    const result = await run({
      learningRates,
      samples: 10,
      inputs: 16,
      teachers: 2,
      dataSeeds: 30,
      steps: 5000,
      identitySteps: 100,
    });
    const [small, large] = learningRates.map((rate) => at(result, "nnz", rate).estimate);
    const error = Math.hypot(small!.standardError, large!.standardError);
    expect(small!.value - large!.value).toBeGreaterThan(4 * error);
    for (const name of ["nnz", "L1 norm"]) {
      const claim = result.quantities.find(
        (one) => one.name === `pairs of rates over which ${name} rises`,
      )!;
      expect(claim.predicted).toBe(0);
      expect(claim.estimate.value).toBe(0);
    }
    expect(at(result, "nnz", 0.5).predicted, "not the card's steps").toBeNull();
    const identities = result.quantities.filter(({ name }) => name.startsWith("|I'"));
    expect(identities).toHaveLength(2);
    for (const { estimate, systematic } of identities) {
      expect(estimate.value).toBeLessThanOrEqual(systematic);
      expect(estimate.value, "something is rounded").toBeGreaterThan(systematic / 1000);
    }
    const steps = result.records.identity!.steps as SeriesRecord;
    const wrong = learningRates.map((rate) => 1.1 * rate);
    expect(deviceLedger(steps, wrong).worst, "10 % are seen").toBeGreaterThan(1e-4);
    expect(result.figures.map(({ id }) => id)).toEqual(["nonzero", "l1", "magnitudes", "loss"]);
  });

  test("rates that diverge are counted, and the rest is called survivors", async () => {
    const result = await run({ learningRates: [0.1, 3], dataSeeds: 3, steps: 400 });
    expect(at(result, "diverged share", 3).estimate.value).toBe(1);
    expect(at(result, "diverged share", 0.1).estimate.value).toBe(0);
    expect(result.warnings.join()).toMatch(/of 3 data sets diverged: 3 at 3; .* survivors/);
    expect(result.warnings.join()).toMatch(/no claim that nnz and the L1 norm fall/);
  });

  test("bad input", async () => {
    await expect(run({ teachers: 31 })).rejects.toThrow("teachers: 31 of 30 inputs");
    await expect(run({ v: 0.1 })).rejects.toThrow("v: 0.1 is not below u = 0.1");
  });
});

describe("claims", () => {
  /** 40 data sets whose nnz is `mean` ± 1, fitted. */
  const rateOf = (rate: number, mean: number): RateMeasures => {
    const values = Float64Array.from({ length: 40 }, (_, s) => mean + (s % 2 === 0 ? 1 : -1));
    const sparsity = {
      nonzero: values.map((value, s) => value + 0.2 * Math.sin(s * rate * 100)),
      l1: values,
      testLoss: values,
      imbalance: values,
      diverged: new Float64Array(40),
    };
    const losses = [new Float64Array(40).fill(1), new Float64Array(40).fill(1e-6)];
    return { rate, sparsity, losses, magnitudes: values };
  };
  const rises = (rates: readonly RateMeasures[]): Quantity =>
    differenceQuantities(parsed({}), rates).quantities.find(({ name }) =>
      name.endsWith("nnz rises"),
    )!;

  test("a rise of nnz contradicts the claim, a fall or a tie does not", () => {
    expect(rises([rateOf(0.1, 25), rateOf(0.2, 20), rateOf(0.3, 12)]).estimate.value).toBe(0);
    const rising = rises([rateOf(0.1, 25), rateOf(0.3, 22), rateOf(0.2, 20)]);
    expect(rising.estimate.value).toBe(1);
    expect(rising.predicted).toBe(0);
  });

  test("the card's numbers are held against its own settings only, with its own error", () => {
    const card = parsed({});
    expect(cardRow(card, 0.3, false)!.nonzero).toBe(19.8);
    expect(cardRow(card, 0.25, false)).toBeNull();
    expect(cardRow(parsed({ inputs: 31 }), 0.3, false)).toBeNull();
    expect(cardRow(parsed({ dataSeeds: 7 }), 0.03, true)!.l1).toBe(1.632);
    const estimate = { value: 27, standardError: 0.2, n: 100, method: "", warnings: [] };
    const { predicted, systematic } = cardPrediction(
      cardRow(card, 0.03, false),
      "nonzero",
      estimate,
    );
    expect(predicted).toBe(26.6);
    // Two samples of one size: 4 √2 errors in all.
    expect(systematic).toBeCloseTo(4 * (Math.SQRT2 - 1) * 0.2 + 0.05, 12);
    expect(cardPrediction(cardRow(card, 0.03, false), "testLoss", estimate).predicted).toBeNull();
  });

  test("lengths are whole multiples of the interval between records", () => {
    expect(lengthsOf(parsed({}))).toEqual({ every: 2000, decay: 20_000, total: 40_000 });
    expect(lengthsOf(parsed({ steps: 20 }))).toEqual({ every: 1, decay: 10, total: 20 });
    const { every, decay, total } = lengthsOf(parsed({ steps: 999, decayAt: 0.999 }));
    expect((total % every) + (decay % every)).toBe(0);
    expect(decay).toBeLessThan(total);
  });
});
