/** What an ensemble is made of on the device, under one plan. */
import type { Device } from "../device.ts";
import { createStepper } from "./createStepper.ts";
import { Evaluator } from "./evaluate.ts";
import { GroupMeans } from "./groupMeans.ts";
import { LaneMemory } from "./laneMemory.ts";
import type { Planned } from "./planner.ts";
import type { Stepper } from "./stepper.ts";

export interface Parts extends Planned {
  readonly memory: LaneMemory;
  readonly groupMeans: GroupMeans | null;
  readonly dispatcher: Stepper;
  readonly evaluator: Evaluator;
}

export function createParts(device: Device, planned: Planned): Parts {
  const { resolved, plan, observation } = planned;
  const memory = new LaneMemory(device, resolved, plan, observation);
  const { parameterCount } = resolved.model;
  const groupMeans = plan.groupMeans
    ? new GroupMeans(device, plan.groupMeans, memory, parameterCount)
    : null;
  return {
    ...planned,
    memory,
    groupMeans,
    dispatcher: createStepper(device, resolved, plan, observation, memory, groupMeans),
    evaluator: new Evaluator(device, resolved, plan, memory, groupMeans),
  };
}

export function destroyParts({ dispatcher, memory }: Parts): void {
  dispatcher.destroy();
  memory.destroy();
}
