/**
 * Reductions over axes: sum, mean, maxOf, minOf. The axes reduced are dropped.
 *
 * Where several elements share the maximum (minimum) they share its derivative equally, as
 * PyTorch's amax does.
 */
import { type Node, type Shape, size } from "../graph.ts";
import type { Index } from "../wgsl/indexing.ts";
import { floatLiteral } from "../wgsl/literal.ts";
import { op } from "./build.ts";
import type { Lowering, Op } from "./op.ts";
import { expectInputs, normalizeAxes, perNode, strides, walk } from "./shapes.ts";

const axesOf = (node: Node): readonly number[] => node.attributes.axes as readonly number[];

const reducedShape = (node: Node): Shape =>
  axesOf(node).map((axis) => node.inputs[0]!.shape[axis]!);

/** Elements that make up one output element. */
const terms = (node: Node): number => size(reducedShape(node));

/** x with its reduced axes kept as length 1, so that it broadcasts against the input again. */
const keepAxes = (x: Node, node: Node): Node =>
  op.reshape(
    x,
    node.inputs[0]!.shape.map((length, axis) => (axesOf(node).includes(axis) ? 1 : length)),
  );

const spread = (x: Node, node: Node): Node =>
  op.broadcastTo(keepAxes(x, node), node.inputs[0]!.shape);

/** Input offset of each output element's first term, and of the terms relative to it. */
const offsets = perNode((node) => {
  const axes = axesOf(node);
  const own = strides(node.inputs[0]!.shape);
  const kept = own.filter((_, axis) => !axes.includes(axis));
  return {
    first: walk(node.shape, kept),
    next: walk(
      reducedShape(node),
      axes.map((axis) => own[axis]!),
    ),
  };
});

const fold =
  (start: number, combine: (a: number, b: number) => number): Op["value"] =>
  ([x], node, out = new Float64Array(size(node.shape))) => {
    const { first, next } = offsets(node);
    for (let i = 0; i < out.length; i += 1) {
      let total = start;
      for (let k = 0; k < next.length; k += 1) total = combine(total, x![first[i]! + next[k]!]!);
      out[i] = total;
    }
    return out;
  };

const reads: Lowering["reads"] = (node, out, k) => {
  const axes = axesOf(node);
  let kept = 0;
  const index: Index[] = node.inputs[0]!.shape.map((_, axis) => {
    const position = axes.indexOf(axis);
    if (position >= 0) return k[position]!;
    kept += 1;
    return out[kept - 1]!;
  });
  return [index];
};

interface ReductionRule {
  readonly name: string;
  readonly combine: "sum" | "max" | "min";
  readonly value: Op["value"];
  readonly adjoint: (node: Node, g: Node) => Node;
  readonly finish?: Lowering["finish"];
}

const reductionOp = (rule: ReductionRule): Op => ({
  name: rule.name,
  shape: (inputs, attributes) => {
    expectInputs(rule.name, inputs, 1);
    const axes = normalizeAxes(rule.name, attributes.axes as readonly number[], inputs[0]!);
    return inputs[0]!.filter((_, axis) => !axes.includes(axis));
  },
  value: rule.value,
  adjoint: (node, g) => [rule.adjoint(node, g)],
  wgsl: {
    reduce: { over: reducedShape, combine: rule.combine },
    reads,
    expression: ([x]) => x!,
    ...(rule.finish === undefined ? {} : { finish: rule.finish }),
  },
});

const total = fold(0, (a, b) => a + b);

const sum = reductionOp({
  name: "sum",
  combine: "sum",
  value: total,
  adjoint: (node, g) => spread(g, node),
});

const mean = reductionOp({
  name: "mean",
  combine: "sum",
  value: (inputs, node, out) => {
    const sums = total(inputs, node, out);
    for (let i = 0; i < sums.length; i += 1) sums[i]! /= terms(node);
    return sums;
  },
  adjoint: (node, g) => op.scale(spread(g, node), 1 / terms(node)),
  finish: (value, node) => `(${value} * ${floatLiteral(1 / terms(node))})`,
});

/** g divided equally among the elements that equal the extremum. */
function amongTies(node: Node, g: Node, behind: (x: Node, extremum: Node) => Node): Node {
  const ties = op.sub(1, op.step(behind(node.inputs[0]!, keepAxes(node, node))));
  const share = op.div(g, op.sum(ties, axesOf(node)));
  return op.mul(ties, keepAxes(share, node));
}

const maxOf = reductionOp({
  name: "maxOf",
  combine: "max",
  value: fold(-Infinity, Math.max),
  adjoint: (node, g) => amongTies(node, g, (x, top) => op.sub(top, x)),
});

const minOf = reductionOp({
  name: "minOf",
  combine: "min",
  value: fold(Infinity, Math.min),
  adjoint: (node, g) => amongTies(node, g, (x, bottom) => op.sub(x, bottom)),
});

export const reduction: readonly Op[] = [sum, mean, maxOf, minOf];
