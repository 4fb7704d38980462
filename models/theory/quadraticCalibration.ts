/**
 * Independent quadratic modes under SGD with isotropic Gaussian gradient noise: energy, entropy and
 * temperature of the stationary state, exact in the learning rate.
 *
 *   θ_i' = (1 − η h_i) θ_i − η s ξ_i,  stationary Gaussian with Var_i = η s²/(h_i (2 − η h_i))
 *
 * The setting is the calibration of temperatures in SGD as free energy minimization (arXiv
 * 2505.23489), whose small-η limit is T = η s²/2 in every direction; the discrete chain is hotter along
 * stiff directions by 2/(2 − η h). Left out: weight decay, momentum.
 */
import { ArgumentError } from "../../engine/errors.ts";

export interface QuadraticCalibrationOptions {
  /** h, one a mode, > 0. */
  readonly curvatures: readonly number[];
  /** s ≥ 0, standard deviation of each component of the gradient noise. */
  readonly noise: number;
  /** η > 0. */
  readonly learningRate: number;
}

export interface QuadraticCalibration {
  /** Var_i = η s²/(h_i(2 − η h_i)). */
  readonly variances: readonly number[];
  /** U = ½ Σ h_i Var_i, mean loss above the minimum. */
  readonly energy: number;
  /** S = ½ Σ ln(2πe Var_i), nats; −∞ without noise. */
  readonly entropy: number;
  /** T4 = (1/d) Σ h_i Var_i = 2U/d. */
  readonly equipartition: number;
  /** dU/dS along the ladder of learning rates, η s² Σ(2 − ηh)⁻²/Σ(2 − ηh)⁻¹. */
  readonly temperature: number;
  /** η s²/2, what the continuous theory says of all of them. */
  readonly continuousTemperature: number;
  /** −1/ln max_i |1 − η h_i|, steps in which the slowest mean decays by e. */
  readonly relaxation: number;
}

/**
 * Stationary state of independent modes; exact, no error in η.
 *
 * @throws ArgumentError unless 0 < η h_i < 2 for all modes: no stationary state exists beyond.
 * @see arXiv 2505.23489 for the setting; derivation: Var = (1 − ηh)² Var + η² s²
 * @example quadraticCalibration({ curvatures: [1], noise: 1, learningRate: 0.1 }).energy // 0.0263
 */
export function quadraticCalibration(options: QuadraticCalibrationOptions): QuadraticCalibration {
  const { curvatures, noise, learningRate: eta } = options;
  const d = curvatures.length;
  if (d === 0 || !(noise >= 0 && noise < Infinity)) {
    throw new ArgumentError(
      `quadraticCalibration: ${d} curvatures and noise ${noise}; give at least one, and noise >= 0.`,
    );
  }
  const unstable = curvatures.find((h) => !(eta > 0 && h > 0 && eta * h < 2));
  if (unstable !== undefined) {
    throw new ArgumentError(
      `quadraticCalibration: no stationary state, eta h = ${eta * unstable} is not between 0 and 2; ` +
        `change learningRate ${eta} or curvature ${unstable}.`,
    );
  }
  const heat = eta * noise ** 2;
  const variances = curvatures.map((h) => heat / (h * (2 - eta * h)));
  const sum = (of: (h: number) => number): number =>
    curvatures.reduce((total, h) => total + of(h), 0);
  const energy = (heat / 2) * sum((h) => 1 / (2 - eta * h));
  const slowest = Math.max(...curvatures.map((h) => Math.abs(1 - eta * h)));
  return {
    variances,
    energy,
    entropy: variances.reduce((total, v) => total + Math.log(2 * Math.PI * Math.E * v) / 2, 0),
    equipartition: (2 * energy) / d,
    temperature: (heat * sum((h) => (2 - eta * h) ** -2)) / sum((h) => 1 / (2 - eta * h)),
    continuousTemperature: heat / 2,
    relaxation: -1 / Math.log(slowest),
  };
}
