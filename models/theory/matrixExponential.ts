/**
 * e^M and φ₁(M) = ∫₀¹ e^{sM} ds of a square matrix, by scaling, Taylor series and squaring.
 *
 * φ₁ stands in the exponential of [[M, 1], [0, 0]]: (e^M − 1)/M without its cancellation.
 * C. Moler, C. Van Loan, SIAM Rev. 45, 3 (2003), method 3. Relative error about 1e-15 · max(1, ‖M‖)
 * for e^M that does not decay; small entries of a decaying one are right to 1e-16 of the largest
 * intermediate. Left out: matrices beyond a few tens of rows, for which others are faster.
 */
import { Matrix } from "ml-matrix";

/** ½ⁿ‖M‖ below which 18 terms of the series are exact in float64: 0.5¹⁸/18! < 1e-21. */
const SCALED = 0.5;
const TERMS = 18;

export function matrixExponential(matrix: Matrix): Matrix {
  const norm = Math.max(
    ...matrix.to2DArray().map((row) => row.reduce((sum, x) => sum + Math.abs(x), 0)),
  );
  const squarings = norm > SCALED ? Math.ceil(Math.log2(norm / SCALED)) : 0;
  const scaled = Matrix.div(matrix, 2 ** squarings);
  let sum = Matrix.eye(matrix.rows);
  for (let k = TERMS; k >= 1; k--)
    sum = Matrix.add(Matrix.eye(matrix.rows), scaled.mmul(sum).div(k));
  for (let k = 0; k < squarings; k++) sum = sum.mmul(sum);
  return sum;
}

/** φ₁(M) = Σ Mᵏ/(k + 1)! */
export function averagedExponential(matrix: Matrix): Matrix {
  const d = matrix.rows;
  const block = Matrix.zeros(2 * d, 2 * d);
  block.setSubMatrix(matrix, 0, 0);
  block.setSubMatrix(Matrix.eye(d), 0, d);
  return matrixExponential(block).subMatrix(0, d - 1, d, 2 * d - 1);
}
