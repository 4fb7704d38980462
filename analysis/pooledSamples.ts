/**
 * Correlated draws of many replicas, pooled and sorted: what quantiles and tails are estimated from.
 *
 * Draws may have weights, as time averages have where states last unequally long. Replicas are
 * independent, the draws of one are not; who drew what is kept for the errors.
 */
import { ArgumentError } from "../engine/errors.ts";

/** Draws of replicas as they were recorded. */
export interface ReplicaDraws {
  /** [replica, draw]; a replica with a value that is not finite is left out. */
  readonly values: ArrayLike<number>;
  /** [replica, draw], > 0; 1 each unless given. */
  readonly weights?: ArrayLike<number>;
  readonly replicas: number;
}

export interface PooledSamples {
  /** Ascending, [draw]. */
  readonly values: Float64Array;
  readonly weights: Float64Array;
  /** Who drew it, 0 to n − 1, [draw]. */
  readonly owners: Uint32Array;
  /** Replicas that are left. */
  readonly n: number;
  /** Replicas that were left out. */
  readonly dropped: number;
  /** Sum of a replica's weights, [replica that is left]. */
  readonly totals: Float64Array;
  readonly total: number;
}

/** Replicas whose draws and weights are all finite. */
function finiteReplicas({ values, weights, replicas }: ReplicaDraws, draws: number): number[] {
  return Array.from({ length: replicas }, (_, r) => r).filter((r) => {
    for (let i = r * draws; i < (r + 1) * draws; i += 1) {
      if (!Number.isFinite(values[i]!) || (weights && !Number.isFinite(weights[i]!))) return false;
    }
    return true;
  });
}

/**
 * All draws in ascending order.
 *
 * Cost: O(n log n) of all draws, 20 bytes each.
 *
 * @throws ArgumentError for arrays whose lengths do not fit.
 * @example weightedQuantile(pooledSamples({ values: expected, replicas }), 0.95)
 */
export function pooledSamples(given: ReplicaDraws): PooledSamples {
  const { values, weights, replicas } = given;
  const draws = values.length / replicas;
  if (!Number.isInteger(draws) || draws < 1 || (weights && weights.length !== values.length)) {
    throw new ArgumentError(
      `pooledSamples: ${values.length} values and ${weights?.length ?? "no"} weights of ${replicas} ` +
        "replicas; give as many of each replica, [replica, draw].",
    );
  }
  const finite = finiteReplicas(given, draws);
  const rank = new Int32Array(replicas).fill(-1);
  finite.forEach((replica, k) => {
    rank[replica] = k;
  });
  const order = new Uint32Array(finite.length * draws);
  finite.forEach((replica, k) => {
    for (let i = 0; i < draws; i += 1) order[k * draws + i] = replica * draws + i;
  });
  order.sort((a, b) => values[a]! - values[b]!);
  const weight = (i: number): number => weights?.[i] ?? 1;
  const owners = Uint32Array.from(order, (i) => rank[Math.floor(i / draws)]!);
  const totals = new Float64Array(finite.length);
  order.forEach((i, k) => {
    totals[owners[k]!]! += weight(i);
  });
  return {
    values: Float64Array.from(order, (i) => values[i]!),
    weights: Float64Array.from(order, weight),
    owners,
    n: finite.length,
    dropped: replicas - finite.length,
    totals,
    total: totals.reduce((sum, value) => sum + value, 0),
  };
}
