/** Starts taken from the states of another run: an `EnsembleState`, or a snapshot of a Record. */
import { ArgumentError } from "../errors.ts";
import type { InitialLaw, LaneNumbers } from "../initial.ts";
import type { Axis, Field, SnapshotRecord } from "../record.ts";

/** What `ensemble.state()` returns. */
export interface StateOfRun {
  readonly step: number;
  /** [condition, replica, param] */
  readonly theta: Field;
  readonly velocity: Field | null;
}

export interface FromStateOptions {
  /** Of a snapshot record: the step to start from; default its last. */
  readonly step?: number;
  /** All conditions start from this one of the earlier run; default: each from its own number. */
  readonly condition?: number;
  /** Take velocities along; default: when there are any. */
  readonly velocity?: boolean;
}

/**
 * Every replica goes on from where the replica of the same number stood in an earlier run.
 *
 * Time starts again at step 0 and random numbers are those of the new seed: use another seed than the
 * earlier run had, or the noise of its first steps comes twice. To go on exactly as the earlier run
 * would have, use a checkpoint.
 *
 * @throws ArgumentError for a step or condition that is not there; from `createEnsemble` when
 *   model, replicas or conditions do not fit, or a replica taken is not finite.
 * @example fromState(await ensemble.state(), { condition: 0 })
 */
export function fromState(
  state: StateOfRun | SnapshotRecord,
  options: FromStateOptions = {},
): InitialLaw {
  const { axes, theta, velocity, coordinates } =
    "kind" in state ? ofSnapshot(state, options.step) : ofState(state, options.step);
  const [conditions, replicas] = axes;
  const { condition = null } = options;
  if (condition !== null && !(Number.isInteger(condition) && inRange(condition, conditions))) {
    throw new ArgumentError(
      `fromState: condition ${condition} is not one of 0 to ${conditions.length - 1} in the state.`,
    );
  }
  if (options.velocity === true && velocity === null) {
    throw new ArgumentError("fromState: the state holds no velocities; leave out velocity: true.");
  }
  const first = Number(replicas.values?.[0] ?? 0);
  return () => ({
    kind: "states",
    coordinates,
    theta,
    velocity: options.velocity === false ? null : velocity,
    conditions: conditions.length,
    replicas: { first, count: replicas.length },
    condition,
  });
}

interface States {
  readonly axes: readonly [Axis, Axis];
  readonly theta: LaneNumbers;
  readonly velocity: LaneNumbers | null;
  readonly coordinates: readonly string[];
}

const inRange = (index: number, { length }: Axis): boolean => index >= 0 && index < length;

function ofState({ step: at, theta, velocity }: StateOfRun, step = at): States {
  if (step !== at) {
    throw new ArgumentError(`fromState: the state is that of step ${at}, not ${step}.`);
  }
  const [conditions, replicas, coordinate] = theta.axes as readonly [Axis, Axis, Axis];
  const stride = coordinate.length;
  return {
    axes: [conditions, replicas],
    theta: { data: theta.data, offset: 0, stride },
    velocity: velocity && { data: velocity.data, offset: 0, stride },
    coordinates: (coordinate.values ?? []).map(String),
  };
}

function ofSnapshot({ steps, coordinates, values }: SnapshotRecord, step = steps.at(-1)): States {
  const time = step === undefined ? -1 : steps.indexOf(step);
  if (time < 0) {
    throw new ArgumentError(
      `fromState: no snapshot of step ${step} among the ${steps.length} in the record ` +
        `(${[...steps.slice(0, 5)].join(", ")}${steps.length > 5 ? ", …" : ""}).`,
    );
  }
  const [, conditions, replicas, coordinate] = values.axes as readonly [Axis, Axis, Axis, Axis];
  const stride = coordinate.length;
  const offset = time * conditions.length * replicas.length * stride;
  const firstVelocity = coordinates.findIndex((name) => name.startsWith("v."));
  const params = firstVelocity < 0 ? coordinates.length : firstVelocity;
  const from = (start: number): LaneNumbers => ({ data: values.data, offset: start, stride });
  return {
    axes: [conditions, replicas],
    theta: from(offset),
    velocity: firstVelocity < 0 ? null : from(offset + params),
    coordinates: coordinates.slice(0, params),
  };
}
