/**
 * Mean-field Langevin dynamics of N particles with a linear force: exact at any time and step size.
 *
 *   x_i' = x_i − η[k(mean − m) + r x_i + s ξ_i] + √(2λη) N_i
 *
 * Derivation. The mean obeys mean' − μ = a(mean − μ) + noise of variance σ²/N, with a = 1 − η(k + r),
 * μ = km/(k + r), σ² = 2λη + η²s². Deviations d_i = x_i − mean obey d_i' = b d_i + noise of variance
 * σ²(1 − 1/N), b = 1 − ηr, uncorrelated with the mean. So Var(mean) = Vm and Var(d_i) = Vr(1 − 1/N), with
 *   V' = b² V + σ² for Vr,   V' = a² V + σ²/N for Vm.
 *
 * Source of the setting: T. Suzuki, D. Wu, A. Nitanda, arXiv 2306.07221, whose bound on the distance to
 * the mean-field law, O(1/N) + O(η) + O(η s²) at all times, is here a decomposition into exact terms.
 */
import { ArgumentError } from "../../engine/errors.ts";

export interface MeanFieldOptions {
  /** k. */
  readonly coupling: number;
  /** r. */
  readonly confinement: number;
  /** m. */
  readonly target: number;
  /** λ ≥ 0. */
  readonly temperature: number;
  /** s ≥ 0. */
  readonly gradientNoise: number;
  /** η > 0. */
  readonly learningRate: number;
  /** N ≥ 1; Infinity is the mean-field limit at this η and s. */
  readonly particles: number;
}

/** Gaussian law of one particle, and of the mean of its system. */
export interface ParticleLaw {
  /** ⟨x⟩, of the particle and of the mean. */
  readonly mean: number;
  /** Var(x) = Vr(1 − 1/N) + Vm. */
  readonly variance: number;
  /** Vm. */
  readonly meanVariance: number;
  /** Var(x − mean) = Vr(1 − 1/N). */
  readonly relativeVariance: number;
  /** Vm − Vr/N = Var(x) − Vr: what 1/N does, N times it is the same for all N. */
  readonly finiteSize: number;
}

export interface StationaryParticleLaw extends ParticleLaw {
  /** λ/r, Var(x) for N → ∞, then η → 0. */
  readonly limit: number;
  /** Terms of Var(x) − λ/r beside `finiteSize`, at N → ∞. */
  readonly gap: {
    /** λη/(2 − ηr) */
    readonly learningRate: number;
    /** ηs²/(r(2 − ηr)) */
    readonly gradientNoise: number;
  };
}

/** Where all particles start, independently: N(mean, standardDeviation²). */
export interface ParticleStart {
  readonly mean: number;
  readonly standardDeviation: number;
}

interface Modes {
  /** a: of the mean of a system. */
  readonly mean: number;
  /** b: of a particle about it. */
  readonly relative: number;
}

/** Factors by which deviations of the mean and about it shrink at a step. */
export const meanFieldModes = ({
  coupling,
  confinement,
  learningRate,
}: Pick<MeanFieldOptions, "coupling" | "confinement" | "learningRate">): Modes => ({
  mean: 1 - learningRate * (coupling + confinement),
  relative: 1 - learningRate * confinement,
});

/** σ² = 2λη + η²s², variance that a step adds to each particle. */
export const kickVariance = ({ temperature, gradientNoise, learningRate }: MeanFieldOptions) =>
  learningRate * (2 * temperature + learningRate * gradientNoise ** 2);

function lawOf(
  mean: number,
  relative: number,
  meanVariance: number,
  particles: number,
): ParticleLaw {
  const relativeVariance = particles === 1 ? 0 : relative * (1 - 1 / particles);
  return {
    mean,
    variance: relativeVariance + meanVariance,
    meanVariance,
    relativeVariance,
    finiteSize: meanVariance - relative / particles,
  };
}

/** No stationary state: which eigenvalue, and what to change. */
function checkStable(options: MeanFieldOptions): void {
  const { coupling: k, confinement: r, learningRate: eta, particles } = options;
  const rates = { "eta (k + r)": eta * (k + r), ...(particles > 1 && { "eta r": eta * r }) };
  for (const [name, rate] of Object.entries(rates)) {
    if (rate > 0 && rate < 2) continue;
    throw new ArgumentError(
      `meanFieldLangevin: no stationary state, ${name} = ${rate} is not between 0 and 2; change ` +
        `learningRate ${eta}, coupling ${k} or confinement ${r}.`,
    );
  }
}

/**
 * Stationary law of a particle and of the mean of its system; exact, no error in η or N.
 *
 * Vr = σ²/(1 − b²) = (2λ + ηs²)/(r(2 − ηr)), Vm = (2λ + ηs²)/(N(k + r)(2 − η(k + r))).
 *
 * @throws ArgumentError unless 0 < η(k + r) < 2 and, for N > 1, 0 < ηr < 2.
 * @see card 4B; derivation in the file head
 * @example
 * meanFieldLangevin({ coupling: 2, confinement: 0.5, target: 1, temperature: 0.3, gradientNoise: 0,
 *   learningRate: 0.05, particles: 2 }).variance // 0.3678
 */
export function meanFieldLangevin(options: MeanFieldOptions): StationaryParticleLaw {
  const { coupling: k, confinement: r, target, temperature, gradientNoise } = options;
  const { learningRate: eta, particles } = options;
  checkStable(options);
  const heat = 2 * temperature + eta * gradientNoise ** 2;
  const along = k + r;
  const law = lawOf(
    (k * target) / along,
    heat / (r * (2 - eta * r)),
    heat / (particles * along * (2 - eta * along)),
    particles,
  );
  return {
    ...law,
    limit: temperature / r,
    gap: {
      learningRate: (temperature * eta) / (2 - eta * r),
      gradientNoise: (eta * gradientNoise ** 2) / (r * (2 - eta * r)),
    },
  };
}

/** V after t steps of V' = f² V + q, from v. */
function variancePath(f: number, q: number, v: number, t: number): number {
  const square = f * f;
  const kept = square ** t;
  return kept * v + q * (square === 1 ? t : (1 - kept) / (1 - square));
}

/**
 * The law after `step` steps from independent Gaussian particles; exact, stationary state or not.
 *
 * @see derivation in the file head
 * @example
 * meanFieldPath({ coupling: 2, confinement: 0.5, target: 1, temperature: 0.3, gradientNoise: 0,
 *   learningRate: 0.05, particles: 2 }, { mean: 4, standardDeviation: 2 }, 10).mean
 */
export function meanFieldPath(
  options: MeanFieldOptions,
  start: ParticleStart,
  step: number,
): ParticleLaw {
  const { coupling: k, confinement: r, target, particles, learningRate: eta } = options;
  const { mean: a, relative: b } = meanFieldModes(options);
  const kick = kickVariance(options);
  const variance = start.standardDeviation ** 2;
  const along = k + r;
  // a = 1: a constant force ηkm at each step.
  const mean =
    along === 0
      ? start.mean + step * eta * k * target
      : (k * target) / along + (start.mean - (k * target) / along) * a ** step;
  return lawOf(
    mean,
    variancePath(b, kick, variance, step),
    variancePath(a, kick / particles, variance / particles, step),
    particles,
  );
}

/**
 * Var(x) after continuous time ηt for N → ∞, η → 0: λ/r + (v − λ/r) e^{−2rηt}; grows as 2ληt for r = 0.
 */
export function meanFieldLimit(
  { confinement: r, temperature, learningRate }: MeanFieldOptions,
  { standardDeviation }: ParticleStart,
  step: number,
): number {
  const time = learningRate * step;
  const variance = standardDeviation ** 2;
  if (r === 0) return variance + 2 * temperature * time;
  return temperature / r + (variance - temperature / r) * Math.exp(-2 * r * time);
}
