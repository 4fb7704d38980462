/**
 * Gradient descent on ½(uw − 1)² from u = w: the cubic map u' = (1 + η)u − η u³.
 *
 * Fixed point u = 1 with slope 1 − 2η: stable for η < 1, where η times the sharpness 2 is below 2.
 * Beyond, a two-cycle p, q: adding and subtracting f(p) = q, f(q) = p gives pq = 1/η and
 * p² + q² = 1 + 1/η, hence f'(p) f'(q) = 9 − 2(1 + η)²: stable up to η = √5 − 1 = 1.236.
 * At η = 2, f(√2 cos φ) = −√2 cos 3φ (Chebyshev): exponent ln 3, arcsine law, ⟨u²⟩ = 1, Var u² = ½.
 * All orbits that start within |u| < √(1 + 2/η) stay there for η <= 2.
 *
 * Toy of the edge of stability in arXiv 2206.02001's sense; derived here. Left out: closed forms in
 * the chaotic range other than η = 2 (there are none), the start u ≠ w.
 */
import { ArgumentError } from "../../engine/errors.ts";

/** η at which the two-cycle loses its stability. */
export const TWO_CYCLE_END = Math.sqrt(5) - 1;
/** η beyond which orbits escape. */
export const CHEBYSHEV_RATE = 2;

/** u' = (1 + η)u − η u³. */
export const balancedStep = (u: number, eta: number): number => u * (1 + eta - eta * u * u);

/** du'/du = 1 + η − 3η u². */
export const balancedSlope = (u: number, eta: number): number => 1 + eta - 3 * eta * u * u;

/** ln |du'/du|: its mean along an orbit is the Lyapunov exponent. */
export const localExponent = (u: number, eta: number): number =>
  Math.log(Math.abs(balancedSlope(u, eta)));

export interface BalancedLyapunov {
  /** Mean of ln |du'/du| along an orbit, per step. */
  readonly exponent: number;
  /** What the orbit is: the minimum, a cycle of two points, or the chaotic interval. */
  readonly attractor: "fixed point" | "two-cycle" | "Chebyshev";
  /** Points of the attractor; empty for an interval. */
  readonly points: readonly number[];
}

/**
 * Lyapunov exponent of the balanced map where it has a closed form, else null.
 *
 * η < 1: ln|1 − 2η|; 1 < η < √5 − 1: ½ ln|9 − 2(1 + η)²|; η = 2: ln 3. Per step. −∞ where an
 * orbit is superstable (η = ½, 3/√2 − 1), null at η = 1 and η = √5 − 1, where convergence is algebraic.
 *
 * @throws ArgumentError for η <= 0.
 * @see derivation in the file head
 * @example balancedLyapunov(0.9)!.exponent // ln 0.8
 */
export function balancedLyapunov(eta: number): BalancedLyapunov | null {
  if (!(eta > 0)) {
    throw new ArgumentError(`balancedLyapunov: learning rate is ${eta}; give a number > 0.`);
  }
  if (eta < 1) {
    return { exponent: Math.log(Math.abs(1 - 2 * eta)), attractor: "fixed point", points: [1] };
  }
  if (eta > 1 && eta < TWO_CYCLE_END) {
    const multiplier = 9 - 2 * (1 + eta) ** 2;
    const sum = Math.sqrt(1 + 3 / eta);
    const gap = Math.sqrt(1 - 1 / eta);
    return {
      exponent: Math.log(Math.abs(multiplier)) / 2,
      attractor: "two-cycle",
      points: [(sum + gap) / 2, (sum - gap) / 2],
    };
  }
  if (eta === CHEBYSHEV_RATE) return { exponent: Math.log(3), attractor: "Chebyshev", points: [] };
  return null;
}
