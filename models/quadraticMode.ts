/** One mode of a quadratic loss, l = ½ ρ θ²; noise is added by the update rule (card B1). */
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import type { Dataset } from "./dataset.ts";

/** The model and its single sample, field `curvature` ρ. */
export function quadraticMode(curvature: number): { model: Model; data: Dataset } {
  const model = defineModel({
    name: "quadratic-mode",
    params: { theta: [] },
    sample: { curvature: [] },
    loss: ({ theta }, sample) => op.scale(op.mul(sample.curvature, op.square(theta)), 0.5),
  });
  return {
    model,
    data: {
      name: "curvature",
      samples: 1,
      fields: { curvature: { data: Float64Array.of(curvature), shape: [] } },
      origin: "a parameter of the experiment",
    },
  };
}
