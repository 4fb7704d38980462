/**
 * One quadratic mode that is kicked once and then left alone: l = ½ ρ θ² − J θ (card B3).
 *
 * The engine starts every replica at rest. The first sample has no curvature and an impulse J = v_0, so
 * that one step makes (x_0 − ηv_0, 0) into (x_0, v_0); all others have the curvature and no impulse.
 * Read them in their order, one a step (`sequential`).
 */
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import type { Dataset } from "./dataset.ts";

/** The model, and samples for `steps` steps after the kick: fields `curvature` ρ and `impulse` J. */
export function kickedMode(options: {
  readonly curvature: number;
  readonly velocity: number;
  readonly steps: number;
}): { model: Model; data: Dataset } {
  const model = defineModel({
    name: "kicked-mode",
    params: { theta: [] },
    sample: { curvature: [], impulse: [] },
    loss: ({ theta }, { curvature, impulse }) =>
      op.sub(op.scale(op.mul(curvature, op.square(theta)), 0.5), op.mul(impulse, theta)),
  });
  const samples = options.steps + 1;
  const curvature = new Float64Array(samples).fill(options.curvature, 1);
  const impulse = new Float64Array(samples);
  impulse[0] = options.velocity;
  return {
    model,
    data: {
      name: "kick",
      samples,
      fields: { curvature: { data: curvature, shape: [] }, impulse: { data: impulse, shape: [] } },
      origin: "parameters of the experiment",
    },
  };
}
