/**
 * One anharmonic mode, l = ½ a w² + ¼ b w⁴; noise is added by the update rule (card C2).
 *
 * Exact stationary state: `theory/anharmonicMode.ts`. Left out: odd terms, several modes.
 */
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import type { Dataset } from "./dataset.ts";

/** The model and its single sample, fields `curvature` a and `quartic` b. */
export function quarticMode(curvature: number, quartic: number): { model: Model; data: Dataset } {
  const model = defineModel({
    name: "quartic-mode",
    params: { w: [] },
    sample: { curvature: [], quartic: [] },
    loss: ({ w }, sample) => {
      const square = op.square(w);
      const harmonic = op.scale(op.mul(sample.curvature, square), 0.5);
      return op.add(harmonic, op.scale(op.mul(sample.quartic, op.square(square)), 0.25));
    },
  });
  const scalar = (value: number) => ({ data: Float64Array.of(value), shape: [] });
  return {
    model,
    data: {
      name: "coefficients",
      samples: 1,
      fields: { curvature: scalar(curvature), quartic: scalar(quartic) },
      origin: "parameters of the experiment",
    },
  };
}
