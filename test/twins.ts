/** Float64 twins of whole ensembles: every lane's trajectory, to compare a device's with. */
import type { Observables } from "../engine/observe/observation.ts";
import { referenceGroup } from "../engine/referenceGroup.ts";
import {
  type ReferenceMoment,
  referenceTrajectory,
  type Trajectory,
} from "../engine/referenceTrajectory.ts";
import type { EnsembleState } from "../engine/run/ensemble.ts";
import { type EnsembleOptions, resolve } from "../engine/run/options.ts";
import { relativeError } from "./parity.ts";

/** What a twin may be asked for besides its end. */
export interface TwinOptions {
  readonly steps: number;
  readonly record?: boolean;
  readonly onStep?: (lane: number, moment: ReferenceMoment) => void;
}

/** The twin of every lane, condition-major; of groups where replicas interact. */
export function twins<O extends Observables>(
  options: EnsembleOptions<O>,
  { steps, record = false, onStep }: TwinOptions,
): Trajectory[] {
  const { model, data, conditions, sampling, initial, seed, commonNoise, replicas, groupSize } =
    resolve(options);
  const size = groupSize ?? 1;
  return conditions.flatMap((setting, c) =>
    Array.from({ length: replicas.count / size }, (_, g) => {
      const request = {
        model,
        data,
        rule: options.update,
        setting,
        ...(options.keepVelocity && { keepVelocity: true }),
        ...(options.rate && { rate: options.rate }),
        ...(options.rateScale && { rateScale: options.rateScale }),
        ...(options.noiseCovariance && { noiseCovariance: options.noiseCovariance }),
        ...(options.spheres && { spheres: options.spheres }),
        sampling,
        initial,
        lane: { seed, condition: commonNoise ? 0 : c, replica: replicas.first + g * size },
        ownCondition: c,
        steps,
        record,
      };
      const told = (member: number, moment: ReferenceMoment): void =>
        onStep?.(c * replicas.count + g * size + member, moment);
      return groupSize === null
        ? [referenceTrajectory({ ...request, onStep: (moment) => told(0, moment) })]
        : referenceGroup({ ...request, groupSize, onStep: told });
    }).flat(),
  );
}

/** Largest relative error over the lanes of θ (and v, where there is one). */
export function stateError(state: EnsembleState, expected: readonly Trajectory[]): number {
  let worst = 0;
  expected.forEach(({ theta, velocity }, lane) => {
    const at = (data: ArrayLike<number>): number[] =>
      Array.from(theta, (_, p) => data[lane * theta.length + p]!);
    worst = Math.max(worst, relativeError(at(state.theta.data), theta));
    if (state.velocity) worst = Math.max(worst, relativeError(at(state.velocity.data), velocity));
  });
  return worst;
}
