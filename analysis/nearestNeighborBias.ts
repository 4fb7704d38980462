/**
 * What the Kozachenko–Leonenko entropy misses on a Gaussian, by quadrature.
 *
 * The estimator takes the density as constant within the ball that holds k neighbors. For
 * N(0, I) its expectation is a double integral: over the radius ρ of a point, and over the distance ε
 * to its k-th neighbor, P(ε_k < ε) = P(at least k of n − 1 others fall into the ball), whose
 * probability is that of a noncentral χ². Whitening makes every Gaussian N(0, I). Left out:
 * other laws, whose bias is of the same order n^{−2/d} but not known.
 */
import { digamma } from "./digamma.ts";

/** ln of the volume of the unit ball, V_d = 2π V_{d−2}/d. */
export const logBallVolume = (d: number): number =>
  d === 0 ? 0 : d === 1 ? Math.log(2) : logBallVolume(d - 2) + Math.log((2 * Math.PI) / d);

const RADII = 120;
const DISTANCES = 240;

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
  const found = known.get(name) ?? quadrature(dimensions, samples, neighbors);
  known.set(name, found);
  return found;
}

function quadrature(d: number, samples: number, neighbors: number): number {
  const reach = Math.sqrt(d) + 7;
  const width = reach / RADII;
  let weights = 0;
  let sum = 0;
  for (let r = 0; r < RADII; r++) {
    const radius = (r + 0.5) * width;
    const weight = radius ** (d - 1) * Math.exp((-radius * radius) / 2);
    weights += weight;
    sum += weight * meanLogDistance(d, samples, neighbors, radius);
  }
  const expected = digamma(samples) - digamma(neighbors) + logBallVolume(d) + (d * sum) / weights;
  return expected - (d / 2) * Math.log(2 * Math.PI * Math.E);
}

/** E ln ε_k = ln ε_max − ∫ P(ε_k < ε) d ln ε at distance `radius` from the origin. */
function meanLogDistance(d: number, samples: number, k: number, radius: number): number {
  // From 10⁻⁹ of the mean distance up to where all points lie within.
  const top = Math.log(radius + Math.sqrt(d) + 9);
  const bottom = Math.log(1e-3) - Math.log(samples) / d;
  const width = (top - bottom) / DISTANCES;
  let integral = 0;
  for (let j = 0; j <= DISTANCES; j++) {
    const distance = Math.exp(bottom + j * width);
    const inside = ballProbability(d, radius, distance);
    integral += atLeast(k, samples - 1, inside) * (j === 0 || j === DISTANCES ? 0.5 : 1);
  }
  return top - width * integral;
}

/** P(Binomial(n, p) >= k), small k. */
function atLeast(k: number, n: number, p: number): number {
  if (p >= 1) return 1;
  let term = Math.exp(n * Math.log1p(-p));
  let below = 0;
  for (let j = 0; j < k; j++) {
    below += term;
    term *= ((n - j) / (j + 1)) * (p / (1 - p));
  }
  return Math.max(0, 1 - below);
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
