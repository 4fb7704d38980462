/**
 * The Ornstein–Uhlenbeck process dx = −A x dt + √(2D) dW, and what is seen of it at times dt apart.
 *
 * All in one form: x' = x − dt B x + N(0, dt N) with B, N of the exact process or of Euler's scheme,
 *   exact: B = φ₁(−A dt) A,  N = (S − F S Fᵀ)/dt = B S + S Bᵀ − dt B S Bᵀ   (F = 1 − dt B = e^{−A dt})
 *   Euler: B = A,            N = 2D
 * and S the solution of B S + S Bᵀ − dt B S Bᵀ = N (exact: A S + S Aᵀ = 2D). With the area matrix
 *   Ȧ = (B S − S Bᵀ)/2 = ½⟨x dxᵀ − dx xᵀ⟩/dt
 * the midpoint current is p(x) Ω x, Ω = −Ȧ S⁻¹, and the entropy production of a pair of states
 *   KL[(x, x') ‖ (x', x)]/dt = 2 tr(N⁻¹ Ȧ Bᵀ),
 * since Q⁻¹(K Fᵀ − F K)/2 has this trace with K = F S − S Fᵀ = −2 dt Ȧ, Q = dt N. For dt → 0 they are
 * the continuous ones, with B = A, N = 2D: nothing here cancels its digits away when dt is small.
 *
 * H. Risken, The Fokker–Planck Equation (1989), section 6.5; C. Godrèche, J.-M. Luck, J. Phys. A 52,
 * 035002 (2019). Left out: singular D; d above about ten.
 */
import { EigenvalueDecomposition, inverse, Matrix, solve } from "ml-matrix";
import { ArgumentError } from "../../engine/errors.ts";
import type { MatrixRows } from "./affineMoments.ts";
import { averagedExponential, matrixExponential } from "./matrixExponential.ts";

export interface OrnsteinUhlenbeckOptions {
  /** A, [d, d]. */
  readonly drift: MatrixRows;
  /** D, [d, d], symmetric positive definite; the noise has covariance 2D per unit of time. */
  readonly diffusion: MatrixRows;
}

export interface SampledOptions extends OrnsteinUhlenbeckOptions {
  /** dt > 0. */
  readonly timeStep: number;
  /** The exact process seen every dt, or Euler's scheme with steps dt. */
  readonly integrator: "exact" | "euler";
}

/** The map x' = x − dt B x + N(0, dt N) that makes a step. */
export interface LinearStep {
  /** B, [d, d]. */
  readonly drift: number[][];
  /** N, [d, d]. */
  readonly noise: number[][];
}

/** Stationary numbers; rates are per unit of time. */
export interface OrnsteinUhlenbeck {
  /** S = ⟨x xᵀ⟩. */
  readonly covariance: number[][];
  /** Ω: the current is p(x) Ω x. */
  readonly circulation: number[][];
  /** ½⟨x_i dx_j − x_j dx_i⟩/dt: counterclockwise with i to the right and j up is positive. */
  readonly areaRate: number[][];
  /** In nats per unit of time. */
  readonly entropyProduction: number;
  /** ½ ln det(2πe S), in nats. */
  readonly entropy: number;
}

/**
 * Stationary state and currents of the continuous process.
 *
 * S: A S + S Aᵀ = 2D; Ω = −A + D S⁻¹; entropy production tr(D⁻¹ Ȧ Aᵀ) = tr(Ωᵀ D⁻¹ Ω S), which in two
 * dimensions is area² tr A/det D. Error: that of a linear solve.
 *
 * @throws ArgumentError when an eigenvalue of A has no positive real part, D is not positive definite
 *   or the shapes do not fit.
 * @example
 * ornsteinUhlenbeck({ drift: [[1, -2], [2, 1]], diffusion: [[1, 0], [0, 1]] }).entropyProduction // 8
 */
export function ornsteinUhlenbeck(options: OrnsteinUhlenbeckOptions): OrnsteinUhlenbeck {
  const { A, D } = operands(options);
  requireDecay(A, (re) => re > 0, "the real part of an eigenvalue of the drift is not above 0");
  return stationaryState(A, Matrix.mul(D, 2), 0);
}

/**
 * Variance per unit of time of the area ½∫(x₁ dx₂ − x₂ dx₁) that a process in the plane sweeps, for
 * long times.
 *
 * With K = [[0, 1], [−1, 0]] and the solution G of Aᵀ G + G A = M, M the symmetric part of −½ K A, the
 * swept area less its mean is ∫ xᵀ(2G + ½K) dξ and an end term that stays bounded, ⟨dξ dξᵀ⟩ = 2D dt:
 *   rate = 2 tr[(2G + ½K) D (2G + ½K)ᵀ S]
 * so that R replicas observed for a time t know the area rate to √(rate/(R t)).
 *
 * @throws ArgumentError as `ornsteinUhlenbeck`, and for other than two coordinates.
 * @example
 * areaVarianceRate({ drift: [[1, -2], [2, 1]], diffusion: [[1, 0], [0, 1]] }) // 5
 */
export function areaVarianceRate(options: OrnsteinUhlenbeckOptions): number {
  const { A, D } = operands(options);
  if (A.rows !== 2) {
    throw new ArgumentError(
      `areaVarianceRate: the process has ${A.rows} coordinates; an area is swept in a plane, give 2.`,
    );
  }
  const S = new Matrix(ornsteinUhlenbeck(options).covariance);
  const half = new Matrix([
    [0, 0.5],
    [-0.5, 0],
  ]);
  const G = covarianceOf(A.transpose(), symmetric(half.mmul(A)).mul(-1), 0);
  const integrand = Matrix.mul(G, 2).add(half);
  return 2 * integrand.mmul(D).mmul(integrand.transpose()).mmul(S).trace();
}

/**
 * Stationary state and currents of the process seen every dt, or of Euler's scheme: exact in dt.
 *
 * @throws ArgumentError when there is no stationary state (Euler: |1 − dt λ| < 1 fails for an
 *   eigenvalue λ of A), dt is not positive, D is not positive definite or the shapes do not fit.
 */
export function sampledOrnsteinUhlenbeck(options: SampledOptions): OrnsteinUhlenbeck {
  const { A } = operands(options);
  const { timeStep: dt, integrator } = options;
  requireDecay(
    A,
    (re, im) => (integrator === "exact" ? re > 0 : Math.hypot(1 - dt * re, dt * im) < 1),
    integrator === "exact"
      ? "the real part of an eigenvalue of the drift is not above 0"
      : "a step of Euler's scheme multiplies a direction by 1 or more",
  );
  const { drift, noise } = linearStep(options);
  return stationaryState(new Matrix(drift), new Matrix(noise), dt);
}

/**
 * B and N of a step; there also where no stationary state exists.
 *
 * Without one the exact N = (1/dt) ∫₀^dt e^{−As} 2D e^{−Aᵀs} ds is taken from the exponential of
 * [[−A, 2D], [0, Aᵀ]] dt (C. Van Loan, IEEE Trans. Automat. Contr. 23, 395 (1978)).
 *
 * @throws ArgumentError when dt is not positive, D is not positive definite or the shapes do not fit.
 */
export function linearStep(options: SampledOptions): LinearStep {
  const { timeStep: dt, integrator } = options;
  const { A, D } = operands(options);
  if (!(dt > 0 && Number.isFinite(dt))) {
    throw new ArgumentError(`ornsteinUhlenbeck: timeStep is ${dt}; give a positive number.`);
  }
  if (integrator === "euler") {
    return { drift: A.to2DArray(), noise: Matrix.mul(D, 2).to2DArray() };
  }
  const B = averagedExponential(Matrix.mul(A, -dt)).mmul(A);
  const noise = spectrum(A).every(([re]) => re > 0)
    ? noiseOf(B, covarianceOf(A, Matrix.mul(D, 2), 0), dt)
    : vanLoan(A, D, dt);
  return { drift: B.to2DArray(), noise: symmetric(noise).to2DArray() };
}

function stationaryState(B: Matrix, N: Matrix, dt: number): OrnsteinUhlenbeck {
  const d = B.rows;
  const S = covarianceOf(B, N, dt);
  const BS = B.mmul(S);
  const area = Matrix.sub(BS, BS.transpose()).mul(0.5);
  const values = new EigenvalueDecomposition(S, { assumeSymmetric: true }).realEigenvalues;
  const logDeterminant = values.reduce((sum, value) => sum + Math.log(value), 0);
  return {
    covariance: S.to2DArray(),
    circulation: area.mmul(inverse(S)).mul(-1).to2DArray(),
    areaRate: area.to2DArray(),
    entropyProduction: 2 * solve(N, area.mmul(B.transpose())).trace(),
    entropy: (d * Math.log(2 * Math.PI * Math.E) + logDeterminant) / 2,
  };
}

/** S of B S + S Bᵀ − dt B S Bᵀ = N, as a linear system for the d² entries. */
function covarianceOf(B: Matrix, N: Matrix, dt: number): Matrix {
  const d = B.rows;
  const system = Matrix.zeros(d * d, d * d);
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) {
      for (let k = 0; k < d; k++) {
        for (let l = 0; l < d; l++) {
          const value =
            (l === j ? B.get(i, k) : 0) +
            (k === i ? B.get(j, l) : 0) -
            dt * B.get(i, k) * B.get(j, l);
          system.set(i * d + j, k * d + l, value);
        }
      }
    }
  }
  const entries = solve(system, Matrix.columnVector(N.to1DArray())).to1DArray();
  return symmetric(Matrix.from1DArray(d, d, entries));
}

const noiseOf = (B: Matrix, S: Matrix, dt: number): Matrix => {
  const BS = B.mmul(S);
  return Matrix.add(BS, BS.transpose()).sub(BS.mmul(B.transpose()).mul(dt));
};

function vanLoan(A: Matrix, D: Matrix, dt: number): Matrix {
  const d = A.rows;
  const block = Matrix.zeros(2 * d, 2 * d);
  block.setSubMatrix(Matrix.mul(A, -dt), 0, 0);
  block.setSubMatrix(Matrix.mul(D, 2 * dt), 0, d);
  block.setSubMatrix(A.transpose().mul(dt), d, d);
  const exponential = matrixExponential(block);
  const part = (row: number, column: number): Matrix =>
    exponential.subMatrix(row, row + d - 1, column, column + d - 1);
  return part(0, d).mmul(part(0, 0).transpose()).div(dt);
}

const symmetric = (matrix: Matrix): Matrix => Matrix.add(matrix, matrix.transpose()).mul(0.5);

function spectrum(A: Matrix): [number, number][] {
  const { realEigenvalues, imaginaryEigenvalues } = new EigenvalueDecomposition(A);
  return realEigenvalues.map((re, k) => [re, imaginaryEigenvalues[k]!]);
}

function requireDecay(A: Matrix, decays: (re: number, im: number) => boolean, fact: string): void {
  const bad = spectrum(A).find(([re, im]) => !decays(re, im));
  if (bad === undefined) return;
  const [re, im] = bad.map((value) => value.toPrecision(3));
  throw new ArgumentError(
    `ornsteinUhlenbeck: ${fact} (${re} + ${im}i), so there is no stationary state; take another ` +
      "drift, or a smaller time step.",
  );
}

function operands({ drift, diffusion }: OrnsteinUhlenbeckOptions): { A: Matrix; D: Matrix } {
  const d = drift.length;
  const square = (rows: MatrixRows) => rows.length === d && rows.every((row) => row.length === d);
  if (d === 0 || !square(drift) || !square(diffusion)) {
    throw new ArgumentError(
      `ornsteinUhlenbeck: drift and diffusion must be square and of one size, drift has ${d} rows.`,
    );
  }
  const [A, D] = [drift, diffusion].map((rows) => new Matrix(rows.map((row) => [...row])));
  const values = new EigenvalueDecomposition(symmetric(D!), { assumeSymmetric: true });
  const least = Math.min(...values.realEigenvalues);
  const lopsided = Matrix.sub(D!, D!.transpose()).norm() > 1e-12 * D!.norm();
  if (lopsided || !(least > 0)) {
    throw new ArgumentError(
      `ornsteinUhlenbeck: the diffusion matrix is not symmetric positive definite (least eigenvalue ` +
        `${least.toPrecision(3)}); give noise in every direction.`,
    );
  }
  return { A: A!, D: D! };
}
