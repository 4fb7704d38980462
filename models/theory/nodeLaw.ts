/** A law of v > 0 given by nodes of x = ln v and their probabilities: quantiles and the tail's exponent. */
import { ArgumentError } from "../../engine/errors.ts";

function checkShare(what: string, p: number): void {
  if (!(p > 0 && p < 1)) {
    throw new ArgumentError(`balanceLaw: ${what} of ${p}; give a share between 0 and 1.`);
  }
}

/**
 * x below which a share p lies; nodes stand for the middles of their intervals: the share below node i
 * is its half and all before.
 *
 * @throws ArgumentError unless 0 < p < 1.
 */
export function nodeQuantile(x: Float64Array, weight: Float64Array, p: number): number {
  checkShare("quantile", p);
  let below = 0;
  for (let i = 0; i < x.length; i += 1) {
    const middle = below + 0.5 * weight[i]!;
    if (middle >= p) {
      if (i === 0) return x[0]!;
      const before = below - 0.5 * weight[i - 1]!;
      return x[i - 1]! + ((x[i]! - x[i - 1]!) * (p - before)) / (middle - before);
    }
    below += weight[i]!;
  }
  return x[x.length - 1]!;
}

/**
 * What Hill's estimator tends to at the largest share f of infinitely many draws: 1/E[x − x_f | x > x_f],
 * x_f the quantile of 1 − f; the exponent of P(> v) for f → 0.
 *
 * @throws ArgumentError unless 0 < f < 1.
 */
export function nodeTailExponent(x: Float64Array, weight: Float64Array, f: number): number {
  checkShare("tail", f);
  const threshold = nodeQuantile(x, weight, 1 - f);
  let excess = 0;
  for (let i = 0; i < x.length; i += 1) {
    if (x[i]! > threshold) excess += weight[i]! * (x[i]! - threshold);
  }
  return f / excess;
}
