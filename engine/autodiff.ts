/**
 * Reverse-mode differentiation, graph to graph.
 *
 * Cotangents are nodes made of the operations in the table, so derivatives can be differentiated
 * again. Nothing is evaluated and nothing simplified here. Derivatives at kinks are the conventions
 * of `ops/piecewise.ts` and `ops/reduction.ts`.
 *
 * @see Griewank & Walther, Evaluating Derivatives, 2nd ed. (2008), ch. 3 and 5.
 */
import { ArgumentError, invariant, ShapeError } from "./errors.ts";
import { constant, isNamed, type Node, printShape, sameShape, topologicalOrder } from "./graph.ts";
import { op, ops, zeros } from "./ops/index.ts";

/** Named leaves are the same variable wherever they were made; other nodes are themselves. */
const identity = (node: Node): Node | string =>
  isNamed(node) ? `${node.op} ${node.attributes.name as string}` : node;

/** Nodes of `order` on which `of` has an influence. */
function dependents(order: readonly Node[], of: ReadonlySet<Node | string>): Set<Node> {
  const reached = new Set<Node>();
  for (const node of order) {
    if (of.has(identity(node)) || node.inputs.some((input) => reached.has(input))) {
      reached.add(node);
    }
  }
  return reached;
}

/**
 * Derivatives of a scalar node with respect to nodes `of`, each of the shape of its node.
 *
 * g_i = ∂output/∂of_i. A node on which `output` does not depend gives zeros. `of` may name inner
 * nodes: the derivative then is with respect to their value. Leaves with names (parameters, sample
 * fields, draws, settings) are recognized by them.
 *
 * Throws `ShapeError` if `output` is not a scalar.
 *
 * @example
 * const [dW] = gradient(loss, [W]);
 */
export function gradient(output: Node, of: readonly Node[]): Node[] {
  if (output.shape.length !== 0) {
    throw new ShapeError(
      `gradient: the output has shape ${printShape(output.shape)}, must be a scalar []; ` +
        "reduce it with op.sum or op.mean.",
    );
  }
  const order = topologicalOrder([output]);
  const wanted = new Set(of.map(identity));
  const relevant = dependents(order, wanted);
  const cotangents = new Map<Node | string, Node>([[identity(output), constant(1)]]);
  for (const node of order.reverse()) {
    const cotangent = cotangents.get(identity(node));
    if (cotangent === undefined || node.inputs.length === 0) continue;
    if (!node.inputs.some((input) => relevant.has(input))) continue;
    const rule = ops[node.op];
    invariant(rule !== undefined, `gradient: no operation "${node.op}"`);
    rule.adjoint(node, cotangent).forEach((part, i) => {
      const input = node.inputs[i]!;
      if (part === null || !relevant.has(input)) return;
      invariant(
        sameShape(part.shape, input.shape),
        `adjoint of ${node.op}: input ${i} ${printShape(input.shape)}, got ${printShape(part.shape)}`,
      );
      const sofar = cotangents.get(identity(input));
      cotangents.set(identity(input), sofar === undefined ? part : op.add(sofar, part));
    });
  }
  return of.map((node) => cotangents.get(identity(node)) ?? zeros(node.shape));
}

/** The same graphs with some nodes replaced. */
export function substitute(
  outputs: readonly Node[],
  replacements: ReadonlyMap<Node, Node>,
): Node[] {
  const made = new Map<Node, Node>();
  for (const node of topologicalOrder(outputs)) {
    const inputs = node.inputs.map((input) => made.get(input)!);
    const changed = inputs.some((input, i) => input !== node.inputs[i]);
    made.set(node, replacements.get(node) ?? (changed ? Object.freeze({ ...node, inputs }) : node));
  }
  return outputs.map((output) => made.get(output)!);
}

/**
 * The Hessian of a scalar node applied to vectors, one per node of `of`.
 *
 * (Hv)_i = ∂/∂of_i Σ_j ⟨∂output/∂of_j, v_j⟩ with v held fixed: a vector may itself depend on `of`
 * (the gradient, say) and is not differentiated.
 *
 * Throws `ShapeError` if `output` is not a scalar or a vector has not the shape of its node,
 * `ArgumentError` if the numbers of nodes and vectors differ.
 *
 * @see Pearlmutter, Neural Computation 6, 147 (1994).
 */
export function hessianVectorProduct(
  output: Node,
  of: readonly Node[],
  vectors: readonly Node[],
): Node[] {
  if (of.length !== vectors.length) {
    throw new ArgumentError(
      `hessianVectorProduct: ${of.length} nodes but ${vectors.length} vectors; give one for each.`,
    );
  }
  vectors.forEach((vector, i) => {
    if (!sameShape(vector.shape, of[i]!.shape)) {
      throw new ShapeError(
        `hessianVectorProduct: vector ${i} has shape ${printShape(vector.shape)}, ` +
          `its node has ${printShape(of[i]!.shape)}; they must be equal.`,
      );
    }
  });
  // Stand-ins without values, since `gradient` would differentiate through vectors that depend on
  // `of`; `substitute` puts the vectors in their places.
  const fixed = vectors.map((vector) => constant(Number.NaN, vector.shape));
  const products = gradient(output, of).map((g, i) => op.sum(op.mul(g, fixed[i]!)));
  const along = products.reduce((sum, product) => op.add(sum, product), constant(0));
  const replacements = new Map(fixed.map((stand, i) => [stand, vectors[i]!]));
  return substitute(gradient(along, of), replacements);
}
