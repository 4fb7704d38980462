/**
 * Operations on single elements: what every function of one or of two numbers has in common.
 *
 * A function of two numbers broadcasts its operands; its adjoint sums back over the axes along
 * which they were repeated.
 */
import { type Node, type Shape, sameShape, size } from "../graph.ts";
import { broadcastIndex } from "../wgsl/indexing.ts";
import { sumTo } from "./build.ts";
import type { Lowering, Op } from "./op.ts";
import { broadcastShapes, broadcastStrides, expectInputs, perNode, walk } from "./shapes.ts";

export interface UnaryRule {
  readonly name: string;
  readonly value: (x: number, node: Node) => number;
  /** Cotangent of x, given x, the node y itself, and the cotangent g of y. Null: zero. */
  readonly adjoint: (x: Node, y: Node, g: Node) => Node | null;
  readonly wgsl: (x: string, node: Node) => string;
  readonly dear?: boolean;
  readonly imports?: readonly string[];
  /** Checks the attributes. */
  readonly check?: (node: Pick<Node, "attributes">) => void;
}

const cost = (rule: { dear?: boolean; imports?: readonly string[] }): Partial<Lowering> => ({
  ...(rule.dear === undefined ? {} : { dear: rule.dear }),
  ...(rule.imports === undefined ? {} : { imports: rule.imports }),
});

/** A function of one number, applied to each element. */
export const unaryOp = (rule: UnaryRule): Op => ({
  name: rule.name,
  shape: (inputs, attributes) => {
    expectInputs(rule.name, inputs, 1);
    rule.check?.({ attributes });
    return inputs[0]!;
  },
  value: ([x], node, out = new Float64Array(x!.length)) => {
    for (let i = 0; i < out.length; i += 1) out[i] = rule.value(x![i]!, node);
    return out;
  },
  adjoint: (node, g) => [rule.adjoint(node.inputs[0]!, node, g)],
  wgsl: {
    reads: (_node, out) => [out],
    expression: ([x], node) => rule.wgsl(x!, node),
    ...cost(rule),
  },
});

export interface BinaryRule {
  readonly name: string;
  readonly value: (a: number, b: number) => number;
  /** Cotangents of a and b at the output's shape, before summing over broadcast axes. */
  readonly adjoint: (a: Node, b: Node, y: Node, g: Node) => readonly [Node, Node];
  readonly wgsl: (a: string, b: string) => string;
  readonly dear?: boolean;
}

const operandOffsets = perNode((node) =>
  node.inputs.map((input) => walk(node.shape, broadcastStrides(input.shape, node.shape))),
);

const isUniform = (shape: Shape): boolean => size(shape) === 1;

/** A function of two numbers, applied to each pair of elements. */
export const binaryOp = (rule: BinaryRule): Op => ({
  name: rule.name,
  shape: (inputs) => {
    expectInputs(rule.name, inputs, 2);
    return broadcastShapes(rule.name, inputs[0]!, inputs[1]!);
  },
  value: ([a, b], node, out = new Float64Array(size(node.shape))) => {
    const [left, right] = node.inputs.map((input) => input.shape) as [Shape, Shape];
    if (sameShape(left, right)) {
      for (let i = 0; i < out.length; i += 1) out[i] = rule.value(a![i]!, b![i]!);
    } else if (isUniform(left)) {
      for (let i = 0; i < out.length; i += 1) out[i] = rule.value(a![0]!, b![i]!);
    } else if (isUniform(right)) {
      for (let i = 0; i < out.length; i += 1) out[i] = rule.value(a![i]!, b![0]!);
    } else {
      const [p, q] = operandOffsets(node) as [Uint32Array, Uint32Array];
      for (let i = 0; i < out.length; i += 1) out[i] = rule.value(a![p[i]!]!, b![q[i]!]!);
    }
    return out;
  },
  adjoint: (node, g) => {
    const [a, b] = node.inputs as [Node, Node];
    const [da, db] = rule.adjoint(a, b, node, g);
    return [sumTo(da, a.shape), sumTo(db, b.shape)];
  },
  wgsl: {
    reads: (node, out) => node.inputs.map((input) => broadcastIndex(out, input.shape)),
    expression: ([a, b]) => rule.wgsl(a!, b!),
    ...cost(rule),
  },
});
