/**
 * The stochastic differential equation of two factors of v = uw on Gaussian data (card 3C):
 *   du = −w X, dw = −u X, X = 2(v − k) dt + 2 √(T q) dW, q = 2(v − k)² + s²,
 * the continuous theory of SGD on l = (vx − y)², x, ε ~ N(0, 1), y = kx + sε, at T = learningRate/batchSize.
 *
 * As steps of plain SGD with learning rate dt: the gradient is (w, u) X/dt, of a loss v X/dt whose X is held
 * fixed. L. Ziyin, H. Li, M. Ueda, arXiv 2308.06671. Left out: steps of SGD itself (`factorPair`).
 */
import type { Node } from "../engine/graph.ts";
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";

/**
 * Parameters `u`, `w` (scalars); no sample fields (data: `onlineData`). Settings `slope` k, `labelNoise` s,
 * `temperature` T, `timeStep` dt (give it as `learningRate` as well) and `adapted`: 0 for steps of dt, 1
 * for steps of h dt, h = a3/(a3 + 2v²), a3 = 2k² + s², whose noise is bounded (see `balanceSteps`).
 * `loss` is v², to bound v by.
 *
 * @example const model = balancedPair();
 */
export const balancedPair = (): Model =>
  defineModel({
    name: "balanced-pair",
    params: { u: [], w: [] },
    sample: {},
    draws: { xi: [] },
    settings: {
      slope: { unit: "v", meaning: "k, of y against x", initial: 1 },
      labelNoise: { unit: "v", meaning: "s, of the labels", initial: 1, least: 0 },
      temperature: { unit: "θ²/loss", meaning: "T, learning rate over batch size", initial: 0.1 },
      timeStep: { unit: "θ²/loss", meaning: "dt", initial: 5e-4 },
      adapted: { unit: "0 or 1", meaning: "1: steps of h dt", initial: 0 },
    },
    loss: ({ u, w }, _sample, { draws, settings }) => {
      const { slope, labelNoise, temperature, timeStep, adapted } = settings;
      const v = op.mul(u, w);
      const twice = (x: Node): Node => op.scale(x, 2);
      const distance = op.sub(v, slope);
      const small = op.square(labelNoise);
      const q = op.add(twice(op.square(distance)), small);
      const atZero = op.add(twice(op.square(slope)), small);
      const rate = op.div(atZero, op.add(atZero, op.mul(adapted, twice(op.square(v)))));
      const noise = op.sqrt(op.mul(op.mul(temperature, q), op.div(rate, timeStep)));
      const pull = op.detach(twice(op.add(op.mul(distance, rate), op.mul(noise, draws.xi))));
      const force = op.mul(v, pull);
      return op.add(force, op.detach(op.sub(op.square(v), force)));
    },
  });
