/**
 * The free kinetic Langevin flow, dx = v dt, dv = −γ v dt + √(2γT) dW, over a time t: exact.
 *
 * With u = γt: v' = e⁻ᵘ v + σ_v ξ₁, x' = x + (1 − e⁻ᵘ)/γ v + c ξ₁ + σ_x ξ₂ for two standard
 * normals. The x noise has variance (T/γ²)(2u − 3 + 4e⁻ᵘ − e⁻²ᵘ) and covariance (T/γ)(1 − e⁻ᵘ)²
 * with the v noise; what is left of it after c ξ₁ is σ_x² = (2T/γ²)(u − 2 tanh(u/2)), which
 * does not cancel its digits away as the difference of the two would. Unit mass.
 * Source: S. Chandrasekhar, Rev. Mod. Phys. 15, 1 (1943), ch. II; the U of the UBU splitting.
 */

/** Coefficients of the flow: numbers for one component, the same for each. */
export interface FreeLangevin {
  /** e⁻ᵘ: v from v. */
  readonly decay: number;
  /** (1 − e⁻ᵘ)/γ: x from v. */
  readonly drift: number;
  /** σ_v: v from ξ₁. */
  readonly velocityNoise: number;
  /** c: x from ξ₁. */
  readonly sharedNoise: number;
  /** σ_x: x from ξ₂. */
  readonly positionNoise: number;
}

/** The flow over `time` > 0 with friction γ > 0 and temperature T >= 0. */
export function freeLangevin(time: number, friction: number, temperature: number): FreeLangevin {
  const u = friction * time;
  const lost = -Math.expm1(-u);
  const velocityNoise = Math.sqrt(-temperature * Math.expm1(-2 * u));
  return {
    decay: Math.exp(-u),
    drift: lost / friction,
    velocityNoise,
    // (T/γ)(1 − e⁻ᵘ)²/σ_v, by 1 − e⁻²ᵘ = (1 − e⁻ᵘ)(1 + e⁻ᵘ)
    sharedNoise: (Math.sqrt(temperature * Math.tanh(u / 2)) * lost) / friction,
    positionNoise: Math.sqrt(2 * temperature * excess(u)) / friction,
  };
}

/** u − 2 tanh(u/2) to rounding: its Taylor series where the difference would lose digits. */
function excess(u: number): number {
  if (u > 0.1) return u - 2 * Math.tanh(u / 2);
  const s = u * u;
  return (
    u * s * (1 / 12 - s * (1 / 120 - s * (17 / 20160 - s * (31 / 362880 - (s * 691) / 79833600))))
  );
}
