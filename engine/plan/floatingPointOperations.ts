/**
 * How many floating-point operations the loss of one sample and its gradient take, by the graph.
 *
 * Counted over the simplified graph, every node once: an element of a map counts 1, whatever the
 * function (a tanh, a division and a comparison count as much as a sum); an element that is only
 * moved (reshape, transpose, broadcast) counts 0; a reduction of K terms counts K, beside its terms;
 * adding the gradient to the minibatch's counts one for each parameter, adding the loss one. A
 * multiply-add therefore counts 2. Left out: sampling, random draws, weight decay, the update, loop
 * and index arithmetic, and what a kernel computes twice to save memory.
 */
import { isLeaf, type Node, size, topologicalOrder } from "../graph.ts";
import type { Model } from "../model.ts";
import { variable } from "../wgsl/indexing.ts";
import { lowering, reductionAxes } from "../wgsl/statements.ts";

/** Operations that make one node from its inputs. */
function ofNode(node: Node): number {
  if (isLeaf(node)) return 0;
  const rule = lowering(node);
  const inputs = node.inputs.map((_, i) => `input_${i}`);
  const index = node.shape.map((length, axis) => variable(`i${axis}`, length));
  const k = reductionAxes(node).map((length, axis) => variable(`k${axis}`, length));
  const moves = inputs.includes(rule.expression(inputs, node, index, k));
  const terms = size(node.shape) * size(reductionAxes(node));
  const reduced = rule.reduce ? terms : 0;
  const finished = rule.finish ? size(node.shape) : 0;
  return (moves ? 0 : terms) + reduced + finished;
}

/**
 * Floating-point operations of one sample: loss, gradient and their addition to the minibatch's.
 *
 * @example
 * const perReplicaStep = batchSize * floatingPointOperations(model);
 */
export const floatingPointOperations = (model: Model): number =>
  topologicalOrder([model.loss, ...model.gradients]).reduce((sum, node) => sum + ofNode(node), 0) +
  model.parameterCount +
  1;
