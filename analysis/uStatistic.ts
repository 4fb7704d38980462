/**
 * A mean square of independent groups without what their noise adds to it.
 *
 *   Σ_{g≠h} w_g w_h ⟨y_g, y_h⟩ / (1 − Σ w_g²)
 *
 * Unbiased for ⟨ȳ, ȳ⟩ of the groups' common mean ȳ: 0 on average where that is zero, and then negative
 * half of the time.
 */
export interface UStatistic {
  readonly value: number;
  /** NaN for one group. */
  readonly standardError: number;
}

/**
 * The statistic of groups y_g with weights w_g of sum 1 and a bilinear, symmetric `product`.
 *
 * Its error has both parts, T = ⟨⟨y_g, y_h⟩²⟩ about the mean and the linear one,
 *   variance = 2 T ω²/(1 − ω) + 4 (Var_g⟨y_g, ȳ₋g⟩ − ωT)₊ ω,   ω = Σ w_g²,
 * which stays right at zero, where the jackknife's would be √2 too large.
 *
 * @see W. Hoeffding, Ann. Math. Statist. 19, 293 (1948), for the two parts.
 * @example
 * const groups = [Float64Array.of(1, 2), Float64Array.of(2, 1)];
 * uStatistic(groups, Float64Array.of(0.5, 0.5), (a, b) => a[0]! * b[0]! + a[1]! * b[1]!).value // 4
 */
export function uStatistic(
  y: readonly Float64Array[],
  weights: Float64Array,
  product: (a: Float64Array, b: Float64Array) => number,
): UStatistic {
  const n = y.length;
  const mean = new Float64Array(y[0]!.length);
  y.forEach((one, g) => {
    for (let k = 0; k < mean.length; k += 1) mean[k]! += weights[g]! * one[k]!;
  });
  const omega = weights.reduce((sum, w) => sum + w * w, 0);
  const own = y.map((one) => product(one, one));
  const selves = own.reduce((sum, one, g) => sum + weights[g]! ** 2 * one, 0);
  // (y_g − ȳ)·(y_h − ȳ) from the products alone.
  const toMean = y.map((one) => product(one, mean));
  const square = product(mean, mean);
  let pairs = 0;
  for (let g = 0; g < n; g += 1) {
    for (let h = 0; h < g; h += 1) {
      const centered = product(y[g]!, y[h]!) - toMean[g]! - toMean[h]! + square;
      pairs += 2 * centered * centered;
    }
  }
  const T = pairs / (n * (n - 1));
  const others = y.map((_, g) => (toMean[g]! - weights[g]! * own[g]!) / (1 - weights[g]!));
  const linear = Math.max(0, variance(others) - omega * T);
  const spread = (2 * T * omega ** 2) / (1 - omega) + 4 * linear * omega;
  return {
    value: (square - selves) / (1 - omega),
    standardError: n > 1 ? Math.sqrt(spread) : Number.NaN,
  };
}

function variance(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}
