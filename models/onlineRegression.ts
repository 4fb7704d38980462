/** Linear regression on inputs that are drawn afresh for every sample, the model of card B2. */
import { ArgumentError } from "../engine/errors.ts";
import { constant, type Node } from "../engine/graph.ts";
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";

/**
 * l = (x·θ + σξ)²/2 with x_i ~ N(0, h_i), ξ ~ N(0, 1): regression about its minimum θ = 0.
 *
 * Parameters `theta` [inputs]; no sample fields (data: `onlineData`); setting `labelNoise` σ; metric
 * `expectedLoss` (Σ h_i θ_i² + σ²)/2.
 *
 * @throws ArgumentError unless every variance h_i is > 0.
 * @example const model = onlineRegressionModel([1, 0.1]);
 */
export function onlineRegressionModel(inputVariances: readonly number[]): Model {
  if (inputVariances.length === 0 || !inputVariances.every((h) => h > 0 && Number.isFinite(h))) {
    throw new ArgumentError(
      `onlineRegressionModel: inputVariances are [${inputVariances.join(", ")}]; give one number ` +
        "> 0 for each input.",
    );
  }
  const inputs = inputVariances.length;
  const half = (square: Node): Node => op.scale(square, 0.5);
  return defineModel({
    name: "online-regression",
    params: { theta: [inputs] },
    sample: {},
    draws: { x: [inputs], xi: [] },
    settings: {
      labelNoise: {
        unit: "loss^½",
        meaning: "σ, standard deviation of the labels' noise",
        initial: 1,
        least: 0,
      },
    },
    loss: ({ theta }, _sample, { draws, settings }) => {
      const deviations = constant(inputVariances.map(Math.sqrt), [inputs]);
      const output = op.dot(theta, op.mul(deviations, draws.x));
      return half(op.square(op.add(output, op.mul(settings.labelNoise, draws.xi))));
    },
    metrics: {
      expectedLoss: ({ theta }, _sample, { settings }) => {
        const variances = constant([...inputVariances], [inputs]);
        return half(op.add(op.dot(variances, op.square(theta)), op.square(settings.labelNoise)));
      },
    },
  });
}
