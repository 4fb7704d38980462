/**
 * One-dimensional quadratic samples a_i (w − c_i)²/2: what an epoch does, exactly solvable.
 *
 * `curvatureToy` (card A3) has unequal curvatures: reshuffled epochs move the mean of w away from
 * the minimum. `centerToy` (card A4) has equal curvatures: reshuffling removes all noise but η³.
 * Exact results: `theory/epochShift.ts`, `theory/epochVariance.ts`.
 */
import type { Dataset } from "./dataset.ts";

const scalars = (name: string, card: string, fields: Record<string, number[]>): Dataset => ({
  name,
  samples: Object.values(fields)[0]!.length,
  fields: Object.fromEntries(
    Object.entries(fields).map(([key, values]) => [
      key,
      { data: Float64Array.from(values), shape: [] },
    ]),
  ),
  origin: `constants in models/epochToy.ts (${card})`,
});

/** Eight samples, fields `curvature` a_i and `center` c_i; the mean loss is least at w = 0.526. */
export function curvatureToy(): Dataset {
  return scalars("curvature-toy", "card A3", {
    curvature: [0.2, 0.5, 0.8, 1.1, 1.4, 1.7, 2.0, 2.3],
    center: [-1, -0.6, -0.2, 0.1, 0, 0.6, 0.9, 1.3],
  });
}

/** The curvature h that all samples of `centerToy` share. */
export const CENTER_TOY_CURVATURE = 1.3;

/** Twelve samples, field `center` c_i, to be used with the curvature `CENTER_TOY_CURVATURE`. */
export function centerToy(): Dataset {
  return scalars("center-toy", "card A4", {
    center: [1, -0.5, 0.8, 0.2, -0.9, 0.4, 0.6, -0.1, 0.05, -0.35, 0.7, -0.2],
  });
}
