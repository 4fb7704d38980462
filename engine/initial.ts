/**
 * Initial conditions: θ₀ of every replica, a pure function of (seed, condition, replica).
 */
import { ArgumentError } from "./errors.ts";
import type { Model } from "./model.ts";
import { laneKey, normalPair, STREAM_INITIAL, threefry2x32 } from "./random.ts";

export type Initial =
  | { readonly kind: "fixed"; readonly theta: readonly number[] }
  | {
      readonly kind: "gaussian";
      readonly mean: readonly number[];
      /** One for each parameter. */
      readonly standardDeviation: readonly number[];
    }
  | {
      readonly kind: "each";
      /** [replica, param], replica by its global number; all conditions start alike. */
      readonly theta: Float32Array | Float64Array;
    };

const ones = (model: Model, value: number): number[] =>
  new Array<number>(model.parameterCount).fill(value);

/** Every replica starts at the same point: a number for all parameters, or one each. */
export const fixed =
  (theta: number | readonly number[]) =>
  (model: Model): Initial => ({
    kind: "fixed",
    theta: typeof theta === "number" ? ones(model, theta) : theta,
  });

/** Independent normal parameters. */
export const gaussian =
  (options: {
    readonly standardDeviation: number | readonly number[];
    readonly mean?: number | readonly number[];
  }) =>
  (model: Model): Initial => {
    const { standardDeviation, mean = 0 } = options;
    return {
      kind: "gaussian",
      mean: typeof mean === "number" ? ones(model, mean) : mean,
      standardDeviation:
        typeof standardDeviation === "number" ? ones(model, standardDeviation) : standardDeviation,
    };
  };

/**
 * The usual law for networks: matrices normal with variance gain²/fan-in (last axis), vectors and
 * scalars zero.
 */
export const fanIn =
  (options: { readonly gain?: number } = {}) =>
  (model: Model): Initial => {
    const deviation = ones(model, 0);
    for (const { shape, offset, size } of model.params) {
      if (shape.length < 2) continue;
      const inputs = shape[shape.length - 1]!;
      deviation.fill((options.gain ?? 1) / Math.sqrt(inputs), offset, offset + size);
    }
    return { kind: "gaussian", mean: ones(model, 0), standardDeviation: deviation };
  };

/**
 * A point of its own for every replica, [replica, param], by the replica's global number: states of
 * another run, or of another program.
 *
 * Throws `ArgumentError` when the numbers are no whole number of replicas, or too few of them.
 */
export const each =
  (theta: Float32Array | Float64Array) =>
  (_model: Model): Initial => ({ kind: "each", theta });

function checkEach(theta: Float32Array | Float64Array, model: Model, replicas: number): void {
  const needed = replicas * model.parameterCount;
  if (theta.length % model.parameterCount !== 0 || theta.length < needed) {
    throw new ArgumentError(
      `initial: each has ${theta.length} numbers, ${replicas} replicas of ${model.name} need ` +
        `${model.parameterCount} each, ${needed} in all; give [replica, param].`,
    );
  }
  const bad = theta.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new ArgumentError(
      `initial: each holds ${theta[bad]} for replica ${Math.floor(bad / model.parameterCount)}; ` +
        "give finite numbers.",
    );
  }
}

/** Checks the lengths against the model; `replicas` is the last replica's global number plus one. */
export function checkInitial(initial: Initial, model: Model, replicas: number): void {
  if (initial.kind === "each") {
    checkEach(initial.theta, model, replicas);
    return;
  }
  const arrays =
    initial.kind === "fixed"
      ? { theta: initial.theta }
      : { mean: initial.mean, standardDeviation: initial.standardDeviation };
  for (const [name, values] of Object.entries(arrays)) {
    if (values.length !== model.parameterCount || !values.every(Number.isFinite)) {
      throw new ArgumentError(
        `initial: ${name} has ${values.length} numbers for the ${model.parameterCount} parameters ` +
          `of ${model.name}; give one finite number each, in the order of coordinateNames.`,
      );
    }
  }
}

/** Writes θ₀ of one lane into `theta`, [param]. */
export function initialState(
  initial: Initial,
  lane: { readonly seed: number; readonly condition: number; readonly replica: number },
  theta: Float32Array | Float64Array,
): void {
  if (initial.kind === "fixed") {
    theta.set(initial.theta);
    return;
  }
  if (initial.kind === "each") {
    const at = lane.replica * theta.length;
    theta.set(initial.theta.subarray(at, at + theta.length));
    return;
  }
  const key = laneKey(lane.seed, STREAM_INITIAL, lane.condition, lane.replica);
  for (let p = 0; p < theta.length; p += 2) {
    const pair = normalPair(threefry2x32(key, [0, p >> 1]));
    theta[p] = initial.mean[p]! + initial.standardDeviation[p]! * pair[0];
    if (p + 1 < theta.length) {
      theta[p + 1] = initial.mean[p + 1]! + initial.standardDeviation[p + 1]! * pair[1];
    }
  }
}
