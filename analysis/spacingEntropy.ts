/**
 * Entropy of numbers on a known interval, from the spacings between them.
 *
 * Source: O. Vasicek, J. R. Stat. Soc. B 38, 54 (1976); for uniform numbers the log of a spacing of
 * order m has the exact mean ψ(m) − ψ(n + 1) (it is Beta distributed), which is taken out. Windows at
 * the ends are shorter instead of left out. Left out: unknown ends, more than one dimension.
 */
import { ArgumentError } from "../engine/errors.ts";
import { digamma } from "./digamma.ts";

/** m = n^{1/3}: the noise of the spacings adds 1/(6m) to the variance, the window costs (m/n)². */
export const spacingOrder = (samples: number): number => Math.max(1, Math.ceil(Math.cbrt(samples)));

/**
 * −ln of the density at each of n independent numbers in (0, 1), given in ascending order; their mean
 * estimates −∫ p ln p.
 *
 *   z_i = ln(v_{i+m} − v_{i−m}) − ψ(c_i) + ψ(n + 1),  v ends at 0 and 1, c_i spacings in the window
 *
 * Bias: zero for the uniform law; (m/n)² times second derivatives of ln p in ranks otherwise, so bring
 * the numbers near to uniform first. The scatter of z_i holds that of the spacings and that of ln p.
 *
 * @throws ArgumentError for fewer than 2 numbers, or numbers that do not ascend within (0, 1).
 */
export function spacingScores(ascending: Float64Array): Float64Array {
  const n = ascending.length;
  const at = (i: number): number => (i < 0 ? 0 : i >= n ? 1 : ascending[i]!);
  for (let i = 0; i <= n; i += 1) {
    if (n < 2 || !(at(i - 1) <= at(i))) {
      throw new ArgumentError(
        `spacingScores: ${n} numbers, of which ${at(i - 1)} stands before ${at(i)}; give at least 2 ` +
          "in (0, 1), ascending.",
      );
    }
  }
  const order = spacingOrder(n);
  const psi = Float64Array.from({ length: 2 * order + 1 }, (_, c) => (c === 0 ? 0 : digamma(c)));
  const all = digamma(n + 1);
  return Float64Array.from({ length: n }, (_, i) => {
    const [first, last] = [Math.max(-1, i - order), Math.min(n, i + order)];
    return Math.log(at(last) - at(first)) - psi[last - first]! + all;
  });
}
