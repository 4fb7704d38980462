/**
 * Difference of entropy between two conditions, with its error, as temperatures ΔU/ΔS need it.
 *
 * Where replica r of both conditions had the same random numbers (`commonNoise`) the errors go together
 * and most of them cancels: they are taken from pairs of replicas. Biases that both estimates share
 * cancel as well. Left out: conditions that share part of their replicas.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { Estimate } from "./estimate.ts";
import { entropyOfMoments, gaussianEntropy } from "./gaussianEntropy.ts";
import { jackknife, type ReplicaSamples } from "./jackknife.ts";
import {
  type NearestNeighborOptions,
  nearestNeighborEntropy,
  nearestNeighborValue,
} from "./nearestNeighborEntropy.ts";
import { scatterError } from "./neighborBlocks.ts";

const GROUPS = 20;

export interface PairOptions {
  /** Replica r of both had the same random numbers. */
  readonly paired: boolean;
}

/** b − a of independent estimates: errors add in quadrature. */
function independent(a: Estimate, b: Estimate, method: string): Estimate {
  return {
    value: b.value - a.value,
    standardError: Math.hypot(a.standardError, b.standardError),
    n: Math.min(a.n, b.n),
    method,
    warnings: [...new Set([...a.warnings, ...b.warnings])],
  };
}

/**
 * S_b − S_a of two independent estimates, in nats: errors in quadrature.
 * @example
 * const [cold, hot] = [centers, expected].map((data) => graphEntropy({ data, replicas, k: 2 }));
 * entropyDifference(cold!, hot!);
 */
export const entropyDifference = (a: Estimate, b: Estimate): Estimate =>
  independent(a, b, `difference of ${a.method}, independent conditions`);

/**
 * S_b − S_a of the Gaussian entropies of samples [replica, k = d], bias-corrected.
 *
 * standardError: jackknife over (pairs of) replicas, no law assumed.
 *
 * @throws ArgumentError when pairs do not match; RefusalError as `gaussianEntropy`.
 * @example
 * const samples = { replicas, k: 2 };
 * gaussianEntropyDifference({ ...samples, data: centers }, { ...samples, data: expected }, { paired: true });
 */
export function gaussianEntropyDifference(
  a: ReplicaSamples,
  b: ReplicaSamples,
  { paired }: PairOptions,
): Estimate {
  const [from, to] = [gaussianEntropy(a), gaussianEntropy(b)];
  const method = `difference of Gaussian entropies, ${paired ? "pairs of" : "independent"} replicas`;
  const own = (samples: ReplicaSamples) =>
    jackknife(momentRows(samples), entropyOfMoments(samples.k)).standardError;
  if (!paired) {
    const errors = { ...from, standardError: own(a) };
    return independent(errors, { ...to, standardError: own(b) }, method);
  }
  requirePairs("gaussianEntropyDifference", a.replicas === b.replicas && a.k === b.k);
  const [left, right] = [momentRows(a), momentRows(b)];
  const k = left.k;
  const data = new Float64Array(a.replicas * 2 * k);
  for (let r = 0; r < a.replicas; r++) {
    data.set(left.data.subarray(r * k, (r + 1) * k), 2 * r * k);
    data.set(right.data.subarray(r * k, (r + 1) * k), (2 * r + 1) * k);
  }
  const entropyOf = entropyOfMoments(a.k);
  const scatter = jackknife(
    { data, replicas: a.replicas, k: 2 * k },
    (means) => entropyOf(means.subarray(k)) - entropyOf(means.subarray(0, k)),
  );
  return { ...independent(from, to, method), standardError: scatter.standardError };
}

/** z − c and its products, [replica, d + d²], c the first finite row: means of squares keep digits. */
function momentRows({ data, replicas, k: d }: ReplicaSamples): ReplicaSamples {
  const k = d + d * d;
  const rows = new Float64Array(replicas * k);
  let first = 0;
  while (
    first < replicas - 1 &&
    !data.subarray(first * d, (first + 1) * d).every(Number.isFinite)
  ) {
    first++;
  }
  for (let r = 0; r < replicas; r++) {
    for (let i = 0; i < d; i++) {
      const x = data[r * d + i]! - data[first * d + i]!;
      rows[r * k + i] = x;
      for (let j = 0; j < d; j++) {
        rows[r * k + d + i * d + j] = x * (data[r * d + j]! - data[first * d + j]!);
      }
    }
  }
  return { data: rows, replicas, k };
}

/**
 * S_b − S_a of nearest-neighbor entropies of samples [replica, k = d], in nats.
 *
 * standardError: not paired, in quadrature; paired, jackknife over 20 groups of pairs (blocks will not
 * do: how much of the noise cancels depends on the distance to the neighbor), at 40 times the cost and
 * an upper bound: up to twice too large where most of the noise cancels. Not covered: the difference of the biases.
 *
 * @throws ArgumentError when pairs do not match; RefusalError as `nearestNeighborEntropy`.
 * @example
 * const [cold, hot] = [centers, expected].map((data) => ({ data, replicas, k: 2 }));
 * neighborEntropyDifference(cold!, hot!, { paired: true, neighbors: 4 });
 */
export function neighborEntropyDifference(
  a: ReplicaSamples,
  b: ReplicaSamples,
  { paired, ...options }: PairOptions & NearestNeighborOptions,
): Estimate {
  const method = `difference of entropies by neighbors, ${paired ? "pairs of" : "independent"} replicas`;
  const estimates = [a, b].map((one) => nearestNeighborEntropy(one, options));
  const difference = independent(estimates[0]!, estimates[1]!, method);
  if (!paired) return difference;
  requirePairs("neighborEntropyDifference", a.replicas === b.replicas && a.k === b.k);
  const without = Array.from({ length: GROUPS }, (_, g) => {
    const [from, to] = [a, b].map((one) => nearestNeighborValue(withoutGroup(one, g), options)) as [
      number,
      number,
    ];
    return to - from;
  });
  return { ...difference, standardError: (GROUPS - 1) * scatterError(without) };
}

/** Every 20th sample left out. */
function withoutGroup({ data, replicas, k }: ReplicaSamples, group: number): ReplicaSamples {
  const kept = [...Array(replicas).keys()].filter((r) => r % GROUPS !== group);
  const rest = new Float64Array(kept.length * k);
  kept.forEach((r, i) => {
    rest.set(data.subarray(r * k, (r + 1) * k), i * k);
  });
  return { data: rest, replicas: kept.length, k };
}

function requirePairs(where: string, fits: boolean): void {
  if (fits) return;
  throw new ArgumentError(
    `${where}: the two conditions are not of the same replicas; give paired: false, or the same ` +
      "finite replicas of both.",
  );
}
