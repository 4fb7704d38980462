/**
 * Where an expression reads: which elements of which inputs, for every element of its own.
 *
 * A node of a staged program has output axes `d0, d1, …`, reduction axes `k0, …` and, where it differs
 * from sample to sample or sums over samples, the axis `s` of the minibatch. An index is an affine
 * expression of these symbols (`wgsl/indexing.ts`), so that strides and fusion are decided by
 * comparing text.
 */
import { isLeaf, type Node, type Shape } from "../../graph.ts";
import { type Index, variable } from "../../wgsl/indexing.ts";
import { lowering, reductionAxes } from "../../wgsl/statements.ts";
import { OVER_SAMPLES } from "./sampleSums.ts";

/** Rearrangements of another value's elements: reading one is reading the other. */
const VIEWS = new Set([
  "transpose",
  "reshape",
  "slice",
  "broadcastTo",
  "reverse",
  "pad",
  "patches",
  "detach",
]);

export const isView = (node: Node): boolean => VIEWS.has(node.op);

export const outputSymbols = (shape: Shape): Index[] =>
  shape.map((length, axis) => variable(`d${axis}`, length));

export const reductionSymbols = (shape: Shape): Index[] =>
  shape.map((length, axis) => variable(`k${axis}`, length));

/** Reduction axes within a sample; the sum over samples has none of its own. */
export const innerAxes = (node: Node): Shape =>
  isLeaf(node) || node.op === OVER_SAMPLES ? [] : reductionAxes(node);

/** Index into each input for an index `out` of the node and `k` of its reduction. */
export const readsOf = (
  node: Node,
  out: readonly Index[],
  k: readonly Index[],
): (readonly Index[])[] =>
  node.op === OVER_SAMPLES ? [[...out]] : lowering(node).reads(node, out, k);

/** Symbols that occur in indices, also within opaque quotients and remainders. */
export const symbolsIn = (index: readonly Index[]): Set<string> =>
  new Set(index.flatMap((i) => [...i.terms.keys()].join(" ").match(/\b[dk]\d+\b|\bs\b/g) ?? []));

/** Visits what lies behind views of a node at an index: a leaf or a computed node. */
export function behindViews(
  node: Node,
  index: readonly Index[],
  visit: (node: Node, index: readonly Index[]) => void,
): void {
  if (!isView(node)) {
    visit(node, index);
    return;
  }
  const reads = readsOf(node, index, []);
  node.inputs.forEach((input, i) => {
    behindViews(input, reads[i]!, visit);
  });
}

/** Is `index` the consumer's own index `d0, d1, …`? */
export const isOwnIndex = (index: readonly Index[], shape: Shape, of: Shape): boolean =>
  shape.length === of.length &&
  shape.every((length, axis) => length === of[axis]) &&
  index.every((i, axis) =>
    of[axis] === 1
      ? i.constant === 0 && i.terms.size === 0
      : i.constant === 0 && i.terms.size === 1 && i.terms.get(`d${axis}`) === 1,
  );
