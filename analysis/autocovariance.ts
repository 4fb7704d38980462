/**
 * Autocovariance of a series, averaged over replicas.
 *
 * C(t) = Σ_r Σ_s (x_{r,s} − m)(x_{r,s+t} − m) / (R (T − t)): A. Sokal, Monte Carlo Methods in
 * Statistical Mechanics (1997), section 3, with the mean m common to all replicas, so that a
 * difference between replicas counts as correlation. With the mean of each series itself,
 * C(t) would be low by about the variance of a series' mean.
 */
import { fourierTransform } from "./fourier.ts";

/**
 * C(t) for t = 0 … lags − 1, [lag].
 *
 * `mean` is subtracted from all series. Short ranges of lags are summed directly, long ones by
 * FFT; both give the same numbers to rounding.
 */
export function autocovariance(
  series: readonly ArrayLike<number>[],
  mean: number,
  lags: number,
): Float64Array {
  const length = series[0]!.length;
  // A direct lag costs T, the FFT of a padded pair some 12 log2(T) operations per sample.
  const direct = lags <= 8 * Math.log2(length + 1);
  const sums = direct ? directSums(series, mean, lags) : spectralSums(series, mean, lags);
  for (let t = 0; t < lags; t++) sums[t]! /= series.length * (length - t);
  return sums;
}

function directSums(
  series: readonly ArrayLike<number>[],
  mean: number,
  lags: number,
): Float64Array {
  const sums = new Float64Array(lags);
  const shifted = new Float64Array(series[0]!.length);
  for (const values of series) {
    for (let s = 0; s < shifted.length; s++) shifted[s] = values[s]! - mean;
    for (let t = 0; t < lags; t++) {
      let sum = 0;
      for (let s = 0; s + t < shifted.length; s++) sum += shifted[s]! * shifted[s + t]!;
      sums[t]! += sum;
    }
  }
  return sums;
}

/** Two real series ride in one complex transform: the real part of the inverse of |Z|² adds them. */
function spectralSums(
  series: readonly ArrayLike<number>[],
  mean: number,
  lags: number,
): Float64Array {
  const length = series[0]!.length;
  const padded = 2 ** Math.ceil(Math.log2(2 * length));
  const re = new Float64Array(padded);
  const im = new Float64Array(padded);
  const power = new Float64Array(padded);
  for (let r = 0; r < series.length; r += 2) {
    re.fill(0);
    im.fill(0);
    for (let s = 0; s < length; s++) re[s] = series[r]![s]! - mean;
    const second = series[r + 1];
    if (second) for (let s = 0; s < length; s++) im[s] = second[s]! - mean;
    fourierTransform(re, im);
    for (let k = 0; k < padded; k++) power[k]! += re[k]! * re[k]! + im[k]! * im[k]!;
  }
  im.fill(0);
  fourierTransform(power, im);
  // A forward transform inverts up to 1/n and t → −t, under which the real part is even.
  return power.slice(0, lags).map((value) => value / padded);
}

/** Mean over all replicas and times. */
export function commonMean(series: readonly ArrayLike<number>[]): number {
  let sum = 0;
  for (const values of series) for (let s = 0; s < values.length; s++) sum += values[s]!;
  return sum / (series.length * series[0]!.length);
}
