/**
 * What a neighbor search is measured against: every pair, float64, one core.
 *
 * A loop as one would write it for speed: typed arrays, coordinates innermost in four independent sums,
 * a running list of the k smallest. Left out: trees, and giving up on a sum that is already too large.
 */

/** |x_i − x_j|² of the k nearest others of points `first` to `last`, and who they are: [point, k]. */
export function neighborLoop(
  x: Float64Array,
  d: number,
  k: number,
  [first, last]: readonly [first: number, last: number],
): { readonly squares: Float64Array; readonly indices: Uint32Array } {
  const n = x.length / d;
  const squares = new Float64Array((last - first) * k).fill(Infinity);
  const indices = new Uint32Array((last - first) * k);
  for (let i = first; i < last; i += 1) {
    const start = (i - first) * k;
    const end = start + k - 1;
    for (let j = 0; j < n; j += 1) {
      const square = squareBetween(x, d, i * d, j * d);
      if (square >= squares[end]! || j === i) continue;
      let at = end;
      for (; at > start && squares[at - 1]! > square; at -= 1) {
        squares[at] = squares[at - 1]!;
        indices[at] = indices[at - 1]!;
      }
      squares[at] = square;
      indices[at] = j;
    }
  }
  return { squares, indices };
}

function squareBetween(x: Float64Array, d: number, p: number, q: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let a = 0;
  for (; a + 3 < d; a += 4) {
    const e0 = x[p + a]! - x[q + a]!;
    const e1 = x[p + a + 1]! - x[q + a + 1]!;
    const e2 = x[p + a + 2]! - x[q + a + 2]!;
    const e3 = x[p + a + 3]! - x[q + a + 3]!;
    s0 += e0 * e0;
    s1 += e1 * e1;
    s2 += e2 * e2;
    s3 += e3 * e3;
  }
  for (; a < d; a += 1) {
    const e = x[p + a]! - x[q + a]!;
    s0 += e * e;
  }
  return s0 + s1 + (s2 + s3);
}
