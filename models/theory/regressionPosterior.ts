/**
 * The Gaussian posterior of Bayesian linear regression, and its minibatch potentials.
 *
 *   U(w) = Σ_i (x_i·w − y_i)²/(2σ²) + (α/2)|w|²,   precision Λ = XᵀX/σ² + α, mean Λ⁻¹Xᵀy/σ²,
 *   U_B(w) = (N/m) Σ_{i∈B} (x_i·w − y_i)²/(2σ²) + (α/2)|w|²  for a batch B of m.
 *
 * Textbook: C. M. Bishop, Pattern Recognition and Machine Learning (2006), eqs. 3.53 and 3.54; U_B
 * as in Welling and Teh (ICML 2011), eq. 4. Left out: unknown σ and α.
 */
import { CholeskyDecomposition, EigenvalueDecomposition, Matrix } from "ml-matrix";
import { ArgumentError, DataError } from "../../engine/errors.ts";
import type { AffineGradient } from "./affineForm.ts";

export interface RegressionData {
  /** x_i, [samples, d] row-major. */
  readonly inputs: ArrayLike<number>;
  /** y_i, [samples]. */
  readonly targets: ArrayLike<number>;
  /** σ², of the likelihood. */
  readonly noiseVariance: number;
  /** α, inverse variance of the Gaussian prior of each weight; 0 for a flat prior. */
  readonly priorPrecision: number;
}

export interface RegressionPosterior {
  /** N. */
  readonly samples: number;
  /** [d]. */
  readonly mean: readonly number[];
  /** Λ, [d, d]. */
  readonly precision: readonly (readonly number[])[];
  /** Λ⁻¹, [d, d]. */
  readonly covariance: readonly (readonly number[])[];
  /** ∇U_B as a function of w − mean. */
  readonly batchGradient: (batch: readonly number[]) => AffineGradient;
}

/** d: a Langevin state has up to 2d components, and its second moments (d + 1)(2d + 1). */
const MAX_DIMENSION = 12;

/**
 * Mean and precision of the posterior at temperature 1, and the gradients of its batches.
 *
 * @throws ArgumentError for σ² <= 0, α < 0 or a singular Λ; DataError for lengths that do not fit
 *   or values that are not finite.
 * @see Bishop (2006), eqs. 3.53, 3.54.
 */
export function regressionPosterior(data: RegressionData): RegressionPosterior {
  const { inputs, targets, noiseVariance, priorPrecision } = data;
  const samples = targets.length;
  const d = dimensionOf(data);
  const X = Matrix.from1DArray(samples, d, Array.from(inputs));
  const y = Matrix.columnVector(Array.from(targets));
  const scale = 1 / noiseVariance;
  const prior = Matrix.eye(d, d, priorPrecision);
  const precision = X.transpose().mmul(X).mul(scale).add(prior);
  checkRegular(precision);
  const factor = new CholeskyDecomposition(precision);
  const mean = factor.solve(X.transpose().mmul(y).mul(scale));
  const residuals = Matrix.sub(X.mmul(mean), y).to1DArray();
  const batchGradient = (batch: readonly number[]): AffineGradient => {
    const weight = (scale * samples) / batch.length;
    const hessian = prior.clone();
    const offset = Matrix.mul(mean, priorPrecision);
    for (const i of batch) {
      const x = X.getRowVector(i);
      hessian.add(x.transpose().mmul(x).mul(weight));
      offset.add(x.transpose().mul(weight * residuals[i]!));
    }
    return { hessian, offset: offset.to1DArray() };
  };
  return {
    samples,
    mean: mean.to1DArray(),
    precision: precision.to2DArray(),
    covariance: factor.solve(Matrix.eye(d)).to2DArray(),
    batchGradient,
  };
}

function dimensionOf({ inputs, targets, noiseVariance, priorPrecision }: RegressionData): number {
  const samples = targets.length;
  const d = inputs.length / samples;
  if (!Number.isInteger(d) || d < 1 || d > MAX_DIMENSION) {
    throw new DataError(
      `regressionPosterior: ${inputs.length} inputs for ${samples} targets are ${d} dimensions; ` +
        `give [samples, d] with d from 1 to ${MAX_DIMENSION}.`,
    );
  }
  if (![...Array.from(inputs), ...Array.from(targets)].every(Number.isFinite)) {
    throw new DataError("regressionPosterior: an input or target is not a finite number.");
  }
  if (!(noiseVariance > 0 && noiseVariance < Infinity)) {
    throw new ArgumentError(
      `regressionPosterior: noiseVariance is ${noiseVariance}; give a positive number.`,
    );
  }
  if (!(priorPrecision >= 0 && priorPrecision < Infinity)) {
    throw new ArgumentError(
      `regressionPosterior: priorPrecision is ${priorPrecision}; give 0 or a positive number.`,
    );
  }
  return d;
}

function checkRegular(precision: Matrix): void {
  const values = new EigenvalueDecomposition(precision, { assumeSymmetric: true }).realEigenvalues;
  const least = Math.min(...values);
  if (!(least > 1e-12 * Math.max(...values))) {
    throw new ArgumentError(
      `regressionPosterior: the precision's least eigenvalue is ${least}, so the posterior is ` +
        "not normalizable; raise priorPrecision or remove redundant inputs.",
    );
  }
}
