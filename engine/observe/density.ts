/**
 * Observable `density`: visits of the cells of a grid in one or two dimensions.
 *
 * The schedule adds 1 to the cell of each record, in one float32 word a cell and replica; a small
 * kernel adds the words over groups of replicas at the end of a window (`run/gridSums.ts`), and the
 * host adds windows in float64. Counts are whole numbers: they do not depend on chunks, dispatches
 * or shards.
 *
 * Cost per record and replica: 2 memory accesses; device memory of 4 (cells + 1) bytes a replica.
 */
import { cellCode, cellsOf, checkAxes, type GridAxisSpec, gatedBy } from "./grid.ts";
import type { QuantityContext } from "./quantity.ts";
import { requireEvery } from "./series.ts";

export interface DensitySpec {
  readonly kind: "density";
  readonly axes: readonly GridAxisSpec[];
  readonly every: number;
}

/**
 * Counts visits of cells, [condition, group of replicas, cell…]; values outside are counted too.
 *
 * Cells are half-open, [from + k w, from + (k + 1) w), w = (to − from)/bins. A replica that freezes
 * counts up to its last step. `density` of analysis/ makes probability densities of it.
 *
 * @throws ArgumentError, LimitError for axes that make no grid.
 * @example density({ axes: [{ of: "theta[0]", from: -3, to: 3, bins: 24 }], every: 10 })
 */
export function density(options: {
  readonly axes: readonly GridAxisSpec[];
  readonly every?: number;
}): DensitySpec {
  const { axes, every = 1 } = options;
  requireEvery("density", every);
  checkAxes("density", axes, 1, 2);
  return { kind: "density", axes, every };
}

/** Words of sums a replica has: cells, then what is outside. */
export const densityWords = ({ axes }: DensitySpec): number => cellsOf(axes) + 1;

/** WGSL of the counting; `at` is the region's offset in words per lane. */
export function densityCode(
  spec: DensitySpec,
  label: string,
  at: number,
  context: QuantityContext,
): string[] {
  const { lines, cell } = cellCode(spec.axes, label, context);
  return gatedBy(spec.every, [...lines, `moments[(${at}u + ${cell}) * run.lanes + lane] += 1f;`]);
}
