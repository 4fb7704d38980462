/**
 * Kullback–Leibler divergence of two laws from nearest neighbors in samples of both.
 *
 *   D(P ‖ Q) ≈ (d/n) Σ_i ln(ν_i/ρ_i) + ln(m/(n − 1))
 *
 * ρ_i is the distance from the i-th of n draws of P to its k-th nearest other draw of P, ν_i that to
 * the k-th nearest of m draws of Q. The bias falls as n^{−1/d} where the laws differ from place to
 * place: low for strongly different laws, and hopeless in many dimensions.
 *
 * Source: Q. Wang, S. R. Kulkarni, S. Verdú, IEEE Trans. Inf. Theory 55, 2392 (2009), eq. 5.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { SeriesRecord } from "../engine/record.ts";
import { type Estimate, noEstimate, withWarnings } from "./estimate.ts";
import { kthNeighborSquares, kthNeighborSquaresAmong } from "./nearestNeighbors.ts";
import { refuse } from "./refusal.ts";
import { type Trajectories, type TrajectoryChoice, trajectories } from "./trajectories.ts";

export interface DivergenceOptions {
  readonly dimensions: number;
  /** k >= 3, so that the error is finite; default 5. */
  readonly neighbor?: number;
}

/** States of more coordinates have pairs of too many: twice as many as the state. */
const MOST_COORDINATES = 3;

/**
 * D(P ‖ Q) in nats from independent draws of P and Q, [draw, dimension] row-major each.
 *
 * Error: that of the draws of P, the scatter of the terms d ln(ν/ρ) over n, and that of the draws of Q,
 * Var_Q(p/q)/m = (⟨p/q⟩_P − 1)/m with ⟨p/q⟩_P ≈ (k − 1)/k m/(n − 1) ⟨(ν/ρ)^d⟩, since the ratio of two
 * distances' volumes has the mean k/(k − 1) times that of the densities. The bias is not in it.
 * Coordinates should have comparable scales.
 *
 * @throws ArgumentError for a dimension or neighbor that does not fit; RefusalError where draws
 *   coincide: a law with atoms has no density.
 * @example neighborDivergence(centers, expected, { dimensions: 2 }) // draws of P and of Q
 */
export function neighborDivergence(
  draws: Float64Array,
  others: Float64Array,
  { dimensions: d, neighbor: k = 5 }: DivergenceOptions,
): Estimate {
  const where = "neighborDivergence";
  const [n, m] = [draws.length / d, others.length / d];
  if (!Number.isInteger(n) || !Number.isInteger(m) || !(k >= 3 && k < n && k <= m)) {
    throw new ArgumentError(
      `${where}: neighbor ${k} of ${n} and ${m} draws in ${d} dimensions; give whole draws, and a ` +
        "neighbor from 3 to below their number.",
    );
  }
  const own = kthNeighborSquares(draws, d, k);
  const among = kthNeighborSquaresAmong(draws, others, d, k);
  const method = `neighbor ${k} of ${n} and ${m} draws in ${d} dimensions`;
  const ties = own.reduce((count, square, i) => count + (square > 0 && among[i]! > 0 ? 0 : 1), 0);
  if (ties > 0) {
    refuse(
      `${where}: ${ties} of ${n} draws coincide with ${k} others, so there is no density; use ` +
        "another estimator for laws with atoms.",
      noEstimate(method),
    );
  }
  const terms = own.map((square, i) => (d / 2) * Math.log(among[i]! / square));
  const mean = terms.reduce((sum, term) => sum + term, 0) / n;
  const scatter = terms.reduce((sum, term) => sum + (term - mean) ** 2, 0) / (n - 1);
  const volumes = terms.reduce((sum, term) => sum + Math.exp(term), 0) / n;
  const ratio = (((k - 1) / k) * m * volumes) / (n - 1);
  return {
    value: mean + Math.log(m / (n - 1)),
    standardError: Math.sqrt(scatter / n + Math.max(0, ratio - 1) / m),
    n,
    method,
    warnings: [],
  };
}

export interface NeighborProductionChoice extends TrajectoryChoice {
  /** Records between the two states of a pair, default 1. */
  readonly lag?: number;
  /** k, default 5. */
  readonly neighbor?: number;
  /** Pairs of each half, at most; default 20,000. */
  readonly pairs?: number;
}

/**
 * Entropy production seen in pairs of states, D[(x̄, dx) ‖ (x̄, −dx)]/lag, from nearest neighbors: in
 * nats per unit of time, in practice a lower bound.
 *
 * x̄ is the middle and dx the difference of two states. The forward pairs are of one half of the
 * replicas, the reversed ones of the other; every coordinate in units of its deviation.
 *
 * Error: that of `neighborDivergence`. Its bias is low, 17 to 21 % for the isotropic process of card
 * E2, and says nothing near equilibrium, where a warning stands in.
 *
 * @throws RefusalError for more than three coordinates; ArgumentError for a lag that does not fit.
 * @example neighborProduction(record.series, { lag: 10, timeStep: 0.01 })
 */
export function neighborProduction(
  record: SeriesRecord,
  { lag = 1, neighbor = 5, pairs = 20_000, ...choice }: NeighborProductionChoice = {},
): Estimate {
  const where = "neighborProduction";
  const paths = trajectories(where, record, choice);
  const d = paths.dimensions;
  if (d > MOST_COORDINATES) {
    refuse(
      `${where}: pairs of states of ${d} coordinates live in ${2 * d} dimensions, too many for ` +
        `neighbors; project on at most ${MOST_COORDINATES}.`,
      noEstimate(where),
    );
  }
  if (!(Number.isInteger(lag) && lag >= 1 && lag < paths.length)) {
    throw new ArgumentError(
      `${where}: a lag of ${lag} records in paths of ${paths.length}; give a whole number below that.`,
    );
  }
  const least = Math.floor(paths.paths.length / 2) * Math.floor((paths.length - 1) / lag);
  if (least <= neighbor) {
    refuse(
      `${where}: ${paths.paths.length} paths of ${paths.length} records have ${least} pairs in a half, ` +
        `no ${neighbor} neighbors; record more of them.`,
      noEstimate(where),
    );
  }
  const forward = pairsOf(paths, { parity: 0, lag, pairs, sign: 1 });
  const backward = pairsOf(paths, { parity: 1, lag, pairs, sign: -1 });
  const scales = deviations(forward, 2 * d);
  const divergence = neighborDivergence(unit(forward, scales), unit(backward, scales), {
    dimensions: 2 * d,
    neighbor,
  });
  const time = lag * paths.interval;
  const estimate: Estimate = {
    ...divergence,
    value: divergence.value / time,
    standardError: divergence.standardError / time,
  };
  const isSilent = divergence.value < 4 * divergence.standardError;
  return withWarnings(estimate, [
    ...paths.warnings,
    ...(isSilent
      ? [
          "neighbors see no irreversibility beyond their own bias; use a longer lag or more replicas",
        ]
      : []),
  ]);
}

interface PairChoice {
  readonly parity: number;
  readonly lag: number;
  readonly pairs: number;
  readonly sign: number;
}

/** (x̄, ±dx) of pairs that do not overlap, spread evenly over replicas and time. */
function pairsOf({ paths, dimensions: d, length }: Trajectories, choice: PairChoice): Float64Array {
  const { parity, lag, pairs, sign } = choice;
  const half = paths.filter((_, r) => r % 2 === parity);
  const each = Math.min(
    Math.floor((length - 1) / lag),
    Math.max(1, Math.floor(pairs / half.length)),
  );
  const stride = Math.floor((length - 1) / each);
  const used = half.slice(0, Math.max(1, Math.floor(pairs / each)));
  const data = new Float64Array(used.length * each * 2 * d);
  let at = 0;
  for (const path of used) {
    for (let p = 0; p < each; p++) {
      const [now, then] = [p * stride, p * stride + lag];
      for (let i = 0; i < d; i++) data[at++] = (path[i]![now]! + path[i]![then]!) / 2;
      for (let i = 0; i < d; i++) data[at++] = sign * (path[i]![then]! - path[i]![now]!);
    }
  }
  return data;
}

function deviations(points: Float64Array, d: number): Float64Array {
  const n = points.length / d;
  return Float64Array.from({ length: d }, (_, i) => {
    let [mean, square] = [0, 0];
    for (let p = 0; p < n; p++) mean += points[p * d + i]! / n;
    for (let p = 0; p < n; p++) square += (points[p * d + i]! - mean) ** 2 / n;
    return Math.sqrt(square);
  });
}

const unit = (points: Float64Array, scales: Float64Array): Float64Array =>
  points.map((value, k) => value / scales[k % scales.length]!);
