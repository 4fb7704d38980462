/**
 * The ways to run an ensemble, and what their plans have in common.
 *
 * | schedule    | one replica is                 | its state lives in      |
 * |-------------|--------------------------------|-------------------------|
 * | `thread`    | one invocation                 | function memory         |
 * | `workgroup` | one workgroup                  | workgroup memory        |
 * | `batched`   | an index of fused dispatches   | storage                 |
 *
 * A trajectory is the same in all three, up to rounding.
 */
import type { Schedule } from "../execution.ts";
import type { RowLayout } from "../wgsl/row.ts";
import type { GroupMeansPlan, InteractionRequest } from "./interactionSlots.ts";

export { SCHEDULES, type Schedule } from "../execution.ts";

/** Plain data: can be printed and compared without a GPU. */
export interface SchedulePlan {
  readonly schedule: Schedule;
  readonly row: RowLayout;
  /** Loop nests of up to this many iterations are written out in kernels of one invocation a replica. */
  readonly unroll: number;
  /** The largest batch that its kernels take; null: any. */
  readonly maxBatch: number | null;
  /** Why this plan, one sentence each. */
  readonly reasons: readonly string[];
  /** Who interacts with whom; null where no replicas do. */
  readonly interaction: InteractionRequest | null;
  /** The kernel of the means over groups, which goes before each step; null where none interact. */
  readonly groupMeans: GroupMeansPlan | null;
}
