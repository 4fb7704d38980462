/**
 * Euler–Maruyama steps of two balanced factors, v = u², with noise on the inputs, and what their length
 * adds to the law of balance.
 *
 * u' = u(1 − X), X = A dt + B √dt ξ, A = 2(b1 v − b2) h, B² = 4 T q(v) h. h = 1 is the uniform clock of
 * the SDE. In the adapted one, h = a3/(a3 + a1 v²), a step lasts h dt: B is bounded, so that steps of
 * ln v are of one size where the SDE's grow as v, and no step throws v away. States then count h each.
 * y = ln v takes steps of moments
 *   m1 = −2A − B² + dt a, m2 = 4B² + dt b, m3 = dt c, m4 = 48 B⁴ dt   (each times dt),
 *   a = −A² − 2AB² − (3/2)B⁴, b = 4A² + 12AB² + 11B⁴, c = −24AB² − 36B⁴.
 * Zero flux, m1 p − (m2 p)'/2 + (m3 p)''/6 − (m4 p)'''/24 = 0, has p = p0 e^{dt φ},
 *   φ' = (a p0 − (b p0)'/2 + (c p0)''/6 − (48 B⁴ p0)'''/24)/(2B² p0),   p0 the law of balance over h.
 *
 * Derived; the expansion is Kramers' and Moyal's, as in balanceCorrection.ts. Left out: second order,
 * unbalanced factors (their imbalance decays as exp(−4T ∫q dt)), escapes of the uniform clock.
 */
import { ArgumentError } from "../../engine/errors.ts";
import {
  type BalanceLaw,
  type BalanceLawOptions,
  balanceLaw,
  type InputMoments,
} from "./balanceLaw.ts";
import { differentiated, divided, type Jet, jetSum, multiplied, squareOf } from "./jet.ts";
import { nodeQuantile, nodeTailExponent } from "./nodeLaw.ts";

export type BalanceClock = "uniform" | "adapted";

export interface BalanceStepsOptions extends Omit<BalanceLawOptions, "depth"> {
  /** dt, in time learning rate · steps; small. */
  readonly timeStep: number;
  readonly clock: BalanceClock;
}

/** Averages, quantiles and Hill exponents of a law of v. */
export type LawNumbers = Pick<BalanceLaw, "mean" | "expectation" | "quantile" | "hillExponent">;

export interface BalanceSteps {
  /** The law of balance, of dt → 0. */
  readonly law: BalanceLaw;
  /** The law of the steps to first order in dt, in the SDE's time. */
  readonly corrected: LawNumbers;
  /** Draws of the stationary law over steps, of uniform numbers in (0, 1): what a run may start from. */
  readonly start: (uniform: number) => number;
}

/** h, the length of a step over dt: 1, or a3/(a3 + a1 v²). */
export const clockRate = (clock: BalanceClock, { a1, a3 }: InputMoments, v: number): number =>
  clock === "uniform" ? 1 : a3 / (a3 + a1 * v * v);

/** φ'(y): derivatives up to the third, so jets of five coefficients. */
function correctionSlope({ temperature: T, data, clock }: BalanceStepsOptions, v: number): number {
  const { b1, b2, a1, a2, a3 } = data;
  // d/dy v = v
  const jetV: Jet = [v, v, v / 2, v / 6, v / 24];
  const constant = (value: number): Jet => [value, 0, 0, 0, 0];
  const square = squareOf(jetV);
  const h =
    clock === "uniform"
      ? constant(1)
      : divided(constant(a3), jetSum([1, constant(a3)], [a1, square]));
  const q = jetSum([a1, square], [-2 * a2, jetV], [1, constant(a3)]);
  const A = multiplied(h, jetSum([2 * b1, jetV], [-2, constant(b2)]));
  const B2 = jetSum([4 * T, multiplied(q, h)]);
  const AB2 = multiplied(A, B2);
  const B4 = squareOf(B2);
  // (ln p0)' = 2 m1/m2 − (ln m2)'
  const logSlope = jetSum(
    [-1, divided(A, B2)],
    [-1 / 2, constant(1)],
    [-1, divided(differentiated(B2), B2)],
  );
  /** (F p0)'/p0 */
  const d = (F: Jet): Jet => jetSum([1, differentiated(F)], [1, multiplied(F, logSlope)]);
  const a = jetSum([-1, squareOf(A)], [-2, AB2], [-1.5, B4]);
  const b = jetSum([4, squareOf(A)], [12, AB2], [11, B4]);
  const c = jetSum([-24, AB2], [-36, B4]);
  const flux = jetSum([1, a], [-1 / 2, d(b)], [1 / 6, d(d(c))], [-2, d(d(d(B4)))]);
  return flux[0]! / (2 * B2[0]!);
}

/**
 * e^{dt φ} at the nodes, φ = 0 at the median: an exponential, as dt shifts the power of v → 0. At most 2
 * for large v, where the uniform clock's φ ~ v² is no expansion any more.
 */
function factors(options: BalanceStepsOptions, law: BalanceLaw): Float64Array {
  const x = law.nodes.map(Math.log);
  const slopes = law.nodes.map((v) => correctionSlope(options, v));
  const phi = new Float64Array(x.length);
  for (let i = 1; i < x.length; i += 1) {
    phi[i] = phi[i - 1]! + 0.5 * (slopes[i]! + slopes[i - 1]!) * (x[i]! - x[i - 1]!);
  }
  const median = law.quantile(0.5);
  const middle = law.nodes.findIndex((v) => v >= median);
  return phi.map((value, i) => {
    const exponent = options.timeStep * (value - phi[middle]!);
    return Math.exp(i < middle ? exponent : Math.min(Math.LN2, exponent));
  });
}

function normalized(weights: Float64Array): Float64Array {
  const total = weights.reduce((sum, value) => sum + value, 0);
  return weights.map((value) => value / total);
}

/**
 * The stationary law of the steps: that of the SDE, and its first correction in dt.
 *
 * Error: O(dt²), and that of the quadrature, 10⁻⁶ relative.
 *
 * @throws ArgumentError where `balanceLaw` does, at T >= T_c above all, and next below T_c.
 * @see file head
 * @example
 * balanceSteps({ temperature: 0.1, data: gaussianDataMoments(1, 1), timeStep: 5e-4, clock: "adapted" })
 */
export function balanceSteps(options: BalanceStepsOptions): BalanceSteps {
  const { temperature, data, clock } = options;
  const law = balanceLaw({ depth: 1, temperature, data });
  if (!(law.nodes[0]! > 0)) {
    throw new ArgumentError(
      `balanceSteps: temperature ${temperature} is so near to the critical ${data.b2 / data.a3} that v falls ` +
        "below the smallest number; lower it.",
    );
  }
  const x = law.nodes.map(Math.log);
  const factor = factors(options, law);
  const weights = normalized(law.weights.map((weight, i) => weight * factor[i]!));
  const steps = normalized(
    law.weights.map((weight, i) => weight / clockRate(clock, data, law.nodes[i]!)),
  );
  const expectation = (f: (v: number) => number): number =>
    law.nodes.reduce((sum, v, i) => sum + (weights[i]! > 0 ? weights[i]! * f(v) : 0), 0);
  return {
    law,
    corrected: {
      mean: expectation((v) => v),
      expectation,
      quantile: (p) => Math.exp(nodeQuantile(x, weights, p)),
      hillExponent: (fraction) => nodeTailExponent(x, weights, fraction),
    },
    start: (uniform) => Math.exp(nodeQuantile(x, steps, uniform)),
  };
}
