/**
 * erf in float64, to a few units in the last place.
 *
 * |x| < 2: erf(x) = (2/√π) e^{−x²} Σ_n 2ⁿ x^{2n+1} / (2n+1)!!   (Abramowitz & Stegun 7.1.6), whose
 * terms all have one sign, so that nothing cancels. Beyond, 1 − erfc(x) with the continued fraction
 * √π e^{x²} erfc(x) = 1/(x + ½/(x + 1/(x + (3/2)/(x + …))))   (7.1.14).
 */

/** Depth at which the fraction has converged to float64 at x = 2, where it is slowest. */
const DEPTH = 60;

export function erf(x: number): number {
  const size = Math.abs(x);
  if (size >= 2) {
    let fraction = size;
    for (let n = DEPTH; n > 0; n -= 1) fraction = size + n / 2 / fraction;
    const complement = Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
    return Math.sign(x) * (1 - complement);
  }
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n += 1) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
