/**
 * Areas on spheres: of the whole, and of the cap within a chord of its pole.
 *
 * With t = sin²(φ/2) = r²/4 the area element is dA = |S^{m−1}| 2^{m−1} (t(1 − t))^{m/2−1} dt, so that a
 * cap has the share I_t(m/2, m/2), the regularized incomplete beta function (S. Li, Asian J. Math.
 * Stat. 4, 66 (2011)); here by the recurrence in m, which has positive terms for small t.
 */

/** ln of the area of S^d: |S⁰| = 2, |S¹| = 2π, |S^d| = 2π|S^{d−2}|/(d − 1). */
export function logSphereArea(d: number): number {
  let area = Math.log(d % 2 === 0 ? 2 : 2 * Math.PI);
  for (let k = d % 2 === 0 ? 2 : 3; k <= d; k += 2) area += Math.log((2 * Math.PI) / (k - 1));
  return area;
}

/**
 * ln of the area of a cap of S^m whose rim is at `chord` <= 2 from its pole; −∞ at chord 0.
 *
 * Series of the incomplete beta function, A = |S^{m−1}| 2^{m−1} t^a (1−t)^a/a Σ_j Π_{i<j} (2a+i) t/(a+1+i),
 * a = m/2, for t <= ½, the rest of the sphere beyond. Relative error 1e-13.
 *
 * @see NIST DLMF 8.17.8
 * @example Math.exp(logCapArea(2, 0.5)) // π/4
 */
export function logCapArea(m: number, chord: number): number {
  const t = Math.min(1, (chord * chord) / 4);
  if (t === 0) return -Infinity;
  if (t <= 0.5) return logSmallCap(m, t);
  const rest = t === 1 ? 0 : Math.exp(logSmallCap(m, 1 - t) - logSphereArea(m));
  return logSphereArea(m) + Math.log1p(-rest);
}

function logSmallCap(m: number, t: number): number {
  const a = m / 2;
  let sum = 0;
  let term = 1;
  for (let j = 0; term > 1e-17 * sum; j++) {
    sum += term;
    term *= ((2 * a + j) * t) / (a + 1 + j);
  }
  const front = (m - 1) * Math.LN2 + logSphereArea(m - 1) + a * Math.log(t) + a * Math.log1p(-t);
  return front + Math.log(sum / a);
}
