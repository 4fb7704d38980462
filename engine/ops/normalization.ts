/**
 * Normalization over chosen axes, without an affine part: layerNorm, weightNorm.
 *
 *   layerNorm(x) = (x − ⟨x⟩)/σ,  σ = √(⟨(x − ⟨x⟩)²⟩ + ε),  averages over the axes
 *   weightNorm(v) = v/|v|,  |v| = √(Σ v²) over the axes
 *
 * A layer z = W x + b before a layerNorm with ε = 0 over all its units, and weights that are read
 * through weightNorm, do not change the loss when they are multiplied by a number c > 0 (with b, where
 * there is one): w·∇L = 0. ε > 0 breaks it by a part ε/σ². Sources: Ba, Kiros and Hinton,
 * arXiv 1607.06450; Salimans and Kingma, arXiv 1602.07868.
 */
import { ShapeError } from "../errors.ts";
import { type Node, type Shape, size } from "../graph.ts";
import { op } from "./build.ts";
import type { Op } from "./op.ts";
import { expectInputs, normalizeAxes, perNode, strides, walk } from "./shapes.ts";

const axesOf = (node: Node): readonly number[] => node.attributes.axes as readonly number[];
const epsilonOf = (node: Node): number => node.attributes.epsilon as number;

/** A reduction over the axes, shaped so that it broadcasts against x again. */
const over = (reduce: "sum" | "mean", x: Node, axes: readonly number[]): Node =>
  op.reshape(
    op[reduce](x, axes),
    x.shape.map((length, axis) => (axes.includes(axis) ? 1 : length)),
  );

const normShape =
  (name: string, check?: (attributes: Node["attributes"]) => void): Op["shape"] =>
  (inputs, attributes) => {
    expectInputs(name, inputs, 1);
    normalizeAxes(name, attributes.axes as readonly number[], inputs[0]!);
    check?.(attributes);
    return inputs[0]!;
  };

/** Offset of the first element of each group that is normalized together, and of the others to it. */
const groups = perNode((node) => {
  const axes = axesOf(node);
  const own = strides(node.shape);
  const split = (inside: boolean): Uint32Array => {
    const picked = node.shape.map((_, axis) => axis).filter((a) => axes.includes(a) === inside);
    const lengths: Shape = picked.map((axis) => node.shape[axis]!);
    return walk(
      lengths,
      picked.map((axis) => own[axis]!),
    );
  };
  return { first: split(false), next: split(true) };
});

/** Writes `each(element)` for every element of every group, from what `prepare` makes of the group. */
const byGroup =
  (prepare: (group: Float64Array, node: Node) => (x: number) => number): Op["value"] =>
  ([x], node, out = new Float64Array(size(node.shape))) => {
    const { first, next } = groups(node);
    const group = new Float64Array(next.length);
    for (const start of first) {
      for (let k = 0; k < next.length; k += 1) group[k] = x![start + next[k]!]!;
      const each = prepare(group, node);
      for (let k = 0; k < next.length; k += 1) out[start + next[k]!] = each(group[k]!);
    }
    return out;
  };

const total = (values: Float64Array, term: (x: number) => number): number =>
  values.reduce((sum, x) => sum + term(x), 0);

const centered = (x: Node, axes: readonly number[]): Node => op.sub(x, over("mean", x, axes));

const deviation = (node: Node): Node => {
  const [x] = node.inputs as [Node];
  const axes = axesOf(node);
  const variance = over("mean", op.square(centered(x, axes)), axes);
  return op.sqrt(op.add(variance, epsilonOf(node)));
};

const layerNorm: Op = {
  name: "layerNorm",
  shape: normShape("layerNorm", ({ epsilon }) => {
    if (!Number.isFinite(epsilon) || (epsilon as number) < 0) {
      throw new ShapeError(
        `layerNorm: epsilon is ${epsilon}; give a number of 0 or more, added to the variance.`,
      );
    }
  }),
  value: byGroup((group, node) => {
    const mean = total(group, (x) => x) / group.length;
    const variance = total(group, (x) => (x - mean) ** 2) / group.length;
    const sigma = Math.sqrt(variance + epsilonOf(node));
    return (x) => (x - mean) / sigma;
  }),
  // (g − ⟨g⟩ − y ⟨g y⟩)/σ
  adjoint: (node, g) => {
    const axes = axesOf(node);
    const along = op.mul(node, over("mean", op.mul(g, node), axes));
    return [op.div(op.sub(centered(g, axes), along), deviation(node))];
  },
  expand: (node) => op.div(centered(node.inputs[0]!, axesOf(node)), deviation(node)),
};

const norm = (node: Node): Node => op.sqrt(over("sum", op.square(node.inputs[0]!), axesOf(node)));

const weightNorm: Op = {
  name: "weightNorm",
  shape: normShape("weightNorm"),
  value: byGroup((group) => {
    const length = Math.sqrt(total(group, (v) => v * v));
    return (v) => v / length;
  }),
  // (g − y (g·y))/|v|
  adjoint: (node, g) => {
    const along = op.mul(node, over("sum", op.mul(g, node), axesOf(node)));
    return [op.div(op.sub(g, along), norm(node))];
  },
  expand: (node) => op.div(node.inputs[0]!, norm(node)),
};

export const normalization: readonly Op[] = [layerNorm, weightNorm];
