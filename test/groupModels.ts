/** Models whose replicas interact through their mean, for tests of groups. */
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";

/** k (mean − 1)·x + ¼ |x|² + s ξ·x, four times card 4B with the noise in the loss. */
export const flock: Model = defineModel({
  name: "flock",
  params: { x: [4] },
  sample: {},
  draws: { xi: [4] },
  settings: {
    coupling: { unit: "loss/x²", meaning: "k", initial: 2 },
    noise: { unit: "loss/x", meaning: "s", initial: 0.7, least: 0 },
  },
  loss: ({ x }, _sample, { draws, settings, mean }) => {
    const pull = op.mul(settings.coupling, op.sub(mean.x, 1));
    const force = op.add(pull, op.mul(settings.noise, draws.xi));
    return op.add(op.dot(force, x), op.scale(op.dot(x, x), 0.25));
  },
  metrics: { spread: ({ x }, _sample, { mean }) => op.mean(op.square(op.sub(x, mean.x))) },
});

/** Regression whose weights are drawn to their mean by a nonlinear force; two blocks, data. */
export const alignedRegression: Model = defineModel({
  name: "aligned regression",
  params: { w: [2], b: [] },
  sample: { x: [2], y: [] },
  settings: { coupling: { unit: "loss", meaning: "k", initial: 0.5 } },
  loss: ({ w, b }, { x, y }, { settings, mean }) => {
    const residual = op.sub(op.add(op.dot(w, x), b), y);
    const apart = op.add(op.sum(op.tanh(op.sub(w, mean.w))), op.mul(b, mean.b));
    return op.add(op.scale(op.square(residual), 0.5), op.mul(settings.coupling, op.square(apart)));
  },
  metrics: { gap: ({ w }, _sample, { mean }) => op.sum(op.square(op.sub(w, mean.w))) },
});
