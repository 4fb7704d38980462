/**
 * One-dimensional samples l_i = a_i (w − c_i)²/2 + t_i w³/3 (card A3b), in the coordinate u = w − w₀: the
 * smallest problem whose epochs show every term of the effective loss away from its minimum.
 *
 * Measured from w₀, displacements of an epoch keep their digits in float32.
 */
import { ArgumentError } from "../engine/errors.ts";
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import type { Dataset } from "./dataset.ts";
import { gaussian, mulberry32 } from "./mulberry.ts";

/** Coefficients a_i, c_i and t_i, [sample]. */
export interface CubicSamples {
  readonly curvatures: readonly number[];
  readonly centers: readonly number[];
  readonly tilts: readonly number[];
}

/**
 * Random coefficients: a uniform in (0.2, 2.2), c normal, t normal with deviation `tilt`.
 *
 * @throws ArgumentError for less than two samples.
 * @example const { curvatures } = cubicSamples({ samples: 6, tilt: 0.3, seed: 1 });
 */
export function cubicSamples(options: {
  readonly samples: number;
  readonly tilt: number;
  readonly seed: number;
}): CubicSamples {
  const { samples, tilt, seed } = options;
  if (!(Number.isInteger(samples) && samples >= 2)) {
    throw new ArgumentError(`cubicSamples: samples is ${samples}; give a whole number >= 2.`);
  }
  const uniform = mulberry32(seed);
  const all = (value: () => number): number[] => Array.from({ length: samples }, value);
  return {
    curvatures: all(() => 0.2 + 2 * uniform()),
    centers: all(() => gaussian(uniform)),
    tilts: all(() => tilt * gaussian(uniform)),
  };
}

/** Parameter `u` = w − origin, sample fields `curvature`, `center` (c − origin) and `tilt`. */
export const cubicSample = (origin: number): Model =>
  defineModel({
    name: "cubic-samples",
    params: { u: [] },
    sample: { curvature: [], center: [], tilt: [] },
    loss: ({ u }, { curvature, center, tilt }) => {
      const w = op.add(u, origin);
      const cube = op.mul(op.square(w), w);
      return op.add(
        op.scale(op.mul(curvature, op.square(op.sub(u, center))), 0.5),
        op.scale(op.mul(tilt, cube), 1 / 3),
      );
    },
  });

/** The data of `cubicSample`, centers measured from `origin`. */
export function cubicData(
  { curvatures, centers, tilts }: CubicSamples,
  origin: number,
  seed: number,
): Dataset {
  const field = (values: readonly number[]) => ({ data: Float64Array.from(values), shape: [] });
  return {
    name: "cubic-samples",
    samples: centers.length,
    fields: {
      curvature: field(curvatures),
      center: field(centers.map((center) => center - origin)),
      tilt: field(tilts),
    },
    origin: `random coefficients of mulberry32, seed ${seed}`,
  };
}
