/** Probability density on a grid, from counted visits. */
import type { DensityRecord } from "../engine/record.ts";
import { cellVolume, type GridField, gridField } from "./gridField.ts";
import { checkIndependentGrid } from "./groups.ts";

export interface GridChoice {
  /** Index of the condition, default 0. */
  readonly condition?: number;
}

/**
 * p of each cell: visits / (all records × cell volume), [cell…], averaged over the cell.
 *
 * Records outside of the grid count in the denominator, so that the integral over the grid is the
 * share inside. Unit: 1 over the product of the axes' units. Error: scatter between groups of
 * replicas (file head of `gridField.ts`), with every correlation in time.
 *
 * @throws ArgumentError for a condition that is not there or replicas that interact, RefusalError when
 *   nothing was recorded.
 * @example densityField(record.density).value
 */
export function densityField(record: DensityRecord, { condition = 0 }: GridChoice = {}): GridField {
  checkIndependentGrid("densityField", record);
  const { grid, counts, outside, replicas, frozen } = record;
  return gridField({
    where: "densityField",
    grid,
    components: ["density"],
    condition,
    sums: counts,
    inside: counts,
    outside,
    replicas,
    frozen,
    factor: 1 / cellVolume(grid),
  });
}
