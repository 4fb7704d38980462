/**
 * Differential entropy on the sphere S^m from distances to neighbors: the Kozachenko–Leonenko
 * estimator with the area of the cap in place of the volume of the ball.
 *
 *   Ŝ = ψ(n) − ψ(k) + ⟨ln A(φ_k)⟩,  A(φ) = |S^{m−1}| ∫_0^φ sin^{m−1},  φ the great-circle distance
 *
 * Exactly unbiased for the uniform law, whatever the dimension, as a cap then has the probability
 * A/|S^m|. On S² a cap of chord r has the area πr². Points and their antipodes may be held for one, as
 * they are where the loss is even: distances are then those of the projective space. Source: as
 * `nearestNeighborEntropy.ts`. Left out: other manifolds.
 */
import { ArgumentError } from "../engine/errors.ts";
import { digamma } from "./digamma.ts";
import { noEstimate } from "./estimate.ts";
import type { ReplicaSamples } from "./jackknife.ts";
import { gaussianNeighborBias } from "./nearestNeighborBias.ts";
import { checkSquares, type NearestNeighborEntropy } from "./nearestNeighborEntropy.ts";
import { kthNeighborSquares, type NeighborSearch } from "./nearestNeighbors.ts";
import { blockScatter } from "./neighborBlocks.ts";
import { refuse } from "./refusal.ts";
import { coincidingPoints, finitePoints, sampleWarnings } from "./samplePoints.ts";
import { logCapArea } from "./sphereCap.ts";

const WHERE = "sphereNeighborEntropy";
const LEAST_BLOCKS = 4;
/** As for flat spaces, where the numbers come from. */
const MOST_DIMENSIONS = 5;
const LARGEST_BIAS = 0.1;
const leastSamples = (dimensions: number): number => 2 * 10 ** (dimensions - 2);
/** Rounding of float32 coordinates, many times over. */
const OFF_SPHERE = 1e-4;

export interface SphereNeighborOptions {
  /** k; default 4. */
  readonly neighbors?: number;
  /**
   * Hold x and −x for one state; the entropy is that on the projective space, ln 2 below that of an
   * even law on the sphere. Default false.
   */
  readonly antipodes?: boolean;
  /** Finds k-th neighbors by chords; default a k-d tree. */
  readonly search?: NeighborSearch;
  /** Squared chord from each finite sample to its k-th neighbor, where it is known. */
  readonly squares?: ArrayLike<number>;
  /** Give a warning in place of a refusal where a Gaussian of as many dimensions has a large bias. */
  readonly quiet?: boolean;
}

/**
 * Entropy in nats with respect to area, from independent samples on the unit sphere: data
 * [replica, k = m + 1], rows normalized here.
 *
 * Error as that of `nearestNeighborEntropy`. Not covered: the bias of laws that are not uniform, at
 * most about that of a Gaussian in m dimensions, which a narrow law is.
 *
 * @throws ArgumentError for rows whose length is off 1 by more than 10⁻⁴, and options that are none.
 * @throws RefusalError as `nearestNeighborEntropy`, of m dimensions.
 * @see arXiv 2505.23489, published notebooks, for antipodes of scale-invariant losses
 * @example sphereNeighborEntropy({ data: centers, replicas, k: 3 }, { antipodes: true })
 */
export function sphereNeighborEntropy(
  samples: ReplicaSamples,
  options: SphereNeighborOptions = {},
): NearestNeighborEntropy {
  const { neighbors = 4, antipodes = false, quiet = false, search = kthNeighborSquares } = options;
  const { k, replicas } = samples;
  const m = k - 1;
  checkOptions(k, neighbors);
  const { points, rows } = finitePoints(samples);
  normalize(points, k);
  const n = rows.length;
  const method =
    `entropy of ${n} samples on S^${m} by neighbor ${neighbors}` +
    `${antipodes ? ", antipodes held for one" : ""}`;
  const least = LEAST_BLOCKS * (neighbors + 1);
  if (n < least) refuse(`${WHERE}: ${n} samples, need ${least}; add replicas.`, noEstimate(method));
  const squaresOf = (from: number, to: number): Float64Array => {
    const own = points.subarray(from * k, to * k);
    return search(antipodes ? withAntipodes(own) : own, k, neighbors);
  };
  const entropyOf = (from: number, to: number, known?: ArrayLike<number>): number => {
    const squares = known ?? squaresOf(from, to);
    let logs = 0;
    for (let i = 0; i < to - from; i++) logs += logCapArea(m, Math.sqrt(squares[i]!));
    return digamma(to - from) - digamma(neighbors) + logs / (to - from);
  };
  checkSquares(WHERE, options.squares, n);
  const value = entropyOf(0, n, options.squares);
  const warnings = sampleWarnings(replicas - n, replicas, coincidingPoints(points, k));
  if (!Number.isFinite(value)) {
    const none = { ...noEstimate(method), value: -Infinity, n, warnings };
    refuse(`${WHERE}: samples coincide; leave out copies, or raise neighbors.`, none);
  }
  const scatter = blockScatter(rows, neighbors + 1, entropyOf);
  const estimate = { value, n, method, warnings, ...scatter };
  const few = tooFew(m, n, neighbors);
  return few === null ? estimate : { ...estimate, ...refuse(few, estimate, quiet) };
}

/** Why so many samples are too few, or null. */
function tooFew(m: number, n: number, neighbors: number): string | null {
  const where = `${WHERE}: ${n} samples on S^${m}`;
  if (m > MOST_DIMENSIONS) return `${where}; use at most ${MOST_DIMENSIONS} dimensions.`;
  if (n < leastSamples(m)) return `${where}, need ${leastSamples(m)}; add replicas.`;
  const bias = gaussianNeighborBias(m, n, neighbors);
  if (Math.abs(bias) <= LARGEST_BIAS) return null;
  return (
    `${where} may have a bias of ${bias.toFixed(3)} nats (that on a Gaussian); add replicas or take ` +
    "fewer neighbors."
  );
}

function checkOptions(k: number, neighbors: number): void {
  if (!Number.isInteger(neighbors) || neighbors < 1) {
    throw new ArgumentError(`${WHERE}: neighbors is ${neighbors}; give a whole number >= 1.`);
  }
  if (k < 2) throw new ArgumentError(`${WHERE}: points of ${k} coordinate; a sphere needs 2.`);
}

function normalize(points: Float64Array, k: number): void {
  for (let at = 0; at < points.length; at += k) {
    const x = points.subarray(at, at + k);
    const length = Math.hypot(...x);
    if (!(Math.abs(length - 1) <= OFF_SPHERE)) {
      throw new ArgumentError(
        `${WHERE}: a sample has length ${length}, the sphere's is 1; divide samples by their length.`,
      );
    }
    for (let a = 0; a < k; a++) x[a]! /= length;
  }
}

/**
 * The points, then their antipodes. Of x_j and −x_j one lies in the half space of x_i, and its own
 * antipode is farthest from x_i: the k-th neighbor here, k < n, is that among ±x_j.
 */
function withAntipodes(points: Float64Array): Float64Array {
  const both = new Float64Array(2 * points.length);
  both.set(points);
  for (let i = 0; i < points.length; i++) both[points.length + i] = -points[i]!;
  return both;
}
