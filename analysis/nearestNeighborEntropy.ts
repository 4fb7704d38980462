/**
 * Differential entropy without a law assumed: the Kozachenko–Leonenko estimator.
 *
 *   Ŝ = ψ(n) − ψ(k) + ln V_m + (m/n) Σ_i ln ε_i,  ε_i distance to the k-th neighbor
 *
 * Source: L. F. Kozachenko, N. N. Leonenko, Probl. Inf. Transm. 23, 95 (1987); k > 1 and its
 * efficiency: T. B. Berrett, R. J. Samworth, M. Yuan, Ann. Statist. 47, 288 (2019). Left out: weighted
 * forms that remove bias in more dimensions, extrapolation in n^{−2/m}.
 */
import { ArgumentError } from "../engine/errors.ts";
import { digamma } from "./digamma.ts";
import { type Estimate, noEstimate } from "./estimate.ts";
import { logDeterminant, sampleCovariance } from "./gaussianEntropy.ts";
import type { ReplicaSamples } from "./jackknife.ts";
import { gaussianNeighborBias, logBallVolume } from "./nearestNeighborBias.ts";
import { kthNeighborSquares } from "./nearestNeighbors.ts";
import { refuse } from "./refusal.ts";

/** Beyond it the ball that holds k of 10⁴ points is as wide as the distribution. */
const MOST_DIMENSIONS = 5;
/** Largest bias on a Gaussian, in nats. */
const LARGEST_BIAS = 0.1;
/** Below it the bias on a Gaussian may be small by accident: terms of either sign cancel. */
const leastSamples = (dimensions: number): number => 2 * 10 ** (dimensions - 2);
const BLOCKS = 32;
const LEAST_BLOCKS = 4;

export interface NearestNeighborOptions {
  /** k; default 4. More neighbors: less variance, more bias. */
  readonly neighbors?: number;
  /** m, when the points lie on a manifold of fewer dimensions than coordinates; needs whiten: false. */
  readonly dimensions?: number;
  /** Measure distances after a linear map to unit covariance; default true. */
  readonly whiten?: boolean;
  /** Give a warning in place of a refusal where the bias is large. */
  readonly quiet?: boolean;
}

/** Entropy with what its error came from: blocks of replicas and the entropy of each. */
export interface NearestNeighborEntropy extends Estimate {
  readonly blocks: readonly {
    readonly rows: readonly number[];
    readonly entropy: number;
  }[];
}

/**
 * Entropy in nats from independent samples, e.g. one state of each replica: data [replica, k = d].
 *
 * Formula of the file head on whitened points, ½ ln det Cov added. standardError: scatter of the same
 * estimator on up to 32 blocks of replicas, divided by √blocks (its variance falls as 1/n); relative
 * error of the error 1/√(2·31). Not covered: the bias, of order n^{−2/d}, which for a Gaussian is
 * `gaussianNeighborBias` and stands in a warning when it passes 0.01. Rows that are not finite are left
 * out. O(n log n).
 *
 * @throws RefusalError above 5 dimensions, below 2·10^{d−2} samples, or where the Gaussian bias passes
 *   0.1 nats, unless `quiet`; always for too few points, coinciding points and a singular covariance.
 * @throws ArgumentError for options that are none.
 * @example nearestNeighborEntropy({ data: centers, replicas, k: 2 }, { neighbors: 4 })
 */
export function nearestNeighborEntropy(
  samples: ReplicaSamples,
  options: NearestNeighborOptions = {},
): NearestNeighborEntropy {
  const { neighbors = 4, whiten = true, quiet = false } = options;
  const dimensions = options.dimensions ?? samples.k;
  checkOptions(samples.k, dimensions, neighbors, whiten);
  const where = "nearestNeighborEntropy";
  const rows = finiteRows(samples);
  const n = rows.length;
  const dropped = samples.replicas - n;
  const warnings = dropped > 0 ? [`${dropped} of ${samples.replicas} samples are not finite`] : [];
  const method = `entropy of ${n} samples in ${dimensions} dimensions by neighbor ${neighbors}`;
  const least = LEAST_BLOCKS * (neighbors + 1);
  if (n < least) {
    refuse(`${where}: ${n} samples, need ${least}; add replicas.`, noEstimate(method));
  }
  const { points, logScale } = metric(samples, rows, whiten, method);
  const entropyOf = (from: number, to: number): number =>
    logScale +
    kozachenkoLeonenko(points.subarray(from * samples.k, to * samples.k), samples.k, {
      dimensions,
      neighbors,
    });
  const value = entropyOf(0, n);
  if (value === -Infinity) {
    const none = { ...noEstimate(method), value, n };
    refuse(`${where}: samples coincide, a density has none that do; leave out copies.`, none);
  }
  const blocks = blocksOf(n, neighbors).map(({ from, to }) => ({
    rows: rows.slice(from, to),
    entropy: entropyOf(from, to),
  }));
  const standardError = blockError(blocks.map(({ entropy }) => entropy));
  const bias = gaussianNeighborBias(dimensions, n, neighbors);
  const large = `${where}: ${n} samples in ${dimensions} dimensions have a bias of about `;
  const told = `${bias.toFixed(3)} nats (that on a Gaussian)`;
  if (Math.abs(bias) > 0.01) warnings.push(`${large}${told}, not subtracted`);
  const estimate = { value, standardError, n, method, warnings, blocks };
  const needed = leastSamples(dimensions);
  if (dimensions <= MOST_DIMENSIONS && n < needed) {
    const few = `${where}: ${n} samples in ${dimensions} dimensions, need ${needed}; add replicas.`;
    return { ...estimate, ...refuse(few, estimate, quiet) };
  }
  if (dimensions <= MOST_DIMENSIONS && Math.abs(bias) <= LARGEST_BIAS) return estimate;
  const remedy = `; use at most ${MOST_DIMENSIONS} dimensions, more replicas or fewer neighbors.`;
  return { ...estimate, ...refuse(`${large}${told}${remedy}`, estimate, quiet) };
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

function finiteRows({ data, replicas, k }: ReplicaSamples): number[] {
  const rows: number[] = [];
  for (let r = 0; r < replicas; r++) {
    if (data.subarray(r * k, (r + 1) * k).every(Number.isFinite)) rows.push(r);
  }
  return rows;
}

/** Points in the coordinates distances are measured in, and ln of the volume a unit there has. */
function metric(
  samples: ReplicaSamples,
  rows: readonly number[],
  whiten: boolean,
  method: string,
): { points: Float64Array; logScale: number } {
  const { data, k } = samples;
  const points = new Float64Array(rows.length * k);
  rows.forEach((row, i) => {
    points.set(data.subarray(row * k, (row + 1) * k), i * k);
  });
  if (!whiten) return { points, logScale: 0 };
  const { covariance, mean } = sampleCovariance(samples);
  const logDet = logDeterminant(covariance, k);
  if (!Number.isFinite(logDet)) {
    refuse(
      "nearestNeighborEntropy: the covariance is singular; leave out dependent coordinates.",
      noEstimate(method),
    );
  }
  // L z = x − x̄, with L where the Cholesky factorization left it.
  for (let i = 0; i < rows.length; i++) {
    const z = points.subarray(i * k, (i + 1) * k);
    for (let a = 0; a < k; a++) {
      let value = z[a]! - mean[a]!;
      for (let b = 0; b < a; b++) value -= covariance[a * k + b]! * z[b]!;
      z[a] = value / covariance[a * k + a]!;
    }
  }
  return { points, logScale: logDet / 2 };
}

function kozachenkoLeonenko(
  points: Float64Array,
  coordinates: number,
  { dimensions, neighbors }: { readonly dimensions: number; readonly neighbors: number },
): number {
  const squares = kthNeighborSquares(points, coordinates, neighbors);
  let logs = 0;
  for (const square of squares) logs += Math.log(square) / 2;
  const n = squares.length;
  return digamma(n) - digamma(neighbors) + logBallVolume(dimensions) + (dimensions / n) * logs;
}

/** Equal consecutive blocks of at least k + 1 points, and so many that their scatter says something. */
function blocksOf(n: number, neighbors: number): { from: number; to: number }[] {
  const blocks = Math.min(BLOCKS, Math.floor(n / (neighbors + 1)));
  const size = Math.floor(n / blocks);
  return Array.from({ length: blocks }, (_, b) => ({ from: b * size, to: (b + 1) * size }));
}

/** √(Σ (S_b − S̄)²/(B(B − 1))) */
function blockError(values: readonly number[]): number {
  const blocks = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / blocks;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (blocks * (blocks - 1)));
}
