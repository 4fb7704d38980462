/**
 * SGD with momentum near a minimum to leading order in the rate: the laws of small rates for the
 * gradient of the full loss and for the velocity.
 *
 * Each mode k of the Hessian (curvature h_k, gradient noise σ_k per step) is an Ornstein-Uhlenbeck
 * process of rate ε h_k and variance s_k = ε σ_k/(2h_k), with ε = η(1−ν)/(1−μ):
 *   ⟨|v|²⟩ = ((1−ν)²/(1−μ²)) Σσ,   ⟨|∇f|²⟩ = Σ h²s = (ε/2) Σhσ = (ε/2) tr(H Σ_B)
 *
 * Source: S. Yaida, arXiv 1810.00004, section on the second relation (the law at small rates, without
 * momentum). Left out: the next order, of finite steps (ε h) and of noise and curvature that change
 * over the stationary cloud; `correction` is its size.
 */
import { ArgumentError } from "../../engine/errors.ts";

export interface SmallRateOptions {
  readonly learningRate: number;
  readonly momentum: number;
  readonly dampening: number;
  /** h_k > 0, [mode] */
  readonly curvature: readonly number[];
  /** σ_k, variance of a minibatch gradient along mode k at the minimum, [mode] */
  readonly noise: readonly number[];
  /**
   * Relative changes of tr Σ_B (`noise`) and tr(H Σ_B) (`curved`) from the minimum to the mean over
   * a Gaussian cloud of variances s_k about it, [mode].
   */
  readonly change: (variance: readonly number[]) => CloudChange;
  /** Steps since the minimum (v = 0). */
  readonly burnIn: number;
}

export interface CloudChange {
  readonly noise: number;
  readonly curved: number;
}

export interface SmallRate {
  /** ε, θ²/loss */
  readonly effectiveRate: number;
  /**
   * Relative size of what the leading order leaves out of ⟨|v|²⟩ (`noise`) and ⟨|∇f|²⟩ (`curved`):
   * ε max h + 2|change|. The cloud's own size changes with noise and curvature: hence twice.
   */
  readonly correction: CloudChange;
  /** ⟨|v|²⟩, (θ/η)² */
  readonly velocitySquare: number;
  /** ⟨|∇f|²⟩, (loss/θ)² */
  readonly gradientSquare: number;
  /** Share of ⟨|∇f|²⟩ that is still to come after `burnIn` steps: Σ hσ e^{−2εht}/Σ hσ. */
  readonly transient: number;
}

/**
 * ⟨|v|²⟩ and ⟨|∇f|²⟩ at small rates, with the scale of their error.
 *
 * @throws ArgumentError when a mode is unstable, η(1−ν)h >= 2(1+μ), when a curvature is not
 *   positive, or when there is no noise.
 */
export function smallRate(options: SmallRateOptions): SmallRate {
  const { learningRate, momentum, dampening, curvature, noise, burnIn } = options;
  const effectiveRate = (learningRate * (1 - dampening)) / (1 - momentum);
  const steepest = Math.max(...curvature);
  check(options, steepest);
  const curved = noise.map((sigma, k) => sigma * curvature[k]!);
  const cloud = noise.map((sigma, k) => (effectiveRate * sigma) / (2 * curvature[k]!));
  const change = options.change(cloud);
  const correction = (relative: number): number =>
    effectiveRate * steepest + 2 * Math.abs(relative);
  const left = curved.map((c, k) => c * Math.exp(-2 * effectiveRate * curvature[k]! * burnIn));
  return {
    effectiveRate,
    correction: { noise: correction(change.noise), curved: correction(change.curved) },
    velocitySquare: ((1 - dampening) ** 2 / (1 - momentum ** 2)) * sum(noise),
    gradientSquare: (effectiveRate / 2) * sum(curved),
    transient: sum(left) / sum(curved),
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, x) => total + x, 0);

function check(
  { learningRate, momentum, dampening, curvature, noise }: SmallRateOptions,
  steepest: number,
): void {
  const least = Math.min(...curvature);
  if (!(least > 0)) {
    throw new ArgumentError(
      `smallRate: the least curvature is ${least.toPrecision(2)}, so there is no stationary state ` +
        "about this point; raise weightDecay.",
    );
  }
  if (!(sum(noise) > 0)) {
    throw new ArgumentError("smallRate: there is no gradient noise; lower batchSize.");
  }
  const most = (2 * (1 + momentum)) / ((1 - dampening) * steepest);
  if (learningRate >= most) {
    throw new ArgumentError(
      `smallRate: the minimum, of largest curvature ${steepest.toPrecision(4)}, is unstable at ` +
        `learningRate ${learningRate}; use less than ${most.toPrecision(4)}.`,
    );
  }
}
