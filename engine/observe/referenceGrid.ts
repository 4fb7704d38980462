/**
 * The float64 twin of `density`, `flux` and `crossings`: what one replica adds to a grid, from its path.
 *
 * Cells are decided in float64: a point within a float32 rounding of a cell's edge may be in the
 * neighbouring cell on the device.
 */
import { facesOf } from "./crossings.ts";
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

/** Net crossings of faces, [face, cell] along the first axis and [cell, face] along the second. */
export function referenceCrossings(
  axes: readonly GridAxisSpec[],
  path: readonly (readonly number[])[],
): { along: Float64Array; up: Float64Array } {
  const [along, up] = facesOf(axes).map((faces) => new Float64Array(faces)) as [
    Float64Array,
    Float64Array,
  ];
  const [bx, by] = axes.map(({ bins }) => bins) as [number, number];
  const places = path.map((point) =>
    axes.map(({ from, to, bins }, k) => ((point[k]! - from) * bins) / (to - from)),
  );
  for (let t = 1; t < places.length; t += 1) {
    const [before, after] = [places[t - 1]!, places[t]!];
    for (const [k, bins, others] of [
      [0, bx, by],
      [1, by, bx],
    ] as const) {
      const [a, b] = [before[k]!, after[k]!];
      const [c, d] = [before[1 - k]!, after[1 - k]!];
      const end = Math.min(Math.floor(Math.max(a, b)), bins);
      for (let face = Math.max(Math.floor(Math.min(a, b)) + 1, 0); face <= end; face += 1) {
        const other = Math.floor(c + ((face - a) * (d - c)) / (b - a));
        if (!(other >= 0 && other < others)) continue;
        const sign = b > a ? 1 : -1;
        if (k === 0) along[face * by + other]! += sign;
        else up[other * (by + 1) + face]! += sign;
      }
    }
  }
  return { along, up };
}
