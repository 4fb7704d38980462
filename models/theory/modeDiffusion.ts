/**
 * Mean squared displacement of independent Hessian modes under the heavy ball with additive noise, from
 * a stationary start: exact in the learning rate.
 *
 *   ⟨|θ_{t+k} − θ_t|²⟩ = 2 Σ_i Var θ_i (1 − C_i(k)),   C(k) = a z1ᵏ + (1 − a) z2ᵏ,
 *   a = (c1 − z2)/(z1 − z2),  c1 = C(1) = (1 + β − ηk_i)/(1 + β),  z² − (1 + β − ηk_i) z + β = 0.
 *
 * C(k) is the path from θ = 1, v = ⟨θv⟩/⟨θ²⟩ = k_i/(1 + β), since the regression on (θ_t, v_t) is linear.
 * With curvatures i^{−s} and noise of variance ∝ curvatureᵇ the sum is a power of k between the clocks
 * of the stiffest and the softest mode.
 *
 * Setting of D. Kunin et al., Limiting Dynamics of SGD, arXiv 2107.09133, section on anomalous diffusion.
 */
import { ArgumentError } from "../../engine/errors.ts";
import { type HeavyBallModeOptions, heavyBallMode } from "./heavyBallMode.ts";
import { heavyBallPath, heavyBallRoots } from "./heavyBallPath.ts";

/** 1 − C(k) as a function of k, without cancellation for modes that have hardly moved. */
function decorrelation(options: {
  readonly learningRate: number;
  readonly momentum: number;
  readonly curvature: number;
}): (lag: number) => number {
  const { learningRate, momentum: beta, curvature } = options;
  const { trace, discriminant, fast } = heavyBallRoots(options);
  // Next to critical damping the two parts cancel, and the path does not.
  if (trace <= 0 || discriminant < 1e-4 * (1 - beta) ** 2) {
    const start = { position: 1, velocity: curvature / (1 + beta) };
    return (lag) => 1 - heavyBallPath(options, start, lag).position;
  }
  // (1 − z1)(1 − z2) = ηk.
  const slowGap = (learningRate * curvature) / (1 - fast);
  const slow = 1 - slowGap;
  // 1 − a = (z1 − c1)/(z1 − z2), with z1 + z2 = (1 + β) c1 and z1 z2 = β.
  const rest = (-beta * slowGap * (1 + slow)) / (slow * (1 + beta) * (slow - fast));
  const logSlow = Math.log1p(-slowGap);
  return (lag) => (1 - rest) * -Math.expm1(lag * logSlow) + rest * (1 - fast ** lag);
}

/**
 * ⟨(θ_{t+k} − θ_t)²⟩ of one mode in its stationary state, θ².
 *
 * 2 Var θ (1 − C(k)); lag k in steps. No error in η.
 *
 * @throws ArgumentError as `heavyBallMode` where there is no stationary state, and for β < 0.
 * @see file head
 * @example modeDisplacement({ learningRate: 0.1, momentum: 0, curvature: 1, noiseVariance: 1 }, 1) // 0.0105263
 */
export function modeDisplacement(options: HeavyBallModeOptions, lag: number): number {
  const { positionVariance } = heavyBallMode(options);
  const curvature = options.curvature + (options.weightDecay ?? 0);
  return 2 * positionVariance * decorrelation({ ...options, curvature })(lag);
}

export interface ModeSum {
  readonly learningRate: number;
  readonly momentum: number;
  /** ρ_i = i^{−s}, i = 1 … modes. */
  readonly modes: number;
  readonly spectrumExponent: number;
  /** Noise of variance amplitude · ρ_iᵇ along mode i. */
  readonly noiseExponent: number;
  readonly noiseAmplitude: number;
  readonly weightDecay?: number;
}

/** Curvature and noise variance of each mode, the stiffest first, [mode]. */
export function modeSpectrum(sum: ModeSum): { curvature: number; noiseVariance: number }[] {
  const { modes, spectrumExponent: s, noiseExponent: b, noiseAmplitude } = sum;
  if (!(Number.isInteger(modes) && modes >= 1)) {
    throw new ArgumentError(`modeSpectrum: ${modes} modes; give a whole number >= 1.`);
  }
  return Array.from({ length: modes }, (_, i) => ({
    curvature: (i + 1) ** -s,
    noiseVariance: noiseAmplitude * (i + 1) ** (-s * b),
  }));
}

export interface ModeDiffusion {
  /** ⟨|θ_{t+k} − θ_t|²⟩ of each lag. */
  readonly meanSquare: readonly number[];
  /** (Σ m_i)²/Σ m_i² of the modes' shares m_i in it: as many modes hold most of it, [lag]. */
  readonly participation: readonly number[];
  /** ⟨|θ_{t+1} − θ_t|²⟩ = η² Σ Var v. */
  readonly local: number;
  /** 2 Σ Var θ, which the mean square tends to. */
  readonly saturation: number;
}

/**
 * Exact mean squared displacement of all modes together, [lag], θ².
 *
 * @throws ArgumentError as `heavyBallMode`.
 * @see file head
 * @example
 * modeDiffusion({ learningRate: 0.1, momentum: 0, modes: 100, spectrumExponent: 2, noiseExponent: 1,
 *   noiseAmplitude: 1 }, [10, 100]).meanSquare
 */
export function modeDiffusion(sum: ModeSum, lags: readonly number[]): ModeDiffusion {
  const { learningRate, momentum } = sum;
  const meanSquare = lags.map(() => 0);
  const squares = lags.map(() => 0);
  let [local, saturation] = [0, 0];
  for (const mode of modeSpectrum(sum)) {
    const options = { ...sum, ...mode };
    const { positionVariance, velocityVariance } = heavyBallMode(options);
    const curvature = mode.curvature + (sum.weightDecay ?? 0);
    const lost = decorrelation({ learningRate, momentum, curvature });
    lags.forEach((lag, l) => {
      const share = 2 * positionVariance * lost(lag);
      meanSquare[l]! += share;
      squares[l]! += share ** 2;
    });
    local += learningRate ** 2 * velocityVariance;
    saturation += 2 * positionVariance;
  }
  const participation = meanSquare.map((sum, l) => sum ** 2 / squares[l]!);
  return { meanSquare, participation, local, saturation };
}

export interface DiffusionExponent {
  /** c of ⟨|θ_{t+k} − θ_t|²⟩ ∝ kᶜ. */
  readonly exponent: number;
  /** Lags at which ηk/(1 − β) is 1/ρ_max and 1/ρ_min: the power law is far from both, between them. */
  readonly from: number;
  readonly to: number;
}

/**
 * Asymptotic exponent of a mode sum: c = min(1, 1 + 1/s − b), null where that is not above 0.
 *
 * Σ_i ρ_i^{b−1}(1 − e^{−τρ_i}), τ = ηk/(1 − β), is dominated by modes ρ ~ 1/τ, of which there are
 * ~ τ^{1/s}; c = 1 where stiff modes hold too little to matter. Valid for 1/ρ_max ≪ τ ≪ 1/ρ_min without
 * weight decay; the slope comes near it as (ρ_min τ)^{1−c} and (ρ_max τ)^{−c}, hence slowly.
 *
 * @see file head
 * @example
 * diffusionExponent({ learningRate: 0.1, momentum: 0, modes: 1e5, spectrumExponent: 2, noiseExponent: 1,
 *   noiseAmplitude: 1 })?.exponent // 0.5
 */
export function diffusionExponent(sum: ModeSum): DiffusionExponent | null {
  const { learningRate, momentum, modes, spectrumExponent: s, noiseExponent: b } = sum;
  const exponent = Math.min(1, 1 + 1 / s - b);
  if (!(exponent > 0)) return null;
  const step = (1 - momentum) / learningRate;
  return { exponent, from: step, to: step * modes ** s };
}
