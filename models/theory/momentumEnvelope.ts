/**
 * The envelope of a decaying mode under momentum: what falls by the same factor at each step, where
 * |w| itself oscillates through zero.
 *
 * From w_{n+1} = t w_n − b w_{n−1} (file `heavyBallPath.ts`): ℓ_i = w_n − z_i w_{n−1} obeys
 * ℓ_1' = z2 ℓ_1 and ℓ_2' = z1 ℓ_2. Real roots: E = |w_n − z2 w_{n−1}| (z2 the faster root) falls by
 * |z1|. Complex roots: E² = ℓ_1 ℓ_2 = w_n² − t w_n w_{n−1} + b w_{n−1}² falls by b. Both exactly.
 */
import { type HeavyBallOptions, heavyBallRoots } from "./heavyBallPath.ts";

export interface MomentumEnvelope {
  /** What E falls by in a step: the largest modulus of the roots. */
  readonly rate: number;
  /** Whether |w| oscillates under it: complex roots. */
  readonly oscillates: boolean;
  /** E relative to that of w = 1, v = 0; `displacement` is w_n − w_{n−1} = η v_n. */
  readonly of: (position: number, displacement: number) => number;
  /**
   * Bound on the error of E from errors of its arguments: E is a norm of (w, ηv), or the modulus of
   * a linear form, so |δE| <= E(δw, 0) + E(0, δηv).
   */
  readonly error: (position: number, displacement: number) => number;
}

/**
 * The envelope of one mode and its decay per step.
 *
 * E_n = E_0 rateⁿ exactly, E_0 = 1 for a start at w = 1 at rest. Steps until E <= c:
 * ln c / ln rate. No error in η.
 *
 * @throws ArgumentError for η, λ <= 0 or momentum outside [0, 1).
 * @see derivation in the file head
 * @example momentumEnvelope({ learningRate: 0.5, momentum: 0.99, curvature: 0.01 }).rate // 0.99499
 */
export function momentumEnvelope(options: HeavyBallOptions): MomentumEnvelope {
  const { rate, fast, discriminant } = heavyBallRoots(options);
  const { momentum: b } = options;
  const pull = options.learningRate * options.curvature;
  if (discriminant < 0) {
    const of = (w: number, d: number): number =>
      Math.sqrt(Math.max(0, w * w + ((1 - b - pull) * w * d + b * d * d) / pull));
    const error = (w: number, d: number): number => Math.abs(w) + Math.sqrt(b / pull) * Math.abs(d);
    return { rate, oscillates: true, of, error };
  }
  const weight = fast / (1 - fast);
  return {
    rate,
    oscillates: false,
    of: (w, d) => Math.abs(w + weight * d),
    error: (w, d) => Math.abs(w) + Math.abs(weight * d),
  };
}
