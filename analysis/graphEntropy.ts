/**
 * Entropy up to a constant from the length of the graph of nearest neighbors.
 *
 *   S = (D/γ) [ln L − ((D − γ)/D) ln N],  L = Σ_i Σ_{j<=k} r_ij^γ
 *
 * Source: J. A. Costa, A. O. Hero, IEEE Trans. Signal Process. 52, 2210 (2004); as in SGD as free
 * energy minimization (arXiv 2505.23489), k = 50 and γ = 1. The constant depends on D, γ and k and is left out:
 * only differences between clouds of equal N, k, γ mean something. Stretching a cloud by c adds D ln c.
 * Per dimension it is a Rényi entropy of order (D − γ)/D, near Shannon's for large D. Left out: the
 * estimate of D itself.
 */
import { ArgumentError } from "../engine/errors.ts";
import { type Estimate, noEstimate, withWarnings } from "./estimate.ts";
import type { ReplicaSamples } from "./jackknife.ts";
import { neighborSquares } from "./nearestNeighbors.ts";
import { expectedGraphLength, type NeighborLaw } from "./neighborExpectation.ts";
import { refuse } from "./refusal.ts";
import { replicaMean } from "./replicas.ts";
import { finitePoints } from "./samplePoints.ts";

export interface GraphOptions {
  /** k, neighbors of each point; default 50. */
  readonly neighbors?: number;
  /** γ, the power of the distances, 0 < γ < D; default 1. */
  readonly exponent?: number;
  /** D, when the points lie on a manifold of fewer dimensions than coordinates. */
  readonly dimensions?: number;
}

const DIFFERENCES =
  "graph entropy: an additive constant is left out, only differences mean anything";
const GROUPS = 20;

/** The formula for N points whose graph has length L. */
function entropyOfLength(length: number, points: number, D: number, exponent: number): number {
  return (D / exponent) * (Math.log(length) - ((D - exponent) / D) * Math.log(points));
}

/**
 * S of the file head of one cloud of points [point, coordinate], in nats.
 *
 * @throws ArgumentError unless 1 <= neighbors < points and 0 < exponent < dimensions.
 * @example graphEntropyOf(centers, 4, { neighbors: 50 })
 */
export function graphEntropyOf(
  points: Float64Array,
  coordinates: number,
  options: GraphOptions = {},
): number {
  const { neighbors, exponent, dimensions } = checked(coordinates, options);
  const squares = neighborSquares(points, coordinates, neighbors);
  let length = 0;
  for (const square of squares)
    length += exponent === 1 ? Math.sqrt(square) : square ** (exponent / 2);
  return entropyOfLength(length, points.length / coordinates, dimensions, exponent);
}

function checked(coordinates: number, options: GraphOptions): Required<GraphOptions> {
  const { neighbors = 50, exponent = 1, dimensions = coordinates } = options;
  if (!(exponent > 0 && exponent < dimensions && dimensions <= coordinates)) {
    throw new ArgumentError(
      `graphEntropy: exponent ${exponent} and ${dimensions} dimensions of ${coordinates} coordinates; ` +
        "give 0 < exponent < dimensions <= coordinates.",
    );
  }
  return { neighbors, exponent, dimensions };
}

/**
 * Graph entropy of independent samples, e.g. one state of each replica: data [replica, k].
 *
 * standardError: jackknife over 20 groups of samples; deleting points moves the neighbors of others, so
 * that it is rather too large. Rows that are not finite are left out.
 *
 * @throws RefusalError for fewer than 2 (neighbors + 1) samples and for samples that all coincide;
 *   ArgumentError as `graphEntropyOf`.
 * @example graphEntropy({ data: centers, replicas: 1000, k: 4 }, { neighbors: 50 })
 */
export function graphEntropy(samples: ReplicaSamples, options: GraphOptions = {}): Estimate {
  const { neighbors } = checked(samples.k, options);
  const { k, replicas } = samples;
  const { points, rows } = finitePoints(samples);
  const n = rows.length;
  const method = `graph of ${neighbors} neighbors of ${n} samples`;
  const least = 2 * (neighbors + 1);
  if (n < least) {
    refuse(`graphEntropy: ${n} samples, need ${least}; add replicas.`, noEstimate(method));
  }
  const value = graphEntropyOf(points, k, options);
  if (!Number.isFinite(value)) {
    refuse("graphEntropy: all samples coincide; the entropy is −∞.", noEstimate(method));
  }
  const without = Array.from({ length: GROUPS }, (_, g) => {
    const rest = new Float64Array((n - Math.ceil((n - g) / GROUPS)) * k);
    let at = 0;
    for (let i = 0; i < n; i++) {
      if (i % GROUPS === g) continue;
      rest.set(points.subarray(i * k, (i + 1) * k), at);
      at += k;
    }
    return graphEntropyOf(rest, k, options);
  });
  const mean = without.reduce((sum, one) => sum + one, 0) / GROUPS;
  const squares = without.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  const standardError = Math.sqrt(((GROUPS - 1) / GROUPS) * squares);
  const dropped = n < replicas ? [`${replicas - n} of ${replicas} samples are not finite`] : [];
  return { value, standardError, n, method, warnings: [...dropped, DIFFERENCES] };
}

/** Iterates of independent runs, [replica, time, coordinate] row-major. */
export interface Iterates {
  readonly data: Float64Array;
  readonly replicas: number;
  readonly times: number;
  readonly coordinates: number;
}

/**
 * Graph entropy of the iterates of a run, mean over runs: what arXiv 2505.23489 calls the entropy.
 *
 * Not the entropy of the stationary state unless the run is much longer than its relaxation: the cloud
 * is the path of one run. Where it is shorter, ΔS counts D ln of the step length in place of D ln of the
 * width. standardError: scatter over runs. A run with a value that is not finite is left out.
 *
 * @throws as `graphEntropyOf`; RefusalError when no run is finite.
 * @example trajectoryGraphEntropy({ data: centers, replicas: 20, times: 1000, coordinates: 4 })
 */
export function trajectoryGraphEntropy(
  { data, replicas, times, coordinates }: Iterates,
  options: GraphOptions = {},
): Estimate {
  const size = times * coordinates;
  const values = Float64Array.from({ length: replicas }, (_, r) => {
    const own = data.slice(r * size, (r + 1) * size);
    return own.every(Number.isFinite) ? graphEntropyOf(own, coordinates, options) : Number.NaN;
  });
  const method = `graph of the ${times} iterates of a run, mean over ${replicas} runs`;
  return withWarnings({ ...replicaMean(values), method }, [
    DIFFERENCES,
    "graph entropy of a path: that of the stationary state only where the run is many relaxation times",
  ]);
}

/**
 * Expected graph entropy of n independent samples of a law, to be lowered by γ Var(S)/(2D), as ln L of a
 * length with scatter is lower than ln E L.
 *
 * Error of the quadrature about 1e-4 D/γ.
 */
export function expectedGraphEntropy(
  law: NeighborLaw,
  samples: number,
  dimensions: number,
  { neighbors = 50, exponent = 1 }: GraphOptions = {},
): number {
  const length = expectedGraphLength(law, samples, neighbors, exponent);
  return entropyOfLength(length, samples, dimensions, exponent);
}
