/**
 * The stationary state of SGD with momentum and dampening on linear regression: exact second
 * moments, multiplicative noise included, and both sides of the fluctuation-dissipation relations.
 *
 * With δ = w − w*, a batch acts as
 *   v' = μv − (1−ν)(Hδ + ζ),  δ' = δ + ηv',  E[ζ|δ] = 0,  E ζζᵀ = f(⟨x xᵀ(xᵀSx)⟩ − H₀SH₀ + C₁),
 * S = E δδᵀ (terms linear in E δ = 0 vanish), f the noise factor of independent batches. So
 * Z = E zzᵀ of z = (δ, v) obeys the linear equation Z = M Z Mᵀ + L E ζζᵀ Lᵀ, with L = −(1−ν)(η, 1).
 *
 * Setting: S. Yaida, arXiv 1810.00004 (the relations); without momentum it is
 * `regressionStationary.ts`. Left out: batches that depend on each other (epochs), Nesterov's step.
 */
import { EigenvalueDecomposition, LuDecomposition, Matrix } from "ml-matrix";
import { ArgumentError } from "../../engine/errors.ts";
import { batchNoiseFactor } from "./batchNoise.ts";
import {
  type RegressionOptions,
  type RegressionProblem,
  regressionProblem,
} from "./regressionStationary.ts";

/** Z has d(2d + 1) unknowns, solved for densely. */
const MAX_DIMENSION = 10;

export interface RegressionMomentumOptions extends RegressionOptions {
  /** μ, in [0, 1); default 0. */
  readonly momentum?: number;
  /** ν, in [0, 1); default 0. */
  readonly dampening?: number;
}

export interface RegressionMomentum {
  /** w*, the stationary mean, where the gradient with weight decay vanishes, [d]. */
  readonly minimum: readonly number[];
  /** H = ⟨x xᵀ⟩ + λ, [d, d]. */
  readonly hessian: readonly (readonly number[])[];
  /** E δδᵀ in w², [d, d]. */
  readonly covariance: readonly (readonly number[])[];
  /** E δvᵀ in w²/η, [d, d]. */
  readonly crossCovariance: readonly (readonly number[])[];
  /** E vvᵀ in (w/η)², [d, d]. */
  readonly velocityCovariance: readonly (readonly number[])[];
  /** E w·G = tr HS, and κ E|v|²: the sides of FDR1, equal; in units of the loss. */
  readonly left: number;
  readonly right: number;
  /** E |∇f|² = tr H²S, and κ E vᵀHv: the sides of FDR2, equal; in (loss/w)². */
  readonly gradientSquare: number;
  readonly dissipation: number;
  /** Spectral radius of the second-moment map; < 1, the slowest decay of Z per step. */
  readonly momentRadius: number;
}

/**
 * Exact second moments of (w − w*, v) and the observables of FDR1 and FDR2.
 *
 * Exact for any η, μ, ν with finite second moments. Units: w², v in w/η.
 *
 * @throws ArgumentError when the loss has no unique minimum, when second moments do not settle
 *   (spectral radius of the moment map >= 1), or for more than 10 dimensions.
 * @see arXiv 1810.00004 for the relations; derivation in the file head.
 */
export function regressionMomentum(options: RegressionMomentumOptions): RegressionMomentum {
  const { learningRate: eta, batchSize, sampling, weightDecay = 0 } = options;
  const { momentum: mu = 0, dampening: nu = 0 } = options;
  const problem = regressionProblem(options.inputs, options.targets, weightDecay);
  const { dimension: d, hessian } = problem;
  if (d > MAX_DIMENSION) {
    throw new ArgumentError(
      `regressionMomentum: ${d} dimensions, at most ${MAX_DIMENSION} are solved; use fewer inputs.`,
    );
  }
  const factor = batchNoiseFactor(options.targets.length, batchSize, sampling);
  const { Z, radius } = stationaryMoments(problem, { eta, mu, nu, factor });
  const [S, X, V] = [block(Z, 0, 0, d), block(Z, 0, d, d), block(Z, d, d, d)];
  const kappa = ((eta / 2) * (1 + mu)) / (1 - nu);
  return {
    minimum: problem.minimum,
    hessian: hessian.to2DArray(),
    covariance: S.to2DArray(),
    crossCovariance: X.to2DArray(),
    velocityCovariance: V.to2DArray(),
    left: hessian.mmul(S).trace(),
    right: kappa * V.trace(),
    gradientSquare: hessian.mmul(hessian).mmul(S).trace(),
    dissipation: kappa * hessian.mmul(V).trace(),
    momentRadius: radius,
  };
}

/**
 * Largest modulus by which a step multiplies the mean of (w, v): the roots of
 * z² − (1 + μ − η(1−ν)h)z + μ for each eigenvalue h of H. Needs no statement on the noise.
 */
export function meanRadius(
  hessian: readonly (readonly number[])[],
  settings: {
    readonly learningRate: number;
    readonly momentum?: number;
    readonly dampening?: number;
  },
): number {
  const { learningRate: eta, momentum: mu = 0, dampening: nu = 0 } = settings;
  const symmetric = new Matrix(hessian.map((row) => [...row]));
  const spectrum = new EigenvalueDecomposition(symmetric, { assumeSymmetric: true });
  const moduli = spectrum.realEigenvalues.map((h) => {
    const trace = 1 + mu - eta * (1 - nu) * h;
    const discriminant = trace * trace - 4 * mu;
    if (discriminant < 0) return Math.sqrt(mu);
    return (Math.abs(trace) + Math.sqrt(discriminant)) / 2;
  });
  return Math.max(...moduli);
}

interface Step {
  readonly eta: number;
  readonly mu: number;
  readonly nu: number;
  readonly factor: number;
}

/** Z = map(Z) + source, in the d(2d+1) entries of a symmetric matrix. */
function stationaryMoments(
  { dimension: d, hessian, hessianSpread, gradientCovariance }: RegressionProblem,
  { eta, mu, nu, factor }: Step,
): { Z: Matrix; radius: number } {
  const mean = Matrix.zeros(2 * d, 2 * d);
  const kick = Matrix.zeros(2 * d, d);
  for (let i = 0; i < d; i++) {
    mean.set(i, i, 1).set(i, d + i, eta * mu);
    mean.set(d + i, d + i, mu);
    kick.set(i, i, -(1 - nu) * eta).set(d + i, i, -(1 - nu));
    for (let j = 0; j < d; j++) {
      const pull = (1 - nu) * hessian.get(i, j);
      mean.set(i, j, mean.get(i, j) - eta * pull);
      mean.set(d + i, j, -pull);
    }
  }
  const noise = (C: Matrix) => kick.mmul(Matrix.mul(C, factor)).mmul(kick.transpose());
  const map = (Z: Matrix) =>
    mean
      .mmul(Z)
      .mmul(mean.transpose())
      .add(noise(hessianSpread(block(Z, 0, 0, d))));
  return fixedPoint(map, noise(gradientCovariance), eta);
}

function fixedPoint(
  map: (Z: Matrix) => Matrix,
  source: Matrix,
  eta: number,
): { Z: Matrix; radius: number } {
  const n = source.rows;
  const pairs: [number, number][] = [];
  for (let i = 0; i < n; i++) for (let j = i; j < n; j++) pairs.push([i, j]);
  const pack = (Z: Matrix) => pairs.map(([i, j]) => Z.get(i, j));
  const columns = pairs.map(([i, j]) => pack(map(Matrix.zeros(n, n).set(i, j, 1).set(j, i, 1))));
  const operator = new Matrix(columns).transpose();
  const spectrum = new EigenvalueDecomposition(operator);
  const { realEigenvalues: re, imaginaryEigenvalues: im } = spectrum;
  const radius = Math.max(...re.map((x, k) => Math.hypot(x, im[k]!)));
  if (!(radius < 1)) {
    throw new ArgumentError(
      `regressionMomentum: second moments grow by ${radius} per step at learningRate ${eta}; ` +
        "lower it or momentum, or raise batchSize.",
    );
  }
  const system = Matrix.eye(pairs.length).sub(operator);
  const solution = new LuDecomposition(system).solve(Matrix.columnVector(pack(source)));
  const Z = Matrix.zeros(n, n);
  for (const [k, [i, j]] of pairs.entries()) {
    Z.set(i, j, solution.get(k, 0)).set(j, i, solution.get(k, 0));
  }
  return { Z, radius };
}

const block = (Z: Matrix, row: number, column: number, d: number): Matrix =>
  Z.subMatrix(row, row + d - 1, column, column + d - 1);
