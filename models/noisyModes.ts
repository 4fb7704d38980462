/** Independent modes of a quadratic loss whose gradients have noise of a variance of their own. */
import { ArgumentError } from "../engine/errors.ts";
import { constant } from "../engine/graph.ts";
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";

/**
 * l = Σ_i (½ h_i θ_i² + √n_i ξ_i θ_i), ξ_i ~ N(0, 1) fresh for every sample: the gradient of mode i is
 * h_i θ_i with additive noise of variance n_i.
 *
 * Parameters `theta` [modes]; no sample fields (data: `onlineData`); metric `expectedLoss` ½ Σ h_i θ_i².
 *
 * @throws ArgumentError unless there are as many curvatures >= 0 as noise variances >= 0, one at least.
 * @example const model = noisyModes([1, 0.25], [1, 0.25]);
 */
export function noisyModes(
  curvatures: readonly number[],
  noiseVariances: readonly number[],
): Model {
  const modes = curvatures.length;
  const wrong = [...curvatures, ...noiseVariances].find((x) => !(x >= 0 && Number.isFinite(x)));
  if (modes === 0 || noiseVariances.length !== modes || wrong !== undefined) {
    throw new ArgumentError(
      `noisyModes: ${modes} curvatures and ${noiseVariances.length} noise variances` +
        `${wrong === undefined ? "" : `, one of them ${wrong}`}; give as many of each, >= 0.`,
    );
  }
  const energy = (theta: Parameters<typeof op.square>[0]) =>
    op.scale(op.dot(constant([...curvatures], [modes]), op.square(theta)), 0.5);
  return defineModel({
    name: "noisy-modes",
    params: { theta: [modes] },
    sample: {},
    draws: { xi: [modes] },
    loss: ({ theta }, _sample, { draws }) => {
      const deviations = constant(noiseVariances.map(Math.sqrt), [modes]);
      return op.add(energy(theta), op.dot(op.mul(deviations, draws.xi), theta));
    },
    metrics: { expectedLoss: ({ theta }) => energy(theta) },
  });
}
