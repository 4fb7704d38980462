/** The loss L = 1 + μ·x with |μ| = 1, least at x = −μ on the unit sphere (card 1B). */
import { ArgumentError } from "../engine/errors.ts";
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import type { Dataset } from "./dataset.ts";

/**
 * The model, parameter `x` [dimension], and its single sample, field `direction` μ: the first axis, so
 * that float32 holds small angles from −μ in the other coordinates with all their digits.
 *
 * @throws ArgumentError for a dimension below 2.
 */
export function linearTilt(dimension: number): { model: Model; data: Dataset } {
  if (!Number.isInteger(dimension) || dimension < 2) {
    throw new ArgumentError(`linearTilt: dimension is ${dimension}; use a whole number >= 2.`);
  }
  const shape = [dimension];
  const model = defineModel({
    name: "linear-tilt",
    params: { x: shape },
    sample: { direction: shape },
    loss: ({ x }, sample) => op.add(op.dot(sample.direction, x), 1),
  });
  const direction = new Float64Array(dimension);
  direction[0] = 1;
  return {
    model,
    data: {
      name: "direction",
      samples: 1,
      fields: { direction: { data: direction, shape } },
      origin: "the first axis",
    },
  };
}
