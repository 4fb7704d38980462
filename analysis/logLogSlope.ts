/**
 * The exponent of a power law y = c xᵖ from points, by least squares on ln y against ln x.
 *
 * Textbook: P. R. Bevington, Data Reduction and Error Analysis (2003), ch. 6. Left out: errors of
 * x, curvature (what is not a power law shows in the scatter, and in how the slope depends on x).
 */
import { ArgumentError } from "../engine/errors.ts";
import type { Estimate } from "./estimate.ts";

/**
 * p = Σ w (X − X̄)(Y − Ȳ)/Σ w (X − X̄)², X = ln x, Y = ln y.
 *
 * Given standard errors s of y: weights w = (y/s)², error 1/√(Σ w (X − X̄)²), first order in s/y.
 * Without them: w = 1 and the error is that of the scatter about the line, n − 2 degrees of
 * freedom; for exact y it measures curvature, not chance.
 *
 * @throws ArgumentError for values that are not positive, lengths that differ, fewer than 2 points
 *   (3 without errors), or all x equal.
 * @example logLogSlope([1, 2, 4], [3, 12, 48]).value // 2
 */
export function logLogSlope(
  x: readonly number[],
  y: readonly number[],
  standardErrors?: readonly number[],
): Estimate {
  checkPoints(x, y, standardErrors);
  const weights = y.map((value, k) => (standardErrors ? (value / standardErrors[k]!) ** 2 : 1));
  const sum = (of: (k: number) => number) =>
    weights.reduce((total, weight, k) => total + weight * of(k), 0);
  const total = sum(() => 1);
  const [X, Y] = [x.map(Math.log), y.map(Math.log)];
  const [meanX, meanY] = [sum((k) => X[k]!) / total, sum((k) => Y[k]!) / total];
  const spread = sum((k) => (X[k]! - meanX) ** 2);
  if (!(spread > 0)) {
    throw new ArgumentError(`logLogSlope: all ${x.length} x are ${x[0]}; give different ones.`);
  }
  const slope = sum((k) => (X[k]! - meanX) * (Y[k]! - meanY)) / spread;
  const scatter = sum((k) => (Y[k]! - meanY - slope * (X[k]! - meanX)) ** 2);
  const variance = (standardErrors ? 1 : scatter / (x.length - 2)) / spread;
  return {
    value: slope,
    standardError: Math.sqrt(variance),
    n: x.length,
    method: `least squares of ln y on ln x, ${standardErrors ? "weighted" : "error from scatter"}`,
    warnings: [],
  };
}

function checkPoints(
  x: readonly number[],
  y: readonly number[],
  standardErrors: readonly number[] | undefined,
): void {
  const least = standardErrors ? 2 : 3;
  const n = x.length;
  const given = standardErrors ? `, ${standardErrors.length} errors` : "";
  if (n < least || y.length !== n || (standardErrors && standardErrors.length !== n)) {
    throw new ArgumentError(
      `logLogSlope: ${n} x, ${y.length} y${given}; give as many of each, at least ${least}.`,
    );
  }
  for (const value of [...x, ...y, ...(standardErrors ?? [])]) {
    if (!(value > 0 && value < Infinity)) {
      throw new ArgumentError(`logLogSlope: ${value} has no logarithm to fit; leave it out.`);
    }
  }
}
