/** How a pass over a data set is run: the rule, for all that pass over data. */
import type { Model } from "../model.ts";
import type { SchedulePlan } from "./schedule.ts";
import { FUNCTION_MEMORY } from "./threadPlan.ts";

/**
 * Does a pass run in stages (`batched/passPlan.ts`), or in one invocation for each lane and block?
 *
 * In stages where the ensemble's steps do, and where `vectors` of all parameters pass function memory.
 * Replicas that interact never do: stages know no means over groups.
 */
export const passesInStages = (
  { parameterCount, interacts }: Model,
  { schedule }: Pick<SchedulePlan, "schedule">,
  vectors: number,
): boolean =>
  !interacts && (schedule !== "thread" || 4 * vectors * parameterCount > FUNCTION_MEMORY);
