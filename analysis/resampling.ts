/**
 * Bootstrap over replicas: whole rows of numbers, one for each replica, are drawn with repetition.
 *
 * Source: B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap (1993), ch. 6. Draws are the same
 * for every call. Many replicas are dealt to `MOST_UNITS` groups first, whose rows are as independent.
 */

/** Rows, [unit][k], as sums over the replicas of a unit, and how many these are. */
export interface ResampledUnits {
  readonly sums: readonly Float64Array[];
  readonly sizes: readonly number[];
}

const MOST_UNITS = 512;

/** Replicas (rows) dealt to units, in turn. */
export function resampledUnits(rows: readonly ArrayLike<number>[]): ResampledUnits {
  const units = Math.min(MOST_UNITS, rows.length);
  const width = rows[0]?.length ?? 0;
  const sums = Array.from({ length: units }, () => new Float64Array(width));
  const sizes = new Array<number>(units).fill(0);
  rows.forEach((row, r) => {
    const own = sums[r % units]!;
    for (let k = 0; k < width; k += 1) own[k]! += row[k]!;
    sizes[r % units]! += 1;
  });
  return { sums, sizes };
}

/** splitmix32: 32 random bits, the same sequence for every call. */
function words(): () => number {
  let state = 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
}

/** Means of the columns over units drawn with repetition, [draw][k]. */
export function resampledMeans({ sums, sizes }: ResampledUnits, draws: number): Float64Array[] {
  const next = words();
  const units = sums.length;
  const width = sums[0]?.length ?? 0;
  return Array.from({ length: draws }, () => {
    const mean = new Float64Array(width);
    let count = 0;
    for (let i = 0; i < units; i += 1) {
      const unit = Math.floor((next() / 2 ** 32) * units);
      count += sizes[unit]!;
      const own = sums[unit]!;
      for (let k = 0; k < width; k += 1) mean[k]! += own[k]!;
    }
    for (let k = 0; k < width; k += 1) mean[k]! /= count;
    return mean;
  });
}
