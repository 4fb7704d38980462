/** The part of a Record that belongs to the run: who ran what, where, with which outcome. */
import type { Device } from "../device.ts";
import type { RunInfo } from "../record.ts";
import type { Setting } from "../update/updateRule.ts";
import type { Planned } from "./planner.ts";

/** What a window of steps left. */
export interface RunWindow {
  readonly firstStep: number;
  readonly steps: number;
  readonly conditions: readonly Setting[];
  readonly frozen: Int32Array;
  /** null but for implicit steps. */
  readonly unsolved: Int32Array | null;
}

export function runInfo(
  { info: { adapter, software } }: Device,
  { resolved, plan, setting }: Planned,
  { firstStep, steps, conditions, frozen, unsolved }: RunWindow,
): RunInfo {
  const { replicas, seed, model, sampling, rule, bounds, version, groupSize } = resolved;
  const provenance = {
    thermograd: version,
    adapter,
    software,
    seed,
    model: model.name,
    sampling,
    update: rule.name,
    schedule: plan.schedule,
    setting,
  };
  const lost = unsolved ? { frozen, unsolved } : { frozen };
  const groups = groupSize === null ? {} : { groupSize };
  return { firstStep, steps, conditions, replicas, ...groups, ...lost, bounds, provenance };
}
