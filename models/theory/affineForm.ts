/**
 * Vectors that are affine in the state and in fresh standard normals, with exact coefficients.
 *
 * A form is x = C (z, 1, ξ), C a matrix [d, D + 1 + K]: D components of state, the constant, K
 * normals. A step of an update rule written with `combine` and `gradientAt` on forms reads like the
 * program that runs it, and gives the affine map z ↦ A z + b + N(0, Q) where the program gives a
 * number. Left out: anything that is not affine (other losses than quadratic ones).
 */
import { Matrix } from "ml-matrix";
import type { AffineMap } from "./affineMoments.ts";

/** Coefficients of one vector, and the column of its constant. */
export interface AffineForm {
  /** [d, D + 1 + K]. */
  readonly coefficients: Matrix;
  /** D. */
  readonly constant: number;
}

/** The gradient H x + c of a quadratic function. */
export interface AffineGradient {
  /** H, [d, d]. */
  readonly hessian: Matrix;
  /** c, the gradient at x = 0, [d]. */
  readonly offset: readonly number[];
}

/** The vectors a step starts from, `d` components each: the state, and fresh standard normals. */
export function affineVariables(
  d: number,
  states: number,
  normals: number,
): { state: AffineForm[]; normals: AffineForm[] } {
  const constant = d * states;
  const unit = (first: number): AffineForm => {
    const coefficients = Matrix.zeros(d, constant + 1 + d * normals);
    for (let i = 0; i < d; i++) coefficients.set(i, first + i, 1);
    return { coefficients, constant };
  };
  return {
    state: Array.from({ length: states }, (_, k) => unit(k * d)),
    normals: Array.from({ length: normals }, (_, k) => unit(constant + 1 + k * d)),
  };
}

/** Σ factor · form. */
export function combine(
  first: readonly [number, AffineForm],
  ...others: readonly (readonly [number, AffineForm])[]
): AffineForm {
  const [factor, { coefficients, constant }] = first;
  const total = Matrix.mul(coefficients, factor);
  for (const [weight, form] of others) total.add(Matrix.mul(form.coefficients, weight));
  return { coefficients: total, constant };
}

/** H x + c. */
export function gradientAt({ hessian, offset }: AffineGradient, x: AffineForm): AffineForm {
  const { constant } = x;
  const coefficients = hessian.mmul(x.coefficients);
  for (const [i, c] of offset.entries()) {
    coefficients.set(i, constant, coefficients.get(i, constant) + c);
  }
  return { coefficients, constant };
}

/** The map from the old state vectors to these new ones. */
export function affineMapOf(next: readonly AffineForm[]): AffineMap {
  const rows = next.flatMap(({ coefficients }) => coefficients.to2DArray());
  const D = rows.length;
  const normals = rows.map((row) => row.slice(D + 1));
  return {
    matrix: rows.map((row) => row.slice(0, D)),
    shift: rows.map((row) => row[D]!),
    noise: normals.map((a) =>
      normals.map((b) => a.reduce((sum, value, k) => sum + value * b[k]!, 0)),
    ),
  };
}
