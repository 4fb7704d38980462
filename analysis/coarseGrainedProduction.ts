/**
 * Entropy production of a current on a grid, what the cells' averages see of it:
 *
 *   sigma >= Σ_cells j·D⁻¹ j/p × volume
 *
 * by convexity, since the averages of j and p over a cell come from the process's own j²/p. Noise of
 * the measured j, whose square is positive, is taken out by leaving out the squares of each group's
 * own current. Cells seldom visited are left out, which keeps it a bound.
 *
 * Source: U. Seifert, Rep. Prog. Phys. 75, 126001 (2012), section 2, for sigma = ∫ j·D⁻¹j/p.
 * Left out: D that depends on the place.
 */
import { inverse, Matrix } from "ml-matrix";
import { ArgumentError } from "../engine/errors.ts";
import type { CurrentField } from "./currentField.ts";
import type { Estimate } from "./estimate.ts";
import { cellVolume, type GridField } from "./gridField.ts";
import type { Rows } from "./lyapunov.ts";
import { uStatistic } from "./uStatistic.ts";

export interface CoarseGrainedChoice {
  /** D, [i, j], in the units of the current: that of a fit, or known. */
  readonly diffusion: Rows;
  /** Cells with less than this share of the highest density are left out, default 0.01. */
  readonly least?: number;
}

/**
 * The bound in nats per unit of the current's time.
 *
 * With group currents j_g of weights w_g, Σ_{g≠h} w_g w_h j_g·D⁻¹j_h/p /(1 − Σ w²): unbiased but for the
 * noise of p. Error: that of `uStatistic`; that of D is not in it.
 *
 * @throws ArgumentError when the grids differ or D is not of the current's size.
 * @example
 * coarseGrainedProduction(currentField(record.flux), densityField(record.density), {
 *   diffusion: [[1, 0], [0, 1]],
 * })
 */
export function coarseGrainedProduction(
  current: CurrentField,
  density: GridField,
  { diffusion, least = 0.01 }: CoarseGrainedChoice,
): Estimate {
  const cells = density.value.length;
  const components = current.components.length;
  if (current.value.length !== components * cells || diffusion.length !== components) {
    throw new ArgumentError(
      `coarseGrainedProduction: ${current.value.length} numbers of the current, ${cells} cells and a ` +
        `diffusion matrix of ${diffusion.length} rows do not belong together; give both on one grid.`,
    );
  }
  const inverted = inverse(new Matrix(diffusion.map((row) => [...row])));
  const floor = least * Math.max(...density.value);
  const volume = cellVolume(density.grid);
  const weight = density.value.map((p) => (p > floor ? volume / p : 0));
  const product = (a: Float64Array, b: Float64Array): number => {
    let sum = 0;
    for (let cell = 0; cell < cells; cell++) {
      if (weight[cell] === 0) continue;
      for (let i = 0; i < components; i++) {
        for (let j = 0; j < components; j++) {
          sum += a[i * cells + cell]! * inverted.get(i, j) * b[j * cells + cell]! * weight[cell]!;
        }
      }
    }
    return sum;
  };
  const { groups, n, method, warnings } = current;
  return {
    ...uStatistic(groups.values, groups.weights, product),
    n,
    method: `U-statistic of ${n} groups of replicas (${method})`,
    warnings,
  };
}
