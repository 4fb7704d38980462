/**
 * Ratios of variances of processes with known ones, at 4 standard errors (bias O(1/R²), 64 replicas);
 * the errors of 200 fresh ratios are as their scatter. False alarm 6e-5 for each assertion.
 */
import { expect, test } from "vitest";
import { zScore } from "../../analysis/estimate.ts";
import { varianceRatio } from "../../analysis/varianceRatio.ts";
import { ArgumentError, RefusalError } from "../../engine/errors.ts";
import { generator } from "../generator.ts";
import { type LinearProcess, linearTrajectory, momentsOf } from "../trajectories.ts";

/** Variances 1/(1 − φ²) of two independent first-order processes, correlated noise; far from 0. */
const PROCESS: LinearProcess = {
  F: [
    [0.8, 0],
    [0, 0.3],
  ],
  Q: [
    [1, 0.5],
    [0.5, 2],
  ],
  center: [30, -7],
};
const EXACT = 1 / (1 - 0.64) / (2 / (1 - 0.09));

function record(seed: number, replicas: number, steps: number) {
  const random = generator(seed);
  const trajectories = Array.from({ length: replicas }, () =>
    linearTrajectory(PROCESS, random, steps),
  );
  return momentsOf([trajectories], ["a", "b"], [0], [29.5, -7]);
}

test("is the ratio of the exact variances", () => {
  const moments = record(1, 64, 400);
  const ratio = varianceRatio({ record: moments, i: "a" }, { record: moments, i: "b" });
  expect(Math.abs(zScore(ratio, EXACT))).toBeLessThanOrEqual(4);
  expect(ratio.standardError / ratio.value).toBeLessThan(0.03);
  expect(Math.abs(zScore(ratio, 1.2 * EXACT)), "negative control").toBeGreaterThan(4);
  const inverse = varianceRatio({ record: moments, i: "b" }, { record: moments, i: "a" });
  expect(Math.abs(inverse.value * ratio.value - 1)).toBeLessThan(0.01);
});

test("its standard error is its scatter", () => {
  const z = Array.from({ length: 200 }, (_, seed) => {
    const moments = record(100 + seed, 32, 50);
    return zScore(varianceRatio({ record: moments, i: "a" }, { record: moments, i: "b" }), EXACT);
  });
  const mean = z.reduce((sum, x) => sum + x, 0) / z.length;
  const variance = z.reduce((sum, x) => sum + (x - mean) ** 2, 0) / z.length;
  expect(Math.abs(mean)).toBeLessThanOrEqual(4 / Math.sqrt(z.length));
  // Var of a variance of 200 numbers ~ t with 31 degrees of freedom: 2/200 and a little more.
  expect(Math.abs(variance - 31 / 29)).toBeLessThanOrEqual(4 * 0.11);
});

test("refuses records that do not fit", () => {
  const [few, more] = [record(1, 3, 10), record(1, 4, 10)];
  expect(() => varianceRatio({ record: few, i: "a" }, { record: more, i: "b" })).toThrow(
    ArgumentError,
  );
  expect(() => varianceRatio({ record: few, i: "c" }, { record: few, i: "b" })).toThrow(
    'varianceRatio: no coordinate "c"',
  );
  few.second.data.fill(Number.NaN);
  expect(() => varianceRatio({ record: few, i: "a" }, { record: few, i: "b" })).toThrow(
    RefusalError,
  );
});
