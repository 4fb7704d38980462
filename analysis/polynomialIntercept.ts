/**
 * A quantity extrapolated to x = 0: the intercept of a polynomial through measured points.
 *
 * Lagrange's weights at 0, or least squares where there are more points than coefficients. Textbook:
 * P. R. Bevington, Data Reduction and Error Analysis (2003), ch. 7. Left out: errors of x, correlated
 * points.
 */
import { Matrix, solve } from "ml-matrix";
import { ArgumentError } from "../engine/errors.ts";
import type { Estimate } from "./estimate.ts";

/**
 * y(0) of y = c_0 + c_1 x + … + c_degree x^degree, weights 1/standardError².
 *
 * Error: that of independent points; the next power of x is not covered. All errors zero: weights are
 * equal, and so is the error.
 *
 * @throws ArgumentError for fewer points than degree + 1, lengths that differ, x that are equal.
 * @example
 * const at = (value: number) => ({ value, standardError: 0.1, n: 9, method: "", warnings: [] });
 * polynomialIntercept([1, 2], [at(3), at(5)], 1).value; // 1
 */
export function polynomialIntercept(
  x: readonly number[],
  y: readonly Estimate[],
  degree: number,
): Estimate {
  const n = x.length;
  if (y.length !== n || n < degree + 1 || new Set(x).size < degree + 1) {
    throw new ArgumentError(
      `polynomialIntercept: ${n} x and ${y.length} y for a polynomial of degree ${degree}; give as ` +
        `many of each, at ${degree + 1} or more different x.`,
    );
  }
  const largest = Math.max(...x.map(Math.abs));
  const errors = y.map(({ standardError }) => standardError);
  const equal = errors.every((error) => error === 0);
  // Rows scaled by 1/error; x scaled to 1.
  const row = (i: number): number => (equal ? 1 : 1 / errors[i]!);
  const powers = new Matrix(
    x.map((at, i) => Array.from({ length: degree + 1 }, (_, k) => row(i) * (at / largest) ** k)),
  );
  // Weight of each point in the intercept: the first row of (AᵀA)⁻¹Aᵀ.
  const normal = powers.transpose().mmul(powers);
  const unit = Matrix.zeros(degree + 1, 1);
  unit.set(0, 0, 1);
  const first = solve(normal, unit);
  const weights = powers
    .mmul(first)
    .to1DArray()
    .map((value, i) => value * row(i));
  const value = weights.reduce((sum, weight, i) => sum + weight * y[i]!.value, 0);
  const variance = weights.reduce((sum, weight, i) => sum + (weight * errors[i]!) ** 2, 0);
  return {
    value,
    standardError: Math.sqrt(variance),
    n: Math.min(...y.map((estimate) => estimate.n)),
    method: `intercept of degree ${degree} through ${n} points`,
    warnings: [...new Set(y.flatMap(({ warnings }) => warnings))],
  };
}
