/**
 * Mean displacements of epochs: by brute force over all permutations, by hand, and as power series; the
 * effective loss without a term must be seen to be wrong.
 */
import { describe, expect, test } from "vitest";
import {
  cubicSamples,
  type EpochProblem,
  effectiveDrift,
  epochSeries,
  meanEpochDisplacement,
} from "../../models/index.ts";

const problem = (samples: number, batchSize: number, seed = 1): EpochProblem => ({
  samples: cubicSamples({ samples, tilt: 0.3, seed }),
  batchSize,
  w: 0.5,
});

/** Mean over all N! permutations, each cut into batches. */
function byPermutations({ samples, batchSize, w }: EpochProblem, eta: number): number {
  const { curvatures: a, centers: c, tilts: t } = samples;
  let sum = 0;
  let count = 0;
  const permute = (done: number[], rest: number[]): void => {
    if (rest.length > 0) {
      for (const next of rest)
        permute(
          [...done, next],
          rest.filter((i) => i !== next),
        );
      return;
    }
    let x = w;
    for (let k = 0; k < done.length; k += batchSize) {
      const batch = done.slice(k, k + batchSize);
      x -= batch.reduce((g, i) => g + a[i]! * (x - c[i]!) + t[i]! * x * x, 0) * (eta / batchSize);
    }
    sum += x - w;
    count += 1;
  };
  permute(
    [],
    a.map((_, i) => i),
  );
  return sum / count;
}

/** Mean over all sequences of M independent batches, each one of the distinct sets of m. */
function bySequences({ samples, batchSize: m, w }: EpochProblem, eta: number): number {
  const { curvatures: a, centers: c, tilts: t } = samples;
  const sets: number[][] = [];
  for (let bits = 0; bits < 2 ** a.length; bits += 1) {
    const members = a.map((_, i) => i).filter((i) => (bits >> i) % 2 === 1);
    if (members.length === m) sets.push(members);
  }
  const mean = (x: number, steps: number): number =>
    steps === 0
      ? x
      : sets.reduce((sum, set) => {
          const g = set.reduce((part, i) => part + a[i]! * (x - c[i]!) + t[i]! * x * x, 0);
          return sum + mean(x - (eta / m) * g, steps - 1) / sets.length;
        }, 0);
  return mean(w, a.length / m) - w;
}

describe("meanEpochDisplacement", () => {
  test.each([
    [6, 2, 0.1],
    [5, 1, 0.3],
    [8, 4, 1],
  ])("is the mean over all sequences of distinct batches, %i samples by %i", (N, m, eta) => {
    const exact = meanEpochDisplacement(problem(N, m), eta, "distinct");
    const sum = bySequences(problem(N, m), eta);
    expect(Math.abs(exact / sum - 1)).toBeLessThan(1e-12);
    expect(meanEpochDisplacement(problem(N, m), eta, "reshuffled")).not.toBeCloseTo(sum, 6);
  });

  test("of batches that have more sequences than can be listed: 8 samples by 1 and by 2", () => {
    for (const m of [1, 2]) {
      const far = meanEpochDisplacement(problem(8, m), 1e-3, "distinct");
      const { loss, gradient } = effectiveDrift(problem(8, m), "distinct");
      expect(Math.abs(far - 1e-3 * loss - 1e-6 * gradient)).toBeLessThan(1e-7);
      expect(Math.abs(far - 1e-3 * loss)).toBeGreaterThan(1e-6);
    }
  });

  test.each([
    [6, 2],
    [5, 1],
    [6, 3],
  ])("is the mean over all permutations of %i samples in batches of %i", (N, m) => {
    const exact = meanEpochDisplacement(problem(N, m), 0.1, "reshuffled");
    expect(Math.abs(exact - byPermutations(problem(N, m), 0.1))).toBeLessThan(1e-14);
  });

  test("is the sum of the power series", () => {
    for (const law of ["reshuffled", "distinct"] as const) {
      const series = epochSeries(problem(6, 2), 8, law);
      const eta = 0.01;
      const sum = series.reduce((total, coefficient, k) => total + coefficient * eta ** k, 0);
      // What is left is of order η⁹.
      expect(Math.abs(sum - meanEpochDisplacement(problem(6, 2), eta, law))).toBeLessThan(1e-15);
      expect(series[0]).toBe(0);
      expect(Math.abs(series[1]! - effectiveDrift(problem(6, 2), law).loss)).toBeLessThan(1e-13);
    }
  });

  test("refuses too many orders, and batches that are no partition", () => {
    expect(() => meanEpochDisplacement(problem(12, 1), 0.1, "reshuffled")).toThrow(
      /479001600 sequences of 12 reshuffled batches/,
    );
    expect(() => meanEpochDisplacement(problem(12, 1), 0.1, "distinct")).toThrow(
      /12 independent batches of 1 from 12 samples, more than 9/,
    );
    expect(() => meanEpochDisplacement(problem(6, 4), 0.1, "reshuffled")).toThrow(/batches of 4/);
    expect(() => effectiveDrift(problem(6, 6), "distinct")).toThrow(/two batches at least/);
  });
});

describe("effectiveDrift", () => {
  test.each([
    [6, 2, 1],
    [8, 4, 2],
    [5, 1, 3],
  ])(
    "is the second order of %i samples in batches of %i, seed %i, with all terms",
    (N, m, seed) => {
      for (const law of ["reshuffled", "distinct"] as const) {
        const second = epochSeries(problem(N, m, seed), 2, law)[2]!;
        const { covariance, gradient } = effectiveDrift(problem(N, m, seed), law);
        const error = (value: number): number => Math.abs(second - value);
        expect(error(covariance + gradient), law).toBeLessThan(1e-12);
        expect(error(covariance), law).toBeGreaterThan(1e-3);
        if (law === "reshuffled") expect(error(gradient), law).toBeGreaterThan(1e-3);
      }
    },
  );
});
