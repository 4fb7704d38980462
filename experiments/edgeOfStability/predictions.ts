/**
 * The exact Lyapunov exponents of the balanced map, with bounds on what rounding and the start leave.
 *
 * Near an attracting cycle of slopes s_i a deviation δ of u changes ln |f'| by |f''/f'| δ = 6η|u|δ/|s_i|.
 * Deviations: (a) rounding, d = U(2|u| + 4η|u|) a step (products uw, ηG; the sum), summed over the
 * contraction; (b) what is left of the start, C mᵗ with m the contraction a step. For η < 1 the flow
 * 1/u² − 1 ~ e^{−2ηt} bounds C by ½(1/u_0² − 1) where the start is small.
 *
 * At η = 2, u = √2 sin φ makes the map φ' = 3φ and ln |f'| = ln 3 + ln |cos φ'| − ln |cos φ|. Starts evenly
 * spread over Δφ cover [0, π] about 3ᵗ Δφ/π times after t steps; until then records, which are EVERY steps
 * apart, are off by what ln |cos φ| is off its mean −ln 2.
 */
import { balancedLyapunov, balancedSlope } from "../../models/index.ts";
import { type EdgeSettings, EVERY, longWindow } from "./settings.ts";

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

/** Bound on the bias that the starts leave at η = 2. */
function unspread(p: EdgeSettings): number {
  const phase = (u: number): number => Math.asin(Math.min(1, u / Math.SQRT2));
  const turns = ((phase(p.highest) - phase(p.lowest)) / Math.PI) * 3 ** p.burnIn;
  const off = Math.abs(Math.log(Math.max(1e-3, Math.cos(phase(p.highest))))) + Math.LN2;
  // The first records, each three to the EVERY better spread than the one before.
  return ((2 * EVERY * off) / longWindow(p).steps) * Math.min(1, 1 / turns);
}

/** Naive means over replicas, in float64, of numbers of order one. */
const meanRounding = ({ replicas }: EdgeSettings): number => replicas * 2 ** -53;

/** Change of ln |f'| beyond which it is not linear in the deviation. */
const LINEAR = 0.5;

/** `unit` is the unit roundoff of the arithmetic: 2⁻²⁴ or 2⁻⁵³. */
export function exponentPrediction(p: EdgeSettings, eta: number, unit: number): ExponentPrediction {
  const exact = balancedLyapunov(eta);
  if (exact === null) return nothing();
  const { exponent, attractor, points } = exact;
  if (attractor === "Chebyshev") {
    return { value: exponent, systematic: unspread(p) + meanRounding(p), warning: null };
  }
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
  const summation = (steps * 2 ** -53 * logarithms) / slopes.length + meanRounding(p);
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
