/**
 * One Hessian mode under SGD with momentum and additive gradient noise: exact in the learning rate.
 *
 *   v' = β v − (k θ + ξ),   θ' = θ + η v',   k = ρ + λ,   ⟨ξ²⟩ = s2, independent at each step.
 *
 * Derivation: equate ⟨v²⟩, ⟨θv⟩ and ⟨θ²⟩ before and after a step. From ⟨θ'²⟩ = ⟨θ²⟩:
 * ⟨θv'⟩ = −(η/2)V, and ⟨θ'v'⟩ = ⟨θv⟩ = (η/2)V with V = ⟨v²⟩. Contracting the v equation with θ
 * gives ⟨θ²⟩ = η(1+β)V/(2k); squaring it gives V = s2/[(1−β)(1+β−ηk/2)].
 *
 * Setting of D. Kunin et al., Limiting Dynamics of SGD, arXiv 2107.09133; their continuous theory
 * misses these values by O(η). Left out: noise that depends on θ, Nesterov's variant.
 */
import { ArgumentError } from "../../engine/errors.ts";

export interface HeavyBallModeOptions {
  /** η > 0. */
  readonly learningRate: number;
  /** β, −1 < β < 1; 0 is plain SGD with v = −gradient. */
  readonly momentum: number;
  /** ρ, eigenvalue of the Hessian of the data loss. */
  readonly curvature: number;
  /** λ, added to the curvature: the gradient is that of the loss + (λ/2)θ². */
  readonly weightDecay?: number;
  /** s2, variance of the minibatch gradient along the mode, e.g. σ²ρ/B. */
  readonly noiseVariance: number;
}

export interface HeavyBallMode {
  /** ⟨θ²⟩, in θ². */
  readonly positionVariance: number;
  /** ⟨v²⟩, in (θ/η)² = gradient². */
  readonly velocityVariance: number;
  /** ⟨θ_t v_t⟩. */
  readonly covariance: number;
  /** ½⟨θ_t v_{t+1} − v_t θ_{t+1}⟩ per step: negative is clockwise in the (θ, v) plane. */
  readonly areaRate: number;
  /** Whether the mean spirals: (1+β−ηk)² < 4β. */
  readonly underdamped: boolean;
  /** Angle of that spiral in radians per step, 0 when overdamped. */
  readonly angle: number;
  /** Modulus of the slower root of z² − (1+β−ηk)z + β: decay of the mean per step. */
  readonly decay: number;
}

/**
 * Stationary moments of a heavy-ball mode.
 *
 * V = s2/[(1−β)(1+β−ηk/2)], ⟨θ²⟩ = η(1+β)V/(2k), ⟨θv⟩ = (η/2)V, area = −η s2/(2(1−β)).
 * Exact for additive noise of any distribution; no error in η.
 *
 * @throws ArgumentError outside |β| < 1, 0 < ηk < 2(1+β), where no stationary state exists.
 * @see arXiv 2107.09133 for the setting; derivation in the file head.
 * @example heavyBallMode({ learningRate: 0.1, momentum: 0.9, curvature: 1, noiseVariance: 0.25 })
 *   .areaRate // -0.125
 */
export function heavyBallMode(options: HeavyBallModeOptions): HeavyBallMode {
  const { learningRate: eta, momentum: beta, curvature, noiseVariance: s2 } = options;
  const k = curvature + (options.weightDecay ?? 0);
  if (!(s2 >= 0)) throw new ArgumentError(`heavyBallMode: noiseVariance is ${s2}; give s2 >= 0.`);
  if (!(Math.abs(beta) < 1)) {
    throw new ArgumentError(`heavyBallMode: momentum is ${beta}; it must lie between -1 and 1.`);
  }
  if (!(eta > 0 && k > 0 && eta * k < 2 * (1 + beta))) {
    throw new ArgumentError(
      `heavyBallMode: unstable, eta k = ${eta * k} is not between 0 and 2(1 + beta) = ` +
        `${2 * (1 + beta)}; change learningRate ${eta} or curvature + weightDecay ${k}.`,
    );
  }
  const velocityVariance = s2 / ((1 - beta) * (1 + beta - (eta * k) / 2));
  const trace = 1 + beta - eta * k;
  const discriminant = trace * trace - 4 * beta;
  const underdamped = discriminant < 0;
  return {
    velocityVariance,
    positionVariance: ((eta * (1 + beta)) / (2 * k)) * velocityVariance,
    covariance: (eta / 2) * velocityVariance,
    areaRate: (-eta * s2) / (2 * (1 - beta)),
    underdamped,
    angle: underdamped ? Math.acos(trace / (2 * Math.sqrt(beta))) : 0,
    decay: underdamped ? Math.sqrt(beta) : (Math.abs(trace) + Math.sqrt(discriminant)) / 2,
  };
}
