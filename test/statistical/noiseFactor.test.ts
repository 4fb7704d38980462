/**
 * Batch means have mean 0 and covariance f C, with the exact noise factor f of each law and C the
 * covariance of the single-sample gradient over the data set.
 *
 * Fixed seeds, 20 000 independent lanes. Five z-scores a law, |z| < 4 each: a fresh seed would raise
 * a false alarm in 1 of 600 runs.
 */
import { describe, expect, test } from "vitest";
import { batchIndices, noiseFactor, type SamplingLaw } from "../../engine/sampling.ts";

const lane = (replica: number) => ({ seed: 2025, condition: 0, replica });

describe("noise factor", () => {
  // Single-sample "gradients" in two components with a nonzero mean, N = 10.
  const SAMPLES = 10;
  const gradients = Array.from({ length: SAMPLES }, (_, i) => [
    Math.sin(3 * i) + 0.3 * i,
    Math.cos(5 * i) - 0.2 * i,
  ]);
  const average = (of: (i: number) => number, n = SAMPLES) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += of(i);
    return sum / n;
  };
  const mean = [0, 1].map((a) => average((i) => gradients[i]![a]!));
  const covariance = (a: number, b: number) =>
    average((i) => (gradients[i]![a]! - mean[a]!) * (gradients[i]![b]! - mean[b]!));

  /** z-scores of the mean and of f C from independent batches, components 00, 01, 11. */
  function deviates(law: SamplingLaw, batch: number, factor: number): number[] {
    const draws = 20_000;
    const z = (values: number[], exact: number) => {
      const m = average((i) => values[i]!, draws);
      const variance = average((i) => (values[i]! - m) ** 2, draws);
      return (m - exact) / Math.sqrt(variance / (draws - 1));
    };
    // Each replica's batch at one step: independent, also for the laws that correlate steps.
    const noise = Array.from({ length: draws }, (_, replica) => {
      const indices = batchIndices(law, lane(replica), 1, SAMPLES, batch);
      return [0, 1].map((a) => average((b) => gradients[indices[b]!]![a]!, batch) - mean[a]!);
    });
    const products = (
      [
        [0, 0],
        [0, 1],
        [1, 1],
      ] as const
    ).map(([a, b]) =>
      z(
        noise.map((n) => n[a]! * n[b]!),
        factor * covariance(a, b),
      ),
    );
    return [
      ...[0, 1].map((a) =>
        z(
          noise.map((n) => n[a]!),
          0,
        ),
      ),
      ...products,
    ];
  }
  const largest = (values: number[]) => Math.max(...values.map(Math.abs));

  test.each([
    ["withReplacement", 2],
    ["distinct", 2],
    ["distinct", 5],
    ["reshuffled", 5],
    ["symmetric", 2],
  ] as const)("%s, m = %i: mean 0 and covariance f C", (law, batch) => {
    expect(largest(deviates(law, batch, noiseFactor(law, SAMPLES, batch)))).toBeLessThan(4);
  });

  test("negative control: the factor of the other law is refused, also when 11 % off", () => {
    // m = 2, N = 10: 1/2 against 4/9.
    expect(largest(deviates("distinct", 2, 1 / 2))).toBeGreaterThan(4);
    expect(largest(deviates("withReplacement", 2, 4 / 9))).toBeGreaterThan(4);
  });

  test("closed values", () => {
    expect(noiseFactor("withReplacement", 10, 4)).toBe(1 / 4);
    expect(noiseFactor("distinct", 10, 4)).toBe(6 / 36);
    expect(noiseFactor("distinct", 10, 10)).toBe(0);
    expect(noiseFactor("distinct", 1, 1)).toBe(0);
    expect(noiseFactor("fullBatch", 10, 4)).toBe(0);
    expect(noiseFactor("distinct", 10, 1)).toBe(1);
    expect(() => noiseFactor("sequential", 10, 2)).toThrow("noiseFactor: sequential");
  });
});
