/**
 * Mean, covariance and Kullback–Leibler divergence of the Gaussian with measured moments.
 *
 * All are smooth functions of the means m of raw moments. To second order in the error e of m, with
 * covariance Σ of e, gradient g and Hessian H of f:
 *   E f = f + tr(HΣ)/2,  Var f = gᵀΣg + tr(HΣHΣ)/2  (Isserlis, normal e),
 * so tr(HΣ)/2 is taken off. At the measured m the linear part is itself too large by tr(HΣHΣ) on
 * average, which is taken off as well, but the variance is never below tr(HΣHΣ)/2: an error bar near
 * a minimum of f (laws that cannot be told from the target) is that of the parabola. Cumulants of
 * order 3 and more are left out.
 */
import { CholeskyDecomposition, EigenvalueDecomposition, inverse, Matrix } from "ml-matrix";
import { ArgumentError } from "../engine/errors.ts";
import type { MeanVector } from "./controlVariates.ts";
import type { Estimate } from "./estimate.ts";
import type { Rows } from "./lyapunov.ts";
import { momentCount, momentPairs } from "./momentsAbout.ts";
import { refuse } from "./refusal.ts";

/** Variances relative to the target's that are not told from 0. */
const SINGULAR = 1e-12;

/** An estimate with what each replica adds to its error, to first order, [replica]. */
export interface LawEstimate extends Estimate {
  readonly influence: Float64Array;
}

export interface MeasuredGaussian {
  /** E z − point, [d]. */
  readonly mean: readonly LawEstimate[];
  /** Cov z, [d, d]. */
  readonly covariance: readonly (readonly LawEstimate[])[];
  /** tr(Λ E (z − point)(z − point)ᵀ)/d: 1 for the target; linear in the moments, hence unbiased. */
  readonly energy: (precision: Rows) => LawEstimate;
  /** KL(N(mean, covariance) ‖ N(point, Λ⁻¹)), nats, bias-corrected. */
  readonly divergence: (precision: Rows) => LawEstimate;
}

/** A function of the moments at their measured values: value, gradient and Hessian. */
interface Expansion {
  readonly value: number;
  readonly gradient: readonly number[];
  readonly hessian: Matrix;
}

/**
 * Reads `momentsAbout` a point (d + d(d+1)/2 numbers) as a Gaussian law.
 *
 * Units: z, z², nats. Errors from the covariance of the moments' errors, second order included.
 *
 * @throws ArgumentError when the numbers are those of no d; RefusalError from `divergence` when the
 *   measured covariance is not positive definite.
 * @see file head; A. Stuart, J. K. Ord, Kendall's Advanced Theory of Statistics 1 (1994), ch. 10.
 */
export function gaussianLaw(moments: MeanVector): MeasuredGaussian {
  const k = moments.values.length;
  const d = Math.round((Math.sqrt(9 + 8 * k) - 3) / 2);
  if (momentCount(d) !== k) {
    throw new ArgumentError(
      `gaussianLaw: ${k} numbers are no first and second moments; give d + d(d+1)/2.`,
    );
  }
  const sigma = new Matrix(moments.covariance.map((row) => [...row]));
  const estimate = (expansion: Expansion) => secondOrder(moments, sigma, expansion);
  const pairs = momentPairs(d);
  const place = (i: number, j: number) =>
    d + pairs.findIndex(([a, b]) => a === Math.min(i, j) && b === Math.max(i, j));
  const linear = (gradient: number[]): Expansion => ({
    value: gradient.reduce((sum, factor, a) => sum + factor * moments.values[a]!, 0),
    gradient,
    hessian: Matrix.zeros(k, k),
  });
  const coordinates = Array.from({ length: d }, (_, i) => i);
  const entry = (i: number, j: number): LawEstimate => {
    const { values } = moments;
    const gradient = Array<number>(k).fill(0);
    gradient[place(i, j)] = 1;
    gradient[i]! -= values[j]!;
    gradient[j]! -= values[i]!;
    const hessian = Matrix.zeros(k, k);
    hessian.set(i, j, i === j ? -2 : -1).set(j, i, i === j ? -2 : -1);
    return estimate({ value: values[place(i, j)]! - values[i]! * values[j]!, gradient, hessian });
  };
  return {
    mean: coordinates.map((i) => estimate(linear(values(k, (a) => (a === i ? 1 : 0))))),
    covariance: coordinates.map((i) => coordinates.map((j) => entry(i, j))),
    energy: (precision) => estimate(linear(traceGradient(precision, d).map((x) => x / d))),
    divergence: (precision) => {
      const expansion = divergenceExpansion(moments.values, precision, d);
      if (expansion) return estimate(expansion);
      const method = `Gaussian divergence, ${moments.method}`;
      const none = {
        value: Number.NaN,
        standardError: Number.NaN,
        n: moments.n,
        method,
        warnings: [],
      };
      const message = "the measured covariance is not positive definite; add replicas.";
      return { ...refuse(`gaussianLaw: ${message}`, none), influence: new Float64Array(0) };
    },
  };
}

const values = (length: number, of: (a: number) => number): number[] =>
  Array.from({ length }, (_, a) => of(a));

/** Derivatives of tr(Λ M) by the moments. */
const traceGradient = (precision: Rows, d: number): number[] => [
  ...Array<number>(d).fill(0),
  ...momentPairs(d).map(([i, j]) => (i === j ? 1 : 2) * precision[i]![j]!),
];

/**
 * ½[tr ΛM − d − ln det Λ − ln det S], S = M − μμᵀ. With P = S⁻¹ and dS = dM − dμ μᵀ − μ dμᵀ:
 *   first order ½ tr Λ dM − ½ tr P dS, second order dμᵀ P dμ + ½ tr(P dS P dS), halved.
 */
function divergenceExpansion(
  moments: readonly number[],
  precision: Rows,
  d: number,
): Expansion | null {
  const pairs = momentPairs(d);
  const k = moments.length;
  const mu = Matrix.columnVector(moments.slice(0, d));
  const S = symmetric(d, (place) => moments[d + place]!).sub(mu.mmul(mu.transpose()));
  const value = divergence(S, mu, precision);
  if (value === null) return null;
  const P = inverse(S);
  const changes = values(k, (a) => a).map((a) => {
    if (a >= d) return P.mmul(symmetric(d, (place) => (place === a - d ? 1 : 0)));
    const unit = Matrix.columnVector(values(d, (i) => (i === a ? 1 : 0)));
    const product = unit.mmul(mu.transpose());
    return P.mmul(Matrix.add(product, product.transpose()).mul(-1));
  });
  const linear = traceGradient(precision, d);
  const gradient = changes.map((change, a) => 0.5 * (linear[a]! - change.trace()));
  const hessian = Matrix.zeros(k, k);
  for (let a = 0; a < k; a++) {
    for (let b = 0; b < k; b++) {
      const ofMeans = a < d && b < d ? P.get(a, b) : 0;
      hessian.set(a, b, ofMeans + 0.5 * changes[a]!.mmul(changes[b]!).trace());
    }
  }
  return { value, gradient, hessian };

  function symmetric(size: number, of: (place: number) => number): Matrix {
    const matrix = Matrix.zeros(size, size);
    for (const [place, [i, j]] of pairs.entries()) matrix.set(i, j, of(place)).set(j, i, of(place));
    return matrix;
  }
}

/** KL by the eigenvalues of RᵀSR − 1, Λ = RRᵀ: small divergences keep their digits. */
function divergence(S: Matrix, mu: Matrix, precision: Rows): number | null {
  const factor = new CholeskyDecomposition(new Matrix(precision.map((row) => [...row])));
  if (!factor.isPositiveDefinite()) {
    throw new ArgumentError("gaussianLaw: the target's precision is not positive definite.");
  }
  const R = factor.lowerTriangularMatrix;
  const excess = R.transpose().mmul(S).mmul(R).sub(Matrix.eye(S.rows));
  const { realEigenvalues } = new EigenvalueDecomposition(excess, { assumeSymmetric: true });
  if (!realEigenvalues.every((epsilon) => epsilon > SINGULAR - 1)) return null;
  const shift = R.transpose().mmul(mu).norm("frobenius");
  return 0.5 * (realEigenvalues.reduce((sum, e) => sum + e - Math.log1p(e), 0) + shift * shift);
}

/** Value without its bias, error with its second order (file head). */
function secondOrder(
  { values: means, influence, n, method, warnings }: MeanVector,
  sigma: Matrix,
  { value, gradient, hessian }: Expansion,
): LawEstimate {
  const k = means.length;
  const curved = hessian.mmul(sigma);
  const square = curved.mmul(curved).trace() / 2;
  const g = Matrix.columnVector([...gradient]);
  const linear = g.transpose().mmul(sigma).mmul(g).get(0, 0);
  const replicas = influence.length / k;
  return {
    value: value - curved.trace() / 2,
    standardError: Math.sqrt(Math.max(linear - square, square, 0)),
    n,
    method,
    warnings,
    influence: Float64Array.from({ length: replicas }, (_, r) =>
      gradient.reduce((sum, factor, a) => sum + factor * influence[r * k + a]!, 0),
    ),
  };
}
