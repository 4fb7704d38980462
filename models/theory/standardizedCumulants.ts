/**
 * How far a law in several dimensions is from Gaussian, from its moments: cumulants of the third and
 * fourth order after a linear map to mean 0 and covariance 1.
 *
 * The entropy of a nearly Gaussian law is that of the Gaussian of its covariance less the negentropy
 *   J = |κ₃|²/12 + |κ₄|²/48 + …,  |κ|² = Σ over all indices of κ².
 * Source: P. Comon, Signal Processing 36, 287 (1994), eq. 3.6 (one dimension; sums over indices by
 * invariance under rotations). Left out: its terms κ₃⁴ and κ₃²κ₄, which `remainder` bounds.
 */
import { CholeskyDecomposition, inverse, type Matrix } from "ml-matrix";

export interface Negentropy {
  /** |κ₃|²/12 + |κ₄|²/48, nats. */
  readonly value: number;
  /** 7κ₃⁴/48 + κ₃²|κ₄|/8, nats: terms left out. */
  readonly remainder: number;
}

type Moment = (indices: readonly number[]) => number;

/** E Π (z_k − mean_k) over the listed indices, by expanding the product. */
function centralMoment(raw: Moment, mean: readonly number[], indices: readonly number[]): number {
  let sum = 0;
  for (let subset = 0; subset < 1 << indices.length; subset += 1) {
    let factor = 1;
    const kept: number[] = [];
    indices.forEach((k, bit) => {
      if ((subset >> bit) & 1) kept.push(k);
      else factor *= -mean[k]!;
    });
    sum += factor * raw(kept);
  }
  return sum;
}

/** T'_{i…} = Σ W_{ij} T_{j…} along each axis, [k^order]. */
function transformed(tensor: Float64Array, W: Matrix, m: number, order: number): Float64Array {
  let from = tensor;
  for (let axis = 0; axis < order; axis += 1) {
    const stride = m ** (order - 1 - axis);
    const to = new Float64Array(from.length);
    for (let at = 0; at < from.length; at += 1) {
      const own = Math.floor(at / stride) % m;
      for (let i = 0; i < m; i += 1) {
        to[at + (i - own) * stride]! += W.get(i, own) * from[at]!;
      }
    }
    from = to;
  }
  return from;
}

function tensorOf(m: number, order: number, value: (indices: readonly number[]) => number) {
  const known = new Map<string, number>();
  return Float64Array.from({ length: m ** order }, (_, at) => {
    const indices = Array.from(
      { length: order },
      (_, axis) => Math.floor(at / m ** (order - 1 - axis)) % m,
    ).sort((a, b) => a - b);
    const name = indices.join();
    const found = known.get(name) ?? value(indices);
    known.set(name, found);
    return found;
  });
}

const squares = (tensor: Float64Array): number => tensor.reduce((sum, x) => sum + x * x, 0);

/**
 * Negentropy of a law with these raw moments E Π z_k, given for up to four sorted indices, and its
 * `covariance` [m, m].
 */
export function negentropy(raw: Moment, mean: readonly number[], covariance: Matrix): Negentropy {
  const m = mean.length;
  const W = inverse(new CholeskyDecomposition(covariance).lowerTriangularMatrix);
  const C = (i: number, j: number): number => covariance.get(i, j);
  const third = tensorOf(m, 3, (indices) => centralMoment(raw, mean, indices));
  const fourth = tensorOf(m, 4, (indices) => {
    const [i, j, k, l] = indices as [number, number, number, number];
    const gaussian = C(i, j) * C(k, l) + C(i, k) * C(j, l) + C(i, l) * C(j, k);
    return centralMoment(raw, mean, indices) - gaussian;
  });
  const three = squares(transformed(third, W, m, 3));
  const four = squares(transformed(fourth, W, m, 4));
  return {
    value: three / 12 + four / 48,
    remainder: (7 * three * three) / 48 + (three * Math.sqrt(four)) / 8,
  };
}
