/**
 * Where the noise of SGD, or weight decay, takes a two-layer linear network: states of zero loss whose
 * layers are balanced (card 2D).
 *
 * y = Vx + σε, x ~ N(0, 1), the network sees z = Zx. Noise balances gradients:
 *   W2ᵀ Σ_ε W2/tr Σ_ε = W1 Σ_z W1ᵀ/tr Σ_z,   so h = W1 Z x = c R S^½ Qᵀ x,  V = U S Qᵀ,
 *   c⁴ = tr Σ_z/tr Σ_ε, R any rotation: no Z in it. Decay balances weights, W1 W1ᵀ = W2ᵀ W2, which leaves Z.
 * arXiv 2505.12387; derived again here. Left out: correlated label noise, singular teachers.
 */
import { Matrix, SingularValueDecomposition } from "ml-matrix";
import type { LinearTeacher } from "../linearTeacher.ts";

/** A network of the least width, as matrices. */
export interface TwoLayers {
  /** [r, input of the net] */
  readonly W1: Matrix;
  /** [output, r] */
  readonly W2: Matrix;
  /** Σ_z = ZZᵀ. */
  readonly inputs: Matrix;
  readonly view: Matrix;
  /** tr Σ_z, and tr Σ_ε = outputs σ². */
  readonly inputTrace: number;
  readonly noiseTrace: number;
}

const parts = ({ teacher, view }: LinearTeacher, labelNoise: number) => {
  const [V, Z] = [new Matrix(teacher as number[][]), new Matrix(view as number[][])];
  const inputs = Z.mmul(Z.transpose());
  return {
    V,
    Z,
    inputs,
    inputTrace: inputs.trace(),
    noiseTrace: teacher.length * labelNoise ** 2,
  };
};

/** S^½ Qᵀ [r, d] and U S^½ [output, r] of a matrix. */
function halves(matrix: Matrix): { right: Matrix; left: Matrix } {
  const svd = new SingularValueDecomposition(matrix, { autoTranspose: true });
  const r = Math.min(matrix.rows, matrix.columns);
  const root = Matrix.diag(svd.diagonal.slice(0, r).map(Math.sqrt));
  const right = root.mmul(
    svd.rightSingularVectors.subMatrix(0, matrix.columns - 1, 0, r - 1).transpose(),
  );
  const left = svd.leftSingularVectors.subMatrix(0, matrix.rows - 1, 0, r - 1).mmul(root);
  return { right, left };
}

/**
 * The state of zero loss whose gradients are balanced.
 *
 * @param labelNoise σ > 0
 * @see arXiv 2505.12387
 * @example
 * const seen = linearTeacher({ singularValues: [1.5, 1], viewValues: [2, 1], seed: 1 });
 * const { W1, W2, view } = noiseBalanced(seen, 1);
 * W2.mmul(W1).mmul(view); // the teacher
 */
export function noiseBalanced(seen: LinearTeacher, labelNoise: number): TwoLayers {
  const { V, Z, inputs, inputTrace, noiseTrace } = parts(seen, labelNoise);
  const c = (inputTrace / seen.teacher.length) ** 0.25;
  const { right, left } = halves(V);
  const inverse = new SingularValueDecomposition(Z).inverse();
  return {
    W1: Matrix.mul(right, c).mmul(inverse),
    W2: Matrix.mul(left, 1 / c),
    inputs,
    view: Z,
    inputTrace,
    noiseTrace,
  };
}

/**
 * h = W1 Z x of the state of zero loss with W1 W1ᵀ = W2ᵀ W2, [r, input], up to a rotation.
 *
 * @example
 * const seen = linearTeacher({ singularValues: [1.5, 1], viewValues: [2, 1], seed: 1 });
 * decayBalancedLayer(seen);
 */
export function decayBalancedLayer({ teacher, view }: LinearTeacher): Matrix {
  const [V, Z] = [new Matrix(teacher as number[][]), new Matrix(view as number[][])];
  const { right } = halves(V.mmul(new SingularValueDecomposition(Z).inverse()));
  return right.mmul(Z);
}

/**
 * CKA of two linear layers F x and F' x on probes of covariance G: |FGF'ᵀ|²/(|FGFᵀ| |F'GF'ᵀ|).
 *
 * Shapes: F [unit, input], G [input, input]; 1 where FᵀF and F'ᵀF' are proportional.
 *
 * @see arXiv 1905.00414, eq. 4
 * @example
 * const seen = linearTeacher({ singularValues: [1.5, 1], viewValues: [2, 1], seed: 1 });
 * const { W1, inputs } = noiseBalanced(seen, 1);
 * linearAlignment(W1, W1, inputs); // 1
 */
export function linearAlignment(first: Matrix, second: Matrix, probes: Matrix): number {
  const left = first.mmul(probes);
  const right = second.mmul(probes);
  const cross = left.mmul(second.transpose()).norm() ** 2;
  return cross / (left.mmul(first.transpose()).norm() * right.mmul(second.transpose()).norm());
}
