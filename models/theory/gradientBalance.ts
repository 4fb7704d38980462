/**
 * Gradient balance of a linear bottleneck w(u·x): where SGD noise drives |w|²/|u|², to first order in η.
 *
 * y = c x_0 e_0 + ε, Var ε_0 = s², others s'²; x ~ N(0, 1) in d_x dimensions, d_y outputs, t = tr Var ε.
 * Each step changes |u|² − |w|² by exactly η²(|g_u|² − |g_w|²), so a stationary state has
 *   E|g_u|² = E|g_w|²,   with Δ = w uᵀ − c e_0 e_0ᵀ:
 *   E|g_u|²/4 = (d_x + 2)|Δᵀw|² + d_x wᵀ Var(ε) w,   E|g_w|²/4 = t|u|² + |Δ|²|u|² + 2|Δu|².
 * At η → 0, Δ = 0: q = |w|²/|u|² = t/(d_x s²), |u|² = U = c/√q, |w|² = W = c√q. Fluctuations about it, from
 * the linearized step, Λ = U + W: Var u_⊥ = ηs², Var w_j = ηs'², Var uw = ηΛs² along e_0, and
 * E uw = c − η √(d_x s² t). They make the terms of order η. The Hessian's trace is 2(d_x|w|² + d_y|u|²).
 *
 * Source: Neural Thermodynamics I, arXiv 2505.12387 (gradient balance, sharpening); coefficients derived.
 */
import { ArgumentError } from "../../engine/errors.ts";

export interface BottleneckNoise {
  /** d_x >= 1 and d_y >= 2. */
  readonly inputs: number;
  readonly outputs: number;
  /** c > 0. */
  readonly signal: number;
  /** s > 0, of the learned output. */
  readonly labelNoise: number;
  /** s' >= 0, of the others. */
  readonly otherNoise: number;
}

/** A quantity to first order: value + slope · η. */
export interface FirstOrder {
  readonly value: number;
  readonly slope: number;
}

export interface GradientBalance {
  /** E|w|²/E|u|². */
  readonly ratio: FirstOrder;
  /** Trace of the Hessian. */
  readonly sharpness: FirstOrder;
  /** Smallest trace of all zero-residual solutions: 4c √(d_x d_y). */
  readonly flattest: number;
  /** κ: the terms of order η of the ratio add up to at most κη of it. */
  readonly scale: number;
  /** Relaxation of the ratio takes 1/(relaxation · η²) steps. */
  readonly relaxation: number;
}

function check({ inputs, outputs, signal, labelNoise, otherNoise }: BottleneckNoise): void {
  if (!(inputs >= 1 && outputs >= 2 && signal > 0 && labelNoise > 0 && otherNoise >= 0)) {
    throw new ArgumentError(
      `gradientBalance: ${inputs} inputs, ${outputs} outputs, signal ${signal}, noise ${labelNoise} and ` +
        `${otherNoise}; give at least 1 and 2, signal and labelNoise > 0, otherNoise >= 0.`,
    );
  }
}

/** The sum of terms, and of their sizes. */
const total = (terms: readonly number[]): { sum: number; size: number } => ({
  sum: terms.reduce((sum, term) => sum + term, 0),
  size: terms.reduce((sum, term) => sum + Math.abs(term), 0),
});

/**
 * The stationary ratio of the layers, and the sharpness it leads to.
 *
 * Error: of order η², relative (κη)² with κ = `scale`.
 *
 * @throws ArgumentError for dimensions, signal or noise that are not positive.
 * @see arXiv 2505.12387; derivation in the file head
 * @example gradientBalance({ inputs: 4, outputs: 4, signal: 1, labelNoise: 0.1, otherNoise: 0.5 })
 *   .ratio.value // 19
 */
export function gradientBalance(net: BottleneckNoise): GradientBalance {
  check(net);
  const { inputs: dx, outputs: dy, signal: c } = net;
  const [s2, other] = [net.labelNoise ** 2, net.otherNoise ** 2];
  const rest = (dy - 1) * other;
  const t = s2 + rest;
  const q = t / (dx * s2);
  const [U, W] = [c / Math.sqrt(q), c * Math.sqrt(q)];
  const lambda = U + W;
  const transposed = W ** 2 * (dx - 1) * s2 + W * lambda * s2; // |Δᵀw|²/η
  const forward = U ** 2 * rest + U * lambda * s2; // |Δu|²/η
  const whole = U * rest + W * (dx - 1) * s2 + lambda * s2; // |Δ|²/η
  const terms = total([
    whole * U + 2 * forward,
    -(dx + 2) * transposed,
    -dx * (dy - 1) * other ** 2,
    dx * s2 * rest,
  ]);
  const ratio = { value: q, slope: terms.sum / (U * dx * s2) };
  return {
    ratio,
    sharpness: sharpness(net, { U, W, q, slope: ratio.slope, t }),
    flattest: 4 * c * Math.sqrt(dx * dy),
    scale: terms.size / (U * dx * s2) / q,
    relaxation: (8 * dx * s2 * t) / (dx * s2 + t),
  };
}

/** 2(d_x E|w|² + d_y E|u|²), from the ratio and from (E|w|² − ηr)(E|u|² − η(d_x − 1)s²) = E w_0² E u_0². */
function sharpness(
  { inputs: dx, outputs: dy, signal: c, labelNoise, otherNoise }: BottleneckNoise,
  at: { U: number; W: number; q: number; slope: number; t: number },
): FirstOrder {
  const { U, W, q, slope, t } = at;
  const s2 = labelNoise ** 2;
  const rest = (dy - 1) * otherNoise ** 2;
  // E w_0² E u_0² = (E u_0 w_0)² + (W − U)² ηs²/Λ
  const along = -2 * c * Math.sqrt(dx * s2 * t) + (s2 * (W - U) ** 2) / (U + W);
  // d(E|w|² E|u|²)/dη, and d ln of either
  const product = along + rest * U + (dx - 1) * s2 * W;
  const half = product / (2 * c ** 2);
  const tilt = slope / (2 * q);
  return {
    value: 2 * (dx * W + dy * U),
    slope: 2 * (dx * W * (half + tilt) + dy * U * (half - tilt)),
  };
}

/**
 * The ratio with weight decay λ, to leading order in η and λ:
 * q = (λ + 2ηt)/(λ + 2ηd_x s²), between noise alone and decay alone, which has q = 1.
 *
 * @see arXiv 2505.12387; E over a step of (|w|² − |u|²)
 */
export function decayedRatio(
  { inputs: dx, outputs: dy, labelNoise, otherNoise }: BottleneckNoise,
  learningRate: number,
  weightDecay: number,
): number {
  const s2 = labelNoise ** 2;
  const t = s2 + (dy - 1) * otherNoise ** 2;
  return (weightDecay + 2 * learningRate * t) / (weightDecay + 2 * learningRate * dx * s2);
}
