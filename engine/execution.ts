/**
 * How an ensemble is run: choices that change how fast it is, and its numbers by rounding at most.
 *
 * What is not chosen here is measured on the device (`run/tune.ts`), or follows a rule where
 * measuring is turned off.
 */

export const SCHEDULES = ["thread", "workgroup", "batched"] as const;

export type Schedule = (typeof SCHEDULES)[number];

/** How matrix products share loads: not at all, or between lanes of a subgroup. */
export const TILES = ["registers", "subgroups"] as const;

export type TileKind = (typeof TILES)[number];

/** What the tuner chooses. A trajectory is bitwise the same under the same setting. */
export interface PlanSetting {
  /** How replicas are mapped to the device. */
  readonly schedule?: Schedule;
  /** Invocations of a workgroup. */
  readonly workgroup?: number;
  /** Loop nests of up to this many iterations are written out. */
  readonly unroll?: number;
  /** Of `batched`: tiles of its products; `subgroups` where the device has them, unless said otherwise. */
  readonly tile?: TileKind;
}

/** Choices that change how fast a run is and nothing else. */
export interface Execution extends PlanSetting {
  readonly stepsPerDispatch?: number;
  readonly lanesPerChunk?: number;
  /** Measure what the setting leaves open, unless an earlier answer is kept; true unless said otherwise. */
  readonly tune?: boolean;
}

/** The setting in a larger object, without members that are left open. */
export function settingOf({ schedule, workgroup, unroll, tile }: PlanSetting): PlanSetting {
  return {
    ...(schedule !== undefined && { schedule }),
    ...(workgroup !== undefined && { workgroup }),
    ...(unroll !== undefined && { unroll }),
    ...(tile !== undefined && { tile }),
  };
}

/** `thread/64`, `thread/16 with loops kept` */
export function printSetting({ schedule, workgroup, unroll, tile }: PlanSetting): string {
  const size = workgroup === undefined ? "" : `/${workgroup}`;
  const loops = unroll === undefined ? "" : unroll === 0 ? ", loops kept" : `, unroll ${unroll}`;
  const tiles = tile === undefined ? "" : `, tiles in ${tile}`;
  return `${schedule ?? "any"}${size}${loops}${tiles}`;
}

export const isSame = (one: PlanSetting, other: PlanSetting): boolean =>
  agrees(one, other) && agrees(other, one);

/** Does `setting` have every member that `wanted` has, with its value? */
export const agrees = (setting: PlanSetting, wanted: PlanSetting): boolean =>
  (wanted.schedule === undefined || wanted.schedule === setting.schedule) &&
  (wanted.workgroup === undefined || wanted.workgroup === setting.workgroup) &&
  (wanted.unroll === undefined || wanted.unroll === setting.unroll) &&
  (wanted.tile === undefined || wanted.tile === setting.tile);

const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;

/** A setting out of a file or a checkpoint; null where it is none. */
export function readSetting(value: unknown): PlanSetting | null {
  if (typeof value !== "object" || value === null) return null;
  const { schedule, workgroup, unroll, tile } = value as Record<string, unknown>;
  const isSetting =
    SCHEDULES.some((known) => known === schedule) &&
    (workgroup === undefined || isCount(workgroup)) &&
    (unroll === undefined || isCount(unroll)) &&
    (tile === undefined || TILES.some((known) => known === tile));
  return isSetting ? settingOf(value as PlanSetting) : null;
}
