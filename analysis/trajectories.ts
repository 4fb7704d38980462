/** Paths of several coordinates of one condition, replica by replica. No statistics here. */
import { ArgumentError } from "../engine/errors.ts";
import type { SeriesRecord } from "../engine/record.ts";
import { noEstimate } from "./estimate.ts";
import { refuse } from "./refusal.ts";
import { replicaWarnings } from "./replicas.ts";
import { replicaSeries } from "./seriesSource.ts";

export interface TrajectoryChoice {
  /** Index of the condition, default 0. */
  readonly condition?: number;
  /** Quantities of the record that are the coordinates, default all of them. */
  readonly of?: readonly string[];
  /** Time of one SGD step, default 1: rates are per unit of it. */
  readonly timeStep?: number;
}

export interface Trajectories {
  /** [replica][coordinate][time], finite throughout. */
  readonly paths: readonly (readonly ArrayLike<number>[])[];
  readonly dimensions: number;
  /** States of each path. */
  readonly length: number;
  /** Time between two states. */
  readonly interval: number;
  readonly warnings: readonly string[];
}

/**
 * The paths of a record whose coordinates are all finite.
 *
 * @throws ArgumentError for a quantity or condition that is not there, fewer than 2 states or a time
 *   step that is not positive; RefusalError when no replica is finite throughout.
 */
export function trajectories(
  where: string,
  record: SeriesRecord,
  { condition = 0, of = record.quantities, timeStep = 1 }: TrajectoryChoice = {},
): Trajectories {
  if (!(timeStep > 0 && Number.isFinite(timeStep))) {
    throw new ArgumentError(`${where}: timeStep is ${timeStep}; give a positive number.`);
  }
  const all = of.map((quantity) => replicaSeries(where, record, { quantity, condition }));
  const first = all[0];
  if (first === undefined) {
    throw new ArgumentError(`${where}: no coordinate is chosen; name at least one quantity.`);
  }
  if (first.length < 2) {
    throw new ArgumentError(
      `${where}: ${first.length} state of each replica is recorded; a displacement takes 2.`,
    );
  }
  const byReplica = all.map((one) => new Map(one.kept.map((r, at) => [r, one.series[at]!])));
  const kept = first.kept.filter((r) => byReplica.every((series) => series.has(r)));
  if (kept.length === 0) {
    refuse(
      `${where}: no replica is finite in every coordinate; lower learningRate.`,
      noEstimate(where),
    );
  }
  return {
    paths: kept.map((r) => byReplica.map((series) => series.get(r)!)),
    dimensions: all.length,
    length: first.length,
    interval: first.every * timeStep,
    warnings: replicaWarnings(first.replicas - kept.length, first.replicas),
  };
}
