/**
 * Where SGD's mean goes near a minimum w*, and how far the linear theory of its cloud may be trusted:
 * leading orders in the learning rate for any loss whose samples' derivatives are known.
 *
 * - Independent batches: anharmonicity, shift = −½ H⁻¹ (∂³L : S), S the stationary covariance.
 * - One permutation per epoch: the effective loss L + (η/4) tr Σ_B, shift = −(η/4) H⁻¹ ∇tr Σ_B, with
 *   ∇tr Σ_B = 2f[(1/N) Σ H_i g_i − H g] (arXiv 2306.03521).
 * - Gaussian closure: H and Σ_B averaged over the cloud N(w*, S) in place of those at w*; what
 *   the linear theory becomes with them differs from it by its first neglected order in η.
 * - The integral theorem: ⟨e^{−σ}⟩ − 1 of single steps from the same cloud.
 * Left out: skewness of the cloud and of the batches' noise.
 */
import { EigenvalueDecomposition, inverse, Matrix } from "ml-matrix";
import { gaussian, mulberry32 } from "../mulberry.ts";
import { batchNoiseFactor } from "./batchNoise.ts";
import type { SampleDerivatives } from "./epochDiffusion.ts";

type Rows = readonly (readonly number[])[];

/** Derivatives of all samples at w. */
export type DerivativesAt = (w: ArrayLike<number>) => SampleDerivatives;

export interface BatchNoise {
  /** ∇L, [P] */
  readonly gradient: number[];
  /** H, [P, P] */
  readonly hessian: number[][];
  /** Σ_B = f C₁, covariance of one batch's mean gradient, [P, P] */
  readonly noiseCovariance: number[][];
}

/** Mean gradient, Hessian and covariance of a batch of distinct samples at one point. */
export function batchNoise(
  { gradients, hessians }: SampleDerivatives,
  batchSize: number,
): BatchNoise {
  const N = gradients.length;
  const P = gradients[0]!.length;
  const f = batchNoiseFactor(N, batchSize, "distinct");
  const each = <T>(value: (p: number) => T): T[] => Array.from({ length: P }, (_, p) => value(p));
  const mean = (value: (i: number) => number): number => {
    let sum = 0;
    for (let i = 0; i < N; i += 1) sum += value(i);
    return sum / N;
  };
  const gradient = each((p) => mean((i) => gradients[i]![p]!));
  return {
    gradient,
    hessian: each((p) => each((q) => mean((i) => hessians[i]![p]![q]!))),
    noiseCovariance: each((p) =>
      each(
        (q) =>
          f * mean((i) => (gradients[i]![p]! - gradient[p]!) * (gradients[i]![q]! - gradient[q]!)),
      ),
    ),
  };
}

const solveFor = (hessian: Rows, force: readonly number[]): number[] =>
  inverse(new Matrix(hessian.map((row) => [...row])))
    .mmul(Matrix.columnVector([...force]))
    .to1DArray();

/** −(η/4) H⁻¹ ∇tr Σ_B at the minimum, [P]: the mean of epochs without replacement, to order η. */
export function effectiveLossShift(
  derivatives: SampleDerivatives,
  options: { readonly batchSize: number; readonly learningRate: number },
): number[] {
  const { gradients, hessians } = derivatives;
  const { gradient, hessian } = batchNoise(derivatives, options.batchSize);
  const N = gradients.length;
  const f = batchNoiseFactor(N, options.batchSize, "distinct");
  const slope = gradient.map((_, p) => {
    let sum = 0;
    gradients.forEach((g, i) => {
      for (let q = 0; q < gradient.length; q += 1) {
        sum += (hessians[i]![p]![q]! * g[q]!) / N;
      }
    });
    gradient.forEach((g, q) => {
      sum -= hessian[p]![q]! * g;
    });
    return 2 * f * sum;
  });
  return solveFor(hessian, slope).map((x) => (-options.learningRate / 4) * x);
}

/** R of R Rᵀ = S, by the eigenvectors of S. */
function rootOf(covariance: Rows): number[][] {
  const S = new Matrix(covariance.map((row) => [...row]));
  const spectrum = new EigenvalueDecomposition(S, { assumeSymmetric: true });
  const scales = spectrum.realEigenvalues.map((value) => Math.sqrt(Math.max(0, value)));
  return spectrum.eigenvectorMatrix.mulRowVector(scales).to2DArray();
}

/** Points with the mean and covariance of the cloud: w* ± √P · columns of the root of S. */
function cubature(minimum: ArrayLike<number>, covariance: Rows): number[][] {
  const root = rootOf(covariance);
  const center = Array.from(minimum);
  const scale = Math.sqrt(center.length);
  return root.flatMap((_, k) =>
    [scale, -scale].map((s) => center.map((w, p) => w + s * root[p]![k]!)),
  );
}

export interface Closure {
  /** −½ H⁻¹ (∂³L : S), [P]; by the averages of ∇L over the cloud, exact for quartic losses. */
  readonly shift: number[];
  /** ⟨H⟩ and ⟨Σ_B⟩ over the cloud, [P, P]. */
  readonly hessian: number[][];
  readonly noiseCovariance: number[][];
}

/**
 * Averages over N(w*, S) by a cubature of degree three: 2P points, exact for polynomials of degree
 * three, so that the first correction in S is exact.
 *
 * @see A. H. Stroud, Numerical quadrature (1971), for the cubature
 */
export function gaussianClosure(
  at: DerivativesAt,
  minimum: ArrayLike<number>,
  covariance: Rows,
  batchSize: number,
): Closure {
  const points = cubature(minimum, covariance).map((w) => batchNoise(at(w), batchSize));
  const { hessian } = batchNoise(at(minimum), batchSize);
  const average = (value: (point: BatchNoise) => number): number =>
    points.reduce((sum, point) => sum + value(point), 0) / points.length;
  const each = (value: (point: BatchNoise, p: number, q: number) => number): number[][] =>
    hessian.map((row, p) => row.map((_, q) => average((point) => value(point, p, q))));
  // ⟨∇L⟩ = ½ ∂³L : S, a force that the displacement −H⁻¹⟨∇L⟩ balances.
  const force = hessian.map((_, p) => average(({ gradient }) => gradient[p]!));
  return {
    shift: solveFor(hessian, force).map((x) => -x),
    hessian: each(({ hessian: H }, p, q) => H[p]![q]!),
    noiseCovariance: each(({ noiseCovariance: S }, p, q) => S[p]![q]!),
  };
}

/** Pairs ±δ of the average below: about 10 % of the deviation. */
const PAIRS = 400;

/**
 * ⟨e^{−σ}⟩ − 1 of single steps of independent batches, σ = δᵀ Q (δ' − δ), for w = c + δ, δ ~ N(0, S), and
 * normal batch noise: −σ given δ has the mean η aᵀ∇L and the variance η² aᵀ Σ_B a, a = Qᵀδ, both at
 * w. 0 where ∇L is linear and Σ_B constant; else of order η relative to ⟨σ⟩.
 *
 * Average over a fixed set of normal numbers and their negatives.
 * @see derivation here; arXiv 2306.03521 for σ
 */
export function integralDeviation(
  at: DerivativesAt,
  cloud: { readonly center: readonly number[]; readonly covariance: Rows; readonly form: Rows },
  { batchSize, learningRate: eta }: { readonly batchSize: number; readonly learningRate: number },
): number {
  const root = rootOf(cloud.covariance);
  const uniform = mulberry32(1);
  const deviation = (delta: readonly number[]): number => {
    const { gradients } = at(delta.map((x, p) => x + cloud.center[p]!));
    const a = delta.map((_, j) => delta.reduce((sum, x, i) => sum + x * cloud.form[i]![j]!, 0));
    let [first, second] = [0, 0];
    for (const g of gradients) {
      const along = a.reduce((sum, weight, p) => sum + weight * g[p]!, 0);
      first += along / gradients.length;
      second += (along * along) / gradients.length;
    }
    const f = batchNoiseFactor(gradients.length, batchSize, "distinct");
    return Math.expm1(eta * first + (eta * eta * f * (second - first * first)) / 2);
  };
  let sum = 0;
  for (let k = 0; k < PAIRS; k += 1) {
    const z = root.map(() => gaussian(uniform));
    const step = root.map((row) => row.reduce((total, value, j) => total + value * z[j]!, 0));
    for (const sign of [1, -1]) {
      sum += deviation(step.map((x) => sign * x)) / (2 * PAIRS);
    }
  }
  return sum;
}
