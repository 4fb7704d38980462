/**
 * Losses l_i = (a_i·x)²/|x|² on the unit sphere, next to their minimum: curvature, noise, and what
 * small learning rates make of them.
 *
 * L = x·Mx with M = mean a aᵀ is least at the pole x₀, the eigenvector of its smallest eigenvalue U₀. In
 * the tangent space there L − U₀ = Σ (λ_k − U₀) y_k², and a single sample's gradient has the covariance
 * C = 4 mean c²(a − c x₀)(a − c x₀)ᵀ, c = a·x₀. From ⟨y·∇L⟩ = (η/2)⟨|g|²⟩: U − U₀ = η tr C/4; from
 * S = ½ m ln η + const: dU/dS = η tr C/(2m) in m = d − 1 dimensions, whatever M is.
 *
 * Setting: SGD as free energy minimization, arXiv 2505.23489 (cards 1C, 1F). Left out: finite steps
 * (`poleMoments.ts`); U₀ = 0, where the noise vanishes at the pole.
 */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { ArgumentError } from "../../engine/errors.ts";

/** Unit vectors in coordinates where M is diagonal and the pole is the last axis. */
export interface PoleFrame {
  /** a_i, [sample][coordinate]. */
  readonly directions: readonly (readonly number[])[];
  /** Eigenvalues of M by coordinate; the last, U₀, is the smallest. */
  readonly eigenvalues: readonly number[];
  /** Unit vectors of the frame in the given coordinates, [coordinate][given coordinate]. */
  readonly axes: readonly (readonly number[])[];
}

/** Eigenvalues below this share of the largest are zero, and their components exactly so. */
const ZERO = 1e-12;

const meanSquare = (directions: readonly (readonly number[])[]): number[][] => {
  const d = directions[0]!.length;
  return Array.from({ length: d }, (_, j) =>
    Array.from(
      { length: d },
      (_, k) => directions.reduce((sum, a) => sum + a[j]! * a[k]!, 0) / directions.length,
    ),
  );
};

/**
 * The directions, scaled to unit length, in the frame of their own M. Vectors that have M diagonal and
 * the pole last already keep their coordinates.
 *
 * @throws ArgumentError for fewer than one direction or 2 dimensions, lengths that differ, or a zero vector.
 */
export function poleFrame(given: readonly (readonly number[])[]): PoleFrame {
  const d = given[0]?.length ?? 0;
  const lengths = given.map((a) => Math.hypot(...a));
  if (d < 2 || given.some((a) => a.length !== d) || !lengths.every((r) => r > 0 && r < Infinity)) {
    throw new ArgumentError(
      `poleFrame: ${given.length} directions of ${given.map((a) => a.length).join(", ")} components; give ` +
        "vectors of one length >= 2, none of them zero.",
    );
  }
  const units = given.map((a, i) => a.map((value) => value / lengths[i]!));
  const M = meanSquare(units);
  const off = Math.max(...M.flatMap((row, j) => row.map((v, k) => (j === k ? 0 : Math.abs(v)))));
  const diagonal = M.map((row, j) => row[j]!);
  if (off < 1e-14 && diagonal.every((value) => value >= diagonal[d - 1]!)) {
    const axes = diagonal.map((_, j) => diagonal.map((_, k) => (j === k ? 1 : 0)));
    return { directions: units, eigenvalues: diagonal, axes };
  }
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(new Matrix(M), {
    assumeSymmetric: true,
  });
  const order = realEigenvalues
    .map((_, k) => k)
    .sort((a, b) => realEigenvalues[b]! - realEigenvalues[a]!);
  const most = realEigenvalues[order[0]!]!;
  const eigenvalues = order.map((k) =>
    realEigenvalues[k]! < ZERO * most ? 0 : realEigenvalues[k]!,
  );
  const axes = order.map((k) => eigenvectorMatrix.getColumn(k));
  const directions = units.map((a) =>
    axes.map((axis, k) =>
      eigenvalues[k] === 0 ? 0 : axis.reduce((sum, value, j) => sum + value * a[j]!, 0),
    ),
  );
  return { directions, eigenvalues, axes };
}

export interface PoleNoise {
  /** U₀, loss. */
  readonly minimum: number;
  /** m = d − 1. */
  readonly dimensions: number;
  /** 2(λ_k − U₀), Hessian of L on the sphere at the pole, [k < m]. */
  readonly curvatures: readonly number[];
  /** tr C at the pole, loss². */
  readonly noise: number;
  /** dT/dη of T = η tr C/(2m). */
  readonly temperatureSlope: number;
  /** Relaxation time of the slowest coordinate times η, 1/min curvature; Infinity for a flat one. */
  readonly slowest: number;
}

/** What small learning rates need to know of the minimum. */
export function poleNoise({ directions, eigenvalues }: PoleFrame): PoleNoise {
  const m = eigenvalues.length - 1;
  const minimum = eigenvalues[m]!;
  const noise = directions.reduce((sum, a) => {
    const square = a[m]! ** 2;
    return sum + (4 * square * (1 - square)) / directions.length;
  }, 0);
  const curvatures = eigenvalues.slice(0, m).map((value) => 2 * (value - minimum));
  return {
    minimum,
    dimensions: m,
    curvatures,
    noise,
    temperatureSlope: noise / (2 * m),
    slowest: 1 / Math.min(...curvatures),
  };
}
