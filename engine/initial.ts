/**
 * Initial conditions: θ₀ (and v₀) of every replica, a pure function of (seed, condition, replica).
 *
 * Laws are plain data; what makes them stands here and in `start/`. Left out: discrete laws, and
 * laws in which replicas know of each other.
 */
import type { Model } from "./model.ts";
import {
  laneKey,
  normalPair,
  STREAM_INITIAL,
  threefry2x32,
  uniformOpen,
  type Words,
} from "./random.ts";

/** Numbers of lanes in a larger array: lane l has `[offset + l · stride, … + params)`. */
export interface LaneNumbers {
  readonly data: Float32Array | Float64Array;
  readonly offset: number;
  readonly stride: number;
}

export type Initial =
  | {
      readonly kind: "fixed";
      readonly theta: readonly number[];
      /** Zero when left out. */
      readonly velocity?: readonly number[];
    }
  | {
      /** θ_p = mean_p + standardDeviation_p x_p, x_p of unit variance and independent. */
      readonly kind: "independent";
      readonly mean: readonly number[];
      /** One for each parameter. */
      readonly standardDeviation: readonly number[];
      /** Which x_p are uniform in place of normal; none when left out. */
      readonly uniform?: readonly boolean[];
      /** Degrees of freedom of Student's t in place of the normal law, scaled to unit variance. */
      readonly degrees?: number;
    }
  | {
      /** mean + root z, z standard normal; of θ, or of θ and v one after the other. */
      readonly kind: "correlated";
      readonly mean: readonly number[];
      /** [coordinate, factor], root rootᵀ = covariance. */
      readonly root: readonly Float64Array[];
      readonly degrees?: number;
    }
  | {
      readonly kind: "each";
      /** [replica, param], replica by its global number; all conditions start alike. */
      readonly theta: Float32Array | Float64Array;
    }
  | {
      /** States of another run, [condition, replica]. */
      readonly kind: "states";
      readonly coordinates: readonly string[];
      readonly theta: LaneNumbers;
      readonly velocity: LaneNumbers | null;
      readonly conditions: number;
      readonly replicas: { readonly first: number; readonly count: number };
      /** The condition of that run all start from; null: each from the one of its own number. */
      readonly condition: number | null;
    }
  | {
      readonly kind: "conditions";
      /** [condition] */
      readonly laws: readonly Initial[];
    };

/** What `createEnsemble({ initial })` takes. */
export type InitialLaw = (model: Model) => Initial;

/** One number for all parameters, or one each. */
export const spread = (model: Model, value: number | ArrayLike<number>): readonly number[] =>
  typeof value === "number"
    ? new Array<number>(model.parameterCount).fill(value)
    : Array.from(value);

/** Every replica starts at the same point (and velocity): a number for all parameters, or one each. */
export const fixed =
  (theta: number | ArrayLike<number>, velocity?: number | ArrayLike<number>): InitialLaw =>
  (model) => ({
    kind: "fixed",
    theta: spread(model, theta),
    ...(velocity !== undefined && { velocity: spread(model, velocity) }),
  });

/** Independent normal parameters. */
export const gaussian =
  (options: {
    readonly standardDeviation: number | ArrayLike<number>;
    readonly mean?: number | ArrayLike<number>;
  }): InitialLaw =>
  (model) => ({
    kind: "independent",
    mean: spread(model, options.mean ?? 0),
    standardDeviation: spread(model, options.standardDeviation),
  });

/**
 * The usual law for networks: matrices normal with variance gain²/fan-in (last axis), vectors and
 * scalars zero. `perBlock` chooses laws block by block.
 */
export const fanIn =
  (options: { readonly gain?: number } = {}): InitialLaw =>
  (model) => {
    const deviation = [...spread(model, 0)];
    for (const { shape, offset, size } of model.params) {
      if (shape.length < 2) continue;
      const inputs = shape[shape.length - 1]!;
      deviation.fill((options.gain ?? 1) / Math.sqrt(inputs), offset, offset + size);
    }
    return { kind: "independent", mean: spread(model, 0), standardDeviation: deviation };
  };

/**
 * A point of its own for every replica, [replica, param], by the replica's global number: states of
 * another program. `fromState` takes those of another run.
 *
 * Throws `ArgumentError` when the numbers are no whole number of replicas, or too few of them.
 */
export const each =
  (theta: Float32Array | Float64Array): InitialLaw =>
  () => ({ kind: "each", theta });

/**
 * A law of its own for every condition, in the order of the sweep, e.g. each its own stationary state.
 *
 * With `commonNoise` the draws are common and the laws are not.
 *
 * @throws ArgumentError (from `createEnsemble`) unless there is one law a condition.
 * @example byCondition([fixed(0), gaussian({ standardDeviation: 0.1 })])
 */
export const byCondition =
  (laws: readonly InitialLaw[]): InitialLaw =>
  (model) => ({ kind: "conditions", laws: laws.map((law) => law(model)) });

/** A lane as its initial state sees it. */
export interface InitialLane {
  readonly seed: number;
  /** The one whose random numbers it draws: 0 for all with common noise. */
  readonly condition: number;
  /** The one it belongs to, when that is another. */
  readonly ownCondition?: number;
  /** Global number. */
  readonly replica: number;
}

/** First words of the counters of `STREAM_INITIAL`. */
const NORMALS = 0;
const UNIFORMS = 1;
const CHI_SQUARED = 2;

/** √((ν − 2)/χ²_ν): turns normal numbers into Student's t of unit variance. */
function studentFactor(key: Words, degrees: number | undefined): number {
  if (degrees === undefined) return 1;
  let chiSquared = 0;
  for (let k = 0; k < degrees; k += 1) {
    chiSquared += normalPair(threefry2x32(key, [CHI_SQUARED, k >> 1]))[k % 2]! ** 2;
  }
  return Math.sqrt((degrees - 2) / chiSquared);
}

function standardNormals(key: Words, into: Float64Array): void {
  for (let p = 0; p < into.length; p += 2) {
    const pair = normalPair(threefry2x32(key, [NORMALS, p >> 1]));
    into[p] = pair[0];
    if (p + 1 < into.length) into[p + 1] = pair[1];
  }
}

type Numbers = Float32Array | Float64Array;

function drawIndependent(
  { mean, standardDeviation, uniform, degrees }: Extract<Initial, { kind: "independent" }>,
  key: Words,
  theta: Numbers,
): void {
  const x = new Float64Array(theta.length);
  standardNormals(key, x);
  const factor = studentFactor(key, degrees);
  for (let p = 0; p < theta.length; p += 1) {
    if (uniform?.[p]) {
      const word = threefry2x32(key, [UNIFORMS, p >> 1])[p % 2]!;
      x[p] = Math.sqrt(12) * (uniformOpen(word) - 0.5);
    }
    theta[p] = mean[p]! + standardDeviation[p]! * factor * x[p]!;
  }
}

function drawCorrelated(
  { mean, root, degrees }: Extract<Initial, { kind: "correlated" }>,
  key: Words,
  theta: Numbers,
  velocity: Numbers | null,
): void {
  const z = new Float64Array(root[0]!.length);
  standardNormals(key, z);
  const factor = studentFactor(key, degrees);
  mean.forEach((center, i) => {
    const row = root[i]!;
    let sum = 0;
    for (let k = 0; k < z.length; k += 1) sum += row[k]! * z[k]!;
    const value = center + factor * sum;
    if (i < theta.length) theta[i] = value;
    else if (velocity) velocity[i - theta.length] = value;
  });
}

const lane = ({ data, offset, stride }: LaneNumbers, at: number, params: number): Numbers =>
  data.subarray(offset + at * stride, offset + at * stride + params);

/** Writes θ₀ of one lane into `theta` and v₀ into `velocity`, [param]. */
export function initialState(
  initial: Initial,
  at: InitialLane,
  theta: Numbers,
  velocity: Numbers | null = null,
): void {
  velocity?.fill(0);
  const own = at.ownCondition ?? at.condition;
  const key = (): Words => laneKey(at.seed, STREAM_INITIAL, at.condition, at.replica);
  switch (initial.kind) {
    case "fixed":
      theta.set(initial.theta);
      if (initial.velocity) velocity?.set(initial.velocity);
      return;
    case "each":
      theta.set(
        lane({ data: initial.theta, offset: 0, stride: theta.length }, at.replica, theta.length),
      );
      return;
    case "states": {
      const { condition, replicas } = initial;
      const from = (condition ?? own) * replicas.count + at.replica - replicas.first;
      theta.set(lane(initial.theta, from, theta.length));
      if (initial.velocity) velocity?.set(lane(initial.velocity, from, theta.length));
      return;
    }
    case "conditions":
      initialState(initial.laws[own]!, at, theta, velocity);
      return;
    case "independent":
      drawIndependent(initial, key(), theta);
      return;
    case "correlated":
      drawCorrelated(initial, key(), theta, velocity);
  }
}
