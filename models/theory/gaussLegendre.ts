/**
 * Gauss–Legendre quadrature on an interval.
 *
 * Nodes are the zeros of P_n, by Newton's method from cos(π(i − ¼)/(n + ½)); NIST DLMF 3.5(v).
 * Exact for polynomials of degree 2n − 1; rounding about 1e-15.
 */

export interface Quadrature {
  readonly nodes: Float64Array;
  readonly weights: Float64Array;
}

/** ∫_from^to f ≈ Σ weights f(nodes), nodes ascending. */
export function gaussLegendre(count: number, from: number, to: number): Quadrature {
  const nodes = new Float64Array(count);
  const weights = new Float64Array(count);
  const half = (to - from) / 2;
  for (let i = 0; i < count; i += 1) {
    let x = -Math.cos((Math.PI * (i + 0.75)) / (count + 0.5));
    let slope = 1;
    for (let iteration = 0; iteration < 20; iteration += 1) {
      let [value, before] = [1, 0];
      for (let k = 1; k <= count; k += 1) {
        [value, before] = [((2 * k - 1) * x * value - (k - 1) * before) / k, value];
      }
      slope = (count * (x * value - before)) / (x * x - 1);
      const step = value / slope;
      x -= step;
      if (Math.abs(step) < 1e-15) break;
    }
    nodes[i] = from + half * (1 + x);
    weights[i] = (2 * half) / ((1 - x * x) * slope * slope);
  }
  return { nodes, weights };
}
