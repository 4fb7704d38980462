/** The root of an ensemble's noise covariance: all of it, whatever units and rank it has. */
import { expect, test } from "vitest";
import { dynamicsOf } from "../../engine/update/dynamics.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { linearRegression } from "../composites.ts";

const model = linearRegression(2);
const conditions = [{ momentum: 0, gradientNoise: 1, clipNorm: 0 }];
const rootOf = (noiseCovariance: number[][]) =>
  dynamicsOf(model, sgd({}), conditions, { noiseCovariance }).noiseFactor!;

test.each([
  [
    "parameters in units 1e7 apart",
    [
      [1, 0, 0],
      [0, 1e-14, 3e-15],
      [0, 3e-15, 1e-14],
    ],
    3,
  ],
  [
    "one direction of noise",
    [
      [4, 2, 0],
      [2, 1, 0],
      [0, 0, 0],
    ],
    1,
  ],
] as const)("%s", (_name, covariance, rank) => {
  const root = rootOf(covariance.map((row) => [...row]));
  expect(model.parameterCount).toBe(3);
  expect(root.length).toBe(3 * rank);
  covariance.forEach((row, i) => {
    row.forEach((value, j) => {
      let product = 0;
      for (let q = 0; q < rank; q += 1) product += root[rank * i + q]! * root[rank * j + q]!;
      const scale = Math.sqrt(covariance[i]![i]! * covariance[j]![j]!);
      expect(Math.abs(product - value)).toBeLessThanOrEqual(1e-14 * scale);
    });
  });
});

test("what is no covariance of G's noise is refused", () => {
  expect(() =>
    rootOf([
      [1, 2, 0],
      [2, 1, 0],
      [0, 0, 1],
    ]),
  ).toThrow("noiseCovariance: not positive semi-definite");
  expect(() => rootOf([[1]])).toThrow("noiseCovariance: has 1 rows for the 3 parameters");
});
