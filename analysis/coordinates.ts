/** Picks columns of a MomentsRecord, per replica, as the jackknife takes them. */
import { ArgumentError } from "../engine/errors.ts";
import type { MomentsRecord } from "../engine/record.ts";
import { checkIndependent } from "./groups.ts";
import { checkCondition } from "./seriesSource.ts";

/** A coordinate by its name in the record or by its index. */
export type Coordinate = string | number;

/**
 * Index of a coordinate.
 * @throws ArgumentError listing what there is.
 */
export function coordinateIndex(
  where: string,
  record: MomentsRecord,
  coordinate: Coordinate,
): number {
  const { coordinates } = record;
  const index = typeof coordinate === "number" ? coordinate : coordinates.indexOf(coordinate);
  if (Number.isInteger(index) && index >= 0 && index < coordinates.length) return index;
  const shown = coordinates.slice(0, 8).join(", ");
  throw new ArgumentError(
    `${where}: no coordinate ${JSON.stringify(coordinate)} among the ${coordinates.length} in the ` +
      `record (${shown}${coordinates.length > 8 ? ", …" : ""}).`,
  );
}

/**
 * Index of a lag given in SGD steps.
 * @throws ArgumentError when the record does not hold it.
 */
export function lagIndex(where: string, record: MomentsRecord, lag: number): number {
  const index = record.lags.indexOf(lag);
  if (index >= 0) return index;
  throw new ArgumentError(
    `${where}: the record holds lags ${record.lags.join(", ")}, not ${lag}; ask for it when the ` +
      "ensemble is created.",
  );
}

/** Per-replica moments of one condition and lag, by [replica] and coordinate index. */
export interface MomentColumns {
  readonly replicas: number;
  /** ⟨z_i − c_i⟩ over the origins. */
  readonly first: (replica: number, i: number) => number;
  /** ⟨z_i − c_i⟩ over the ends. */
  readonly firstEnd: (replica: number, i: number) => number;
  /** ⟨(z_t − c)_i (z_{t+lag} − c)_j⟩. */
  readonly second: (replica: number, i: number, j: number) => number;
  /** c_i. */
  readonly reference: (i: number) => number;
}

/** @throws ArgumentError for a condition that is not in the record, or replicas that interact. */
export function momentColumns(
  where: string,
  record: MomentsRecord,
  condition: number,
  lag: number,
): MomentColumns {
  const [conditions, replicas] = record.first.axes.map((axis) => axis.length) as [number, number];
  checkCondition(where, condition, conditions);
  checkIndependent(where, record);
  const lags = record.lags.length;
  const d = record.coordinates.length;
  const row = (replica: number) => (condition * replicas + replica) * lags + lag;
  const { first, firstEnd, second, reference } = record;
  return {
    replicas,
    first: (replica, i) => first.data[row(replica) * d + i]!,
    firstEnd: (replica, i) => firstEnd.data[row(replica) * d + i]!,
    second: (replica, i, j) => second.data[(row(replica) * d + i) * d + j]!,
    reference: (i) => reference.data[condition * d + i]!,
  };
}
