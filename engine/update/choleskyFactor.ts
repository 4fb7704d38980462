/** Lower Cholesky factor of a covariance, semidefinite ones included. */

/** Pivots below this share of the largest variance count as zero. */
const RANK_TOLERANCE = 1e-12;

/**
 * L with L Lᵀ = C, row by row: [L₀₀, L₁₀, L₁₁, L₂₀, …]; null if C has a negative direction.
 *
 * C [param, param] is symmetric. A direction without noise gets a zero column.
 */
export function choleskyFactor(
  covariance: readonly (readonly number[])[],
): Float64Array<ArrayBuffer> | null {
  const size = covariance.length;
  const factor = new Float64Array((size * (size + 1)) / 2);
  const at = (i: number, j: number): number => (i * (i + 1)) / 2 + j;
  const largest = Math.max(0, ...covariance.map((row, i) => row[i]!));
  for (let i = 0; i < size; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let rest = covariance[i]![j]!;
      for (let k = 0; k < j; k += 1) rest -= factor[at(i, k)]! * factor[at(j, k)]!;
      if (i === j) {
        if (rest < -RANK_TOLERANCE * largest) return null;
        factor[at(i, i)] = rest > RANK_TOLERANCE * largest ? Math.sqrt(rest) : 0;
      } else {
        const pivot = factor[at(j, j)]!;
        if (pivot === 0 && Math.abs(rest) > Math.sqrt(RANK_TOLERANCE) * largest) return null;
        factor[at(i, j)] = pivot === 0 ? 0 : rest / pivot;
      }
    }
  }
  return factor;
}
