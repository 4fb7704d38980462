/**
 * Matrix products in a staged program, found by what indices mean and not by what operations are
 * called.
 *
 *   out[z, m, n] = Σ_k a[z, m, k] b[z, k, n]
 *
 * An axis of the output that only the first factor knows is of m, one that only the second knows is of
 * n, one that both know is of z; k are the axes that are summed over, samples among them where the node
 * is Σ_b. So `W x` is a product [units, inputs] × [inputs, samples], the gradient Σ_b δ_b ⊗ x_b is
 * [units, samples] × [samples, inputs], and a convolution is one over patches of the image.
 */
import { isLeaf, type Node } from "../../graph.ts";
import type { Index } from "../../wgsl/indexing.ts";
import { innerAxes, outputSymbols, readsOf, reductionSymbols, symbolsIn } from "./reading.ts";
import { OVER_SAMPLES } from "./sampleSums.ts";

/** The axis of samples: `s`, as long as the minibatch. */
export const SAMPLE_AXIS = "s";

export interface Axis {
  /** `d0`, `k1`, `s`. */
  readonly symbol: string;
  /** Elements; null for the axis of samples. */
  readonly length: number | null;
}

export interface Factor {
  readonly node: Node;
  /** The element it is read at, in symbols of the contraction. */
  readonly index: readonly Index[];
  readonly perSample: boolean;
}

export interface Contraction {
  readonly a: Factor;
  readonly b: Factor;
  readonly z: readonly Axis[];
  readonly m: readonly Axis[];
  readonly n: readonly Axis[];
  readonly k: readonly Axis[];
}

interface Context {
  readonly statementOf: ReadonlyMap<Node, unknown>;
  readonly varies: ReadonlySet<Node>;
}

const PRODUCTS = new Set(["matvec", "matmul"]);
const SUMMED_PRODUCTS = new Set(["outer", "matvec", "matmul"]);

/** Shorter sums than this are no products worth a tile. */
const SHORTEST = 4;

/** The product node below Σ_b, where there is one that is nothing by itself. */
function productOf(node: Node, { statementOf }: Context): Node | null {
  if (node.op === OVER_SAMPLES) {
    const inner = node.inputs[0]!;
    return SUMMED_PRODUCTS.has(inner.op) && !statementOf.has(inner) ? inner : null;
  }
  return PRODUCTS.has(node.op) ? node : null;
}

/** Elements along axes; those of samples count as many. */
export const extent = (axes: readonly Axis[], batch: number): number =>
  axes.reduce((product, { length }) => product * (length ?? batch), 1);

/** The matrix product a statement's node is, or null. */
export function contractionOf(node: Node, context: Context): Contraction | null {
  if (isLeaf(node)) return null;
  const product = productOf(node, context);
  if (product === null) return null;
  const overSamples = node.op === OVER_SAMPLES;
  const inner = innerAxes(product);
  const reads = readsOf(product, outputSymbols(product.shape), reductionSymbols(inner));
  const [a, b] = product.inputs.map((input, i) => ({
    node: input,
    index: reads[i]!,
    perSample: context.varies.has(input),
  })) as [Factor, Factor];
  const axes = (name: string, shape: readonly number[]): Axis[] =>
    shape.flatMap((length, axis) => (length > 1 ? [{ symbol: `${name}${axis}`, length }] : []));
  const output = axes("d", product.shape);
  const summed = axes("k", inner);
  const sample: Axis = { symbol: SAMPLE_AXIS, length: null };
  if (overSamples) summed.unshift(sample);
  else if (a.perSample || b.perSample) output.unshift(sample);
  const knows = ({ index, perSample }: Factor, { symbol }: Axis): boolean =>
    symbol === SAMPLE_AXIS ? perSample : symbolsIn(index).has(symbol);
  const of = (inA: boolean, inB: boolean): Axis[] =>
    output.filter((axis) => knows(a, axis) === inA && knows(b, axis) === inB);
  const found = { a, b, z: of(true, true), m: of(true, false), n: of(false, true), k: summed };
  const isProduct =
    found.m.length > 0 &&
    found.n.length > 0 &&
    (overSamples || extent(summed, 1) >= SHORTEST) &&
    summed.length > 0;
  return isProduct ? found : null;
}

/** Multiply-adds of a product for one replica. */
export const multiplyAdds = ({ z, m, n, k }: Contraction, batch: number): number =>
  extent([...z, ...m, ...n, ...k], batch);
