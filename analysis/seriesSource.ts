/**
 * Where time series come from: a SeriesRecord with quantity and condition, or plain arrays.
 *
 * Every estimator on series takes both, through `replicaSeries`, which also leaves out replicas
 * that froze. No statistics here.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { SeriesRecord } from "../engine/record.ts";
import { noEstimate } from "./estimate.ts";
import { checkIndependent } from "./groups.ts";
import { refuse } from "./refusal.ts";
import { replicaWarnings } from "./replicas.ts";

/** A record, or one array of equal length per replica, [replica][time], sampled at each step. */
export type SeriesSource = SeriesRecord | readonly ArrayLike<number>[];

export interface SeriesChoice {
  /** Name of the quantity; may be left out when the record has one. */
  readonly quantity?: string;
  /** Index of the condition, default 0. */
  readonly condition?: number;
}

export interface ReplicaSeries {
  /** For messages, e.g. `loss`. */
  readonly name: string;
  /** SGD steps between two samples. */
  readonly every: number;
  /** Samples in each series. */
  readonly length: number;
  /** [kept replica][time], finite throughout. */
  readonly series: readonly ArrayLike<number>[];
  /** Which replica of the record each series is. */
  readonly kept: readonly number[];
  /** Replicas in the record, left out ones included. */
  readonly replicas: number;
  /** Says how many replicas were left out, if any. */
  readonly warnings: readonly string[];
}

/**
 * The finite series of one quantity and condition.
 * @throws ArgumentError for a name or index that is not there, series of unequal length, or replicas
 *   that interact.
 * @throws RefusalError when no replica is finite throughout.
 */
export function replicaSeries(
  where: string,
  source: SeriesSource,
  choice: SeriesChoice = {},
): ReplicaSeries {
  const all = isRecord(source) ? ofRecord(where, source, choice) : ofArrays(where, source);
  const kept = all.series.flatMap((values, r) => (isFiniteThroughout(values) ? [r] : []));
  const series = kept.map((r) => all.series[r]!);
  if (series.length === 0) {
    refuse(
      `${where}: none of ${all.series.length} replicas has a finite series (frozen or diverged); ` +
        "lower learningRate.",
      noEstimate(where),
    );
  }
  const dropped = all.series.length - series.length;
  return {
    name: all.name,
    every: all.every,
    length: series[0]!.length,
    series,
    kept,
    replicas: all.series.length,
    warnings: dropped > 0 ? replicaWarnings(dropped, all.series.length).slice(0, 1) : [],
  };
}

function isRecord(source: SeriesSource): source is SeriesRecord {
  return !Array.isArray(source);
}

type NamedSeries = Pick<ReplicaSeries, "name" | "every" | "series">;

function ofRecord(where: string, record: SeriesRecord, choice: SeriesChoice): NamedSeries {
  checkIndependent(where, record);
  const { quantities, values, every } = record;
  const known = quantities.join(", ");
  if (choice.quantity === undefined && quantities.length !== 1) {
    throw new ArgumentError(`${where}: the record has quantities ${known}; name one.`);
  }
  const name = choice.quantity ?? quantities[0]!;
  const quantity = quantities.indexOf(name);
  if (quantity < 0) {
    throw new ArgumentError(`${where}: no quantity "${name}" in the record, which has ${known}.`);
  }
  const [, conditions, replicas, times] = values.axes.map((axis) => axis.length) as number[];
  const condition = choice.condition ?? 0;
  checkCondition(where, condition, conditions!);
  const first = (quantity * conditions! + condition) * replicas!;
  const series = Array.from({ length: replicas! }, (_, r) =>
    values.data.subarray((first + r) * times!, (first + r + 1) * times!),
  );
  return { name, every, series };
}

function ofArrays(where: string, series: readonly ArrayLike<number>[]): NamedSeries {
  const length = series[0]?.length ?? 0;
  if (series.some((values) => values.length !== length)) {
    throw new ArgumentError(`${where}: series of unequal length; give [replica][time].`);
  }
  return { name: "series", every: 1, series };
}

/** @throws ArgumentError unless `condition` is an index into the condition axis. */
export function checkCondition(where: string, condition: number, conditions: number): void {
  if (!Number.isInteger(condition) || condition < 0 || condition >= conditions) {
    throw new ArgumentError(
      `${where}: condition ${condition} is not one of 0 to ${conditions - 1} in the record.`,
    );
  }
}

function isFiniteThroughout(values: ArrayLike<number>): boolean {
  for (let t = 0; t < values.length; t++) if (!Number.isFinite(values[t]!)) return false;
  return values.length > 0;
}
