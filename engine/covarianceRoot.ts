/**
 * A root R of a covariance, R Rᵀ = Σ, by Cholesky with diagonal pivoting in float64.
 *
 * Source: N. J. Higham, Analysis of the Cholesky decomposition of a semi-definite matrix, in
 * Reliable Numerical Computation (1990): the pivoted form also takes semi-definite Σ and shows the
 * rank. Rows and columns are scaled to unit variance first, so that units do not matter.
 */
import { ArgumentError } from "./errors.ts";

/** A square matrix as rows. */
type Rows = readonly ArrayLike<number>[];

/** Asymmetry and negative variance that pass as rounding, relative to the variances. */
const TOLERANCE = 1e-10;

/**
 * R, [coordinate, factor], with as many columns as Σ has rank; `where` names it in errors.
 *
 * Relative error about n·2⁻⁵², directions of less relative variance are taken as exact constraints.
 *
 * @throws ArgumentError when Σ is not [n, n], finite, symmetric and positive semi-definite.
 * @example covarianceRoot([[4, 2], [2, 1]]) // [[2], [1]]: rank 1
 */
export function covarianceRoot(covariance: Rows, where = "covariance"): Float64Array[] {
  const deviation = deviations(covariance, where);
  const n = deviation.length;
  const rest = correlations(covariance, deviation, where);
  const columns: Float64Array[] = [];
  const smallest = n * 2 ** -50;
  for (;;) {
    let pivot = 0;
    for (let i = 1; i < n; i++) if (rest[i]![i]! > rest[pivot]![pivot]!) pivot = i;
    const variance = rest[pivot]![pivot]!;
    if (!(variance > smallest) || columns.length === n) break;
    const column = Float64Array.from(rest[pivot]!, (value) => value / Math.sqrt(variance));
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) rest[i]![j]! -= column[i]! * column[j]!;
    }
    // Exactly explained: rounding must not bring the row back.
    for (let i = 0; i < n; i++) {
      rest[i]![pivot] = 0;
      rest[pivot]![i] = 0;
    }
    columns.push(column);
  }
  checkRest(rest, where);
  const rank = Math.max(1, columns.length);
  return Array.from({ length: n }, (_, i) =>
    Float64Array.from({ length: rank }, (_, k) => deviation[i]! * (columns[k]?.[i] ?? 0)),
  );
}

/** What is left of a positive semi-definite matrix is zero. */
function checkRest(rest: readonly Float64Array[], where: string): void {
  rest.forEach((row, i) => {
    const worst = Math.max(...row.map(Math.abs));
    if (worst <= TOLERANCE) return;
    throw new ArgumentError(
      `${where}: not positive semi-definite, coordinate ${i} is left with ${row[i]} of its ` +
        `variance and ${worst} of correlation; check the signs of the off-diagonal elements.`,
    );
  });
}

function deviations(covariance: Rows, where: string): Float64Array {
  const n = covariance.length;
  if (n === 0 || covariance.some((row) => row.length !== n)) {
    throw new ArgumentError(
      `${where}: ${n} rows of ${covariance.map((row) => row.length).join(", ") || "nothing"}; ` +
        "give a square matrix, row by row.",
    );
  }
  return Float64Array.from(covariance, (row, i) => {
    const variance = row[i]!;
    if (variance >= 0 && variance < Infinity) return Math.sqrt(variance);
    throw new ArgumentError(`${where}: the variance of coordinate ${i} is ${variance}; give >= 0.`);
  });
}

/** Σ_ij/(σ_i σ_j); a coordinate without variance has a row of zeros. */
function correlations(covariance: Rows, deviation: Float64Array, where: string): Float64Array[] {
  return covariance.map((row, i) =>
    Float64Array.from(row, (value, j) => {
      const scale = deviation[i]! * deviation[j]!;
      const other = covariance[j]![i]!;
      const symmetric = Math.abs(value - other) <= TOLERANCE * Math.max(scale, Math.abs(value));
      if (!Number.isFinite(value) || !symmetric || (scale === 0 && value !== 0)) {
        throw new ArgumentError(
          `${where}: elements (${i}, ${j}) and (${j}, ${i}) are ${value} and ${other} with ` +
            `standard deviations ${deviation[i]} and ${deviation[j]}; a covariance is symmetric, ` +
            "finite, and zero where there is no variance.",
        );
      }
      return scale === 0 ? 0 : (value + other) / (2 * scale);
    }),
  );
}
