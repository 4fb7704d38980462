/**
 * Means, covariances, lagged covariances and area rates from accumulated moments.
 *
 * All are functions of ensemble means (the mean over replicas of each replica's time averages), so
 * that errors come from the jackknife over replicas and the mean subtracted is the ensemble's, not
 * each replica's own, whose subtraction would make covariances low by the variance of a replica's
 * time average (τ/T of the covariance). They are polynomials of degree two in those means, hence
 * the bias-corrected jackknife is unbiased exactly, for any number of replicas R >= 2: what
 * remains is the transient, the finite learning rate, and float32 in the simulation.
 *
 * Sign and unit of areas: positive is counterclockwise with i to the right and j up;
 * coordinate_i · coordinate_j per SGD step.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { MomentsRecord } from "../engine/record.ts";
import {
  type Coordinate,
  coordinateIndex,
  lagIndex,
  type MomentColumns,
  momentColumns,
} from "./coordinates.ts";
import type { Estimate } from "./estimate.ts";
import { jackknife } from "./jackknife.ts";
import { replicaMean } from "./replicas.ts";

export interface MeanChoice {
  /** Index of the condition, default 0. */
  readonly condition?: number;
  readonly i: Coordinate;
}

export interface PairChoice extends MeanChoice {
  readonly j: Coordinate;
}

export interface LaggedChoice extends PairChoice {
  /** In SGD steps. */
  readonly lag: number;
}

/**
 * ⟨z_i⟩ over time and replicas, the record's reference point added back.
 *
 * Error: scatter of the replicas' time averages. Taken over the origins of the shortest lag.
 *
 * @throws ArgumentError for a condition or coordinate that is not there; RefusalError when all
 *   replicas froze.
 */
export function mean(record: MomentsRecord, choice: MeanChoice): Estimate {
  const { values, reference } = firstMoments("mean", record, choice);
  const estimate = replicaMean(values);
  return { ...estimate, value: estimate.value + reference };
}

/**
 * ⟨z_i⟩ over the time of each replica, the reference point added back, [replica]: the input of
 * `ratioOfMeans`. A replica that froze is NaN.
 *
 * @throws ArgumentError as `mean` does.
 * @example replicaMoments(record.moments, { i: "theta.g" })
 */
export function replicaMoments(record: MomentsRecord, choice: MeanChoice): Float64Array {
  const { values, reference } = firstMoments("replicaMoments", record, choice);
  return values.map((value) => value + reference);
}

/**
 * ⟨z_i²⟩ over the time of each replica, about zero, [replica]: for norms and energies, and the input of
 * `ratioOfMeans`; needs lag 0 in the record. A replica that froze is NaN.
 *
 * @throws ArgumentError as `covariance` does.
 * @example replicaSquares(record.moments, { i: "g.w[0]" })
 */
export function replicaSquares(record: MomentsRecord, choice: MeanChoice): Float64Array {
  const lag = lagIndex("replicaSquares", record, 0);
  const index = coordinateIndex("replicaSquares", record, choice.i);
  const columns = momentColumns("replicaSquares", record, choice.condition ?? 0, lag);
  const c = columns.reference(index);
  return Float64Array.from(
    { length: columns.replicas },
    (_, r) => columns.second(r, index, index) + c * (2 * columns.first(r, index) + c),
  );
}

function firstMoments(
  where: string,
  record: MomentsRecord,
  { condition = 0, i }: MeanChoice,
): { values: Float64Array; reference: number } {
  const index = coordinateIndex(where, record, i);
  const shortest = record.lags.indexOf(Math.min(...record.lags));
  const columns = momentColumns(where, record, condition, shortest);
  // Frozen replicas are marked in the second moments.
  const values = Float64Array.from({ length: columns.replicas }, (_, r) =>
    Number.isFinite(columns.second(r, index, index)) ? columns.first(r, index) : Number.NaN,
  );
  return { values, reference: columns.reference(index) };
}

/**
 * Cov(z_i, z_j) = ⟨z_i z_j⟩ − ⟨z_i⟩⟨z_j⟩ in the stationary state; needs lag 0 in the record.
 *
 * Error: jackknife over replicas; unbiased for independent replicas (file head).
 *
 * @throws ArgumentError when lag 0, the condition or a coordinate is not in the record;
 *   RefusalError when all replicas froze.
 * @example covariance(record.moments, { i: "theta[0]", j: "theta[1]" })
 */
export function covariance(record: MomentsRecord, choice: PairChoice): Estimate {
  return lagged("covariance", record, { ...choice, lag: 0 });
}

/**
 * C_ij(L) = ⟨z_i(t) z_j(t+L)⟩ − ⟨z_i(t)⟩⟨z_j(t+L)⟩: the second coordinate is the later one.
 *
 * Error and refusals as `covariance`.
 */
export function laggedCovariance(record: MomentsRecord, choice: LaggedChoice): Estimate {
  return lagged("laggedCovariance", record, choice);
}

function lagged(where: string, record: MomentsRecord, choice: LaggedChoice): Estimate {
  const { i, j, columns } = pairColumns(where, record, choice);
  const read = (r: number) => [
    columns.second(r, i, j),
    columns.first(r, i),
    columns.firstEnd(r, j),
  ];
  return polynomial(columns.replicas, 3, read, (m) => m[0]! - m[1]! * m[2]!);
}

export interface AreaChoice extends PairChoice {
  /** In SGD steps, default 1. Longer lags lower the rate of a rotation that turns within them. */
  readonly lag?: number;
}

/**
 * Signed area swept per step in the (z_i, z_j) plane about the stationary mean, the signature of
 * a probability current:
 *   Ω_ij = ½⟨z_i(t) z_j(t+L) − z_j(t) z_i(t+L)⟩/L,
 * with the product of ensemble means ½(⟨z_i(t)⟩⟨z_j(t+L)⟩ − ⟨z_j(t)⟩⟨z_i(t+L)⟩) subtracted, which is the
 * area about the mean of origins and ends. Antisymmetric; zero in equilibrium.
 *
 * Error: jackknife over replicas; unbiased for independent replicas (file head).
 *
 * @throws ArgumentError when the lag, the condition or a coordinate is not in the record, or
 *   lag < 1; RefusalError when all replicas froze.
 * @see J. P. Gonzalez, J. C. Neu, S. W. Teitsworth, Phys. Rev. E 99, 022143 (2019) for the area
 *   as a measure of currents.
 * @example areaRate(record.moments, { i: "theta[0]", j: "theta[1]" })
 */
export function areaRate(record: MomentsRecord, choice: AreaChoice): Estimate {
  const lag = choice.lag ?? 1;
  if (!(lag >= 1)) throw new ArgumentError(`areaRate: lag is ${lag}; give at least 1 step.`);
  const { i, j, columns } = pairColumns("areaRate", record, { ...choice, lag });
  const read = (r: number) => [
    columns.second(r, i, j),
    columns.second(r, j, i),
    columns.first(r, i),
    columns.first(r, j),
    columns.firstEnd(r, i),
    columns.firstEnd(r, j),
  ];
  return polynomial(columns.replicas, 6, read, (m) => {
    const products = m[2]! * m[5]! - m[3]! * m[4]!;
    return (0.5 * (m[0]! - m[1]! - products)) / lag;
  });
}

function pairColumns(
  where: string,
  record: MomentsRecord,
  { condition = 0, i, j, lag }: LaggedChoice,
): { i: number; j: number; columns: MomentColumns } {
  const columns = momentColumns(where, record, condition, lagIndex(where, record, lag));
  return {
    i: coordinateIndex(where, record, i),
    j: coordinateIndex(where, record, j),
    columns,
  };
}

/** Bias-corrected jackknife of a function of k per-replica averages. */
function polynomial(
  replicas: number,
  k: number,
  read: (replica: number) => readonly number[],
  f: (means: Float64Array) => number,
): Estimate {
  const data = new Float64Array(replicas * k);
  for (let r = 0; r < replicas; r++) data.set(read(r), r * k);
  return jackknife({ data, replicas, k }, f, { biasCorrected: true });
}
