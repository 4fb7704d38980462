/**
 * A model whose draws have their means (normal and sign 0, uniform ½): what is averaged over a whole
 * data set, e.g. the loss of labels without their noise.
 */
import { substitute } from "./autodiff.ts";
import { constant, type DrawLaw, type Node, size, topologicalOrder } from "./graph.ts";
import type { Model } from "./model.ts";
import { MEANS } from "./modelDraws.ts";
import { simplify } from "./simplify.ts";

/**
 * The same model with constants in the places of its draws; the model itself if it has none.
 *
 * E over the draws only where loss and metrics are linear in each of them.
 */
export function withoutDraws(model: Model): Model {
  if (model.draws.length === 0) return model;
  const metrics = Object.entries(model.metrics);
  const outputs = [model.loss, ...model.gradients, ...metrics.map(([, node]) => node)];
  const means = topologicalOrder(outputs)
    .filter((node) => node.op === "draw")
    .map((node): [Node, Node] => {
      const mean = MEANS[node.attributes.law as DrawLaw];
      return [node, constant(new Array<number>(size(node.shape)).fill(mean), node.shape)];
    });
  const simple = simplify(substitute(outputs, new Map(means)));
  const first = 1 + model.gradients.length;
  return Object.freeze({
    ...model,
    draws: [],
    loss: simple[0]!,
    gradients: simple.slice(1, first),
    metrics: Object.fromEntries(metrics.map(([name], i) => [name, simple[first + i]!])),
  });
}
