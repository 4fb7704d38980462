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
import type { NearestNeighborEntropy } from "./nearestNeighborEntropy.ts";
import { scatterError } from "./neighborBlocks.ts";

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
 * @example entropyDifference(graphEntropy(cold), graphEntropy(hot))
 */
export const entropyDifference = (a: Estimate, b: Estimate): Estimate =>
  independent(a, b, `difference of ${a.method}, independent conditions`);

/**
 * S_b − S_a of the Gaussian entropies of samples [replica, k = d], bias-corrected.
 *
 * standardError: jackknife over (pairs of) replicas, no law assumed.
 *
 * @throws ArgumentError when pairs do not match; RefusalError as `gaussianEntropy`.
 * @example gaussianEntropyDifference(cold, hot, { paired: true })
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
 * S_b − S_a of nearest-neighbor entropies, in nats.
 *
 * standardError: paired, the scatter of the differences of their blocks, which must be of the same
 * replicas; else in quadrature. Not covered: the difference of their biases.
 *
 * @throws ArgumentError when the blocks of pairs are not of the same replicas.
 * @example neighborEntropyDifference(nearestNeighborEntropy(cold), nearestNeighborEntropy(hot), { paired: true })
 */
export function neighborEntropyDifference(
  a: NearestNeighborEntropy,
  b: NearestNeighborEntropy,
  { paired }: PairOptions,
): Estimate {
  const method = `difference of ${a.method}, ${paired ? "pairs of" : "independent"} replicas`;
  const difference = independent(a, b, method);
  if (!paired) return difference;
  const fits =
    a.blocks.length === b.blocks.length &&
    a.blocks.every(({ rows }, i) => {
      const others = b.blocks[i]!.rows;
      return rows.length === others.length && rows.every((row, j) => row === others[j]);
    });
  requirePairs("neighborEntropyDifference", fits);
  const differences = a.blocks.map(({ entropy }, i) => b.blocks[i]!.entropy - entropy);
  return { ...difference, standardError: scatterError(differences) };
}

function requirePairs(where: string, fits: boolean): void {
  if (fits) return;
  throw new ArgumentError(
    `${where}: the two conditions are not of the same replicas; give paired: false, or the same ` +
      "finite replicas of both.",
  );
}
