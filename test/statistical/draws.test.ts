/**
 * The random numbers of batch members have the moments of their laws and are independent: between
 * elements, members, steps, replicas and conditions.
 *
 * n numbers of the float64 twin (the device's are equal, `test/gpu/draws.test.ts`), fixed seed; every
 * mean is within 4 standard errors √(variance/n): about 60 comparisons, false alarm 4e-3.
 */
import { describe, expect, test } from "vitest";
import { MEANS } from "../../engine/modelDraws.ts";
import { sampleDraws } from "../../engine/sampleDraws.ts";
import { flippedNetwork } from "../drawModels.ts";

const STEPS = 4000;
const BATCH = 5;

/** Rows of all numbers of one member: flip, u, xi[0…2]. */
function rows(condition: number, replica: number): number[][] {
  const draws = sampleDraws(flippedNetwork, { seed: 11, condition, replica });
  return Array.from({ length: STEPS * BATCH }, (_, n) => {
    const { flip, u, xi } = draws(Math.floor(n / BATCH), n % BATCH);
    return [flip![0]!, u![0]!, ...xi!];
  });
}

const sample = rows(0, 0);
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** (mean of `values` − expected) in standard errors, for a known variance. */
const z = (values: readonly number[], expected: number, variance: number): number =>
  (mean(values) - expected) / Math.sqrt(variance / values.length);

/** Powers k = 1…4: expectation and variance of x^k. */
const LAWS: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  // E x² = 1, 3, 15, 105 for powers 2, 4, 6, 8.
  normal: [
    [0, 1],
    [1, 2],
    [0, 15],
    [3, 96],
  ],
  // E u^k = 1/(k+1).
  uniform: [1, 2, 3, 4].map((k) => [1 / (k + 1), 1 / (2 * k + 1) - 1 / (k + 1) ** 2] as const),
  sign: [
    [0, 1],
    [1, 0],
    [0, 1],
    [1, 0],
  ],
};
const COLUMNS = ["sign", "uniform", "normal", "normal", "normal"] as const;

describe("moments", () => {
  test.each(COLUMNS.map((law, column) => [column, law] as const))("%i %s", (column, law) => {
    LAWS[law]!.forEach(([expected, variance], power) => {
      const values = sample.map((row) => row[column]! ** (power + 1));
      if (variance === 0) expect(values.every((value) => value === expected)).toBe(true);
      else expect(Math.abs(z(values, expected, variance))).toBeLessThanOrEqual(4);
    });
    const first = LAWS[law]![0]!;
    expect(MEANS[law]).toBe(first[0]);
  });

  test("negative control: another law is seen", () => {
    const values = sample.map((row) => row[1]! ** 2);
    expect(Math.abs(z(values, 0.32, 4 / 45))).toBeGreaterThan(4);
  });
});

describe("independence", () => {
  const spread = [1, Math.sqrt(1 / 12), 1, 1, 1];
  const centered = (row: readonly number[]): number[] =>
    row.map((value, i) => (value - MEANS[COLUMNS[i]!]) / spread[i]!);
  const standard = sample.map(centered);
  /** Correlation of columns i and j of two lists of rows, in standard errors 1/√n. */
  const correlation = (a: readonly number[][], b: readonly number[][], i: number, j: number) => {
    const n = Math.min(a.length, b.length);
    const products = Array.from({ length: n }, (_, k) => a[k]![i]! * b[k]![j]!);
    return Math.abs(z(products, 0, 1));
  };

  test("of the elements of one member", () => {
    for (let i = 0; i < 5; i += 1) {
      for (let j = 0; j < i; j += 1) {
        expect(correlation(standard, standard, i, j), `${i} ${j}`).toBeLessThanOrEqual(4);
      }
    }
  });

  test.each([
    ["members", standard.slice(1)],
    ["steps", standard.slice(BATCH)],
    ["replicas", rows(0, 1).map(centered)],
    ["conditions", rows(1, 0).map(centered)],
  ])("of %s", (_, others) => {
    for (let i = 0; i < 5; i += 1) {
      expect(correlation(standard, others, i, i), `${i}`).toBeLessThanOrEqual(4);
    }
  });

  test("negative control: the same numbers are seen", () => {
    expect(correlation(standard, standard, 2, 2)).toBeGreaterThan(4);
  });
});
