/**
 * Replicas that interact through their mean, in float64: a group in step with each other.
 *
 *   m_t = (1/N) Σ_i θ_t(i), then every member takes step t with that mean.
 *
 * The twin of `shaders/schedules/group_means.wgsl` with `schedules/thread.wgsl`. It knows no bounds and
 * freezes no group.
 */
import { ArgumentError } from "./errors.ts";
import {
  type ReferenceMoment,
  type ReferenceState,
  referenceReplica,
  type Trajectory,
  type TrajectoryRequest,
} from "./referenceReplica.ts";

export interface GroupRequest extends Omit<TrajectoryRequest, "from" | "onStep"> {
  /** N; `lane` is that of the first member, whose replicas follow it. */
  readonly groupSize: number;
  /** Continues from these states, one for each member. */
  readonly from?: readonly ReferenceState[];
  /** Called before each update of each member. */
  readonly onStep?: (member: number, moment: ReferenceMoment) => void;
}

/**
 * θ and v of every member of a group after `steps` steps, in float64, [member].
 *
 * Members differ in their random numbers and in nothing else. Differs from the device by its float32
 * rounding only, where the dynamics is not chaotic. Throws `ArgumentError` for a group size that is no
 * whole number >= 1, or a number of states to continue from that is another.
 *
 * @see referenceTrajectory for one replica of a model that does not interact
 * @example
 * const members = referenceGroup({
 *   model, data, rule: langevin({ learningRate: 0.05, batchSize: 1 }), sampling: "withReplacement",
 *   initial: fixed(0)(model), lane: { seed: 7, condition: 0, replica: 0 }, groupSize: 8, steps: 50,
 * });
 */
export function referenceGroup(request: GroupRequest): Trajectory[] {
  const { groupSize, from, onStep, lane, steps, model, ...common } = request;
  if (!Number.isInteger(groupSize) || groupSize < 1) {
    throw new ArgumentError(
      `referenceGroup: groupSize is ${groupSize}; give a whole number of replicas >= 1.`,
    );
  }
  if (from && from.length !== groupSize) {
    throw new ArgumentError(
      `referenceGroup: from has ${from.length} states for ${groupSize} replicas; give one each.`,
    );
  }
  const mean = new Float64Array(model.parameterCount);
  const members = Array.from({ length: groupSize }, (_, member) =>
    referenceReplica({
      ...common,
      ...{ model, steps, mean, lane: { ...lane, replica: lane.replica + member } },
      ...(from && { from: from[member]! }),
      ...(onStep && { onStep: (moment) => onStep(member, moment) }),
    }),
  );
  for (let s = 0; s < steps; s += 1) {
    mean.fill(0);
    for (const { theta } of members) {
      for (let p = 0; p < mean.length; p += 1) mean[p]! += theta[p]! / groupSize;
    }
    for (const member of members) member.advance();
  }
  return members.map((member) => member.end());
}
