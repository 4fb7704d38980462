/**
 * Free energies F(η) = U(η) − T S(η) along a ladder of learning rates at a given temperature, and where
 * they are lowest.
 *
 * Source: SGD as free energy minimization (arXiv 2505.23489): with T that of the run at η_i, the curve is
 * lowest at η_i. T is a number here; what its own error does to the place of the minimum is d(ln η)/d(ln T)
 * times it, 1 where T ∝ η. Left out: fits of the whole curve.
 */
import { ArgumentError, RefusalError } from "../engine/errors.ts";
import type { Estimate } from "./estimate.ts";
import type { LadderPoint } from "./ladderPoint.ts";

/** Variance of U − T S, whose errors go together. */
const variance = ({ energy, entropy, covariance }: LadderPoint, T: number): number =>
  Math.max(0, energy.standardError ** 2 + (T * entropy.standardError) ** 2 - 2 * T * covariance);

/**
 * F = U − T S of each point, loss; errors of U and S and their covariance propagated, T exact.
 *
 * @throws ArgumentError for a temperature that is not finite.
 * @see arXiv 2505.23489
 */
export function freeEnergies(points: readonly LadderPoint[], temperature: number): Estimate[] {
  if (!Number.isFinite(temperature)) {
    throw new ArgumentError(`freeEnergies: temperature is ${temperature}; give a finite number.`);
  }
  return points.map((point) => ({
    value: point.energy.value - temperature * point.entropy.value,
    standardError: Math.sqrt(variance(point, temperature)),
    n: Math.min(point.energy.n, point.entropy.n),
    method: "U − T S, errors propagated",
    warnings: [],
  }));
}

/** Coefficients of x₀ = ½ (first derivative terms)/(second), the vertex of a parabola through 3 points. */
function vertex(x: readonly number[], F: readonly number[]): { at: number; curvature: number } {
  const [x0, x1, x2] = x as [number, number, number];
  const [F0, F1, F2] = F as [number, number, number];
  const left = (F1 - F0) / (x1 - x0);
  const right = (F2 - F1) / (x2 - x1);
  const curvature = (right - left) / (x2 - x0);
  return { at: (x0 + x1) / 2 - left / (2 * curvature), curvature };
}

/**
 * The place of the lowest F on a ladder, from the parabola through the lowest point and its neighbors;
 * `positions` [point] ascending, such as ln η. In the unit of the positions.
 *
 * Error: that of F at the three points, which are independent, to first order. Not covered: the error of T,
 * and what F has beyond a parabola, of order (spacing)².
 *
 * @throws ArgumentError for fewer than 3 points or positions that do not ascend.
 * @throws RefusalError with the end of the ladder when F is lowest there, and with the vertex when the
 *   curvature is less than 4 of its errors.
 */
export function freeEnergyMinimum(
  points: readonly LadderPoint[],
  positions: readonly number[],
  temperature: number,
): Estimate {
  const where = "freeEnergyMinimum";
  if (points.length < 3 || positions.length !== points.length) {
    throw new ArgumentError(
      `${where}: ${points.length} points at ${positions.length} positions; give at least 3 of each.`,
    );
  }
  const wrong = positions.findIndex((x, i) => i > 0 && !(x > positions[i - 1]!));
  if (wrong > 0) {
    throw new ArgumentError(`${where}: position ${positions[wrong]} does not ascend; sort them.`);
  }
  const free = freeEnergies(points, temperature);
  const lowest = free.reduce((best, { value }, i) => (value < free[best]!.value ? i : best), 0);
  const n = Math.min(...free.map((one) => one.n));
  const made = { n, method: "vertex of a parabola through three F", warnings: [] };
  if (lowest === 0 || lowest === points.length - 1) {
    throw new RefusalError(
      `${where}: F is lowest at an end of the ladder, position ${positions[lowest]}; extend the ladder.`,
      { ...made, value: positions[lowest]!, standardError: Number.NaN },
    );
  }
  const near = [lowest - 1, lowest, lowest + 1];
  const x = near.map((i) => positions[i]!);
  const F = near.map((i) => free[i]!.value);
  const { at, curvature } = vertex(x, F);
  let [square, curved] = [0, 0];
  near.forEach((i, k) => {
    const error = free[i]!.standardError;
    const [a, b, c] = [
      x[k]! - x[(k + 1) % 3]!,
      x[k]! - x[(k + 2) % 3]!,
      x[(k + 1) % 3]! + x[(k + 2) % 3]!,
    ];
    // F(x) = Σ F_k (x − x_i)(x − x_j)/(a b): ∂curvature = 1/(ab), ∂slope = −(x_i + x_j)/(ab).
    square += ((error * (c / (2 * curvature) - at / curvature)) / (a * b)) ** 2;
    curved += (error / (a * b)) ** 2;
  });
  const estimate: Estimate = { ...made, value: at, standardError: Math.sqrt(square) };
  if (curvature >= 4 * Math.sqrt(curved)) return estimate;
  throw new RefusalError(
    `${where}: the curvature of F, ${curvature.toPrecision(3)}, is less than 4 of its errors ` +
      `${Math.sqrt(curved).toPrecision(2)}; add replicas or set conditions further apart.`,
    estimate,
  );
}
