/**
 * Geweke's comparison of the beginning of a run with its end.
 *
 * Source: J. Geweke, in Bayesian Statistics 4 (1992), for one chain, where the errors of the two
 * window means come from spectral densities at frequency zero (here: variance × τ). An ensemble
 * needs no spectra: each replica gives one difference d_r = mean(early) − mean(late), the d_r are
 * independent whatever the correlation in time, also between the two windows, and
 * z = d̄/(sd(d)/√R). It is used from 10 replicas on; below that its t-distribution has heavy tails.
 */
import { commonMean } from "./autocovariance.ts";
import { windowedTime } from "./integratedTime.ts";
import { replicaSeries, type SeriesChoice, type SeriesSource } from "./seriesSource.ts";

const MIN_REPLICAS = 10;

/** Shares of the series compared. */
const EARLY = 0.1;
const LATE = 0.5;

/**
 * z of the mean of the first 10 % against the mean of the last 50 %: standard normal for a
 * stationary series.
 *
 * A large ensemble makes it sensitive: it then sees transients that are far smaller than the
 * fluctuations but not smaller than the error bars of the ensemble, which is what matters.
 * 0 when nothing fluctuates and nothing drifts; NaN for fewer than 10 samples.
 *
 * @throws ArgumentError for a quantity or condition not in the record; RefusalError when no
 *   replica is finite.
 */
export function geweke(source: SeriesSource, choice: SeriesChoice = {}): number {
  return gewekeOf(replicaSeries("geweke", source, choice).series);
}

/** The same for finite series of equal length. */
export function gewekeOf(series: readonly ArrayLike<number>[]): number {
  const length = series[0]!.length;
  if (length < 10) return Number.NaN;
  const early = series.map((values) => slice(values, 0, Math.floor(EARLY * length)));
  const late = series.map((values) => slice(values, length - Math.floor(LATE * length), length));
  const differences = early.map((values, r) => commonMean([values]) - commonMean([late[r]!]));
  const difference = differences.reduce((sum, d) => sum + d, 0) / differences.length;
  const variance =
    series.length >= MIN_REPLICAS
      ? varianceOfMean(differences)
      : spectralVariance(early) + spectralVariance(late);
  if (variance > 0) return difference / Math.sqrt(variance);
  return difference === 0 ? 0 : Math.sign(difference) * Infinity;
}

const slice = (values: ArrayLike<number>, first: number, last: number): Float64Array =>
  Float64Array.from({ length: last - first }, (_, t) => values[first + t]!);

function varianceOfMean(values: readonly number[]): number {
  const R = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / R;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (R - 1) / R;
}

/** Variance × τ / samples of a window's mean. */
function spectralVariance(windows: readonly Float64Array[]): number {
  const mean = commonMean(windows);
  const samples = windows.length * windows[0]!.length;
  let squares = 0;
  for (const values of windows) for (const x of values) squares += (x - mean) ** 2;
  const { tau } = windowedTime(windows, mean);
  return squares > 0 ? ((squares / samples) * Math.max(tau, 1)) / samples : 0;
}
