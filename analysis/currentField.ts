/**
 * Probability current on a grid, from half displacements, and whether there is one at all.
 *
 *   j(cell) = Σ ½dx (starts and ends in the cell) / (pairs × dt × cell volume)
 *
 * For a stationary process sampled at dt this is the cell's average of
 * ½[p(x) ⟨dx | start x⟩ + p(x) ⟨dx | end x⟩]/dt: the current up to O(dt), and for a linear process
 * exactly p(x) (F − S Fᵀ S⁻¹) x/(2dt) with propagator F and covariance S.
 */
import type { FluxRecord } from "../engine/record.ts";
import type { GridChoice } from "./densityField.ts";
import { cellVolume, type GridField, gridField } from "./gridField.ts";
import { checkIndependentGrid } from "./groups.ts";
import { type Significance, signFlipTest } from "./signFlipTest.ts";

export interface CurrentField extends GridField {
  /** Of the hypothesis that nothing flows. */
  readonly significance: Significance;
}

export interface CurrentChoice extends GridChoice {
  /** Time of one SGD step, default 1: the current is per unit of it. */
  readonly timeStep?: number;
}

/**
 * j of each cell, [component, cell…], per unit of time, with errors and a test against no current.
 *
 * The components are the coordinates of the grid. Error: scatter between groups of replicas. The
 * test is exact for coordinates that time reversal leaves alone (`signFlipTest`); with a velocity
 * on an axis there is circulation in equilibrium too.
 *
 * @throws ArgumentError for a condition that is not there or replicas that interact, RefusalError when
 *   nothing was recorded.
 * @see card E3 for the midpoint rule: all of dx in the start cell would give p × drift.
 * @example currentField(record.flux, { timeStep: 0.01 }).significance.pValue
 */
export function currentField(
  record: FluxRecord,
  { condition = 0, timeStep = 1 }: CurrentChoice = {},
): CurrentField {
  checkIndependentGrid("currentField", record);
  const { grid, displacement, visits, visitsOutside, replicas, frozen, every } = record;
  const field = gridField({
    where: "currentField",
    grid,
    components: grid.map(({ name }) => name),
    condition,
    sums: displacement,
    inside: visits,
    outside: visitsOutside,
    replicas,
    frozen,
    factor: 1 / (cellVolume(grid) * every * timeStep),
  });
  return { ...field, significance: signFlipTest(field) };
}
