/** Models whose losses draw random numbers, for tests of draws and settings. */
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";

const LABEL_NOISE = { unit: "y", meaning: "standard deviation of labels", initial: 0.5, least: 0 };

/** ½(w·x + b − y − s ξ)², ξ normal. */
export const noisyRegression: Model = defineModel({
  name: "noisy regression",
  params: { w: [2], b: [] },
  sample: { x: [2], y: [] },
  draws: { xi: [] },
  settings: { labelNoise: LABEL_NOISE },
  loss: ({ w, b }, { x, y }, { draws, settings }) => {
    const label = op.add(y, op.mul(settings.labelNoise, draws.xi));
    return op.scale(op.square(op.sub(op.add(op.dot(w, x), b), label)), 0.5);
  },
});

/** A network whose label changes its sign with probability p, and is multiplied by ±1 + s. */
export const flippedNetwork: Model = defineModel({
  name: "flipped network",
  params: { W: [3, 2], a: [3] },
  sample: { x: [2], y: [] },
  draws: { flip: { sign: [] }, u: { uniform: [] }, xi: [3] },
  settings: {
    labelNoise: LABEL_NOISE,
    flipProbability: {
      unit: "1",
      meaning: "share of flipped labels",
      initial: 0.3,
      least: 0,
      most: 1,
    },
  },
  loss: ({ W, a }, { x, y }, { draws, settings }) => {
    const kept = op.sub(1, op.scale(op.step(op.sub(settings.flipProbability, draws.u)), 2));
    const label = op.add(op.mul(kept, y), op.mul(settings.labelNoise, draws.flip));
    const units = op.tanh(op.add(op.matvec(W, x), op.scale(draws.xi, 0.1)));
    return op.scale(op.square(op.sub(op.dot(a, units), label)), 0.5);
  },
});

/** x ~ N(0, 1) of `inputs` numbers, y = noise: more than four pairs from eight inputs on. */
export const online = (inputs: number): Model =>
  defineModel({
    name: `online regression of ${inputs}`,
    params: { w: [inputs] },
    sample: {},
    draws: { x: [inputs], xi: [], s: { sign: [3] } },
    settings: { labelNoise: LABEL_NOISE },
    loss: ({ w }, _sample, { draws, settings }) => {
      const noise = op.mul(settings.labelNoise, op.add(draws.xi, op.sum(draws.s)));
      return op.scale(op.square(op.add(op.dot(w, draws.x), noise)), 0.5);
    },
    metrics: {
      // E over the draws: ½(|w|² + 4 s²).
      expectedLoss: ({ w }, _sample, { settings }) =>
        op.scale(op.add(op.dot(w, w), op.scale(op.square(settings.labelNoise), 4)), 0.5),
    },
  });
