/**
 * The float64 twin of `density` and `flux`: what one replica adds to a grid, from its path.
 *
 * Cells are decided in float64: a point within a float32 rounding of a cell's edge may be in the
 * neighbouring cell on the device.
 */
import { cellAt, cellsOf, type GridAxisSpec } from "./grid.ts";

/** Visits, [cell], and of what is outside; `path` is [record][axis]. */
export function referenceDensity(
  axes: readonly GridAxisSpec[],
  path: readonly (readonly number[])[],
): { counts: Float64Array; outside: number } {
  const counts = new Float64Array(cellsOf(axes) + 1);
  for (const point of path) counts[cellAt(axes, point)]! += 1;
  return { counts: counts.slice(0, -1), outside: counts.at(-1)! };
}

/** Halves of a path's displacements, as in `FluxRecord`; the last cell is what is outside. */
export function referenceFlux(
  axes: readonly GridAxisSpec[],
  path: readonly (readonly number[])[],
): { visits: Float64Array; displacement: readonly [Float64Array, Float64Array] } {
  const make = (): Float64Array => new Float64Array(cellsOf(axes) + 1);
  const visits = make();
  const displacement = [make(), make()] as const;
  for (let t = 1; t < path.length; t += 1) {
    const [before, after] = [path[t - 1]!, path[t]!];
    for (const cell of [cellAt(axes, before), cellAt(axes, after)]) {
      visits[cell]! += 0.5;
      displacement.forEach((sums, k) => {
        sums[cell]! += (after[k]! - before[k]!) / 2;
      });
    }
  }
  return { visits, displacement };
}
