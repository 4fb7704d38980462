/** The stepper of a plan, by its schedule; and how much text it has to compile. */
import type { Device } from "../device.ts";
import type { ObservationPlan } from "../observe/observation.ts";
import type { EnsemblePlan } from "../plan/ensemblePlan.ts";
import { BatchedDispatcher } from "./batchedDispatcher.ts";
import { Dispatcher } from "./dispatch.ts";
import type { GroupMeans } from "./groupMeans.ts";
import type { LaneMemory } from "./laneMemory.ts";
import type { Resolved } from "./options.ts";
import type { Stepper } from "./stepper.ts";

export const createStepper = (
  device: Device,
  resolved: Resolved,
  plan: EnsemblePlan,
  observation: ObservationPlan | null,
  memory: LaneMemory,
  means: GroupMeans | null,
): Stepper =>
  plan.schedule === "batched"
    ? new BatchedDispatcher(device, resolved, plan, observation, memory)
    : new Dispatcher(device, resolved, plan, observation, memory, means);

/** lavapipe compiles a text with barriers, which it cuts into stretches, as slowly as one so much longer. */
const BARRIERS = 6;

/** Characters of each kernel of `advance`, as far as compiling them goes. */
export function kernelLengths(plan: EnsemblePlan): readonly number[] {
  if (plan.schedule === "thread") return [plan.shader(null).code.length];
  if (plan.schedule === "workgroup") return [BARRIERS * plan.shader(null).code.length];
  const { load, store, step } = plan;
  const kernels = [load, store, ...step];
  return [...new Set(kernels.map(({ shader }) => shader.code))].map(({ length }) => length);
}
