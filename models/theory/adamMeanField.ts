/**
 * Adam on linear regression in the limit of long memory (β₂ → 1), about the point it ends at.
 *
 * There s is the mean of G², a function of θ alone, and the mean of a step is
 *   m' = β₁m + (1−β₁)∇L,   θ' = θ − A m' − ηwθ,   A_p = η/(√s_p + ε),   s_p = f C_pp(θ) + (∇L)_p²,
 * f the noise factor of the batches, C the one-sample gradient covariance. Linearized at its fixed
 * point with A held: modes κ of A^½HA^½ have the roots of
 *   z² − (1 + β₁ − ηw − (1−β₁)κ) z + β₁(1 − ηw) = 0.
 *
 * Setting: D. Kingma and J. Ba, arXiv 1412.6980, algorithm 1; derived here. Good for where a run
 * should start and how long it must be, not for exact values. Left out: noise of s, bias correction.
 */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { ArgumentError } from "../../engine/errors.ts";

export interface AdamMeanFieldOptions {
  /** x_i, [samples, d] row-major. */
  readonly inputs: ArrayLike<number>;
  /** y_i, [samples]. */
  readonly targets: ArrayLike<number>;
  /** f, the variance of a batch's mean gradient over that of one sample. */
  readonly noiseFactor: number;
  readonly learningRate: number;
  readonly beta1: number;
  readonly epsilon: number;
  /** λ: the gradient contains λw. */
  readonly weightDecay?: number;
  /** w, decay beside the adaptive step. */
  readonly decoupledDecay?: number;
}

export interface AdamMeanField {
  /** Where the mean step vanishes; the minimum of the loss without decoupled decay, [d]. */
  readonly point: readonly number[];
  /** √s at the point, in loss/θ, [d]. */
  readonly gradientSize: readonly number[];
  /** Slowest decay of the mean toward the point, e-folding time in steps, at least 1/(1 − β₁). */
  readonly relaxation: number;
  /** max κ over its stability limit 2(1+β₁)/(1−β₁); from 1 on the noise-driven state is unstable. */
  readonly stiffness: number;
}

/** Share of noise in E G² below which it is rounding. */
const QUIET = 1e-12;

/** Mean steps that are followed at most; a few hundred do unless the Hessian is nearly singular. */
const MOST_ITERATIONS = 100_000;

/**
 * Fixed point, scale of the gradients and relaxation of Adam's mean.
 *
 * Leading order in 1 − β₂ and in the variance of θ. AMSGrad's s is larger, its relaxation longer.
 *
 * @throws ArgumentError when a gradient component has no noise (then s vanishes at the minimum), or
 *   the inputs do not fit the targets.
 */
export function adamMeanField(options: AdamMeanFieldOptions): AdamMeanField {
  const { learningRate: eta, beta1, epsilon, decoupledDecay: decay = 0 } = options;
  const problem = gradientsOf(options);
  const point = fixedPoint(options, problem);
  const { square, mean } = problem.at(point);
  const quiet = square.findIndex((value, i) => !(value - mean[i]! ** 2 > QUIET * value));
  if (quiet >= 0) {
    throw new ArgumentError(
      `adamMeanField: component ${quiet} of the gradient has no noise, so that Adam divides by its ` +
        "own rounding; lower batchSize.",
    );
  }
  const rates = square.map((value) => eta / (Math.sqrt(value) + epsilon));
  const spectrum = modes(problem.hessian, rates);
  const limit = (2 * (1 + beta1)) / (1 - beta1);
  const roots = spectrum.map((kappa) => slowRoot(kappa, beta1, eta * decay));
  const times = roots.map((z) => -1 / Math.log(z));
  return {
    point,
    gradientSize: square.map(Math.sqrt),
    relaxation: Math.max(1 / (1 - beta1), ...times),
    stiffness: Math.max(...spectrum) / limit,
  };
}

interface Gradients {
  readonly hessian: readonly (readonly number[])[];
  /** ∇L with weight decay, and E G² of the minibatch, [d]. */
  readonly at: (theta: readonly number[]) => { mean: number[]; square: number[] };
}

function gradientsOf(options: AdamMeanFieldOptions): Gradients {
  const { inputs, targets, noiseFactor, weightDecay = 0 } = options;
  const samples = targets.length;
  const d = inputs.length / samples;
  if (!Number.isInteger(d) || d < 1) {
    throw new ArgumentError(
      `adamMeanField: ${inputs.length} inputs for ${samples} targets; give [samples, d].`,
    );
  }
  const indices = Array.from({ length: d }, (_, i) => i);
  const hessian = indices.map((i) =>
    indices.map((j) => {
      let sum = 0;
      for (let n = 0; n < samples; n++) sum += inputs[n * d + i]! * inputs[n * d + j]!;
      return sum / samples + (i === j ? weightDecay : 0);
    }),
  );
  const at = (theta: readonly number[]) => {
    const mean = new Array<number>(d).fill(0);
    const raw = new Array<number>(d).fill(0);
    for (let n = 0; n < samples; n++) {
      let residual = -targets[n]!;
      for (const i of indices) residual += inputs[n * d + i]! * theta[i]!;
      for (const i of indices) {
        const g = inputs[n * d + i]! * residual;
        mean[i]! += g / samples;
        raw[i]! += (g * g) / samples;
      }
    }
    const full = mean.map((value, i) => value + weightDecay * theta[i]!);
    const square = full.map(
      (value, i) => noiseFactor * Math.max(0, raw[i]! - mean[i]! ** 2) + value * value,
    );
    return { mean: full, square };
  };
  return { hessian, at };
}

/** Follows the mean step, scaled so that its stiffest mode shrinks by at most a half. */
function fixedPoint(
  { epsilon, decoupledDecay: decay = 0 }: AdamMeanFieldOptions,
  { hessian, at }: Gradients,
): number[] {
  const d = hessian.length;
  const theta = minimum(hessian, at(new Array<number>(d).fill(0)).mean);
  if (decay === 0) return theta;
  for (let k = 0; k < MOST_ITERATIONS; k++) {
    const { mean, square } = at(theta);
    const rates = square.map((value) => 1 / (Math.sqrt(value) + epsilon));
    const step = 0.5 / (Math.max(...modes(hessian, rates)) + decay);
    let moved = 0;
    for (let i = 0; i < d; i++) {
      const change = step * (rates[i]! * mean[i]! + decay * theta[i]!);
      theta[i]! -= change;
      moved = Math.max(moved, Math.abs(change));
    }
    if (moved <= 1e-14 * Math.max(1, ...theta.map(Math.abs))) break;
  }
  return theta;
}

/** Where the gradient vanishes, from its value at 0. */
function minimum(hessian: Gradients["hessian"], slopeAtZero: readonly number[]): number[] {
  const H = new Matrix(hessian.map((row) => [...row]));
  const { realEigenvalues, eigenvectorMatrix: basis } = new EigenvalueDecomposition(H, {
    assumeSymmetric: true,
  });
  const least = Math.min(...realEigenvalues);
  if (!(least > 1e-12 * Math.max(...realEigenvalues))) {
    throw new ArgumentError(
      `adamMeanField: the Hessian's least eigenvalue is ${least}, so the minimum is not unique; ` +
        "add weightDecay.",
    );
  }
  const slope = basis.transpose().mmul(Matrix.columnVector([...slopeAtZero]));
  for (const [k, value] of realEigenvalues.entries()) slope.mulRow(k, -1 / value);
  return basis.mmul(slope).to1DArray();
}

/** Eigenvalues of A^½HA^½. */
function modes(hessian: readonly (readonly number[])[], rates: readonly number[]): number[] {
  const scaled = hessian.map((row, i) => row.map((h, j) => h * Math.sqrt(rates[i]! * rates[j]!)));
  return new EigenvalueDecomposition(new Matrix(scaled), { assumeSymmetric: true }).realEigenvalues;
}

/**
 * How a mode decays per step: the modulus of complex roots, the larger root of real ones if it is
 * positive. A root near or below −1 is that of a rate too large for the noise; there s grows with
 * θ until it is not.
 */
function slowRoot(kappa: number, beta1: number, decay: number): number {
  const trace = 1 + beta1 - decay - (1 - beta1) * kappa;
  const determinant = beta1 * (1 - decay);
  const discriminant = trace * trace - 4 * determinant;
  if (discriminant < 0) return Math.sqrt(determinant);
  return Math.max(0, (trace + Math.sqrt(discriminant)) / 2);
}
