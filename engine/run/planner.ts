/** An ensemble's plan under one setting, with the options and the observables as they are under it. */
import type { Device } from "../device.ts";
import { type PlanSetting, settingOf } from "../execution.ts";
import type { Observables, ObservationPlan } from "../observe/observation.ts";
import type { Planner } from "../plan/candidates.ts";
import { type EnsemblePlan, type PlanLimits, planEnsemble } from "../plan/ensemblePlan.ts";
import { largestBatch } from "./conditions.ts";
import { observationPlan } from "./observationPlan.ts";
import type { Resolved } from "./options.ts";

export interface Planned {
  readonly setting: PlanSetting;
  /** `execution` has the setting. */
  readonly resolved: Resolved;
  readonly observation: ObservationPlan | null;
  readonly plan: EnsemblePlan;
}

/** What of a device decides plans. */
export const planLimits = ({ limits, features, adapterInfo }: GPUDevice): PlanLimits => ({
  maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
  maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
  maxBufferSize: limits.maxBufferSize,
  minStorageBufferOffsetAlignment: limits.minStorageBufferOffsetAlignment,
  subgroupMinSize: features.has("subgroups") ? (adapterInfo?.subgroupMinSize ?? 0) : 0,
});

/** Plans by setting; nothing of the device is used but its limits. */
export const plannerOf =
  ({ gpu }: Device, resolved: Resolved, observables: Observables | undefined): Planner<Planned> =>
  (setting) => {
    const { stepsPerDispatch, lanesPerChunk } = resolved.execution;
    const execution = {
      ...(stepsPerDispatch !== undefined && { stepsPerDispatch }),
      ...(lanesPerChunk !== undefined && { lanesPerChunk }),
      ...setting,
    };
    const own = { ...resolved, execution };
    const observation = observationPlan(observables, own);
    const plan = planEnsemble({
      model: resolved.model,
      dynamics: resolved.dynamics,
      sampling: resolved.sampling,
      samples: resolved.data.samples,
      maxBatch: largestBatch(resolved.conditions),
      lanes: resolved.lanes,
      groupSize: resolved.groupSize,
      observation,
      limits: planLimits(gpu),
      ...settingOf(setting),
    });
    return { setting, resolved: own, observation, plan };
  };
