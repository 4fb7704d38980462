/**
 * The float64 twin of the schedules: one replica's trajectory on the CPU, and the loss over all data.
 *
 * The steps are those of `referenceReplica.ts`. Replicas that interact have their twin in
 * `referenceGroup.ts`.
 */
import { ArgumentError } from "./errors.ts";
import type { Model } from "./model.ts";
import { compileReference } from "./reference.ts";
import {
  type Means,
  paramViews,
  referenceReplica,
  sampleViews,
  type Trajectory,
  type TrajectoryRequest,
} from "./referenceReplica.ts";
import type { Setting } from "./update/updateRule.ts";
import type { DataSource } from "./wgsl/row.ts";
import { withoutDraws } from "./withoutDraws.ts";

export type {
  ReferenceMoment,
  ReferenceSeries,
  ReferenceState,
  Trajectory,
  TrajectoryRequest,
} from "./referenceReplica.ts";

/**
 * θ and v after `steps` steps of one replica, in float64.
 *
 * v_{t+1}, θ_{t+1} as in the rule's `step`, G = (1/B) Σ ∇l_b + λθ + sξ. Time in SGD steps, v in θ/η.
 * Differs from the device by its float32 rounding only, where the dynamics is not chaotic. Throws
 * `ArgumentError` for a setting the rule does not take, or a model whose replicas interact.
 *
 * @see shaders/schedules/thread.wgsl, of which this is the twin
 * @example
 * const { theta, series } = referenceTrajectory({
 *   model, data, rule: sgd({ learningRate: 0.05, batchSize: 8 }), sampling: "distinct",
 *   initial: fixed(0)(model), lane: { seed: 7, condition: 0, replica: 0 }, steps: 50, record: true,
 * });
 */
export function referenceTrajectory(request: TrajectoryRequest): Trajectory {
  const { model, steps } = request;
  if (model.interacts) {
    throw new ArgumentError(
      `referenceTrajectory: replicas of ${model.name} interact, so that none has a trajectory of its ` +
        "own; use referenceGroup.",
    );
  }
  const replica = referenceReplica({ ...request, mean: new Float64Array(model.parameterCount) });
  for (let s = 0; s < steps; s += 1) replica.advance();
  return replica.end();
}

/**
 * Mean loss over the data at θ, in float64: the twin of `fullLoss`; no weight decay.
 *
 * Draws have their means, settings left out their initial values. A model that interacts needs the
 * means over the group, [param].
 */
export function referenceLoss(
  model: Model,
  data: DataSource,
  theta: Float64Array,
  given: Setting = {},
  mean?: Float64Array,
): number {
  const run = compileReference([withoutDraws(model).loss]);
  const params = paramViews(model, theta);
  const means: Means = mean ? paramViews(model, mean) : {};
  const settings = Object.fromEntries(
    model.settings.map(({ name, initial }) => [name, given[name] ?? initial]),
  );
  const losses = sampleViews(model, data).map(
    (sample) => run({ params, sample, settings, means })[0]![0]!,
  );
  return losses.reduce((sum, loss) => sum + loss, 0) / data.samples;
}
