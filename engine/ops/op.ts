/**
 * The contract of an operation: four rules.
 *
 * `shape` decides the output shape or refuses; `value` computes it in float64; `adjoint` gives the
 * cotangents of the inputs as graph nodes (so derivatives are graphs and can be differentiated
 * again); `wgsl` tells the emitter where one output element comes from. Composite operations
 * (softmax, logSumExp, …) give `expand` instead of `wgsl`: an equivalent graph of primitive ones.
 */
import type { Attributes, Node, Shape } from "../graph.ts";
import type { Index } from "../wgsl/indexing.ts";

/**
 * One output element as WGSL: `combine over k of expression(inputs at reads(out, k))`, then
 * `finish`. Without `reduce` it is a map. All values are f32 except indices, which are u32.
 */
export interface Lowering {
  /** Axis lengths summed (or maximised) over, and how. Absent: a map or a view. */
  readonly reduce?: {
    readonly over: (node: Node) => Shape;
    readonly combine: "sum" | "max" | "min";
  };
  /** Index into each input, for output index `out` and reduction index `k` (empty for maps). */
  readonly reads: (node: Node, out: readonly Index[], k: readonly Index[]) => (readonly Index[])[];
  /** WGSL of one term from the WGSL of the inputs' elements; fully parenthesised. */
  readonly expression: (
    inputs: readonly string[],
    node: Node,
    out: readonly Index[],
    k: readonly Index[],
  ) => string;
  /** After the reduction, e.g. `mean` divides; identity when absent. */
  readonly finish?: (value: string, node: Node) => string;
  /** Costs much more than a multiplication (exp, tanh, …): compute once, keep. */
  readonly dear?: boolean;
  /** WGSL library files the expression calls, e.g. `lib/tanh`. */
  readonly imports?: readonly string[];
}

export interface Op {
  readonly name: string;
  /** Output shape; throws `ShapeError` that says what was given and what would fit. */
  readonly shape: (inputs: readonly Shape[], attributes: Attributes) => Shape;
  /** Row-major float64 output from row-major float64 inputs; fills and returns `out` if given. */
  readonly value: (inputs: readonly Float64Array[], node: Node, out?: Float64Array) => Float64Array;
  /** Cotangent of each input (null: does not depend on it), given that of the output. */
  readonly adjoint: (node: Node, cotangent: Node) => (Node | null)[];
  readonly wgsl?: Lowering;
  /** The same value as a graph of other operations; exactly one of `wgsl` and `expand` is given. */
  readonly expand?: (node: Node) => Node;
}
