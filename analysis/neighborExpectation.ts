/**
 * Exact expectations of neighbor distances among independent samples of a known law, by quadrature.
 *
 * Given a sample, the number of the n − 1 others within a distance ε is binomial with the probability
 * P(ε) of the ball about it, so that P(ε_k < ε) = P(Binomial(n − 1, P(ε)) >= k); the sample itself is
 * averaged over. What the Kozachenko–Leonenko and graph estimators miss on that law follows. Left
 * out: laws of dependent samples, as the iterates of one run are.
 */
import { digamma } from "./digamma.ts";

/** A law, as far as its balls go. */
export interface NeighborLaw {
  /** Where samples lie, weights that sum to 1, and the probability of a ball about each. */
  readonly points: readonly {
    readonly weight: number;
    readonly inside: (distance: number) => number;
  }[];
  /** ln of the volume of a ball, in the measure that the entropy refers to. */
  readonly logVolume: (distance: number) => number;
  /** Distances below which no neighbor of n samples is to be expected, and above which all are. */
  readonly range: (samples: number) => readonly [number, number];
}

const DISTANCES = 240;

/** Distances in equal ratios over the range. */
function distancesOf(law: NeighborLaw, samples: number): Float64Array {
  const [bottom, top] = law.range(samples).map(Math.log) as [number, number];
  const width = (top - bottom) / DISTANCES;
  return Float64Array.from({ length: DISTANCES + 1 }, (_, j) => Math.exp(bottom + j * width));
}

/** Σ_points weight ∫ f(P(ε)) dm(ε), by the trapezoidal rule in ln ε. */
function integral(
  law: NeighborLaw,
  samples: number,
  measure: (distance: number) => number,
  f: (inside: number) => number,
): number {
  const distances = distancesOf(law, samples);
  const measures = distances.map(measure);
  let sum = 0;
  for (const { weight, inside } of law.points) {
    let before = f(inside(distances[0]!));
    for (let j = 1; j <= DISTANCES; j++) {
      const value = f(inside(distances[j]!));
      sum += weight * 0.5 * (before + value) * (measures[j]! - measures[j - 1]!);
      before = value;
    }
  }
  return sum;
}

/**
 * E ψ(n) − ψ(k) + ⟨ln V(ε_k)⟩ in nats, the expectation of the Kozachenko–Leonenko estimator.
 *
 * E ln V(ε_k) = ln V_max − ∫ P(ε_k < ε) d ln V. Error of the quadrature about 1e-4.
 *
 * @see L. F. Kozachenko, N. N. Leonenko, Probl. Inf. Transm. 23, 95 (1987) for the estimator
 */
export function expectedNeighborEntropy(
  law: NeighborLaw,
  samples: number,
  neighbors: number,
): number {
  const top = law.logVolume(law.range(samples)[1]);
  const missing = integral(law, samples, law.logVolume, (p) => atLeast(neighbors, samples - 1, p));
  return digamma(samples) - digamma(neighbors) + top - missing;
}

/**
 * E Σ_i Σ_{j<=k} ε_{ij}^γ, the expected length of the graph of k nearest neighbors.
 *
 * = n ∫ E (k − N(ε))⁺ dε^γ, N binomial. Relative error of the quadrature about 1e-4.
 */
export function expectedGraphLength(
  law: NeighborLaw,
  samples: number,
  neighbors: number,
  exponent: number,
): number {
  const [bottom] = law.range(samples);
  const below = integral(
    law,
    samples,
    (distance) => distance ** exponent,
    (p) => shortfall(neighbors, samples - 1, p),
  );
  return samples * (neighbors * bottom ** exponent + below);
}

/** Calls `add` with P(N = j) for j < k, N binomial; logarithms, as (1 − p)ⁿ underflows. */
function binomials(k: number, n: number, p: number, add: (j: number, term: number) => void): void {
  if (p >= 1) return;
  const odds = Math.log(p) - Math.log1p(-p);
  let log = n * Math.log1p(-p);
  for (let j = 0; j < k; j++) {
    add(j, Math.exp(log));
    log += Math.log((n - j) / (j + 1)) + odds;
  }
}

/** P(N >= k) */
function atLeast(k: number, n: number, p: number): number {
  let below = 0;
  binomials(k, n, p, (_, term) => {
    below += term;
  });
  return Math.max(0, 1 - below);
}

/** E (k − N)⁺ */
function shortfall(k: number, n: number, p: number): number {
  if (p <= 0) return k;
  let sum = 0;
  binomials(k, n, p, (j, term) => {
    sum += (k - j) * term;
  });
  return sum;
}
