/**
 * The stationary distribution of a Markov chain with finitely many states.
 *
 * Elimination without subtractions: W. K. Grassmann, M. I. Taksar and D. P. Heyman, Operations
 * Research 33, 1107 (1985); every probability keeps its relative accuracy.
 */

/**
 * p with p = pM, Σp = 1; `matrix` is [from, to] row-major, its rows sum to 1, and is overwritten.
 * O(n³). The chain must be irreducible, and its likely states should come first, where p must not
 * underflow.
 */
export function stationaryDistribution(matrix: Float64Array, states: number): Float64Array {
  for (let n = states - 1; n > 0; n -= 1) {
    let leave = 0;
    for (let j = 0; j < n; j += 1) leave += matrix[n * states + j]!;
    for (let i = 0; i < n; i += 1) {
      const share = matrix[i * states + n]! / leave;
      matrix[i * states + n] = share;
      if (share === 0) continue;
      for (let j = 0; j < n; j += 1) matrix[i * states + j]! += share * matrix[n * states + j]!;
    }
  }
  const p = new Float64Array(states);
  p[0] = 1;
  let total = 1;
  for (let n = 1; n < states; n += 1) {
    for (let i = 0; i < n; i += 1) p[n]! += p[i]! * matrix[i * states + n]!;
    total += p[n]!;
  }
  return p.map((value) => value / total);
}
