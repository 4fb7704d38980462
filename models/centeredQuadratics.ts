/**
 * One-dimensional quadratic samples l_i = a_i (w − c_i)²/2 (cards A3 and A4), in the coordinate
 * u = w − origin.
 *
 * With the origin at the minimum, u is small where float32 is fine: rounding of w ~ 1 would hide
 * the η³ variance of reshuffled epochs.
 */
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import type { Dataset } from "./dataset.ts";

/** Parameter `u`, sample fields `curvature` and `center`. */
export const centeredQuadratics = (): Model =>
  defineModel({
    name: "centered-quadratics",
    params: { u: [] },
    sample: { curvature: [], center: [] },
    loss: ({ u }, { curvature, center }) =>
      op.scale(op.mul(curvature, op.square(op.sub(u, center))), 0.5),
  });

/** The data with centers measured from `origin`. */
export function centeredData(
  name: string,
  curvatures: ArrayLike<number>,
  centers: ArrayLike<number>,
  origin: number,
): Dataset {
  return {
    name,
    samples: centers.length,
    fields: {
      curvature: { data: Float64Array.from(curvatures), shape: [] },
      center: { data: Float64Array.from(centers, (center) => center - origin), shape: [] },
    },
    origin: "constants in models/epochToy.ts",
  };
}
