/**
 * The stationary state of SGD on linear regression, exact with its multiplicative noise.
 *
 * Loss of a sample (x_i·w − y_i)²/2 + (λ/2)|w|². About the minimum w*, a batch acts as
 *   δ' = (1 − η A_B) δ − η G_B,   A_B = mean of x xᵀ + λ,   G_B = gradient at w*, E G_B = 0.
 * A_B and G_B are independent of δ, so E δ = 0 and S = E δδᵀ obeys the linear equation
 *   S = (1−ηH) S (1−ηH) + η² f [ ⟨x xᵀ (xᵀSx)⟩ − H₀ S H₀ ] + η² f C₁,
 * where H₀ = ⟨x xᵀ⟩, H = H₀ + λ, f is the batch noise factor and C₁ the one-sample gradient
 * covariance at w* (cross terms are linear in E δ and vanish). The map S ↦ right-hand side is
 * self-adjoint in the Frobenius product, so its spectral radius decides whether S exists.
 *
 * Setting: Machine learning in and out of equilibrium, arXiv 2306.03521 (their covariance and
 * current are the leading order in η). Left out: epochs (see `cycleMoments.ts`), momentum.
 */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { ArgumentError } from "../../engine/errors.ts";
import { batchNoiseFactor, type IndependentSampling } from "./batchNoise.ts";

/** Symmetric S is solved for in d(d+1)/2 unknowns by a dense eigendecomposition. */
const MAX_DIMENSION = 24;

export interface RegressionOptions {
  /** x_i, [samples, d] row-major. */
  readonly inputs: ArrayLike<number>;
  /** y_i, [samples]. */
  readonly targets: ArrayLike<number>;
  readonly learningRate: number;
  readonly batchSize: number;
  readonly sampling: IndependentSampling;
  /** λ: the gradient contains λw. */
  readonly weightDecay?: number;
}

export interface RegressionStationary {
  /** w*, which is also the stationary mean, [d]. */
  readonly mean: readonly number[];
  /** H = ⟨x xᵀ⟩ + λ, [d, d]. */
  readonly hessian: readonly (readonly number[])[];
  /** Population covariance of one-sample gradients at w*, [d, d]. */
  readonly gradientCovariance: readonly (readonly number[])[];
  /** Exact E (w − w*)(w − w*)ᵀ, in w². */
  readonly covariance: readonly (readonly number[])[];
  /** Exact ½⟨δ_i δ'_j − δ_j δ'_i⟩ = (η/2)(HS − SH), w² per step. */
  readonly areaRate: readonly (readonly number[])[];
  /** Covariance if the noise did not depend on w: S = (1−ηH)S(1−ηH) + η² f C₁. */
  readonly additiveCovariance: readonly (readonly number[])[];
  /** Leading order in η: HS + SH = η f C₁. */
  readonly lyapunovCovariance: readonly (readonly number[])[];
  /** Area matrix (η/2)(HS − SH) of `lyapunovCovariance`. */
  readonly lyapunovAreaRate: readonly (readonly number[])[];
  /** Spectral radius of the second-moment map; < 1, the slowest decay of S per step. */
  readonly momentRadius: number;
}

/**
 * Mean, covariance and area matrix of the stationary state, with two approximations beside them.
 *
 * Units: w² and w² per step. Exact for any η with finite second moments.
 *
 * @throws ArgumentError when the loss has no unique minimum, when second moments diverge (spectral
 *   radius of the moment map >= 1), or for more than 24 dimensions.
 * @see arXiv 2306.03521 ("Eq. 21" is `lyapunovCovariance`); derivation in the file head.
 */
export function regressionStationary(options: RegressionOptions): RegressionStationary {
  const { learningRate: eta, batchSize, sampling, weightDecay = 0 } = options;
  const samples = options.targets.length;
  const problem = regressionProblem(options.inputs, options.targets, weightDecay);
  const { dimension, hessian, gradientCovariance } = problem;
  const factor = batchNoiseFactor(samples, batchSize, sampling);
  const noise = Matrix.mul(gradientCovariance, eta * eta * factor);
  const step = Matrix.eye(dimension).sub(Matrix.mul(hessian, eta));
  const additive = (S: Matrix) => step.mmul(S).mmul(step);
  const exact = solveMoments(
    (S) => additive(S).add(problem.hessianSpread(S).mul(eta * eta * factor)),
    noise,
    eta,
  );
  const lyapunov = lyapunovSolution(hessian, Matrix.mul(gradientCovariance, eta * factor));
  const area = (S: Matrix) =>
    hessian
      .mmul(S)
      .sub(S.mmul(hessian))
      .mul(eta / 2);
  return {
    mean: problem.minimum,
    hessian: hessian.to2DArray(),
    gradientCovariance: gradientCovariance.to2DArray(),
    covariance: exact.solution.to2DArray(),
    areaRate: area(exact.solution).to2DArray(),
    additiveCovariance: solveMoments(additive, noise, eta).solution.to2DArray(),
    lyapunovCovariance: lyapunov.to2DArray(),
    lyapunovAreaRate: area(lyapunov).to2DArray(),
    momentRadius: exact.radius,
  };
}

/** What the stationary state of a regression is made of. */
export interface RegressionProblem {
  readonly dimension: number;
  /** w* */
  readonly minimum: number[];
  /** H = ⟨x xᵀ⟩ + λ */
  readonly hessian: Matrix;
  /** C₁, of one-sample gradients at w*. */
  readonly gradientCovariance: Matrix;
  /** (1/N) Σ (h_i − H₀) S (h_i − H₀), h_i = x_i x_iᵀ. */
  readonly hessianSpread: (S: Matrix) => Matrix;
}

/** @throws ArgumentError when the loss has no unique minimum, or for more than 24 dimensions. */
export function regressionProblem(
  inputs: ArrayLike<number>,
  targets: ArrayLike<number>,
  weightDecay: number,
): RegressionProblem {
  const samples = targets.length;
  const dimension = inputs.length / samples;
  if (!Number.isInteger(dimension) || dimension < 1 || dimension > MAX_DIMENSION) {
    throw new ArgumentError(
      `regressionStationary: ${inputs.length} inputs for ${samples} targets are ${dimension} ` +
        `dimensions; give [samples, d] with d from 1 to ${MAX_DIMENSION}.`,
    );
  }
  const X = Matrix.from1DArray(samples, dimension, Array.from(inputs));
  const y = Matrix.columnVector(Array.from(targets));
  const second = X.transpose().mmul(X).div(samples);
  const hessian = Matrix.add(second, Matrix.eye(dimension, dimension, weightDecay));
  const minimum = minimize(hessian, X.transpose().mmul(y).div(samples));
  const gradients = Matrix.zeros(samples, dimension);
  const residuals = Matrix.sub(X.mmul(minimum), y);
  for (let i = 0; i < samples; i++) {
    const gradient = X.getRowVector(i).mul(residuals.get(i, 0));
    gradients.setRow(i, gradient.add(Matrix.mul(minimum, weightDecay).transpose()));
  }
  return {
    dimension,
    minimum: minimum.to1DArray(),
    hessian,
    gradientCovariance: gradients.transpose().mmul(gradients).div(samples),
    hessianSpread: (S) => {
      const weighted = X.clone();
      for (let i = 0; i < samples; i++) {
        const row = X.getRowVector(i);
        weighted.mulRow(i, row.mmul(S).dot(row) / samples);
      }
      return X.transpose().mmul(weighted).sub(second.mmul(S).mmul(second));
    },
  };
}

/**
 * w* and H = ⟨x xᵀ⟩ + λ of a regression, whatever the learning rate.
 * @throws ArgumentError when the minimum is not unique, or for more than 24 dimensions.
 */
export function regressionMinimum(options: {
  readonly inputs: ArrayLike<number>;
  readonly targets: ArrayLike<number>;
  readonly weightDecay?: number;
}): { readonly minimum: readonly number[]; readonly hessian: readonly (readonly number[])[] } {
  const { inputs, targets, weightDecay = 0 } = options;
  const { minimum, hessian } = regressionProblem(inputs, targets, weightDecay);
  return { minimum, hessian: hessian.to2DArray() };
}

function minimize(hessian: Matrix, slope: Matrix): Matrix {
  const spectrum = new EigenvalueDecomposition(hessian, { assumeSymmetric: true });
  const values = spectrum.realEigenvalues;
  const least = Math.min(...values);
  if (!(least > 1e-12 * Math.max(...values))) {
    throw new ArgumentError(
      `regressionStationary: the Hessian's least eigenvalue is ${least}, so the minimum is not ` +
        "unique and no stationary state exists; add weightDecay or remove redundant inputs.",
    );
  }
  const basis = spectrum.eigenvectorMatrix;
  const modes = basis.transpose().mmul(slope);
  for (let k = 0; k < values.length; k++) modes.mulRow(k, 1 / values[k]!);
  return basis.mmul(modes);
}

/** Solves S = map(S) + Q in the orthonormal basis of symmetric matrices (off-diagonals times √2). */
function solveMoments(
  map: (S: Matrix) => Matrix,
  Q: Matrix,
  eta: number,
): { solution: Matrix; radius: number } {
  const d = Q.rows;
  const pairs: [number, number][] = [];
  for (let i = 0; i < d; i++) for (let j = i; j < d; j++) pairs.push([i, j]);
  const pack = (S: Matrix) => pairs.map(([i, j]) => S.get(i, j) * (i === j ? 1 : Math.SQRT2));
  const unpack = (vector: readonly number[]) => {
    const S = Matrix.zeros(d, d);
    for (const [k, [i, j]] of pairs.entries()) {
      const value = vector[k]! / (i === j ? 1 : Math.SQRT2);
      S.set(i, j, value).set(j, i, value);
    }
    return S;
  };
  const unit = (k: number) => pairs.map((_, l) => (l === k ? 1 : 0));
  const operator = new Matrix(pairs.map((_, k) => pack(map(unpack(unit(k))))));
  const spectrum = new EigenvalueDecomposition(operator, { assumeSymmetric: true });
  const values = spectrum.realEigenvalues;
  const radius = Math.max(...values.map(Math.abs));
  if (!(radius < 1)) {
    throw new ArgumentError(
      `regressionStationary: second moments grow by ${radius} per step at learningRate ${eta}; ` +
        "lower it, or raise batchSize.",
    );
  }
  const basis = spectrum.eigenvectorMatrix;
  const modes = basis.transpose().mmul(Matrix.columnVector(pack(Q)));
  for (let k = 0; k < values.length; k++) modes.mulRow(k, 1 / (1 - values[k]!));
  return { solution: unpack(basis.mmul(modes).to1DArray()), radius };
}

/** HS + SH = Q in the eigenbasis of H: S_ij = Q_ij/(h_i + h_j). */
function lyapunovSolution(hessian: Matrix, Q: Matrix): Matrix {
  const spectrum = new EigenvalueDecomposition(hessian, { assumeSymmetric: true });
  const h = spectrum.realEigenvalues;
  const basis = spectrum.eigenvectorMatrix;
  const modes = basis.transpose().mmul(Q).mmul(basis);
  for (let i = 0; i < h.length; i++) {
    for (let j = 0; j < h.length; j++) modes.set(i, j, modes.get(i, j) / (h[i]! + h[j]!));
  }
  return basis.mmul(modes).mmul(basis.transpose());
}
