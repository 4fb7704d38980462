/**
 * Stationary covariances of linear dynamics with additive noise.
 *
 * Discrete: S = A S Aᵀ + Q, summed as Σ_k Aᵏ Q Aᵏᵀ by doubling (R. A. Smith, SIAM J. Appl. Math.
 * 16, 198 (1968)): k doublings hold 2ᵏ terms. Continuous: A S + S Aᵀ = Q becomes the discrete
 * equation by the Cayley transform F = (A + γ)⁻¹(A − γ). O(n³) per doubling, any n that
 * ml-matrix can multiply. Left out: singular (marginally stable) dynamics.
 */
import { EigenvalueDecomposition, inverse, Matrix } from "ml-matrix";
import { ArgumentError } from "../engine/errors.ts";

/** A square matrix as rows. */
export type Rows = readonly (readonly number[])[];

/** 2⁶⁴ terms: enough for spectral radii that differ from 1 by rounding only. */
const MAX_DOUBLINGS = 64;

/**
 * S = A S Aᵀ + Q, the stationary covariance of z' = A z + noise of covariance Q (per step).
 *
 * Shapes: A, Q and S are [n, n]; Q symmetric. Relative rounding about 1e-16/(1 − ρ(A)).
 *
 * @throws ArgumentError when the spectral radius of A is not below 1 (no stationary state), or the
 *   shapes do not fit, or Q is not symmetric.
 * @example discreteLyapunov([[0.9]], [[0.19]]) // [[1]]
 */
export function discreteLyapunov(A: Rows, Q: Rows): number[][] {
  const { a, q } = operands("discreteLyapunov", A, Q);
  const radius = Math.max(...eigenvalues(a).map(([re, im]) => Math.hypot(re, im)));
  if (!(radius < 1)) {
    throw new ArgumentError(
      `discreteLyapunov: the spectral radius is ${radius}, not below 1, so no stationary ` +
        "covariance exists; lower learningRate or take out flat directions.",
    );
  }
  return doubling(a, q).to2DArray();
}

/**
 * A S + S Aᵀ = Q, the stationary covariance of dz = −A z dt + noise of covariance Q dt.
 *
 * Shapes: A, Q and S are [n, n]; Q symmetric (2D in terms of a diffusion matrix D).
 *
 * @throws ArgumentError when an eigenvalue of A has no positive real part, or the shapes do not
 *   fit, or Q is not symmetric.
 * @example continuousLyapunov([[2]], [[4]]) // [[1]]
 */
export function continuousLyapunov(A: Rows, Q: Rows): number[][] {
  const { a, q } = operands("continuousLyapunov", A, Q);
  const spectrum = eigenvalues(a);
  const least = Math.min(...spectrum.map(([re]) => re));
  if (!(least > 0)) {
    throw new ArgumentError(
      `continuousLyapunov: an eigenvalue has real part ${least}, not above 0, so no stationary ` +
        "covariance exists; take out flat or unstable directions.",
    );
  }
  // γ = geometric mean of the extreme |eigenvalues| makes ρ(F) least for real spectra.
  const moduli = spectrum.map(([re, im]) => Math.hypot(re, im));
  const gamma = Math.sqrt(Math.min(...moduli) * Math.max(...moduli));
  const shift = Matrix.eye(a.rows, a.rows, gamma);
  const resolvent = inverse(Matrix.add(a, shift));
  // (A+γ)S(A+γ)ᵀ − (A−γ)S(A−γ)ᵀ = 2γ(AS + SAᵀ) = 2γQ
  const noise = resolvent
    .mmul(q)
    .mmul(resolvent.transpose())
    .mul(2 * gamma);
  return doubling(resolvent.mmul(Matrix.sub(a, shift)), noise).to2DArray();
}

/** S_{k+1} = S_k + A_k S_k A_kᵀ, A_{k+1} = A_k². */
function doubling(a: Matrix, q: Matrix): Matrix {
  let S = q;
  let power = a;
  for (let k = 0; k < MAX_DOUBLINGS; k++) {
    const term = power.mmul(S).mmul(power.transpose());
    S = Matrix.add(S, term);
    if (term.norm() <= 1e-17 * S.norm()) break;
    power = power.mmul(power);
  }
  return Matrix.add(S, S.transpose()).mul(0.5);
}

function eigenvalues(a: Matrix): [number, number][] {
  const { realEigenvalues, imaginaryEigenvalues } = new EigenvalueDecomposition(a);
  return realEigenvalues.map((re, k) => [re, imaginaryEigenvalues[k]!]);
}

function operands(where: string, A: Rows, Q: Rows): { a: Matrix; q: Matrix } {
  const n = A.length;
  const square = (rows: Rows) => rows.length === n && rows.every((row) => row.length === n);
  if (n === 0 || !square(A) || !square(Q)) {
    throw new ArgumentError(`${where}: A and Q must be square and of one size, A has ${n} rows.`);
  }
  const q = new Matrix(Q.map((row) => [...row]));
  if (!(Matrix.sub(q, q.transpose()).norm() <= 1e-12 * q.norm())) {
    throw new ArgumentError(`${where}: Q is not symmetric, as a noise covariance must be.`);
  }
  return { a: new Matrix(A.map((row) => [...row])), q };
}
