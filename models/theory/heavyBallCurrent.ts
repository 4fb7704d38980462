/**
 * The probability current of a heavy-ball mode with noise in its stationary state: a rigid rotation.
 *
 * Midpoint form: each step Δx of x = (θ, v) counts half where it starts and half where it ends. For a
 * stationary Gaussian chain x' = Fx + noise of covariance D, ⟨Δx | start x⟩ = (F − 1)x and
 * ⟨Δx | end x⟩ = (1 − D Fᵀ D⁻¹)x, hence
 *   j(x) = p(x) ½(F D − D Fᵀ) D⁻¹ x = p(x) a R D⁻¹ x,  R = [[0, −1], [1, 0]], a the area per step,
 * exact at any learning rate. With z = L⁻¹ x, L Lᵀ = D, it is j(z) = p(z) ω R z: all circles turn by the
 * same angle a step, and nothing crosses them. Inserting the moments of `heavyBallMode`,
 *   ω = a/√det D = −√(ηk(1 + β − ηk/2)/2),
 * where the continuous model has −√(2ηk/(1 + β)), its cycling frequency (arXiv 2107.09133).
 *
 * Left out: noise that is not Gaussian, where conditional means need not be linear.
 */
import type { HeavyBallMode } from "./heavyBallMode.ts";
import type { HeavyBallOptions } from "./heavyBallPath.ts";

export interface HeavyBallCurrent {
  /** ω, angle per step of the whitened state, negative is clockwise in the (θ, v) plane. */
  readonly rotation: number;
  /** −√(2ηk/(1 + β)), the continuous model's. */
  readonly continuous: number;
  /** √(⟨θ²⟩⟨v²⟩/det D) >= 1: what rounding of θ and v grows by in z. */
  readonly stretch: number;
  /** z = L⁻¹(θ, v). */
  readonly whiten: (position: number, velocity: number) => readonly [number, number];
}

/**
 * Rotation of the stationary current; exact for Gaussian noise, no error in η.
 *
 * `exact` are the mode's stationary moments (`heavyBallMode`); without noise `whiten` gives NaN.
 *
 * @see file head for the derivation; arXiv 2107.09133 for the continuous model
 */
export function heavyBallCurrent(
  { learningRate: eta, momentum: beta, curvature: k }: HeavyBallOptions,
  exact: HeavyBallMode,
): HeavyBallCurrent {
  const { positionVariance, velocityVariance, covariance } = exact;
  const width = Math.sqrt(positionVariance);
  const slope = covariance / positionVariance;
  // ⟨v²⟩ − ⟨θv⟩²/⟨θ²⟩ = ⟨v²⟩(1 − ηk/(2(1 + β))): no cancellation next to instability.
  const rest = Math.sqrt(velocityVariance * (1 - (eta * k) / (2 * (1 + beta))));
  return {
    rotation: -Math.sqrt((eta * k * (1 + beta - (eta * k) / 2)) / 2),
    continuous: -Math.sqrt((2 * eta * k) / (1 + beta)),
    stretch: Math.sqrt(velocityVariance) / rest,
    whiten: (position, velocity) => [position / width, (velocity - slope * position) / rest],
  };
}
