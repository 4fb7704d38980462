/**
 * U and S smoothed along a ladder of learning rates, and temperatures between smoothed points.
 *
 *   v̄_i = Σ_j w_ij v_j,  w_ij ∝ max(0, 1 − |x_i − x_j|/h),  x = ln η
 *
 * Source: published notebooks of SGD as free energy minimization (arXiv 2505.23489), h = 0.3. Smoothed
 * points share conditions: their errors are not independent, so temperatures are formed here, from the
 * independent points, and not with `finiteDifferenceTemperature`. Left out: bias of smoothing, ½ v″ h²/6.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { Estimate } from "./estimate.ts";
import type { LadderPoint } from "./ladderPoint.ts";
import { refuse } from "./refusal.ts";

const HALF_WIDTH = 0.3;
/** Below this many errors a difference of entropies is no denominator. */
const RESOLVED = 4;

export interface SmoothingOptions {
  /** h, in the unit of the positions; 0.3 unless given. */
  readonly halfWidth?: number;
}

/** Rows of weights that sum to 1, [smoothed point][point]. */
function kernel(where: string, positions: readonly number[], { halfWidth }: SmoothingOptions) {
  const h = halfWidth ?? HALF_WIDTH;
  if (!(h > 0) || !positions.every(Number.isFinite)) {
    throw new ArgumentError(
      `${where}: halfWidth is ${h}, positions ${positions.join(", ")}; give a width > 0 and finite positions.`,
    );
  }
  return positions.map((at) => {
    const row = positions.map((x) => Math.max(0, 1 - Math.abs(at - x) / h));
    const total = row.reduce((sum, weight) => sum + weight, 0);
    return row.map((weight) => weight / total);
  });
}

function requireSame(where: string, points: readonly unknown[], positions: readonly unknown[]) {
  if (points.length === positions.length) return;
  throw new ArgumentError(
    `${where}: ${points.length} points at ${positions.length} positions; give one of each.`,
  );
}

const weighted = (row: readonly number[], values: readonly number[]): number =>
  row.reduce((sum, weight, j) => sum + weight * values[j]!, 0);

/**
 * The smoothed ladder; `positions` [point], such as ln η.
 *
 * Errors: of independent conditions, Σ w² σ². Not covered: the bias of smoothing, and that neighbors in
 * the result are correlated.
 *
 * @throws ArgumentError when points and positions differ in number, or the width is not positive.
 * @see arXiv 2505.23489, published notebooks
 */
export function smoothedLadder(
  points: readonly LadderPoint[],
  positions: readonly number[],
  options: SmoothingOptions = {},
): LadderPoint[] {
  const where = "smoothedLadder";
  requireSame(where, points, positions);
  return kernel(where, positions, options).map((row) => {
    const squares = row.map((weight) => weight * weight);
    const smooth = (pick: (point: LadderPoint) => Estimate): Estimate => ({
      value: weighted(
        row,
        points.map((point) => pick(point).value),
      ),
      standardError: Math.sqrt(
        weighted(
          squares,
          points.map((point) => pick(point).standardError ** 2),
        ),
      ),
      n: Math.min(...points.map((point) => pick(point).n)),
      method: "triangular kernel over the ladder",
      warnings: [],
    });
    return {
      energy: smooth(({ energy }) => energy),
      entropy: smooth(({ entropy }) => entropy),
      covariance: weighted(
        squares,
        points.map(({ covariance }) => covariance),
      ),
    };
  });
}

/**
 * ΔŪ/ΔS̄ between consecutive points of the smoothed ladder, [point − 1], in units of the loss.
 *
 * Error: linear propagation from the independent conditions, each of which enters both points.
 *
 * @throws as `smoothedLadder`; RefusalError with the ratio where ΔS̄ is less than 4 of its errors.
 */
export function smoothedTemperatures(
  points: readonly LadderPoint[],
  positions: readonly number[],
  options: SmoothingOptions = {},
): Estimate[] {
  const where = "smoothedTemperatures";
  requireSame(where, points, positions);
  const rows = kernel(where, positions, options);
  const energies = points.map(({ energy }) => energy.value);
  const entropies = points.map(({ entropy }) => entropy.value);
  return rows.slice(1).map((row, i) => {
    const change = row.map((weight, j) => weight - rows[i]![j]!);
    const rise = weighted(change, entropies);
    const value = weighted(change, energies) / rise;
    let [variance, riseVariance] = [0, 0];
    points.forEach(({ energy, entropy, covariance }, j) => {
      const share = change[j]! ** 2;
      riseVariance += share * entropy.standardError ** 2;
      variance +=
        share *
        (energy.standardError ** 2 - 2 * value * covariance + (value * entropy.standardError) ** 2);
    });
    const estimate: Estimate = {
      value,
      standardError: Math.sqrt(Math.max(0, variance)) / Math.abs(rise),
      n: Math.min(...points.map(({ energy, entropy }) => Math.min(energy.n, entropy.n))),
      method: "ΔU/ΔS of smoothed points, errors propagated from independent conditions",
      warnings: [],
    };
    if (Math.abs(rise) >= RESOLVED * Math.sqrt(riseVariance)) return estimate;
    return refuse(
      `${where}: smoothed entropies differ by ${rise} ± ${Math.sqrt(riseVariance)}, which is no ` +
        "denominator; set conditions further apart or add replicas.",
      estimate,
    );
  });
}
