/**
 * One condition of a ladder of learning rates: stationary energy and entropy, and how their errors go
 * together, as temperatures need them.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { MomentsRecord } from "../engine/record.ts";
import { coordinateIndex, lagIndex, momentColumns } from "./coordinates.ts";
import type { Estimate } from "./estimate.ts";
import {
  type EntropyChoice,
  entropyOfMoments,
  momentSamples,
  stationaryEntropy,
} from "./gaussianEntropy.ts";
import { type GraphOptions, graphEntropyOf } from "./graphEntropy.ts";
import { jackknife, type ReplicaSamples } from "./jackknife.ts";
import type { NearestNeighborEntropy } from "./nearestNeighborEntropy.ts";
import { replicaMean } from "./replicas.ts";
import { finitePoints } from "./samplePoints.ts";

export interface LadderPoint {
  /** U, mean loss. */
  readonly energy: Estimate;
  /** S, in nats. */
  readonly entropy: Estimate;
  /** Covariance of the two estimators, which come from the same replicas. */
  readonly covariance: number;
}

/**
 * U and the Gaussian entropy of one condition: replicas' mean losses and their moments.
 *
 * `energies` [replica], e.g. `replicaTimeMeans(record.loss)`. Errors and covariance by the jackknife over
 * replicas.
 *
 * @throws as `stationaryEntropy` does; ArgumentError when the numbers of replicas differ.
 * @example gaussianLadderPoint(replicaTimeMeans(record.loss), record.moments)
 */
export function gaussianLadderPoint(
  energies: ArrayLike<number>,
  record: MomentsRecord,
  choice: EntropyChoice = {},
): LadderPoint {
  const where = "gaussianLadderPoint";
  const columns = momentColumns(where, record, choice.condition ?? 0, lagIndex(where, record, 0));
  const chosen = (choice.coordinates ?? record.coordinates.map((_, k) => k)).map((coordinate) =>
    coordinateIndex(where, record, coordinate),
  );
  checkReplicas(where, energies, columns.replicas);
  const energy = replicaMean(energies);
  const entropy = stationaryEntropy(record, choice);
  const samples = withColumn(momentSamples(columns, chosen), energies);
  const entropyOf = entropyOfMoments(chosen.length);
  const covariance = jackknifeCovariance(samples, (m) => m[samples.k - 1]!, entropyOf);
  return { energy, entropy, covariance };
}

/**
 * U and the nearest-neighbor entropy of one condition, from the same replicas in the same order.
 *
 * The correlation of the two errors is that of the blocks' mean energies and entropies.
 *
 * @throws ArgumentError when the entropy names a replica that has no energy.
 */
export function nearestNeighborLadderPoint(
  energies: ArrayLike<number>,
  entropy: NearestNeighborEntropy,
): LadderPoint {
  const { blocks } = entropy;
  const last = Math.max(...blocks.map(({ rows }) => rows.at(-1)!));
  if (last >= energies.length) {
    throw new ArgumentError(
      `nearestNeighborLadderPoint: ${energies.length} energies, the entropy is of replica ${last} as ` +
        "well; give one energy for each replica.",
    );
  }
  const energy = replicaMean(energies);
  const means = blocks.map(
    ({ rows }) => rows.reduce((sum, row) => sum + energies[row]!, 0) / rows.length,
  );
  const correlation = correlationOf(
    means,
    blocks.map((block) => block.entropy),
  );
  return {
    energy,
    entropy,
    covariance: correlation * energy.standardError * entropy.standardError,
  };
}

export interface CloudOptions extends GraphOptions {
  /** Replicas are dealt to so many clouds of equal size in their order. */
  readonly clouds: number;
}

/**
 * U and the graph entropy of one condition: mean over equal clouds of replicas, data [replica, k], whose
 * scatter gives the errors and their covariance.
 *
 * The entropy is that of clouds of their size, up to a constant. Replicas that are not finite are left
 * out.
 *
 * @throws ArgumentError when the numbers of replicas differ or clouds are smaller than the graph asks.
 * @example
 * graphLadderPoint(expected, { data: centers, replicas: 20_000, k: 4 }, { clouds: 20, neighbors: 50 })
 */
export function graphLadderPoint(
  energies: ArrayLike<number>,
  samples: ReplicaSamples,
  { clouds, ...options }: CloudOptions,
): LadderPoint {
  checkReplicas("graphLadderPoint", energies, samples.replicas);
  const { points, rows } = finitePoints(samples);
  const size = Math.floor(rows.length / clouds);
  const entropies: number[] = [];
  const means: number[] = [];
  for (let c = 0; c < clouds; c++) {
    const own = rows.slice(c * size, (c + 1) * size);
    const cloud = points.subarray(c * size * samples.k, (c + 1) * size * samples.k);
    entropies.push(graphEntropyOf(cloud, samples.k, options));
    means.push(own.reduce((sum, row) => sum + energies[row]! / size, 0));
  }
  const energy = replicaMean(energies);
  const method = `graph of ${size} replicas, mean over ${clouds} clouds`;
  const entropy = { ...replicaMean(entropies), method };
  const correlation = correlationOf(means, entropies);
  return {
    energy,
    entropy,
    covariance: correlation * energy.standardError * entropy.standardError,
  };
}

function checkReplicas(where: string, energies: ArrayLike<number>, replicas: number): void {
  if (energies.length === replicas) return;
  throw new ArgumentError(
    `${where}: ${energies.length} energies and moments of ${replicas} replicas; give one of each.`,
  );
}

function withColumn({ data, replicas, k }: ReplicaSamples, column: ArrayLike<number>) {
  const wider = new Float64Array(replicas * (k + 1));
  for (let r = 0; r < replicas; r++) {
    wider.set(data.subarray(r * k, (r + 1) * k), r * (k + 1));
    wider[r * (k + 1) + k] = column[r]!;
  }
  return { data: wider, replicas, k: k + 1 };
}

/**
 * Jackknife covariance of two functions of the same means, by polarization:
 * Cov(f, g) = ½ ab [Var(f/a + g/b) − Var(f/a) − Var(g/b)], a and b their errors.
 */
function jackknifeCovariance(
  samples: ReplicaSamples,
  f: (means: Float64Array) => number,
  g: (means: Float64Array) => number,
): number {
  const a = jackknife(samples, f).standardError;
  const b = jackknife(samples, g).standardError;
  if (!(a > 0 && b > 0)) return 0;
  const both = jackknife(samples, (means) => f(means) / a + g(means) / b).standardError;
  return (a * b * (both ** 2 - 2)) / 2;
}

function correlationOf(x: readonly number[], y: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  let xy = 0;
  let xx = 0;
  let yy = 0;
  for (let i = 0; i < x.length; i++) {
    xy += (x[i]! - mx) * (y[i]! - my);
    xx += (x[i]! - mx) ** 2;
    yy += (y[i]! - my) ** 2;
  }
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : 0;
}
