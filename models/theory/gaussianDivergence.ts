/**
 * Kullback–Leibler divergence between two Gaussians,
 *   KL(N(μ, S) ‖ N(ν, Λ⁻¹)) = ½[tr(ΛS) − d − ln det(ΛS) + (μ−ν)ᵀΛ(μ−ν)].
 *
 * With Λ = R Rᵀ and ε the eigenvalues of Rᵀ S R − 1, the first part is ½ Σ (ε − ln(1 + ε)): close
 * laws keep their digits, down to KL of about 1e-30. Textbook: Cover and Thomas, Elements of
 * Information Theory (2006), ch. 8.
 */
import { CholeskyDecomposition, EigenvalueDecomposition, Matrix } from "ml-matrix";
import { ArgumentError } from "../../engine/errors.ts";
import type { MatrixRows } from "./affineMoments.ts";

/** Relative variances below are not told from 0. */
const SINGULAR = 1e-14;

export interface GaussianLaw {
  /** μ, [d]. */
  readonly mean: readonly number[];
  /** S, [d, d], positive definite. */
  readonly covariance: MatrixRows;
}

export interface GaussianTarget {
  /** ν, [d]. */
  readonly mean: readonly number[];
  /** Λ, [d, d], positive definite. */
  readonly precision: MatrixRows;
}

/**
 * The divergence in nats; 0 only for equal laws.
 * @throws ArgumentError when a matrix is not positive definite, or the shapes do not fit.
 * @example
 * gaussianDivergence({ mean: [1], covariance: [[1]] }, { mean: [0], precision: [[1]] }); // 0.5
 */
export function gaussianDivergence(law: GaussianLaw, target: GaussianTarget): number {
  const d = law.mean.length;
  const square = (rows: MatrixRows) => rows.length === d && rows.every((row) => row.length === d);
  if (d === 0 || target.mean.length !== d || !square(law.covariance) || !square(target.precision)) {
    throw new ArgumentError(
      `gaussianDivergence: means of ${d} and ${target.mean.length} components need square ` +
        "matrices of that size.",
    );
  }
  const R = new CholeskyDecomposition(matrixOf(target.precision));
  if (!R.isPositiveDefinite()) {
    throw new ArgumentError("gaussianDivergence: the precision is not positive definite.");
  }
  const root = R.lowerTriangularMatrix;
  const excess = root.transpose().mmul(matrixOf(law.covariance)).mmul(root).sub(Matrix.eye(d));
  const symmetric = Matrix.add(excess, excess.transpose()).mul(0.5);
  const values = new EigenvalueDecomposition(symmetric, { assumeSymmetric: true }).realEigenvalues;
  const least = Math.min(...values);
  if (!(least > SINGULAR - 1)) {
    throw new ArgumentError(
      "gaussianDivergence: the covariance is not positive definite: its least eigenvalue in " +
        `units of the target's is ${1 + least}.`,
    );
  }
  const difference = Matrix.columnVector(law.mean.map((mu, i) => mu - target.mean[i]!));
  const shift = root.transpose().mmul(difference).to1DArray();
  return (
    0.5 *
    (values.reduce((sum, epsilon) => sum + epsilon - Math.log1p(epsilon), 0) +
      shift.reduce((sum, value) => sum + value * value, 0))
  );
}

const matrixOf = (rows: MatrixRows): Matrix => new Matrix(rows.map((row) => [...row]));
