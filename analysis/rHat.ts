/**
 * Split R̂: do the halves of all replicas agree better than their own scatter demands?
 *
 * Sources: A. Gelman and D. B. Rubin, Statistical Science 7, 457 (1992); A. Vehtari, A. Gelman,
 * D. Simpson, B. Carpenter, P.-C. Bürkner, Bayesian Analysis 16, 667 (2021) for splitting and
 * ranks. A stationary series whose halves hold n samples of correlation time τ has
 * R̂ ≈ √(1 + τ/n), so short halves raise it without any drift: `stationarity` allows for that.
 * Replicas that all start at one point make it too small: start them apart.
 */
import { normalQuantile } from "./normalQuantile.ts";
import { replicaSeries, type SeriesChoice, type SeriesSource } from "./seriesSource.ts";

/** Ranks are sorted; longer records are thinned in time to about this many values. */
const MAX_RANKED = 1_000_000;

/**
 * √(((n−1)/n W + B/n)/W) over the 2R halves of the replicas' series.
 *
 * n is the length of a half, W the mean variance within halves, B/n the variance of their means;
 * an odd middle sample is left out. 1 is perfect agreement; the usual bound is 1.01. NaN for
 * fewer than 4 samples a series, 1 for a constant.
 *
 * @throws ArgumentError for a quantity or condition not in the record; RefusalError when no
 *   replica is finite.
 * @see Vehtari et al. 2021 (split R̂).
 */
export function splitRHat(source: SeriesSource, choice: SeriesChoice = {}): number {
  return rHatOfHalves(halves(replicaSeries("splitRHat", source, choice).series));
}

/**
 * The larger of the split R̂ of rank-normalized values and of rank-normalized |x − median|.
 *
 * z = Φ⁻¹((rank − 3/8)/(S + 1/4)), ties share their mean rank. The first sees differences of
 * location even where the variance is infinite, the second differences of spread. Records of more
 * than 1,000,000 values are thinned in time.
 *
 * @throws as `splitRHat` does.
 * @see Vehtari et al. 2021 (rank-normalized and folded split R̂).
 */
export function rankNormalizedRHat(source: SeriesSource, choice: SeriesChoice = {}): number {
  const { series, length } = replicaSeries("rankNormalizedRHat", source, choice);
  const stride = Math.max(1, Math.ceil((series.length * length) / MAX_RANKED));
  const kept = Math.floor(length / stride);
  const values = new Float64Array(series.length * kept);
  for (const [r, one] of series.entries()) {
    for (let t = 0; t < kept; t++) values[r * kept + t] = one[t * stride]!;
  }
  const median = values.slice().sort()[values.length >> 1]!;
  const folded = values.map((value) => Math.abs(value - median));
  const rHat = (z: Float64Array) =>
    rHatOfHalves(halves(series.map((_, r) => z.subarray(r * kept, (r + 1) * kept))));
  return Math.max(rHat(normalScores(values)), rHat(normalScores(folded)));
}

/** First and second half of each series. */
export function halves(series: readonly ArrayLike<number>[]): Float64Array[] {
  const n = Math.floor(series[0]!.length / 2);
  return series.flatMap((values) => {
    const all = Float64Array.from(values);
    return [all.subarray(0, n), all.subarray(all.length - n)];
  });
}

/** R̂ of series that are already split. */
export function rHatOfHalves(parts: readonly Float64Array[]): number {
  const n = parts[0]!.length;
  if (n < 2) return Number.NaN;
  const means = parts.map((part) => part.reduce((sum, x) => sum + x, 0) / n);
  const grand = means.reduce((sum, mean) => sum + mean, 0) / parts.length;
  let within = 0;
  let between = 0;
  for (const [i, part] of parts.entries()) {
    for (const x of part) within += (x - means[i]!) ** 2 / (n - 1) / parts.length;
    between += (means[i]! - grand) ** 2 / (parts.length - 1);
  }
  if (within === 0) return between === 0 ? 1 : Infinity;
  return Math.sqrt((n - 1) / n + between / within);
}

function normalScores(values: Float64Array): Float64Array {
  const order = Uint32Array.from(values, (_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const scores = new Float64Array(values.length);
  for (let first = 0; first < order.length; ) {
    let last = first;
    while (last + 1 < order.length && values[order[last + 1]!] === values[order[first]!]) last++;
    const rank = (first + last) / 2 + 1;
    const score = normalQuantile((rank - 3 / 8) / (values.length + 1 / 4));
    for (let i = first; i <= last; i++) scores[order[i]!] = score;
    first = last + 1;
  }
  return scores;
}
