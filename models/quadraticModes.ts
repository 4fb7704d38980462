/** Independent modes of a quadratic loss, l = ½ Σ h_i θ_i²; noise is added by the update rule. */
import { ArgumentError } from "../engine/errors.ts";
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import type { Dataset } from "./dataset.ts";

/**
 * The model and its single sample, field `curvatures` h.
 * @throws ArgumentError for an empty list.
 */
export function quadraticModes(curvatures: readonly number[]): { model: Model; data: Dataset } {
  if (curvatures.length === 0) {
    throw new ArgumentError("quadraticModes: no curvatures; give at least one.");
  }
  const shape = [curvatures.length];
  const model = defineModel({
    name: "quadratic-modes",
    params: { theta: shape },
    sample: { curvatures: shape },
    loss: ({ theta }, sample) => op.scale(op.dot(sample.curvatures, op.square(theta)), 0.5),
  });
  return {
    model,
    data: {
      name: "curvatures",
      samples: 1,
      fields: { curvatures: { data: Float64Array.from(curvatures), shape } },
      origin: "parameters of the experiment",
    },
  };
}
