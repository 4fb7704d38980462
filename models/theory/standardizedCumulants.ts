/**
 * How far a law in several dimensions is from Gaussian, from its moments: cumulants of the third and
 * fourth order after a linear map to mean 0 and covariance 1, and the negentropy they make.
 *
 * The density is φ(1 + δ), δ = a + b + …, Edgeworth's series: a = κ₃·H₃/6, b = κ₄·H₄/24 + (κ₃⊗κ₃)·H₆/72
 * with Hermite tensors H. The entropy is that of the Gaussian of the same covariance less
 *   J = |κ₃|²/12 + ⟨b²⟩/2 − ⟨a²b⟩/2 + ⟨a⁴⟩/12 + …,
 * averages over φ, by Gauss–Hermite quadrature that is exact for these polynomials of degree 12. In one
 * dimension that is κ₃²/12 + κ₄²/48 + 7κ₃⁴/48 − κ₃²κ₄/8: P. Comon, Signal Processing 36, 287 (1994), eq. 3.6.
 */
import { CholeskyDecomposition, inverse, type Matrix } from "ml-matrix";

export interface Negentropy {
  /** J, nats. */
  readonly value: number;
  /** Next terms, as of a geometric series: the second order squared over the first; nats. */
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

/** Zeros of He₇ and their weights under the standard normal law. */
const NODES = [
  [0, 0.457142857142857],
  [1.154405394739968, 0.240123178605013],
  [-1.154405394739968, 0.240123178605013],
  [2.366759410734541, 0.030757123967586],
  [-2.366759410734541, 0.030757123967586],
  [3.750439717725742, 0.000548268855972],
  [-3.750439717725742, 0.000548268855972],
] as const;

/** Σ T_{…i} x_i along the last axis, so many times. */
function contracted(tensor: Float64Array, x: readonly number[], times: number): Float64Array {
  const m = x.length;
  let from = tensor;
  for (let k = 0; k < times; k += 1) {
    const to = new Float64Array(from.length / m);
    for (let at = 0; at < from.length; at += 1) to[Math.floor(at / m)]! += from[at]! * x[at % m]!;
    from = to;
  }
  return from;
}

const inner = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i]! * b[i]!;
  return sum;
};

/** Sum over the last two indices where they are equal. */
function trace(tensor: Float64Array, m: number): Float64Array {
  const result = new Float64Array(tensor.length / (m * m));
  for (let at = 0; at < tensor.length; at += m * m) {
    for (let i = 0; i < m; i += 1) result[at / (m * m)]! += tensor[at + i * m + i]!;
  }
  return result;
}

/** ⟨b²⟩/2 − ⟨a²b⟩/2 + ⟨a⁴⟩/12 for standardized cumulants, [m³] and [m⁴]. */
function secondOrder(third: Float64Array, fourth: Float64Array, m: number): number {
  const tau = trace(third, m);
  const pairs = trace(fourth, m);
  const size = inner(third, third);
  let total = 0;
  for (let at = 0; at < NODES.length ** m; at += 1) {
    const chosen = Array.from({ length: m }, (_, k) => NODES[Math.floor(at / 7 ** k) % 7]!);
    const x = chosen.map(([node]) => node);
    const weight = chosen.reduce((product, [, w]) => product * w, 1);
    const along = contracted(third, x, 1);
    const v = contracted(along, x, 1);
    // x·Qx, Q_kl = Σ κ_ijk κ_ijl
    const square = inner(along, along);
    const H3 = inner(v, x) - 3 * inner(tau, x);
    const H4 =
      contracted(fourth, x, 4)[0]! - 6 * contracted(pairs, x, 2)[0]! + 3 * trace(pairs, m)[0]!;
    // H₃² = H₆ + 9 H₄(κ⊗₁κ) + 18 H₂(κ⊗₂κ) + 6|κ|²
    const once = inner(v, v) - 2 * inner(tau, v) - 4 * square + inner(tau, tau) + 2 * size;
    const H6 = H3 * H3 - 9 * once - 18 * (square - size) - 6 * size;
    const a = H3 / 6;
    const b = H4 / 24 + H6 / 72;
    total += weight * ((b * b) / 2 - (a * a * b) / 2 + a ** 4 / 12);
  }
  return total;
}

/**
 * Negentropy of a law with these raw moments E Π z_k, given for up to four sorted indices, and its
 * `covariance` [m, m]. O(7^m m⁴).
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
  const three = transformed(third, W, m, 3);
  const first = inner(three, three) / 12;
  const second = secondOrder(three, transformed(fourth, W, m, 4), m);
  return {
    value: first + second,
    remainder: second ** 2 / Math.max(first, Math.abs(second), Number.MIN_VALUE),
  };
}
