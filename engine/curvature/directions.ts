/**
 * Vectors in parameter space that a measure is given: the same for all replicas, or one set each.
 */
import { ArgumentError, ShapeError } from "../errors.ts";
import type { Field } from "../record.ts";
import type { Slice } from "../run/dataPass.ts";
import type { LaneAccess } from "../run/laneAccess.ts";
import { firstLane } from "./slices.ts";

/** [direction][param] for all replicas, or a Field [direction, condition, replica, param]. */
export type Directions = readonly ArrayLike<number>[] | Field;

/** Directions that are checked. */
export interface DirectionSet {
  readonly count: number;
  /** Those from `first` on of a slice as the kernels read them, [direction, param, lane], float32. */
  readonly pack: (slice: Slice, first: number, count: number) => Float32Array<ArrayBuffer>;
}

const isField = (given: Directions): given is Field => "axes" in given;

const OWN_AXES = ["condition", "replica", "param"];

/**
 * @throws ArgumentError without a direction or for a value that is not finite, ShapeError where
 *   lengths do not fit the ensemble.
 */
export function directionSet(
  where: string,
  given: Directions,
  { resolved: { model, shape, lanes } }: LaneAccess,
): DirectionSet {
  const params = model.parameterCount;
  const count = isField(given) ? given.axes[0]!.length : given.length;
  if (count < 1) {
    throw new ArgumentError(`${where}: there are no directions; give at least one.`);
  }
  if (isField(given)) {
    const expected = [shape.conditions, shape.replicas, params];
    const fits =
      given.axes.length === 4 &&
      expected.every((length, k) => given.axes[k + 1]!.length === length);
    if (!fits) {
      const axes = given.axes.map(({ name, length }) => `${name} ${length}`).join(", ");
      throw new ShapeError(
        `${where}: the directions have the axes ${axes}; give direction, ` +
          `${expected.map((length, k) => `${OWN_AXES[k]} ${length}`).join(", ")}.`,
      );
    }
  }
  const vectors = isField(given) ? [given.data] : given;
  vectors.forEach((vector, k) => {
    if (!isField(given) && vector.length !== params) {
      throw new ShapeError(
        `${where}: direction ${k} has ${vector.length} numbers, ${model.name} has ${params} ` +
          "parameters; give one for each.",
      );
    }
    if (!isField(given)) requireFinite(where, k, vector);
  });
  // A frozen replica's own directions may be NaN: so is what is measured of it.
  const element = isField(given)
    ? (k: number, lane: number, p: number): number => given.data[(k * lanes + lane) * params + p]!
    : (k: number, _lane: number, p: number): number => given[k]![p]!;
  const pack: DirectionSet["pack"] = (slice, first, some) => {
    const from = firstLane(slice);
    const words = new Float32Array(some * params * slice.lanes);
    let at = 0;
    for (let k = first; k < first + some; k += 1) {
      for (let p = 0; p < params; p += 1) {
        for (let lane = 0; lane < slice.lanes; lane += 1) words[at++] = element(k, from + lane, p);
      }
    }
    return words;
  };
  return { count, pack };
}

function requireFinite(where: string, k: number, vector: ArrayLike<number>): void {
  for (let p = 0; p < vector.length; p += 1) {
    if (Number.isFinite(vector[p])) continue;
    throw new ArgumentError(
      `${where}: element ${p} of direction ${k} is ${vector[p]}; give finite numbers.`,
    );
  }
}
