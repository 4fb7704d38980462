/**
 * How far SGD at a finite learning rate stays from perfect alignment, to leading order (card 2D).
 *
 * About the noise-balanced state θ fluctuates in two ways.
 * - Where the loss is curved: C = 2σ²H there, so that the covariance is ησ² P, P the projector on the
 *   directions that change W2 W1 (continuous Lyapunov equation, H Σ + Σ H = ηC).
 * - Along the states of zero loss (W1 → (1 − X)W1, W2 → W2(1 + X)): the charge Q = W1W1ᵀ − W2ᵀW2 changes by
 *   exactly η²(g1g1ᵀ − g2ᵀg2) a step, whose mean is −4η²M, M = W1Σ_zW1ᵀ tr Σ_ε − W2ᵀΣ_εW2 tr Σ_z, and whose
 *   covariance is that of products of normal numbers. Linear in X about the balance: relaxation in
 *   1/η² steps, variance of order η².
 * 1 − CKA is a quadratic form of both. Derived here; exact charges as in arXiv 2505.12387. Left out: higher
 * orders in η, hidden units beyond the rank of the teacher (order η²), more than two layers.
 */
import { EigenvalueDecomposition, inverse, Matrix, pseudoInverse } from "ml-matrix";
import { linearAlignment, type TwoLayers } from "./alignedState.ts";
import { integrate } from "./dormandPrince.ts";

/** A stretch of steps at one learning rate. */
export interface RatePhase {
  readonly learningRate: number;
  readonly steps: number;
}

/** Leading-order means after each phase. */
export interface Fluctuations {
  /** Of 1 − CKA with an undisturbed layer. */
  readonly deficit: readonly number[];
  /** Of |W1Σ_zW1ᵀ/tr Σ_z − W2ᵀΣ_εW2/tr Σ_ε|². */
  readonly residual: readonly number[];
  /** Relaxation rate of the slowest charge, per η² and step. */
  readonly relaxation: number;
  /** Least curvature of the loss where it is curved: relaxation rate per η and step. */
  readonly curvature: number;
}

/** Elements (i, j) of a symmetric matrix, i ≤ j. */
const pairsOf = (r: number): [number, number][] =>
  Array.from({ length: r }, (_, i) =>
    Array.from({ length: r - i }, (_, k): [number, number] => [i, i + k]),
  ).flat();

const symmetric = (r: number, values: ArrayLike<number>): Matrix => {
  const matrix = Matrix.zeros(r, r);
  pairsOf(r).forEach(([i, j], k) => {
    matrix.set(i, j, values[k]!);
    matrix.set(j, i, values[k]!);
  });
  return matrix;
};

const unit = (size: number, at: number): Float64Array => {
  const vector = new Float64Array(size);
  vector[at] = 1;
  return vector;
};

/** The matrix of a linear map, column by column. */
const matrixOf = (columns: number, map: (vector: Float64Array) => number[]): Matrix =>
  new Matrix(Array.from({ length: columns }, (_, k) => map(unit(columns, k)))).transpose();

const anticommutator = (X: Matrix, Y: Matrix): Matrix => Matrix.add(X.mmul(Y), Y.mmul(X));

/** Covariance a step and η⁴ of the charge's elements; a = W2ᵀε and h = W1z are normal. */
function chargeNoise({ W1, W2, inputs, inputTrace, noiseTrace }: TwoLayers): Matrix {
  const outputs = W2.rows;
  const sigma2 = noiseTrace / outputs;
  const B = W2.transpose().mmul(W2).mul(sigma2);
  const A = W1.mmul(inputs).mmul(W1.transpose());
  const inputFourth = inputTrace ** 2 + 2 * inputs.mmul(inputs).trace();
  const noiseFourth = sigma2 ** 2 * (outputs ** 2 + 2 * outputs);
  // E[a_i a_j |ε|²] and E[h_i h_j |z|²]
  const noisy = Matrix.mul(B, sigma2 * (outputs + 2));
  const wide = Matrix.add(
    Matrix.mul(A, inputTrace),
    W1.mmul(inputs).mmul(inputs).mmul(W1.transpose()).mul(2),
  );
  const wick = (C: Matrix, [i, j]: readonly number[], [k, l]: readonly number[]): number =>
    C.get(i!, j!) * C.get(k!, l!) + C.get(i!, k!) * C.get(j!, l!) + C.get(i!, l!) * C.get(j!, k!);
  const pairs = pairsOf(W1.rows);
  const noise = pairs.map((p) =>
    pairs.map(
      (q) =>
        wick(B, p, q) * inputFourth +
        wick(A, p, q) * noiseFourth -
        noisy.get(...p) * wide.get(...q) -
        wide.get(...p) * noisy.get(...q),
    ),
  );
  // 4 of each gradient; the means of both parts cancel at the balance.
  return new Matrix(noise).mul(16);
}

/** Covariance of X after each phase, from none; dX/ds = −RX with s = η² steps. */
function chargePaths(net: TwoLayers, phases: readonly RatePhase[]) {
  const { W1, W2, inputs, noiseTrace } = net;
  const r = W1.rows;
  const pairs = pairsOf(r);
  const elements = (matrix: Matrix): number[] => pairs.map(([i, j]) => matrix.get(i, j));
  const S = Matrix.add(W1.mmul(W1.transpose()), W2.transpose().mmul(W2));
  const A = W1.mmul(inputs).mmul(W1.transpose());
  const map = (Y: Matrix): Matrix =>
    matrixOf(pairs.length, (x) => elements(anticommutator(symmetric(r, x), Y)));
  // δQ = −(XS + SX) and δM = −2 tr Σ_ε (XA + AX).
  const toCharge = inverse(map(S));
  const R = toCharge.mmul(map(A)).mul(8 * noiseTrace);
  const N = toCharge.mmul(chargeNoise(net)).mmul(toCharge.transpose());
  const size = pairs.length;
  let covariance = Matrix.zeros(size, size);
  const covariances = phases.map(({ learningRate, steps }) => {
    const field = (y: Float64Array, out: Float64Array): void => {
      const C = Matrix.from1DArray(size, size, y);
      const drift = R.mmul(C);
      const rate = Matrix.sub(Matrix.mul(N, learningRate ** 2), drift).sub(drift.transpose());
      out.set(rate.to1DArray());
    };
    const end = integrate(field, covariance.to1DArray(), learningRate ** 2 * steps, {
      tolerance: 1e-9 * learningRate ** 2 * N.norm(),
    });
    covariance = Matrix.from1DArray(size, size, end);
    return covariance;
  });
  const rates = new EigenvalueDecomposition(R).realEigenvalues;
  return { covariances, relaxation: Math.min(...rates) };
}

/** P over (W1, W2), row-major one after the other: projector on what changes W2 W1. */
function curvedProjector({ W1, W2 }: TwoLayers): Matrix {
  const [r, d, outputs] = [W1.rows, W1.columns, W2.rows];
  const jacobian = matrixOf(r * (d + outputs), (delta) => {
    const first = Matrix.from1DArray(r, d, delta.subarray(0, r * d));
    const second = Matrix.from1DArray(outputs, r, delta.subarray(r * d));
    return Matrix.add(second.mmul(W1), W2.mmul(first)).to1DArray();
  });
  const square = jacobian.mmul(jacobian.transpose());
  return jacobian.transpose().mmul(pseudoInverse(square)).mmul(jacobian);
}

/** Least eigenvalue of the Hessian but 0: of 2 L Lᵀ, L the change of W2 W1 Z. */
function leastCurvature({ W1, W2, view }: TwoLayers): number {
  const [r, d, outputs] = [W1.rows, W1.columns, W2.rows];
  const map = matrixOf(r * (d + outputs), (delta) => {
    const first = Matrix.from1DArray(r, d, delta.subarray(0, r * d));
    const second = Matrix.from1DArray(outputs, r, delta.subarray(r * d));
    return Matrix.add(second.mmul(W1), W2.mmul(first)).mmul(view).to1DArray();
  });
  const { realEigenvalues } = new EigenvalueDecomposition(map.mmul(map.transpose()), {
    assumeSymmetric: true,
  });
  const largest = Math.max(...realEigenvalues);
  return 2 * Math.min(...realEigenvalues.filter((value) => value > 1e-10 * largest));
}

/** Half of a Hessian, by central differences of a function whose minimum, 0, is at 0. */
function halfHessian(size: number, f: (vector: Float64Array) => number): Matrix {
  const h = 1e-3;
  const at = (i: number, j: number, sign: number): number => {
    const both = [1, -1].map((side) => {
      const vector = new Float64Array(size);
      vector[i]! += side * h;
      vector[j]! += side * sign * h;
      return f(vector);
    });
    return (both[0]! + both[1]!) / 2;
  };
  const matrix = Matrix.zeros(size, size);
  for (let i = 0; i < size; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      const value = (at(i, j, 1) - at(i, j, -1)) / (4 * h * h);
      matrix.set(i, j, value);
      matrix.set(j, i, value);
    }
  }
  return matrix;
}

const trace = (A: Matrix, B: Matrix): number => A.mmul(B).trace();

/**
 * Leading-order fluctuations of a network about the noise-balanced state, after each phase.
 *
 * `probes`: covariance of the probe inputs, [input, input]. Error: relative order η.
 *
 * @see file head
 * @example
 * const seen = linearTeacher({ singularValues: [1.5, 1], viewValues: [2, 1], seed: 1 });
 * const phases = [{ learningRate: 0.01, steps: 50_000 }];
 * alignmentFluctuations(noiseBalanced(seen, 1), phases, Matrix.eye(2)).deficit[0];
 */
export function alignmentFluctuations(
  net: TwoLayers,
  phases: readonly RatePhase[],
  probes: Matrix,
): Fluctuations {
  const { W1, W2, inputs, view, inputTrace, noiseTrace } = net;
  const [r, d, outputs] = [W1.rows, W1.columns, W2.rows];
  const sigma2 = noiseTrace / outputs;
  const total = r * (d + outputs);
  const split = (delta: ArrayLike<number>): [Matrix, Matrix] => {
    const all = Array.from(delta);
    return [
      Matrix.from1DArray(r, d, all.slice(0, r * d)),
      Matrix.from1DArray(outputs, r, all.slice(r * d)),
    ];
  };
  const layer = W1.mmul(view);
  const deficitForm = halfHessian(total, (delta) => {
    const moved = Matrix.add(W1, split(delta)[0]).mmul(view);
    return 1 - linearAlignment(moved, layer, probes);
  });
  const residualMap = matrixOf(total, (delta) => {
    const [first, second] = split(delta);
    const input = first.mmul(inputs).mmul(W1.transpose()).div(inputTrace);
    const output = second
      .transpose()
      .mmul(W2)
      .mul(sigma2 / noiseTrace);
    return Matrix.add(input, input.transpose()).sub(output).sub(output.transpose()).to1DArray();
  });
  const residualForm = residualMap.transpose().mmul(residualMap);
  const along = matrixOf(pairsOf(r).length, (x) => {
    const X = symmetric(r, x);
    return [...X.mmul(W1).mul(-1).to1DArray(), ...W2.mmul(X).to1DArray()];
  });
  const P = curvedProjector(net);
  const { covariances, relaxation } = chargePaths(net, phases);
  const means = (form: Matrix): number[] =>
    phases.map(({ learningRate }, k) => {
      const charge = along.mmul(covariances[k]!).mmul(along.transpose());
      return learningRate * sigma2 * trace(form, P) + trace(form, charge);
    });
  return {
    deficit: means(deficitForm),
    residual: means(residualForm),
    relaxation,
    curvature: leastCurvature(net),
  };
}
