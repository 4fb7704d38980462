/**
 * The float64 twin of `entropyProduction`: what one replica adds, from its path.
 *
 * The device sums in float32: an event within a rounding of a bin's edge may be in the next bin there.
 */
import { ENTROPY_SUMS } from "./entropyProduction.ts";

type Rows = readonly (readonly number[])[];

export interface ReferenceEntropy {
  readonly center: readonly number[];
  readonly form: Rows;
  readonly windows: readonly number[];
}

/** Events of each length, [window][event], from z at every sampling time, [record][coordinate]. */
export function referenceEvents(
  { center, form, windows }: ReferenceEntropy,
  path: Rows,
): Float64Array[] {
  const sigma = Float64Array.from({ length: Math.max(0, path.length - 1) }, (_, n) => {
    let sum = 0;
    form.forEach((row, i) => {
      row.forEach((q, j) => {
        sum += (path[n]![i]! - center[i]!) * q * (path[n + 1]![j]! - path[n]![j]!);
      });
    });
    return sum;
  });
  return windows.map((window) =>
    Float64Array.from({ length: Math.floor(sigma.length / window) }, (_, k) =>
      sigma.subarray(k * window, (k + 1) * window).reduce((sum, one) => sum + one, 0),
    ),
  );
}

/** Σ of σ, σ², e, e², σe over the events of a length, e = e^{−σ} − 1. */
export function referenceEntropySums(events: Float64Array): Float64Array {
  const sums = new Float64Array(ENTROPY_SUMS);
  for (const sigma of events) {
    const e = Math.expm1(-sigma);
    [sigma, sigma * sigma, e, e * e, sigma * e].forEach((term, k) => {
      sums[k]! += term;
    });
  }
  return sums;
}

/** Positive, negative and weighted counts by bin of |σ|, each [bin], and the events beyond. */
export function referenceEntropyCounts(events: Float64Array, width: number, bins: number) {
  const [positive, negative, weighted] = [0, 1, 2].map(() => new Float64Array(bins)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  let beyond = 0;
  for (const sigma of events) {
    const bin = Math.floor(Math.abs(sigma) / width);
    if (!(bin < bins)) beyond += 1;
    else if (sigma > 0) positive[bin]! += 1;
    else {
      negative[bin]! += 1;
      weighted[bin]! += Math.exp(-sigma);
    }
  }
  return { positive, negative, weighted, beyond };
}
