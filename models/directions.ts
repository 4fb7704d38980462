/**
 * Scale-invariant losses of directions on a sphere: l_i = (a_i·x)²/|x|², |a_i| = 1 (cards 1C, 1D, 1F).
 *
 * Source: the toy models of SGD as free energy minimization, arXiv 2505.23489. The gradient is tangential
 * and 2p(a − px) on |x| = 1, p = a·x, so that `spheres` gives the paper's projected SGD.
 */
import { ArgumentError } from "../engine/errors.ts";
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import type { Dataset } from "./dataset.ts";
import { gaussian, mulberry32 } from "./mulberry.ts";

/** The model, parameter `x` [d], and its data, field `direction` [d], one sample a row. */
export function directionLoss(directions: readonly (readonly number[])[]): {
  model: Model;
  data: Dataset;
} {
  const shape = [directions[0]!.length];
  const model = defineModel({
    name: "directions",
    params: { x: shape },
    sample: { direction: shape },
    loss: ({ x }, { direction }) => op.div(op.square(op.dot(direction, x)), op.dot(x, x)),
  });
  return {
    model,
    data: {
      name: "directions",
      samples: directions.length,
      fields: { direction: { data: Float64Array.from(directions.flat()), shape } },
      origin: "parameters of the experiment",
    },
  };
}

/**
 * `samples` unit vectors about the last axis of three, at equal azimuths: (cos f, sin f, height) scaled to
 * length 1. With height > 0 no x fits all of them.
 *
 * @throws ArgumentError for fewer than 3, for which the loss is not the same in all directions.
 */
export function polarDirections(samples: number, height: number): number[][] {
  if (!Number.isInteger(samples) || samples < 3) {
    throw new ArgumentError(`polarDirections: samples is ${samples}; give a whole number >= 3.`);
  }
  const length = Math.hypot(1, height);
  return Array.from({ length: samples }, (_, k) => {
    const azimuth = (2 * Math.PI * k) / samples;
    return [Math.cos(azimuth) / length, Math.sin(azimuth) / length, height / length];
  });
}

/** Two unit vectors in the equator at ± `angle` (degrees) from its first axis: x = ±e_3 fits both. */
export function equatorialPair(angle: number): [number, number, number][] {
  const radians = (angle * Math.PI) / 180;
  const [c, s] = [Math.cos(radians), Math.sin(radians)];
  return [
    [c, s, 0],
    [c, -s, 0],
  ];
}

/** Independent uniform unit vectors, [sample][dimension]. */
export function randomDirections(samples: number, dimension: number, seed: number): number[][] {
  const uniform = mulberry32(seed);
  return Array.from({ length: samples }, () => {
    const a = Array.from({ length: dimension }, () => gaussian(uniform));
    const length = Math.hypot(...a);
    return a.map((value) => value / length);
  });
}
