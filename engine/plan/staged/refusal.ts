/**
 * What an ensemble must not have to run in stages: dynamics that couple all parameters of a replica in
 * ways that are written for one invocation alone.
 */
import type { Model } from "../../model.ts";
import type { ObservationPlan } from "../../observe/observation.ts";
import type { Dynamics } from "../../update/dynamics.ts";

/** Why a schedule with stages cannot run this, e.g. `spheres`; null if it can. */
export function stagedRefusal(
  model: Model,
  dynamics: Dynamics,
  observation: ObservationPlan | null,
): string | null {
  const { rule, rate } = dynamics;
  const { gradient = "minibatch" } = rule;
  if (model.interacts) return "replicas that interact";
  if (gradient !== "minibatch") return `the rule ${rule.name}, whose gradient is ${gradient}`;
  if (rate?.adaptation) return "a learning rate that finds itself";
  if (dynamics.noiseFactor) return "a noise covariance";
  if (dynamics.spheres) return "spheres";
  // Each step's square is told by the last step's end, which is a dispatch of its own here.
  if (observation?.displacements.some(({ spec }) => spec.local)) {
    return "displacement with local: true, its default";
  }
  return null;
}
