/**
 * The plan of an ensemble by schedule: the one that is asked for, or the one chosen by rule.
 */
import type { TileKind } from "../execution.ts";
import type { ObservationPlan } from "../observe/observation.ts";
import { type BatchedPlan, planBatched } from "./batched/batchedPlan.ts";
import type { Schedule } from "./schedule.ts";
import {
  checkFunctionMemory,
  planThread,
  type ThreadPlan,
  type ThreadRequest,
} from "./threadPlan.ts";
import { planWorkgroup, type WorkgroupPlan } from "./workgroup/workgroupPlan.ts";

export type EnsemblePlan = ThreadPlan | WorkgroupPlan | BatchedPlan;

/** What a device allows. */
export interface PlanLimits {
  /** Bytes of workgroup memory. */
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxStorageBufferBindingSize: number;
  readonly maxBufferSize: number;
  readonly minStorageBufferOffsetAlignment: number;
  /** Fewest lanes of a subgroup; 0 without the feature `subgroups`. */
  readonly subgroupMinSize: number;
}

/** What every WebGPU device allows. */
export const DEFAULT_LIMITS: PlanLimits = {
  maxComputeWorkgroupStorageSize: 16384,
  maxStorageBufferBindingSize: 2 ** 27,
  maxBufferSize: 2 ** 28,
  minStorageBufferOffsetAlignment: 256,
  subgroupMinSize: 0,
};

export interface PlanRequest extends ThreadRequest {
  readonly schedule?: Schedule;
  readonly tile?: TileKind;
  readonly observation: ObservationPlan | null;
  readonly limits: PlanLimits;
}

/** @throws LimitError, with numbers and the remedy, where the schedule cannot run this ensemble. */
export function planEnsemble(request: PlanRequest): EnsemblePlan {
  const { schedule = "thread" } = request;
  if (schedule === "thread") {
    const plan = planThread(request);
    checkFunctionMemory(plan, request.observation);
    return plan;
  }
  if (schedule === "workgroup") return planWorkgroup(request);
  return planBatched(request);
}
