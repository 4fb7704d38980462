/**
 * Means over pairs of replicas: are their errors those of the replicas?
 *
 * Values μ + α_i + β_j + e_ij with known spreads over 300 seeds: the mean square of the errors must be
 * the variance of the means, and z have variance near 1, within 4 of their own errors. Errors from the
 * pairs alone, as if they were independent, must be seen.
 */
import { describe, expect, test } from "vitest";
import { pairStatistics } from "../../analysis/pairStatistics.ts";
import { RefusalError } from "../../engine/errors.ts";
import { generator } from "../generator.ts";

const SEEDS = 300;

interface Law {
  readonly rows: number;
  readonly columns: number;
  readonly replica: number;
  readonly pair: number;
}

function table({ rows, columns, replica, pair }: Law, seed: number, isSymmetric: boolean) {
  const { normal } = generator(seed);
  const a = Array.from({ length: rows }, () => replica * normal());
  const b = isSymmetric ? a : Array.from({ length: columns }, () => replica * normal());
  const values = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i += 1) {
    for (let j = 0; j < columns; j += 1) {
      const mirrored = isSymmetric && j < i;
      values[i * columns + j] = mirrored
        ? values[j * columns + i]!
        : 2 + a[i]! + b[j]! + pair * normal();
    }
  }
  return values;
}

/** Mean of z, its spread, and the mean of error² over the variance of the means. */
function scan(law: Law, isSymmetric: boolean, naive = false) {
  const means: number[] = [];
  const squares: number[] = [];
  const z: number[] = [];
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const values = table(law, seed, isSymmetric);
    const { value, standardError } = pairStatistics(values, law.rows, law.columns, isSymmetric);
    const scatter = values.reduce((sum, x) => sum + (x - value) ** 2, 0) / values.length;
    const error = naive ? Math.sqrt(scatter / values.length) : standardError;
    means.push(value);
    squares.push(error ** 2);
    z.push((value - 2) / error);
  }
  const average = (x: readonly number[]): number => x.reduce((sum, y) => sum + y, 0) / x.length;
  const variance = average(means.map((x) => (x - 2) ** 2));
  return {
    bias: average(z) / Math.sqrt(average(z.map((x) => x ** 2)) / SEEDS),
    spread: Math.sqrt(average(z.map((x) => x ** 2))),
    ratio: average(squares) / variance,
  };
}

const bound = 4 * Math.sqrt(2 / SEEDS);

describe.each<[string, Law, boolean]>([
  ["two nets", { rows: 20, columns: 14, replica: 1, pair: 1 }, false],
  ["two nets, pairs alone", { rows: 12, columns: 12, replica: 0, pair: 1 }, false],
  ["one net", { rows: 16, columns: 16, replica: 1, pair: 1 }, true],
])("%s", (_, law, isSymmetric) => {
  test("errors are those of the replicas", () => {
    const { bias, spread, ratio } = scan(law, isSymmetric);
    expect(Math.abs(bias)).toBeLessThan(4);
    // Clipping differences of mean squares at their least raises the error where replicas do not differ.
    expect(ratio).toBeGreaterThan(1 - bound);
    expect(ratio).toBeLessThan(law.replica > 0 ? 1 + bound : 2);
    expect(spread).toBeGreaterThan(0.7);
    expect(spread).toBeLessThan(1.4);
  });
});

test("pairs taken for independent are seen", () => {
  const { spread, ratio } = scan({ rows: 20, columns: 14, replica: 1, pair: 1 }, false, true);
  expect(ratio).toBeLessThan(1 - bound);
  expect(spread).toBeGreaterThan(1.4);
});

test("refuses fewer than 2 finite replicas a set, 4 of one", () => {
  expect(() => pairStatistics(new Float64Array(5), 1, 5, false)).toThrow(RefusalError);
  expect(() => pairStatistics(new Float64Array(9), 3, 3, true)).toThrow(RefusalError);
});
