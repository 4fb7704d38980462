/**
 * The lanes of an ensemble as they stand, lent to a measure of the engine that reads them on the
 * device (`engine/curvature/`).
 */
import type { Device } from "../device.ts";
import type { SchedulePlan } from "../plan/schedule.ts";
import type { Setting } from "../update/updateRule.ts";
import type { LaneMemory } from "./laneMemory.ts";
import type { Resolved } from "./options.ts";

/** Valid until the measure it was lent to returns; nothing in it may be changed. */
export interface LaneAccess {
  readonly device: Device;
  readonly resolved: Resolved;
  readonly plan: SchedulePlan;
  readonly memory: LaneMemory;
  /** SGD steps taken so far. */
  readonly step: number;
  /** Hyperparameters of each condition, as they are now. */
  readonly settings: readonly Setting[];
}

/** Who lends its lanes: an ensemble. */
export interface Lender {
  /** Runs `measure` on the lanes, and nothing else meanwhile; means over groups are current. */
  lend<T>(what: string, measure: (lanes: LaneAccess) => Promise<T>): Promise<T>;
}
