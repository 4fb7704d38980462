/**
 * SGD on a quadratic loss with Gaussian gradient noise of constant covariance Σ: stationary state,
 * current and entropy production, exact at any learning rate.
 *
 *   δ' = (1 − ηH) δ − η n,  ⟨n nᵀ⟩ = Σ,  D = η²Σ/2 per step
 *
 * The entropy production of a step is measured with the current velocity −C S⁻¹δ of the continuous
 * theory, H S + S H = ηΣ and C = (η/2)(H S − S H):
 *   σ = δᵀ Q (δ' − δ),  Q = S⁻¹ C D⁻¹.
 * Since ηH S = D + C, −ηδᵀQHδ = δᵀQ D Qᵀδ, so that σ given δ is normal with variance twice its mean.
 * Hence ⟨e^{−σ}⟩ = 1 and p(σ)/p(−σ) = e^σ hold exactly for every step, wherever it starts; it is the
 * mean of σ that depends on the stationary law, which has covariance S_d = (1−ηH) S_d (1−ηH) + η²Σ.
 *
 * Setting: Machine learning in and out of equilibrium, arXiv 2306.03521 ("Eq. 21", "Eq. 29"). Left
 * out: noise that depends on δ (`regressionStationary.ts`), momentum.
 */
import { EigenvalueDecomposition, inverse, Matrix } from "ml-matrix";
import { ArgumentError } from "../../engine/errors.ts";

type Rows = readonly (readonly number[])[];

export interface AdditiveNoiseOptions {
  /** H, symmetric and positive definite, [d, d]. */
  readonly hessian: Rows;
  /** Σ, covariance of a step's gradient, symmetric and positive definite, [d, d]. */
  readonly noiseCovariance: Rows;
  readonly learningRate: number;
}

/** The theory of leading order in η, which also defines σ. */
export interface ContinuousCurrent {
  /** S, H S + S H = ηΣ. */
  readonly covariance: Rows;
  /** C = (η/2)(H S − S H), the area matrix per step. */
  readonly current: Rows;
  /** Q, σ = δᵀ Q (δ' − δ). */
  readonly form: Rows;
  /** ⟨σ⟩ = tr Cᵀ D⁻¹ C S⁻¹, nats per step. */
  readonly entropyProduction: number;
}

export interface AdditiveNoise {
  readonly continuous: ContinuousCurrent;
  /** Exact stationary covariance S_d, [d, d]. */
  readonly covariance: Rows;
  /** Exact (η/2)(H S_d − S_d H), w² per step. */
  readonly areaRate: Rows;
  /** Exact ⟨σ⟩ = −η tr Q H S_d, nats per step. */
  readonly entropyProduction: number;
  /** Steps in which the slowest mode decays by 1/e. */
  readonly relaxation: number;
}

interface Modes {
  readonly values: readonly number[];
  readonly basis: Matrix;
  /** Σ in the eigenbasis of H. */
  readonly noise: Matrix;
  readonly hessian: Matrix;
}

function modesOf({ hessian, noiseCovariance }: AdditiveNoiseOptions): Modes {
  const H = new Matrix(hessian.map((row) => [...row]));
  const Sigma = new Matrix(noiseCovariance.map((row) => [...row]));
  for (const [name, matrix] of Object.entries({ hessian: H, noiseCovariance: Sigma })) {
    const values = new EigenvalueDecomposition(matrix, { assumeSymmetric: true }).realEigenvalues;
    const least = Math.min(...values);
    if (!(least > 1e-12 * Math.max(...values))) {
      throw new ArgumentError(
        `additiveNoise: the least eigenvalue of ${name} is ${least}, where entropy production needs a ` +
          "positive one; take out flat and noiseless directions, or use a smaller batchSize.",
      );
    }
  }
  const spectrum = new EigenvalueDecomposition(H, { assumeSymmetric: true });
  const basis = spectrum.eigenvectorMatrix;
  const noise = basis.transpose().mmul(Sigma).mmul(basis);
  return { values: spectrum.realEigenvalues, basis, noise, hessian: H };
}

/** Σ_ij · factor(h_i, h_j) in the eigenbasis of H, back in that of the parameters. */
function weighted({ values, basis, noise }: Modes, factor: (a: number, b: number) => number) {
  const scaled = noise.clone();
  values.forEach((a, i) => {
    values.forEach((b, j) => {
      scaled.set(i, j, noise.get(i, j) * factor(a, b));
    });
  });
  return basis.mmul(scaled).mmul(basis.transpose());
}

/** (η/2)(H S − S H) */
const areaOf = (H: Matrix, S: Matrix, eta: number): Matrix =>
  H.mmul(S)
    .sub(S.mmul(H))
    .mul(eta / 2);

/**
 * Current and entropy production to leading order in η; they exist for every η > 0.
 *
 * @throws ArgumentError unless H and Σ are positive definite.
 * @see arXiv 2306.03521, "Eq. 21" and "Eq. 29"
 */
export function continuousCurrent(options: AdditiveNoiseOptions): ContinuousCurrent {
  const { learningRate: eta, noiseCovariance } = options;
  const modes = modesOf(options);
  const S = weighted(modes, (a, b) => eta / (a + b));
  const C = areaOf(modes.hessian, S, eta);
  const D = new Matrix(noiseCovariance.map((row) => [...row])).mul((eta * eta) / 2);
  const [inverseS, inverseD] = [inverse(S), inverse(D)];
  return {
    covariance: S.to2DArray(),
    current: C.to2DArray(),
    form: inverseS.mmul(C).mmul(inverseD).to2DArray(),
    entropyProduction: C.transpose().mmul(inverseD).mmul(C).mmul(inverseS).trace(),
  };
}

/**
 * The exact stationary state.
 *
 * Units: w², w² per step, nats per step. No error in η.
 *
 * @throws ArgumentError unless H and Σ are positive definite, and where |1 − ηh| >= 1 for an
 *   eigenvalue h of H, so that no stationary state exists.
 * @see derivation in the file head
 */
export function additiveNoise(options: AdditiveNoiseOptions): AdditiveNoise {
  const { learningRate: eta } = options;
  const modes = modesOf(options);
  const { values, hessian } = modes;
  const radius = Math.max(...values.map((h) => Math.abs(1 - eta * h)));
  if (!(eta > 0 && radius < 1)) {
    throw new ArgumentError(
      `additiveNoise: at learningRate ${eta} the slowest mode is multiplied by ${radius} in a step, so ` +
        `no stationary state exists; use a rate above 0 and below ${2 / Math.max(...values)}.`,
    );
  }
  const S = weighted(modes, (a, b) => (eta * eta) / (1 - (1 - eta * a) * (1 - eta * b)));
  const continuous = continuousCurrent(options);
  const Q = new Matrix(continuous.form.map((row) => [...row]));
  return {
    continuous,
    covariance: S.to2DArray(),
    areaRate: areaOf(hessian, S, eta).to2DArray(),
    entropyProduction: -eta * Q.mmul(hessian).mmul(S).trace(),
    relaxation: radius === 0 ? 0 : -1 / Math.log(radius),
  };
}
