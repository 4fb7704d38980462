/** Small matrices as rows, and what follows from a covariance and a lagged one. */
import { inverse, LuDecomposition, Matrix } from "ml-matrix";
import type { Rows } from "../../analysis/index.ts";

const of = (rows: Rows): Matrix => new Matrix(rows.map((row) => [...row]));

export const product = (a: Rows, b: Rows): number[][] => of(a).mmul(of(b)).to2DArray();
export const transpose = (a: Rows): number[][] => a.map((_, i) => a.map((row) => row[i]!));
export const trace = (a: Rows): number => a.reduce((sum, row, i) => sum + row[i]!, 0);
export const add = (a: Rows, b: Rows, weight: number): number[][] =>
  a.map((row, i) => row.map((x, j) => x + weight * b[i]![j]!));
export const identity = (n: number): number[][] =>
  Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)));

/** Elements above the diagonal. */
export const upper = (a: Rows): number[] => a.flatMap((row, i) => row.slice(i + 1));

export interface Lagged {
  /** C, ½⟨z z'ᵀ − z' zᵀ⟩. */
  readonly area: Rows;
  /** D, ½⟨dz dzᵀ⟩. */
  readonly diffusion: Rows;
  /** tr Cᵀ D⁻¹ C S⁻¹ of these matrices, nats per step; NaN where D or S is singular. */
  readonly plugIn: number;
}

/** From S = ⟨z zᵀ⟩ and L = ⟨z z'ᵀ⟩, both about the mean. */
export function laggedOf(S: Rows, L: Rows): Lagged {
  const [s, l] = [of(S), of(L)];
  const C = Matrix.sub(l, l.transpose()).mul(0.5);
  const D = Matrix.sub(s, Matrix.add(l, l.transpose()).mul(0.5));
  // Where nothing has moved there is no D to invert.
  const isRegular = [D, s].every((matrix) => !new LuDecomposition(matrix).isSingular());
  const plugIn = isRegular
    ? C.transpose().mmul(inverse(D)).mmul(C).mmul(inverse(s)).trace()
    : Number.NaN;
  return { area: C.to2DArray(), diffusion: D.to2DArray(), plugIn };
}
