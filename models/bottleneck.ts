/**
 * A linear net with one hidden unit, w(u·x), fitted to one noisy direction of fresh data (cards 2C, 2E).
 *
 * l = |w(u·x) − y|², x ~ N(0, 1), y = c x_0 e_0 + noise of standard deviation s on component 0 and s' on
 * the others: the smallest net that noise can make sharper or flatter along its rescaling symmetry.
 */
import { ArgumentError } from "../engine/errors.ts";
import { constant } from "../engine/graph.ts";
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";

/**
 * Parameters `u` [inputs], `w` [outputs]; no sample fields (data: `onlineData`); settings `signal` c,
 * `labelNoise` s and `otherNoise` s'.
 *
 * @throws ArgumentError for less than one input or two outputs.
 * @example const model = bottleneck({ inputs: 4, outputs: 4 });
 */
export function bottleneck(options: { readonly inputs: number; readonly outputs: number }): Model {
  const { inputs, outputs } = options;
  if (!(Number.isInteger(inputs) && Number.isInteger(outputs) && inputs >= 1 && outputs >= 2)) {
    throw new ArgumentError(
      `bottleneck: ${inputs} inputs and ${outputs} outputs; give whole numbers, at least 1 and 2.`,
    );
  }
  const unit = (size: number, chosen: (i: number) => boolean) =>
    constant(
      Array.from({ length: size }, (_, i) => (chosen(i) ? 1 : 0)),
      [size],
    );
  const noise = (meaning: string) => ({ unit: "loss^½", meaning, initial: 0.3, least: 0 });
  return defineModel({
    name: "bottleneck",
    params: { u: [inputs], w: [outputs] },
    sample: {},
    draws: { x: [inputs], epsilon: [outputs] },
    settings: {
      signal: { unit: "u w", meaning: "c, of y_0 against x_0", initial: 1 },
      labelNoise: noise("s, standard deviation of the noise on y_0"),
      otherNoise: noise("s', of the noise on all other y"),
    },
    loss: ({ u, w }, _sample, { draws, settings }) => {
      const isSignal = unit(outputs, (i) => i === 0);
      const first = op.dot(
        unit(inputs, (i) => i === 0),
        draws.x,
      );
      const deviations = op.add(
        op.mul(settings.labelNoise, isSignal),
        op.mul(
          settings.otherNoise,
          unit(outputs, (i) => i > 0),
        ),
      );
      const label = op.add(
        op.mul(op.mul(settings.signal, first), isSignal),
        op.mul(deviations, draws.epsilon),
      );
      return op.sum(op.square(op.sub(op.mul(w, op.dot(u, draws.x)), label)));
    },
  });
}
