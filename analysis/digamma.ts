/**
 * ψ and ψ′ for positive arguments: bias and variance of the logarithm of a chi-squared variable.
 *
 * Recurrence up to x >= 16, then the asymptotic series, NIST DLMF 5.11.2 and 5.15.8; relative
 * error about 1e-15 away from the zero of ψ.
 */

/** ψ(x) = d ln Γ/dx, x > 0. */
export function digamma(x: number): number {
  let shift = 0;
  let y = x;
  for (; y < 16; y++) shift -= 1 / y;
  const w = 1 / (y * y);
  const series =
    w *
    (1 / 12 - w * (1 / 120 - w * (1 / 252 - w * (1 / 240 - w * (1 / 132 - (w * 691) / 32760)))));
  return shift + Math.log(y) - 1 / (2 * y) - series;
}

/** ψ′(x), x > 0. */
export function trigamma(x: number): number {
  let shift = 0;
  let y = x;
  for (; y < 16; y++) shift += 1 / (y * y);
  const w = 1 / (y * y);
  const series =
    1 / 6 - w * (1 / 30 - w * (1 / 42 - w * (1 / 30 - w * (5 / 66 - (w * 691) / 2730))));
  return shift + 1 / y + w / 2 + (w / y) * series;
}
