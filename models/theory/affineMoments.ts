/**
 * Stationary mean and covariance of a random affine map with additive Gaussian noise,
 *   z' = A z + b + N(0, Q),   (A, b, Q) drawn afresh and independently of z.
 *
 * With y = (z, 1) and G = [[A, b], [0, 1]] the raw second moment Y = E y yᵀ obeys the linear map
 * Y' = E[G Y Gᵀ] + Y₁₁ E[Q], written as one matrix on the upper triangle of Y. Maps in a row
 * multiply these matrices and averages over random maps average them, so any law of batches is a
 * sum of products. Mean and covariance are finite and unique exactly if E[A ⊗ A] on symmetric
 * matrices has a spectral radius below 1 (then so has E A, as |E x|² <= E|x|²).
 *
 * Left out: moments of higher order; a D above a few tens (the matrix has (D+1)(D+2)/2 rows).
 */
import { Matrix, solve } from "ml-matrix";
import { ArgumentError } from "../../engine/errors.ts";
import { spectralRadius } from "./spectralRadius.ts";

/** A matrix as rows. */
export type MatrixRows = readonly (readonly number[])[];

/** One affine map z ↦ A z + b + N(0, Q). */
export interface AffineMap {
  /** A, [D, D]. */
  readonly matrix: MatrixRows;
  /** b, [D]. */
  readonly shift: readonly number[];
  /** Q, [D, D], symmetric; leave out for none. */
  readonly noise?: MatrixRows;
}

/** What an affine map, or an average over such maps, does to the raw second moments of (z, 1). */
export interface MomentOperator {
  /** D, the components of z. */
  readonly dimension: number;
  /** Row-major [n, n] on pairs (i <= j) of the D + 1 components, n = (D+1)(D+2)/2. */
  readonly entries: Float64Array;
}

export interface StationaryMoments {
  /** E z, [D]. */
  readonly mean: number[];
  /** E (z − mean)(z − mean)ᵀ, [D, D]. */
  readonly covariance: number[][];
  /** Spectral radius of E[A ⊗ A]: the covariance relaxes by this factor in each application. */
  readonly radius: number;
  /** Spectral radius of E A: the mean relaxes by this factor in each application. */
  readonly meanRadius: number;
}

const pairCount = (dimension: number): number => ((dimension + 1) * (dimension + 2)) / 2;

/** Pairs (i <= j) of the D + 1 components: all of z first, then (i, 1), then (1, 1). */
function pairsOf(dimension: number): [number, number][] {
  const pairs: [number, number][] = [];
  for (let j = 0; j <= dimension; j++) for (let i = 0; i <= j; i++) pairs.push([i, j]);
  return pairs;
}

/**
 * The operator of one affine map.
 * @throws ArgumentError for shapes that do not fit.
 */
export function momentOperator({ matrix, shift, noise }: AffineMap): MomentOperator {
  const dimension = shift.length;
  for (const rows of noise ? [matrix, noise] : [matrix]) {
    if (rows.length !== dimension || rows.some((row) => row.length !== dimension)) {
      throw new ArgumentError(
        `momentOperator: matrix and noise must be [${dimension}, ${dimension}] as shift has ` +
          `${dimension} components.`,
      );
    }
  }
  const G = matrix.map((row, i) => [...row, shift[i]!]);
  G.push([...shift.map(() => 0), 1]);
  const pairs = pairsOf(dimension);
  const n = pairs.length;
  const entries = new Float64Array(n * n);
  for (const [row, [i, j]] of pairs.entries()) {
    for (const [column, [k, l]] of pairs.entries()) {
      const direct = G[i]![k]! * G[j]![l]!;
      entries[row * n + column] = k === l ? direct : direct + G[i]![l]! * G[j]![k]!;
    }
    if (noise && j < dimension) entries[row * n + n - 1]! += noise[i]![j]!;
  }
  return { dimension, entries };
}

/**
 * The operator of `first`, then (independently drawn) `second`.
 * @throws ArgumentError for operators of different dimensions.
 */
export function followedBy(first: MomentOperator, second: MomentOperator): MomentOperator {
  if (first.dimension !== second.dimension) {
    throw new ArgumentError(
      `followedBy: a state of ${first.dimension} components cannot enter a map of ` +
        `${second.dimension}; give operators of one dimension.`,
    );
  }
  const n = pairCount(first.dimension);
  const entries = new Float64Array(n * n);
  addProduct(entries, second.entries, first.entries, n);
  return { dimension: first.dimension, entries };
}

/** Adds the product of two row-major [n, n] matrices to `total`. */
export function addProduct(
  total: Float64Array,
  left: Float64Array,
  right: Float64Array,
  n: number,
): void {
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const factor = left[i * n + k]!;
      if (factor === 0) continue;
      for (let j = 0; j < n; j++) total[i * n + j]! += factor * right[k * n + j]!;
    }
  }
}

/**
 * The mean and covariance that the operator leaves as they are.
 *
 * Units of z and z². Rounding of the covariance about 1e-16 E|z|²/(1 − radius): measure z from a
 * point near its mean.
 *
 * @throws ArgumentError when the radius is not below 1: no stationary state has finite moments.
 */
export function stationaryMoments(operator: MomentOperator): StationaryMoments {
  const { dimension: D, entries } = operator;
  if (!entries.every(Number.isFinite)) {
    throw new ArgumentError(
      "stationaryMoments: the map has entries that are not finite; lower the learning rate.",
    );
  }
  const n = pairCount(D);
  const second = n - D - 1;
  const radius = spectralRadius(block(entries, n, 0, 0, second).to2DArray());
  if (!(radius < 1)) {
    throw new ArgumentError(
      `stationaryMoments: second moments grow by ${radius} in each cycle, not below 1, so no ` +
        "stationary state exists; lower the learning rate.",
    );
  }
  const meanMap = block(entries, n, second, second, D);
  const mean = fixedPoint(meanMap, column(entries, n, second, D));
  // Raw second moments are driven by the mean and the constant.
  const drive = Array.from({ length: second }, (_, row) =>
    mean.reduce(
      (sum, value, k) => sum + entries[row * n + second + k]! * value,
      entries[row * n + n - 1]!,
    ),
  );
  const raw = fixedPoint(block(entries, n, 0, 0, second), drive);
  const covariance = mean.map(() => mean.map(() => 0));
  for (const [k, [i, j]] of pairsOf(D).slice(0, second).entries()) {
    covariance[i]![j] = raw[k]! - mean[i]! * mean[j]!;
    covariance[j]![i] = covariance[i]![j]!;
  }
  return { mean, covariance, radius, meanRadius: spectralRadius(meanMap.to2DArray()) };
}

function block(entries: Float64Array, n: number, row: number, from: number, size: number): Matrix {
  const part = Matrix.zeros(size, size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) part.set(i, j, entries[(row + i) * n + from + j]!);
  }
  return part;
}

/** Rows from `row` on of the last column, which multiplies the constant 1. */
const column = (entries: Float64Array, n: number, row: number, size: number): number[] =>
  Array.from({ length: size }, (_, i) => entries[(row + i) * n + n - 1]!);

/** x = M x + c. */
function fixedPoint(M: Matrix, c: readonly number[]): number[] {
  const size = c.length;
  return solve(Matrix.sub(Matrix.eye(size), M), Matrix.columnVector([...c])).to1DArray();
}
