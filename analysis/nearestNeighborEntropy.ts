/**
 * Differential entropy without a law assumed: the Kozachenko–Leonenko estimator.
 *
 *   Ŝ = ψ(n) − ψ(k) + ln V_m + (m/n) Σ_i ln ε_i,  ε_i distance to the k-th neighbor
 *
 * Source: L. F. Kozachenko, N. N. Leonenko, Probl. Inf. Transm. 23, 95 (1987); k > 1 and its
 * efficiency: T. B. Berrett, R. J. Samworth, M. Yuan, Ann. Statist. 47, 288 (2019); extrapolation in
 * n^{−2/m}: S. Delattre, N. Fournier, J. Stat. Plan. Inference 185, 69 (2017). Left out: weighted
 * sums over k that remove bias in more dimensions; on spheres, `sphereNeighborEntropy.ts`.
 */
import { ArgumentError } from "../engine/errors.ts";
import { digamma } from "./digamma.ts";
import { type Estimate, noEstimate } from "./estimate.ts";
import type { ReplicaSamples } from "./jackknife.ts";
import { gaussianNeighborBias, logBallVolume } from "./nearestNeighborBias.ts";
import { kthNeighborSquares, type NeighborSearch } from "./nearestNeighbors.ts";
import { blockScatter, type SampleBlock } from "./neighborBlocks.ts";
import { refuse } from "./refusal.ts";
import {
  coincidingPoints,
  finitePoints,
  type SamplePoints,
  sampleWarnings,
  whitenedPoints,
} from "./samplePoints.ts";

/** Beyond it the ball that holds k of 10⁴ points is as wide as the distribution. */
const MOST_DIMENSIONS = 5;
/** Largest bias on a Gaussian, in nats. */
const LARGEST_BIAS = 0.1;
/** Below it the bias on a Gaussian may be small by accident: terms of either sign cancel. */
const leastSamples = (dimensions: number): number => 2 * 10 ** (dimensions - 2);
const LEAST_BLOCKS = 4;

export interface NearestNeighborOptions {
  /** k; default 4. More neighbors: less variance, more bias. */
  readonly neighbors?: number;
  /** m, when the points lie on a manifold of fewer dimensions than coordinates; needs whiten: false. */
  readonly dimensions?: number;
  /** Measure distances after a linear map to unit covariance; default true. */
  readonly whiten?: boolean;
  /**
   * Subtract the bias as if it fell as n^{−2/m}, from the estimates on all samples and on halves of
   * them; default false. Where densities have no tails it takes the leading term out; on a Gaussian,
   * whose tails decay more slowly, half of the bias in three dimensions and a quarter in five (n = 2000).
   * It raises the error.
   */
  readonly extrapolate?: boolean;
  /** Finds k-th neighbors; default a k-d tree. */
  readonly search?: NeighborSearch;
  /** Squared distance of each point to its k-th neighbor where it is known, of `whitenedPoints` or as given. */
  readonly squares?: ArrayLike<number>;
  /** Give a warning in place of a refusal where the bias is large. */
  readonly quiet?: boolean;
}

/** Entropy with what its error came from: blocks of replicas and the entropy of each. */
export interface NearestNeighborEntropy extends Estimate {
  readonly blocks: readonly SampleBlock[];
}

/**
 * Entropy in nats from independent samples, e.g. one state of each replica: data [replica, k = d].
 *
 * Formula of the file head on whitened points, ½ ln det Cov added; `extrapolate` gives
 * (q Ŝ_n − Ŝ_{n/2})/(q − 1), q = 2^{2/m}, Ŝ_{n/2} the mean over both halves. standardError: scatter of
 * the same estimator on up to 32 blocks of replicas, divided by √blocks; relative error of the error
 * 1/√(2·31). Not covered: the bias, which for a Gaussian is `gaussianNeighborBias` (extrapolated:
 * `extrapolatedBias`) and stands in a warning when it passes 0.01. Rows that are not finite are left
 * out; rows that coincide are counted in a warning. O(n log n) in few dimensions.
 *
 * @throws RefusalError above 5 dimensions, below 2·10^{d−2} samples, or where the Gaussian bias passes
 *   0.1 nats, unless `quiet`: card E4's reach, and the number of samples that keeps the bias from being
 *   small by accident; always for too few points, more than k coinciding ones and a singular covariance.
 * @throws ArgumentError for options that are none.
 * @see Delattre & Fournier (2017), section 2.3 for the extrapolation
 * @example nearestNeighborEntropy({ data: centers, replicas, k: 2 }, { neighbors: 4 })
 */
export function nearestNeighborEntropy(
  samples: ReplicaSamples,
  options: NearestNeighborOptions = {},
): NearestNeighborEntropy {
  const { neighbors = 4, whiten = true, extrapolate = false, quiet = false } = options;
  const dimensions = options.dimensions ?? samples.k;
  checkOptions(samples.k, dimensions, neighbors, whiten);
  const finite = finitePoints(samples);
  const n = finite.rows.length;
  const method =
    `entropy of ${n} samples in ${dimensions} dimensions by neighbor ${neighbors}` +
    `${extrapolate ? ", extrapolated" : ""}`;
  const halves = extrapolate ? 2 : 1;
  const least = LEAST_BLOCKS * halves * (neighbors + 1);
  if (n < least) refuse(`${WHERE}: ${n} samples, need ${least}; add replicas.`, noEstimate(method));
  const metric = whiten ? whitenedPoints(samples, WHERE) : finite;
  checkSquares(WHERE, options.squares, n);
  const entropyOf = estimator(metric, samples.k, {
    ...options,
    dimensions,
    neighbors,
    extrapolate,
  });
  const value = entropyOf(0, n, options.squares);
  const coinciding = coincidingPoints(finite.points, samples.k);
  const warnings = sampleWarnings(samples.replicas - n, samples.replicas, coinciding);
  if (!Number.isFinite(value)) {
    const none = { ...noEstimate(method), value: -Infinity, n, warnings };
    refuse(
      `${WHERE}: samples coincide, a density has none that do; leave out copies, or raise neighbors ` +
        "where rounding made them.",
      none,
    );
  }
  const scatter = blockScatter(metric.rows, halves * (neighbors + 1), entropyOf);
  const estimate = { value, n, method, warnings, ...scatter };
  return withinReach(estimate, { dimensions, neighbors, extrapolate, quiet });
}

const WHERE = "nearestNeighborEntropy";

interface Reach {
  readonly dimensions: number;
  readonly neighbors: number;
  readonly extrapolate: boolean;
  readonly quiet: boolean;
}

/** The estimate with its known bias said, or the refusal where that is large. */
function withinReach(
  estimate: NearestNeighborEntropy,
  { dimensions, neighbors, extrapolate, quiet }: Reach,
): NearestNeighborEntropy {
  const { n } = estimate;
  const bias = (extrapolate ? extrapolatedBias : gaussianNeighborBias)(dimensions, n, neighbors);
  const large = `${WHERE}: ${n} samples in ${dimensions} dimensions have a bias of about `;
  const told = `${bias.toFixed(3)} nats (that on a Gaussian)`;
  const warned =
    Math.abs(bias) > 0.01
      ? { ...estimate, warnings: [...estimate.warnings, `${large}${told}, not subtracted`] }
      : estimate;
  const needed = leastSamples(dimensions);
  if (dimensions <= MOST_DIMENSIONS && n < needed) {
    const few = `${WHERE}: ${n} samples in ${dimensions} dimensions, need ${needed}; add replicas.`;
    return { ...warned, ...refuse(few, warned, quiet) };
  }
  if (dimensions <= MOST_DIMENSIONS && Math.abs(bias) <= LARGEST_BIAS) return warned;
  const remedy = `; use at most ${MOST_DIMENSIONS} dimensions, more replicas or fewer neighbors.`;
  return { ...warned, ...refuse(`${large}${told}${remedy}`, warned, quiet) };
}

/**
 * What the extrapolation leaves of the bias on a Gaussian, (q b(n) − b(n/2))/(q − 1), q = 2^{2/d}, in
 * nats; errors of the quadrature grow to about 1e-4 (q + 1)/(q − 1).
 */
export function extrapolatedBias(dimensions: number, samples: number, neighbors: number): number {
  const half = Math.floor(samples / 2);
  return combined(
    dimensions,
    gaussianNeighborBias(dimensions, samples, neighbors),
    gaussianNeighborBias(dimensions, half, neighbors),
  );
}

/** (q a − b)/(q − 1), in which a term in n^{−2/d} cancels; b belongs to n/2. */
function combined(dimensions: number, a: number, b: number): number {
  const q = 2 ** (2 / dimensions);
  return (q * a - b) / (q - 1);
}

export function checkSquares(
  where: string,
  squares: ArrayLike<number> | undefined,
  n: number,
): void {
  if (squares === undefined || squares.length === n) return;
  throw new ArgumentError(
    `${where}: ${squares.length} squared distances for ${n} finite samples; give one for each.`,
  );
}

/**
 * The number alone, without its error, as jackknives and repetitions ask for it many times; no check of
 * its reach. −∞ when more than k samples coincide.
 *
 * @throws as `nearestNeighborEntropy` for options, too few samples and a singular covariance.
 */
export function nearestNeighborValue(
  samples: ReplicaSamples,
  options: NearestNeighborOptions = {},
): number {
  const { neighbors = 4, whiten = true, extrapolate = false, dimensions = samples.k } = options;
  checkOptions(samples.k, dimensions, neighbors, whiten);
  const metric = whiten ? whitenedPoints(samples, WHERE) : finitePoints(samples);
  const n = metric.rows.length;
  const least = (extrapolate ? 2 : 1) * (neighbors + 1);
  if (n < least) refuse(`${WHERE}: ${n} samples, need ${least}; add replicas.`, noEstimate(WHERE));
  const entropyOf = estimator(metric, samples.k, {
    ...options,
    dimensions,
    neighbors,
    extrapolate,
  });
  return entropyOf(0, n, options.squares);
}

function checkOptions(k: number, dimensions: number, neighbors: number, whiten: boolean): void {
  if (!Number.isInteger(neighbors) || neighbors < 1) {
    throw new ArgumentError(
      `nearestNeighborEntropy: neighbors is ${neighbors}; give a whole number >= 1.`,
    );
  }
  if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > k) {
    throw new ArgumentError(
      `nearestNeighborEntropy: dimensions is ${dimensions} with ${k} coordinates; give 1 to ${k}.`,
    );
  }
  if (whiten && dimensions < k) {
    throw new ArgumentError(
      `nearestNeighborEntropy: on a manifold of ${dimensions} dimensions in ${k} coordinates ` +
        "whitening would change its area; give whiten: false.",
    );
  }
}

interface Estimator {
  readonly dimensions: number;
  readonly neighbors: number;
  readonly extrapolate: boolean;
  readonly search?: NeighborSearch;
}

/** The formula on [from, to) of the points, with squared distances where they are known. */
function estimator(
  { points, logScale }: SamplePoints,
  coordinates: number,
  { dimensions, neighbors, extrapolate, search = kthNeighborSquares }: Estimator,
): (from: number, to: number, known?: ArrayLike<number>) => number {
  const plain = (from: number, to: number, known?: ArrayLike<number>): number => {
    const own = (): Float64Array =>
      search(points.subarray(from * coordinates, to * coordinates), coordinates, neighbors);
    const squares = known ?? own();
    const n = squares.length;
    let logs = 0;
    for (let i = 0; i < n; i++) logs += Math.log(squares[i]!) / 2;
    const distances = logBallVolume(dimensions) + (dimensions / n) * logs;
    return logScale + digamma(n) - digamma(neighbors) + distances;
  };
  if (!extrapolate) return plain;
  return (from, to, known) => {
    const half = Math.floor((to - from) / 2);
    const halves = (plain(from, from + half) + plain(from + half, from + 2 * half)) / 2;
    return combined(dimensions, plain(from, to, known), halves);
  };
}
