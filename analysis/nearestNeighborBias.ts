/**
 * What the Kozachenko–Leonenko entropy misses on a Gaussian, by quadrature.
 *
 * The estimator takes the density as constant within the ball that holds k neighbors. For
 * N(0, I) its expectation is a double integral, over the radius ρ of a point and over the distance
 * to its k-th neighbor (`neighborExpectation.ts`); the probability of a ball is that of a noncentral
 * χ². Whitening makes every Gaussian N(0, I). Left out: other laws, whose bias is of the same order
 * n^{−2/d}.
 */
import { expectedNeighborEntropy, type NeighborLaw } from "./neighborExpectation.ts";

/** ln of the volume of the unit ball, V_d = 2π V_{d−2}/d. */
export const logBallVolume = (d: number): number =>
  d === 0 ? 0 : d === 1 ? Math.log(2) : logBallVolume(d - 2) + Math.log((2 * Math.PI) / d);

const RADII = 120;

/** Values already computed: repeated estimates ask for the same one. */
const known = new Map<string, number>();

/**
 * E Ŝ − S in nats for n points of a d-dimensional Gaussian and the k-th neighbor; negative for d > 2
 * and large n.
 *
 * Error of the quadrature about 1e-4; not covered: the O(1/n) of whitening with a measured covariance.
 *
 * @see L. F. Kozachenko, N. N. Leonenko, Probl. Inf. Transm. 23, 95 (1987) for the estimator
 */
export function gaussianNeighborBias(
  dimensions: number,
  samples: number,
  neighbors: number,
): number {
  const name = `${dimensions} ${samples} ${neighbors}`;
  const found =
    known.get(name) ??
    expectedNeighborEntropy(gaussianNeighborLaw(dimensions), samples, neighbors) -
      (dimensions / 2) * Math.log(2 * Math.PI * Math.E);
  known.set(name, found);
  return found;
}

/** N(0, I) in d dimensions: radii by the midpoint rule, balls of a noncentral χ². */
export function gaussianNeighborLaw(d: number): NeighborLaw {
  const width = (Math.sqrt(d) + 7) / RADII;
  const radii = Array.from({ length: RADII }, (_, r) => (r + 0.5) * width);
  const weights = radii.map((radius) => radius ** (d - 1) * Math.exp((-radius * radius) / 2));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return {
    points: radii.map((radius, r) => ({
      weight: weights[r]! / total,
      inside: (distance) => ballProbability(d, radius, distance),
    })),
    logVolume: (distance) => logBallVolume(d) + d * Math.log(distance),
    // From where a ball has 10⁻⁶ of a typical one's volume to where all points lie within.
    range: (samples) => [(1e-6 / samples) ** (1 / d), 2 * Math.sqrt(d) + 16],
  };
}

/**
 * P(|z − ρ e| < ε) for z ~ N(0, I_d): Σ_j Poisson(j; ρ²/2) P(d/2 + j, ε²/2), the noncentral χ²
 * distribution function; P by its downward recurrence, in which all terms are positive.
 */
function ballProbability(d: number, radius: number, distance: number): number {
  const lambda = radius ** 2 / 2;
  const x = distance ** 2 / 2;
  const terms = Math.ceil(lambda + 10 * Math.sqrt(lambda) + 20);
  let poisson = Math.exp(-lambda + terms * Math.log(lambda) - logFactorial(terms));
  // t = x^a e^{−x}/Γ(a + 1), a = d/2 + terms
  let a = d / 2 + terms;
  let t = Math.exp(a * Math.log(x) - x - logGamma1(d, terms));
  let P = 0;
  for (let i = 1, term = t; term > 1e-17 * P && i < 10_000; i++) {
    P += term;
    term *= x / (a + i);
  }
  let sum = poisson * P;
  for (let j = terms; j > 0; j--) {
    t *= a / x;
    a -= 1;
    P += t;
    poisson *= j / lambda;
    sum += poisson * P;
  }
  return Math.min(1, sum);
}

const logFactorial = (n: number): number => {
  let sum = 0;
  for (let i = 2; i <= n; i++) sum += Math.log(i);
  return sum;
};

/** ln Γ(d/2 + j + 1) */
function logGamma1(d: number, j: number): number {
  let sum = d % 2 === 0 ? 0 : Math.log(Math.PI) / 2;
  for (let a = d % 2 === 0 ? 1 : 0.5; a < d / 2 + j + 0.75; a++) sum += Math.log(a);
  return sum;
}
