/**
 * One step of the dynamics in float64, but for the minibatch gradient: what the slots of
 * `plan/threadSlots.ts` compute on the device.
 */
import {
  laneKey,
  normalPair,
  STREAM_GRADIENT_NOISE,
  STREAM_THERMAL_NOISE,
  threefry2x32,
  type Words,
} from "../random.ts";
import type { Lane } from "../sampling.ts";
import { type Dynamics, settingAt } from "./dynamics.ts";
import { normalizeOntoSpheres, projectTangential, type Spheres } from "./spheres.ts";
import type { Clock, Element, Setting } from "./updateRule.ts";

/** θ and every vector the rule may keep, [vector][param]. */
export type Vectors = readonly Float64Array[];

/** A step's clock, with the learning rate that its schedule has come to. */
export interface RatedClock extends Clock {
  /** η_t, before the learning-rate matrix. */
  readonly learningRate: number;
}

export interface ReferenceStep {
  /** Writes the point where G of a step is taken to `point`, from the state in `vectors`. */
  readonly prepare: (vectors: Vectors, point: Vectors, clock: RatedClock) => void;
  /** From the minibatch mean of the gradients to G, in place. */
  readonly finish: (gradient: Float64Array, point: Float64Array, clock: Clock) => void;
  /** Writes the state after the step to `vectors`, from `point` and G. */
  readonly update: (
    vectors: Vectors,
    point: Vectors,
    gradient: Float64Array,
    clock: RatedClock,
  ) => void;
}

/** `count` normal numbers of a step, from pair `first` on. */
export function normals(key: Words, step: number, count: number, first = 0): Float64Array {
  const xi = new Float64Array(2 * Math.ceil(count / 2));
  for (let d = 0; 2 * d < count; d += 1) {
    const pair = normalPair(threefry2x32(key, [step, first + d]));
    xi[2 * d] = pair[0];
    xi[2 * d + 1] = pair[1];
  }
  return xi;
}

const pairOf = (xi: Float64Array, each: 0 | 1 | 2, p: number): readonly [number, number] => {
  if (each === 0) return [0, 0];
  return each === 1 ? [xi[p]!, 0] : [xi[2 * p]!, xi[2 * p + 1]!];
};

/** s ξ, or s R ξ with the root R of the noise's covariance. */
export function addNoise(
  gradient: Float64Array,
  xi: Float64Array,
  strength: number,
  factor: Float64Array | null,
): void {
  for (let p = 0; p < gradient.length; p += 1) {
    if (!factor) {
      gradient[p]! += strength * xi[p]!;
      continue;
    }
    let correlated = 0;
    const rank = factor.length / gradient.length;
    for (let q = 0; q < rank; q += 1) correlated += factor[rank * p + q]! * xi[q]!;
    gradient[p]! += strength * correlated;
  }
}

function clip(gradient: Float64Array, longest: number): void {
  const norm = Math.hypot(...gradient);
  if (norm <= longest) return;
  for (let p = 0; p < gradient.length; p += 1) gradient[p]! *= longest / norm;
}

/** Takes the tangential part of a step from `before` to θ, and θ back to the radius. */
function stepOntoSpheres(spheres: Spheres, theta: Float64Array, before: Float64Array): void {
  for (let p = 0; p < theta.length; p += 1) theta[p]! -= before[p]!;
  projectTangential(spheres, theta, before);
  for (let p = 0; p < theta.length; p += 1) theta[p]! += before[p]!;
  normalizeOntoSpheres(spheres, theta);
}

/** The steps of one lane under one setting. */
export function referenceStep(dynamics: Dynamics, setting: Setting, lane: Lane): ReferenceStep {
  const { rule } = dynamics;
  const each = dynamics.normals;
  const noiseKey = laneKey(lane.seed, STREAM_GRADIENT_NOISE, lane.condition, lane.replica);
  const thermalKey = laneKey(lane.seed, STREAM_THERMAL_NOISE, lane.condition, lane.replica);
  const element: Element = new Float64Array(4);
  const every = (
    from: Vectors,
    into: Vectors,
    { learningRate }: RatedClock,
    act: (x: Element, p: number, setting: Setting) => void,
  ): void => {
    for (let p = 0; p < into[0]!.length; p += 1) {
      from.forEach((vector, k) => {
        element[k] = vector[p]!;
      });
      act(element, p, settingAt(dynamics, setting, learningRate, p));
      into.forEach((vector, k) => {
        vector[p] = element[k]!;
      });
    }
  };
  const constants = (at: Setting, clock: Clock) => rule.constants?.(at, clock) ?? {};
  return {
    prepare: (vectors, point, clock) => {
      const count = each.prepare * vectors[0]!.length;
      const xi = normals(thermalKey, clock.step, count);
      every(vectors, point, clock, (x, p, at) =>
        rule.prepare?.(x, pairOf(xi, each.prepare, p), at, constants(at, clock)),
      );
    },
    finish: (gradient, point, { step }) => {
      const { gradientNoise = 0, clipNorm = 0, weightDecay = 0 } = setting;
      if (gradientNoise !== 0) {
        const xi = normals(noiseKey, step, gradient.length);
        addNoise(gradient, xi, gradientNoise, dynamics.noiseFactor);
      }
      if (clipNorm > 0) clip(gradient, clipNorm);
      for (let p = 0; p < gradient.length; p += 1) gradient[p]! += weightDecay * point[p]!;
      if (dynamics.spheres) projectTangential(dynamics.spheres, gradient, point);
    },
    update: (vectors, point, gradient, clock) => {
      const count = vectors[0]!.length;
      const before = dynamics.spheres && Float64Array.from(point[0]!);
      const first = Math.ceil((each.prepare * count) / 2);
      const xi = normals(thermalKey, clock.step, each.update * count, first);
      every(point, vectors, clock, (x, p, at) =>
        rule.update(x, gradient[p]!, pairOf(xi, each.update, p), at, constants(at, clock)),
      );
      if (dynamics.spheres) stepOntoSpheres(dynamics.spheres, vectors[0]!, before!);
    },
  };
}
