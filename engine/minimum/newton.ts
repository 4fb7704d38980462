/**
 * Newton's method with the exact Hessian, to the last digit.
 *
 *   δ = −Σ_k u_k (u_k·∇L)/|h_k|,  h_k, u_k eigenvalues and eigenvectors of the Hessian.
 *
 * Absolute values make it leave saddles (Nocedal & Wright 2006, section 3.4); directions without
 * curvature are not moved along. Left out: sparse or iterative solution.
 */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { dot } from "../dot.ts";
import type { FullBatch, FullBatchPoint } from "./fullBatch.ts";
import { along } from "./lbfgs.ts";

export interface Spectrum {
  /** Ascending. */
  readonly eigenvalues: Float64Array;
  /** [eigenvalue, param], orthonormal. */
  readonly eigenvectors: readonly Float64Array[];
}

/** Eigenvalues this small relative to the largest are rounding: 2⁻⁴⁶, 64 units of float64. */
const FLAT = 2 ** -46;
const HALVINGS = 40;

/** Of a symmetric matrix. */
export function spectrum(matrix: readonly Float64Array[]): Spectrum {
  const rows = new Matrix(matrix.map((row) => Array.from(row)));
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(rows, {
    assumeSymmetric: true,
  });
  const order = realEigenvalues.map((_, k) => k);
  order.sort((a, b) => realEigenvalues[a]! - realEigenvalues[b]!);
  return {
    eigenvalues: Float64Array.from(order, (k) => realEigenvalues[k]!),
    eigenvectors: order.map((k) => Float64Array.from(eigenvectorMatrix.getColumn(k))),
  };
}

/** Number of eigenvalues that are zero to rounding. */
export const flatDirections = ({ eigenvalues }: Spectrum): number => {
  const largest = eigenvalues.reduce((most, h) => Math.max(most, Math.abs(h)), 0);
  const bound = largest * FLAT * eigenvalues.length;
  return eigenvalues.reduce((count, h) => count + (Math.abs(h) <= bound ? 1 : 0), 0);
};

/** δ of the file head. */
export function newtonStep(
  gradient: Float64Array,
  { eigenvalues, eigenvectors }: Spectrum,
): Float64Array {
  const largest = eigenvalues.reduce((most, h) => Math.max(most, Math.abs(h)), 0);
  const bound = largest * FLAT * eigenvalues.length;
  const step = new Float64Array(gradient.length);
  eigenvectors.forEach((u, k) => {
    const curvature = Math.abs(eigenvalues[k]!);
    if (curvature <= bound) return;
    const weight = -dot(u, gradient) / curvature;
    for (let p = 0; p < step.length; p += 1) step[p]! += weight * u[p]!;
  });
  return step;
}

/** L of two points differs by less than this through rounding of its sum. */
const lossRounding = (point: FullBatchPoint): number => 1e-13 * Math.abs(point.loss);

/** The longest of δ, δ/2, δ/4 … that lowers |∇L| without raising L, or that lowers L plainly. */
function damped(
  at: FullBatch["at"],
  from: FullBatchPoint,
  step: Float64Array,
): FullBatchPoint | null {
  const slope = dot(from.gradient, step);
  for (let halving = 0; halving < HALVINGS; halving += 1) {
    const t = 0.5 ** halving;
    const point = at(along(from.theta, t, step));
    const descends = point.loss <= from.loss + 1e-4 * t * slope - lossRounding(from);
    const flattens =
      point.gradientNorm < from.gradientNorm && point.loss <= from.loss + lossRounding(from);
    if (descends || flattens) return point;
  }
  return null;
}

/** Rounding of a mean of gradients: reached, no step is worth its Hessian. */
const GRADIENT_ROUNDING = 2 ** -50;
/** Convergence is quadratic: near the end a step that gains less than this gains rounding. */
const GAIN = 0.25;

/**
 * Steps until the gradient is rounding, or none lowers it; once it is below `tolerance` times its
 * scale, until a step gains little. The spectrum is that of the last point.
 */
export function newton(
  problem: FullBatch,
  start: FullBatchPoint,
  { tolerance, iterations }: { readonly tolerance: number; readonly iterations: number },
): { point: FullBatchPoint; hessian: Float64Array[]; spectrum: Spectrum; iterations: number } {
  let point = start;
  let isDone = false;
  for (let done = 0; ; done += 1) {
    const hessian = problem.hessian(point.theta);
    const spread = spectrum(hessian);
    const { gradientNorm, gradientScale } = point;
    isDone ||= gradientNorm <= GRADIENT_ROUNDING * gradientScale || done === iterations;
    const step = newtonStep(point.gradient, spread);
    const next: FullBatchPoint | null = isDone ? null : damped(problem.at, point, step);
    if (next === null) return { point, hessian, spectrum: spread, iterations: done };
    isDone =
      next.gradientNorm <= tolerance * gradientScale && next.gradientNorm > GAIN * gradientNorm;
    point = next;
  }
}
