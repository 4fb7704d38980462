/** The product of two numbers fitted to a noisy line, on fresh data: l = (u w x − y)² (card 3B). */
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";

/**
 * x ~ N(0, 1), y = kx + s ε, ε ~ N(0, 1). Parameters `u`, `w` (scalars); no sample fields (data:
 * `onlineData`); settings `slope` k and `labelNoise` s; metric `expectedLoss` (uw − k)² + s².
 *
 * @example const model = factorPair();
 */
export const factorPair = (): Model =>
  defineModel({
    name: "factor-pair",
    params: { u: [], w: [] },
    sample: {},
    draws: { x: [], epsilon: [] },
    settings: {
      slope: { unit: "u w", meaning: "k, of y against x", initial: 1 },
      labelNoise: {
        unit: "u w",
        meaning: "s, standard deviation of the labels' noise",
        initial: 0.5,
        least: 0,
      },
    },
    loss: ({ u, w }, _sample, { draws, settings }) => {
      const residual = op.mul(op.sub(op.mul(u, w), settings.slope), draws.x);
      return op.square(op.sub(residual, op.mul(settings.labelNoise, draws.epsilon)));
    },
    metrics: {
      expectedLoss: ({ u, w }, _sample, { settings }) =>
        op.add(op.square(op.sub(op.mul(u, w), settings.slope)), op.square(settings.labelNoise)),
    },
  });
