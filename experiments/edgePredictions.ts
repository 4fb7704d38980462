/**
 * The exact Lyapunov exponents of the balanced map, with bounds on what rounding and the start leave.
 *
 * Near an attracting cycle of slopes s_i a deviation δ of u changes ln |f'| by |f''/f'| δ = 6η|u|δ/|s_i|.
 * Deviations: (a) rounding, d = U(2|u| + 4η|u|) a step (products uw, ηG; the sum), summed over the
 * contraction; (b) what is left of the start, C mᵗ with m the contraction a step. For η < 1 the flow
 * 1/u² − 1 ~ e^{−2ηt} bounds C by ½(1/u_0² − 1) where the start is small.
 */
import { balancedLyapunov, balancedSlope } from "../models/index.ts";
import { type EdgeSettings, longWindow } from "./edgeSettings.ts";

export interface ExponentPrediction {
  readonly value: number | null;
  readonly systematic: number;
  /** Why nothing is predicted at a rate that has a closed form. */
  readonly warning: string | null;
}

const nothing = (warning: string | null = null): ExponentPrediction => ({
  value: null,
  systematic: 0,
  warning,
});

/** Change of ln |f'| beyond which it is not linear in the deviation. */
const LINEAR = 0.5;

/** `unit` is the unit roundoff of the arithmetic: 2⁻²⁴ or 2⁻⁵³. */
export function exponentPrediction(p: EdgeSettings, eta: number, unit: number): ExponentPrediction {
  const exact = balancedLyapunov(eta);
  if (exact === null) return nothing();
  const { exponent, attractor, points } = exact;
  if (attractor === "Chebyshev") return { value: exponent, systematic: 0, warning: null };
  if (exponent === -Infinity) {
    return nothing(`η = ${eta}: the ${attractor} is superstable, its exponent is −∞`);
  }
  const slopes = points.map((u) => Math.abs(balancedSlope(u, eta)));
  const contraction = Math.exp(exponent);
  const gain = (1 + Math.max(...slopes)) / (1 - contraction ** points.length);
  const size = Math.max(...points);
  const rounding = gain * unit * size * (2 + 4 * eta);
  const start = Math.max(1, (1 / p.lowest ** 2 - 1) / 2) * (1 + Math.max(...slopes));
  const first = start * contraction ** p.burnIn;
  const { steps } = longWindow(p);
  const transient = (first * (1 - contraction ** steps)) / ((1 - contraction) * steps);
  // Naive summation of `steps` numbers in float64.
  const logarithms = slopes.reduce((sum, slope) => sum + Math.abs(Math.log(slope)), 0);
  const summation = (steps * 2 ** -53 * logarithms) / slopes.length;
  // Mean over the cycle of |f''/f'|, and its largest.
  const sensitivities = points.map((u, i) => (6 * eta * u) / slopes[i]!);
  if (Math.max(...sensitivities) * (rounding + first) > LINEAR) {
    return nothing(
      `η = ${eta}: no exponent is predicted, rounding or the start (convergence by ` +
        `${contraction.toPrecision(4)} a step) leaves deviations in which ln |f'| is not linear; ` +
        "raise burnIn, or keep away from η = 0.5, 1 and 1.2361",
    );
  }
  const sensitivity = sensitivities.reduce((sum, value) => sum + value, 0) / points.length;
  return {
    value: exponent,
    systematic: sensitivity * (rounding + transient) + summation,
    warning: null,
  };
}
