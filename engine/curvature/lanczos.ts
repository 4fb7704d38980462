/**
 * Lanczos' iteration with full reorthogonalization, in float64, for one symmetric matrix that is known
 * by its products.
 *
 *   H Q = Q T + β_m q_{m+1} e_mᵀ,  T tridiagonal;  T s = λ s gives u = Q s, |H u − λ u| = β_m |s_m|
 *
 * Source: B. N. Parlett, The Symmetric Eigenvalue Problem (1998), chapter 13. Every new vector is made
 * orthogonal to all earlier ones twice ("twice is enough", section 6.9), so no ghosts appear. Where
 * the iteration has found an invariant subspace it goes on from a new random vector.
 */
import { dot } from "../dot.ts";
import { type Spectrum, spectrum } from "../minimum/newton.ts";

export interface RitzPairs {
  /** Ascending, with the coefficients s of each in the basis. */
  readonly spectrum: Spectrum;
  /** |H u − λ u| of each, in exact arithmetic. */
  readonly residuals: Float64Array;
}

export interface Lanczos {
  /** The vector whose product is wanted next; null when the basis spans everything. */
  readonly next: () => Float64Array | null;
  /** Takes H times that vector. */
  readonly take: (product: Float64Array) => void;
  readonly ritz: () => RitzPairs;
  /** Q s, of length 1. */
  readonly vector: (coefficients: Float64Array) => Float64Array;
}

/** What is left of a product, relative to |T|, when nothing new is in it: rounding in float64. */
const EXHAUSTED = 1e-13;

const norm = (a: Float64Array): number => Math.sqrt(dot(a, a));

/** Takes the components along `basis` out of `vector`, twice. */
function orthogonalize(vector: Float64Array, basis: readonly Float64Array[]): void {
  for (let pass = 0; pass < 2; pass += 1) {
    for (const q of basis) {
      const c = dot(q, vector);
      for (let p = 0; p < vector.length; p += 1) vector[p]! -= c * q[p]!;
    }
  }
}

const scaledBy = (vector: Float64Array, factor: number): Float64Array =>
  vector.map((x) => factor * x);

/** `random(k)` gives the k-th random vector: the start, and what restarts go on from. */
export function lanczos(random: (k: number) => Float64Array): Lanczos {
  const start = random(0);
  const size = start.length;
  const basis: Float64Array[] = [scaledBy(start, 1 / norm(start))];
  const diagonal: number[] = [];
  /** β between neighbors; the last one leads out of the basis. */
  const off: number[] = [];
  let restarts = 0;

  const fresh = (): Float64Array => {
    for (;;) {
      restarts += 1;
      const vector = random(restarts).slice();
      const before = norm(vector);
      orthogonalize(vector, basis);
      const left = norm(vector);
      if (left > 1e-6 * before) return scaledBy(vector, 1 / left);
    }
  };
  const take = (product: Float64Array): void => {
    const q = basis.at(-1)!;
    const left = product.slice();
    diagonal.push(dot(q, product));
    orthogonalize(left, basis);
    const beta = norm(left);
    const scale = Math.max(...diagonal.map(Math.abs), ...off);
    if (basis.length === size) {
      off.push(0);
      return;
    }
    const isExhausted = beta <= EXHAUSTED * scale;
    off.push(isExhausted ? 0 : beta);
    basis.push(isExhausted ? fresh() : scaledBy(left, 1 / beta));
  };
  const ritz = (): RitzPairs => {
    const m = diagonal.length;
    const matrix = Array.from({ length: m }, (_, i) => {
      const row = new Float64Array(m);
      row[i] = diagonal[i]!;
      if (i > 0) row[i - 1] = off[i - 1]!;
      if (i < m - 1) row[i + 1] = off[i]!;
      return row;
    });
    const found = spectrum(matrix);
    const residuals = Float64Array.from(found.eigenvectors, (s) =>
      Math.abs(off[m - 1]! * s[m - 1]!),
    );
    return { spectrum: found, residuals };
  };
  const vector = (coefficients: Float64Array): Float64Array => {
    const u = new Float64Array(size);
    coefficients.forEach((c, j) => {
      const q = basis[j]!;
      for (let p = 0; p < size; p += 1) u[p]! += c * q[p]!;
    });
    return scaledBy(u, 1 / norm(u));
  };
  return {
    next: () => (diagonal.length < basis.length ? basis.at(-1)! : null),
    take,
    ritz,
    vector,
  };
}
