/**
 * SGD's stationary current projected onto some eigenvectors of the Hessian, for networks whose full
 * covariance has too many directions to be measured.
 *
 *   z = Uᵀ(θ − θ*),  H_k = diag(h),  D_k = (η²/2) Uᵀ Σ_B U,  S_k: H_k S_k + S_k H_k = (2/η) D_k
 *
 * The eigenvectors of the Hessian are closed under the linear drift, so that z is a linear process of
 * its own, with C_k, Q_k and ⟨σ_k⟩ = tr C_kᵀ D_k⁻¹ C_k S_k⁻¹ as `additiveNoise.ts` has them. ⟨σ_k⟩ is a
 * lower bound of the full rate: what is not looked at cannot lower the irreversibility that is seen.
 *
 * Setting: Machine learning in and out of equilibrium, arXiv 2306.03521. Left out: noise that depends
 * on θ, and the anharmonic loss.
 */
import { ArgumentError } from "../../engine/errors.ts";

type Rows = readonly (readonly number[])[];

export interface HessianSubspaceOptions {
  /** Of the Hessian, ascending. */
  readonly eigenvalues: ArrayLike<number>;
  /** Orthonormal, [eigenvalue][param]. */
  readonly eigenvectors: readonly ArrayLike<number>[];
  /** How many of the largest eigenvalues. */
  readonly count: number;
  /** Gradients of single samples at the minimum, [sample][param]. */
  readonly sampleGradients: readonly ArrayLike<number>[];
  /** f, a batch's gradient has the covariance f C. */
  readonly noiseFactor: number;
}

export interface HessianSubspace {
  /** U, largest eigenvalue first, [mode][param]. */
  readonly directions: readonly ArrayLike<number>[];
  /** H_k, diagonal. */
  readonly hessian: Rows;
  /** Uᵀ Σ_B U */
  readonly noiseCovariance: Rows;
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let p = 0; p < a.length; p += 1) sum += a[p]! * b[p]!;
  return sum;
};

/**
 * The stiffest `count` modes and the batch noise in them: what `continuousCurrent` and `additiveNoise`
 * take.
 *
 * Shapes: U [count][param], H_k and Uᵀ Σ_B U [count, count], loss/θ² and (loss/θ)². No error.
 *
 * @throws ArgumentError when there are not so many eigenvalues above zero.
 * @see derivation in the file head
 * @example
 * const [eigenvalues, eigenvectors] = [[1, 2], [[1, 0], [0, 1]]];
 * const sampleGradients = [[1, 1], [-1, 0], [0, -1]];
 * const modes = { eigenvalues, eigenvectors, count: 2, sampleGradients, noiseFactor: 0.25 };
 * continuousCurrent({ ...hessianSubspace(modes), learningRate: 0.1 }).entropyProduction;
 */
export function hessianSubspace(options: HessianSubspaceOptions): HessianSubspace {
  const { eigenvalues, eigenvectors, count, sampleGradients, noiseFactor } = options;
  const all = eigenvalues.length;
  const least = eigenvalues[all - count];
  if (!(Number.isInteger(count) && count >= 1 && count <= all) || !(least! > 0)) {
    throw new ArgumentError(
      `hessianSubspace: count is ${count}, and the Hessian has ` +
        `${Array.from(eigenvalues).filter((h) => h > 0).length} eigenvalues above 0; give fewer.`,
    );
  }
  const modes = Array.from({ length: count }, (_, k) => all - 1 - k);
  const directions = modes.map((mode) => eigenvectors[mode]!);
  const along = directions.map((u) => {
    const raw = sampleGradients.map((g) => dot(g, u));
    const mean = raw.reduce((sum, x) => sum + x, 0) / raw.length;
    return raw.map((x) => x - mean);
  });
  return {
    directions,
    hessian: modes.map((mode, i) => modes.map((_, j) => (i === j ? eigenvalues[mode]! : 0))),
    noiseCovariance: along.map((a) =>
      along.map((b) => (noiseFactor * dot(a, b)) / sampleGradients.length),
    ),
  };
}
