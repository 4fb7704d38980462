/**
 * A drift −B x that need be no gradient: the loss detach(B x)·x has the gradient B x for any B.
 *
 * With noise of covariance N/dt on the gradient, SGD with learning rate dt is x' = x − dt B x + N(0, dt N):
 * Euler's scheme, or an exactly sampled Ornstein–Uhlenbeck process with the B and N of
 * `theory/ornsteinUhlenbeck.ts`. The loss itself is no potential and tells nothing.
 */
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import type { Dataset } from "./dataset.ts";

/** The model of `x`, and its single sample, field `drift` B, [d, d]. */
export function linearDrift(drift: readonly (readonly number[])[]): {
  model: Model;
  data: Dataset;
} {
  const d = drift.length;
  const model = defineModel({
    name: "linear-drift",
    params: { x: [d] },
    sample: { drift: [d, d] },
    loss: ({ x }, sample) => op.dot(op.detach(op.matvec(sample.drift, x)), x),
  });
  return {
    model,
    data: {
      name: "drift",
      samples: 1,
      fields: { drift: { data: Float64Array.from(drift.flat()), shape: [d, d] } },
      origin: "parameters of the experiment",
    },
  };
}
