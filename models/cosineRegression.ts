/**
 * Sixteen samples on a closed curve: linear regression whose gradient noise does not commute with
 * its Hessian, so that the stationary state of SGD carries a current (card A1).
 *
 * t_n = 2πn/16, X = (1.5 cos t + 0.5, 0.7 sin t + 0.3 cos 2t),
 * y = X·(1, −0.5) + 0.8 cos(3t + 0.4) + 0.6 sin(t + 1)|cos t|, loss (X·w − y)²/2.
 * Hessian diag(1.375, 0.29), minimum w* = (1.23383085, −0.34046777).
 */
import type { Dataset } from "./dataset.ts";

/** The data set of card A1: fields `x` [2] and `y` []. */
export function cosineRegression(): Dataset {
  const samples = 16;
  const x = new Float64Array(2 * samples);
  const y = new Float64Array(samples);
  for (let n = 0; n < samples; n++) {
    const t = (2 * Math.PI * n) / samples;
    const x0 = 1.5 * Math.cos(t) + 0.5;
    const x1 = 0.7 * Math.sin(t) + 0.3 * Math.cos(2 * t);
    x[2 * n] = x0;
    x[2 * n + 1] = x1;
    const misfit = 0.8 * Math.cos(3 * t + 0.4) + 0.6 * Math.sin(t + 1) * Math.abs(Math.cos(t));
    y[n] = x0 - 0.5 * x1 + misfit;
  }
  return {
    name: "cosine-regression",
    samples,
    fields: { x: { data: x, shape: [2] }, y: { data: y, shape: [] } },
    origin: "closed formula in models/cosineRegression.ts (card A1)",
  };
}
