/**
 * One Hessian mode under implicit SGD with additive gradient noise: exact in the learning rate.
 *
 *   θ' = θ − η(kθ' + ξ), that is θ' = (θ − ηξ)/(1 + ηk),   ⟨ξ²⟩ = s2, independent at each step.
 *
 * Derivation: ⟨θ²⟩(1 + ηk)² = ⟨θ²⟩ + η²s2. The explicit step is `heavyBallMode` with momentum 0; both
 * tend to the continuous ⟨θ²⟩ = ηs2/(2k) for ηk → 0, from below and from above.
 */
import { ArgumentError } from "../../engine/errors.ts";

export interface ImplicitModeOptions {
  /** η > 0. */
  readonly learningRate: number;
  /** k > 0, Hessian eigenvalue with weight decay. */
  readonly curvature: number;
  /** s2, variance of the gradient's noise. */
  readonly noiseVariance: number;
}

export interface ImplicitMode {
  /** ⟨θ²⟩ */
  readonly variance: number;
  /** Decay of the mean per step, 1/(1 + ηk). */
  readonly decay: number;
}

/**
 * Stationary variance and decay of an implicit mode; it exists for every η > 0.
 *
 * ⟨θ²⟩ = ηs2/(k(2 + ηk)). Exact for additive noise of any distribution.
 *
 * @throws ArgumentError unless η > 0, k > 0 and s2 >= 0.
 * @see card 4E; derivation in the file head
 * @example implicitMode({ learningRate: 0.1, curvature: 5, noiseVariance: 1 }).variance // 0.008
 */
export function implicitMode(options: ImplicitModeOptions): ImplicitMode {
  const { learningRate: eta, curvature: k, noiseVariance: s2 } = options;
  if (!(eta > 0 && k > 0 && s2 >= 0)) {
    throw new ArgumentError(
      `implicitMode: learningRate ${eta}, curvature ${k}, noiseVariance ${s2}; the first two must be ` +
        "above 0, the last at least 0.",
    );
  }
  return { variance: (eta * s2) / (k * (2 + eta * k)), decay: 1 / (1 + eta * k) };
}
