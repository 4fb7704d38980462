/**
 * The product of two numbers fitted to a target: l = ½(uw − y)², y = 1 (card 4C).
 *
 * The smallest loss whose sharpness depends on where the minimum is met: on uw = 1 it is u² + w², at
 * least 2. Gradient descent keeps u = w exactly where it starts so.
 */
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import type { Dataset } from "./dataset.ts";

/** Parameters `u`, `w` (scalars) and the single sample, field `y` = 1. */
export function productLoss(): { model: Model; data: Dataset } {
  const model = defineModel({
    name: "product-loss",
    params: { u: [], w: [] },
    sample: { y: [] },
    loss: ({ u, w }, { y }) => op.scale(op.square(op.sub(op.mul(u, w), y)), 0.5),
  });
  return {
    model,
    data: {
      name: "one",
      samples: 1,
      fields: { y: { data: Float64Array.of(1), shape: [] } },
      origin: "the number 1",
    },
  };
}
