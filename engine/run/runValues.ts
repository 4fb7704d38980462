/** The uniform of a dispatch, but for what differs between dispatches of a stretch over a chunk. */
import type { RUN_SCHEMA } from "../plan/threadPlan.ts";
import type { Chunk } from "./chunk.ts";
import type { Resolved } from "./options.ts";
import type { Stretch } from "./stepper.ts";

export type RunValues = Readonly<Record<keyof typeof RUN_SCHEMA, number>>;

export function constantValues(
  { seed, replicas, commonNoise, bounds, conditions }: Resolved,
  chunk: Chunk,
  { window }: Stretch,
): Omit<RunValues, "first_step" | "steps" | "first_lane" | "last_lane" | "rebuild"> {
  return {
    seed,
    lanes: chunk.lanes,
    global_lane: chunk.firstLane,
    replicas: replicas.count,
    first_replica: replicas.first,
    conditions: conditions.length,
    common_noise: commonNoise ? 1 : 0,
    observe_first: window?.observeFirst ?? 0,
    window_first: window?.first ?? 0,
    theta_bound: bounds.theta,
    loss_bound: bounds.loss,
  };
}
