/**
 * How far SGD at a finite learning rate stays from perfect alignment, to leading order (card 2D).
 *
 * About the noise-balanced state θ fluctuates in two ways.
 * - Where the loss is curved: C = 2σ²H there, so that the covariance is ησ² P, P the projector on the
 *   directions that change W2 W1 (continuous Lyapunov equation, H Σ + Σ H = ηC).
 * - Along the states of zero loss (W1 → (1 − X)W1, W2 → W2(1 + X)). Each step obeys W1 δW1ᵀ = δW2ᵀ W2. About
 *   a fixed point this moves X by the area that the curved fluctuations ξ sweep out, ∫ ξ1 dξ1ᵀ − dξ2ᵀ ξ2: a
 *   random walk of variance η³ a step of its antisymmetric part; the symmetric part is exact, as half the
 *   charge Q = W1W1ᵀ − W2ᵀW2, which changes by η²(g1g1ᵀ − g2ᵀg2): mean −4η²M, M = W1Σ_zW1ᵀ tr Σ_ε − W2ᵀΣ_εW2 tr
 *   Σ_z, and covariance of order η⁴. M pulls X back in 1/η² steps: variances of order η, and η².
 * 1 − CKA is a quadratic form of both. Derived here; exact charges as in arXiv 2505.12387. Left out: higher
 * orders in η, hidden units beyond the rank of the teacher (order η²), more than two layers.
 */
import { EigenvalueDecomposition, inverse, Matrix } from "ml-matrix";
import { linearAlignment, type TwoLayers } from "./alignedState.ts";
import { integrate } from "./dormandPrince.ts";

/** A stretch of steps at one learning rate. */
export interface RatePhase {
  readonly learningRate: number;
  readonly steps: number;
}

/** A leading-order mean, [phase]: of fluctuations where the loss is curved, and of those of the charge. */
export interface FluctuationParts {
  readonly curved: readonly number[];
  readonly charge: readonly number[];
}

/** Leading-order means after each phase. */
export interface Fluctuations {
  /** Of 1 − CKA with an undisturbed layer. */
  readonly deficit: FluctuationParts;
  /** Of |W1Σ_zW1ᵀ/tr Σ_z − W2ᵀΣ_εW2/tr Σ_ε|². */
  readonly residual: FluctuationParts;
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

/** A change of both layers out of a vector, row-major one after the other. */
function split({ W1, W2 }: TwoLayers, delta: ArrayLike<number>): [Matrix, Matrix] {
  const [r, d, outputs] = [W1.rows, W1.columns, W2.rows];
  const all = Array.from(delta);
  return [
    Matrix.from1DArray(r, d, all.slice(0, r * d)),
    Matrix.from1DArray(outputs, r, all.slice(r * d)),
  ];
}

/** Curvatures that are not 0, and their directions, of H = 2 LᵀL, L the change of W2 W1 Z. */
function curvedModes(net: TwoLayers): { curvatures: number[]; modes: Float64Array[] } {
  const { W1, W2, view } = net;
  const total = W1.rows * W1.columns + W2.rows * W2.columns;
  const map = matrixOf(total, (delta) => {
    const [first, second] = split(net, delta);
    return Matrix.add(second.mmul(W1), W2.mmul(first)).mmul(view).to1DArray();
  });
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(
    map.transpose().mmul(map).mul(2),
    { assumeSymmetric: true },
  );
  const largest = Math.max(...realEigenvalues);
  const kept = realEigenvalues
    .map((_, k) => k)
    .filter((k) => realEigenvalues[k]! > 1e-10 * largest);
  return {
    curvatures: kept.map((k) => realEigenvalues[k]!),
    modes: kept.map((k) => Float64Array.from(eigenvectorMatrix.getColumn(k))),
  };
}

const antisymmetricPairs = (r: number): [number, number][] => pairsOf(r).filter(([i, j]) => i < j);

/**
 * Diffusion of the areas ∫ (ξ1 dξ1ᵀ − dξ2ᵀ ξ2), antisymmetric, a step and η³; [element, element] of r².
 *
 * For an antisymmetric form J and an equilibrium process of rates λ_a, noise 2σ²λ_a and variance σ²:
 * 4σ⁴ Σ_ab J_ab J'_ab λ_a λ_b/(λ_a + λ_b), from the martingale that is left when the drift of the area is
 * written as the derivative of a quadratic form.
 */
function areaNoise(net: TwoLayers, sigma2: number): Matrix {
  const r = net.W1.rows;
  const { curvatures, modes } = curvedModes(net);
  const parts = modes.map((mode) => split(net, mode));
  const pairs = antisymmetricPairs(r);
  const forms = pairs.map(() => [] as number[]);
  parts.forEach(([a1, a2], a) => {
    parts.forEach(([b1, b2], b) => {
      const G = Matrix.sub(b2.transpose().mmul(a2), a1.mmul(b1.transpose()));
      const weight = (curvatures[a]! * curvatures[b]!) / (curvatures[a]! + curvatures[b]!);
      pairs.forEach(([i, j], k) => {
        forms[k]!.push(0.5 * (G.get(i, j) - G.get(j, i)) * 2 * sigma2 * Math.sqrt(weight));
      });
    });
  });
  const noise = Matrix.zeros(r * r, r * r);
  pairs.forEach(([i, j], k) => {
    pairs.forEach(([m, n], l) => {
      const value = forms[k]!.reduce((sum, x, e) => sum + x * forms[l]![e]!, 0);
      noise.set(i * r + j, m * r + n, value);
      noise.set(j * r + i, n * r + m, value);
      noise.set(i * r + j, n * r + m, -value);
      noise.set(j * r + i, m * r + n, -value);
    });
  });
  return noise;
}

/** The charge's noise as that of ½(Q − Q*), [element, element] of r². */
function symmetricNoise(net: TwoLayers): Matrix {
  const r = net.W1.rows;
  const small = chargeNoise(net);
  const position = (i: number, j: number): number =>
    pairsOf(r).findIndex(([a, b]) => a === Math.min(i, j) && b === Math.max(i, j));
  const noise = Matrix.zeros(r * r, r * r);
  for (let e = 0; e < r * r; e += 1) {
    for (let f = 0; f < r * r; f += 1) {
      const [k, l] = [e, f].map((at) => position(Math.floor(at / r), at % r));
      noise.set(e, f, 0.25 * small.get(k!, l!));
    }
  }
  return noise;
}

/** Covariance of X after each phase, from none; s = η² steps. */
function balancePaths(net: TwoLayers, phases: readonly RatePhase[]) {
  const { W1, W2, inputs, noiseTrace } = net;
  const r = W1.rows;
  const size = r * r;
  const [P, R] = [W1.mmul(W1.transpose()), W2.transpose().mmul(W2)];
  const A = W1.mmul(inputs).mmul(W1.transpose());
  const square = (y: ArrayLike<number>): Matrix => Matrix.from1DArray(r, r, Array.from(y));
  // G = W1* δW1ᵀ − δW2ᵀ W2* of a change X.
  const toX = inverse(
    matrixOf(size, (y) => {
      const turned = square(y).transpose();
      return Matrix.add(P.mmul(turned), turned.mmul(R)).mul(-1).to1DArray();
    }),
  );
  // Half the charge's drift, −2 δM with δM = −tr Σ_ε {X + Xᵀ, A}.
  const drift = matrixOf(size, (y) => {
    const X = square(y);
    return anticommutator(Matrix.add(X, X.transpose()), A)
      .mul(2 * noiseTrace)
      .to1DArray();
  });
  const F = toX.mmul(drift);
  const transformed = (noise: Matrix): Matrix => toX.mmul(noise).mmul(toX.transpose());
  const areas = transformed(areaNoise(net, noiseTrace / W2.rows));
  const charges = transformed(symmetricNoise(net));
  let covariance = Matrix.zeros(size, size);
  const covariances = phases.map(({ learningRate, steps }) => {
    const N = Matrix.add(Matrix.mul(areas, learningRate), Matrix.mul(charges, learningRate ** 2));
    const field = (y: Float64Array, out: Float64Array): void => {
      const moved = F.mmul(Matrix.from1DArray(size, size, Array.from(y)));
      out.set(Matrix.add(N, moved).add(moved.transpose()).to1DArray());
    };
    const end = integrate(field, covariance.to1DArray(), learningRate ** 2 * steps, {
      // Nets of one hidden direction have no such noise.
      tolerance: 1e-8 * (N.norm() || 1),
    });
    covariance = Matrix.from1DArray(size, size, Array.from(end));
    return covariance;
  });
  // Rotations of the hidden units do not relax, and change nothing.
  const rates = new EigenvalueDecomposition(F).realEigenvalues.map((value) => -value);
  const largest = Math.max(...rates);
  return { covariances, relaxation: Math.min(...rates.filter((rate) => rate > 1e-9 * largest)) };
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
 * const net = noiseBalanced(seen, 1);
 * const phases = [{ learningRate: 0.01, steps: 50_000 }];
 * alignmentFluctuations(net, phases, net.inputs).deficit.curved[0];
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
  const layer = W1.mmul(view);
  const deficitForm = halfHessian(total, (delta) => {
    const moved = Matrix.add(W1, split(net, delta)[0]).mmul(view);
    return 1 - linearAlignment(moved, layer, probes);
  });
  const residualMap = matrixOf(total, (delta) => {
    const [first, second] = split(net, delta);
    const input = first.mmul(inputs).mmul(W1.transpose()).div(inputTrace);
    const output = second
      .transpose()
      .mmul(W2)
      .mul(sigma2 / noiseTrace);
    return Matrix.add(input, input.transpose()).sub(output).sub(output.transpose()).to1DArray();
  });
  const residualForm = residualMap.transpose().mmul(residualMap);
  const along = matrixOf(r * r, (y) => {
    const X = Matrix.from1DArray(r, r, Array.from(y));
    return [...X.mmul(W1).mul(-1).to1DArray(), ...W2.mmul(X).to1DArray()];
  });
  const { curvatures, modes } = curvedModes(net);
  const basis = new Matrix(modes.map((mode) => Array.from(mode)));
  // The projector on all curved directions.
  const P = basis.transpose().mmul(basis);
  const { covariances, relaxation } = balancePaths(net, phases);
  const means = (form: Matrix): FluctuationParts => ({
    curved: phases.map(({ learningRate }) => learningRate * sigma2 * trace(form, P)),
    charge: covariances.map((C) => trace(form, along.mmul(C).mmul(along.transpose()))),
  });
  return {
    deficit: means(deficitForm),
    residual: means(residualForm),
    relaxation,
    curvature: Math.min(...curvatures),
  };
}
