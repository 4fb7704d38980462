/**
 * Simplification of graphs: composite operations expand, equal nodes become one, and the algebra
 * of `rewrite.ts` runs to its fixed point. Values stay the same up to rounding.
 *
 * Simplify the loss together with its gradients, so that they share nodes.
 */
import { type Attributes, type Node, topologicalOrder } from "./graph.ts";
import { rewrite } from "./rewrite.ts";

/** Operations whose two operands may change places without changing a bit of the result. */
const COMMUTATIVE = new Set(["add", "mul", "min", "max", "dot"]);

const printNumber = (value: number): string => (Object.is(value, -0) ? "-0" : String(value));

function printAttributes(attributes: Attributes): string {
  return Object.keys(attributes)
    .sort()
    .map((name) => {
      const value = attributes[name]!;
      const text =
        typeof value === "number"
          ? printNumber(value)
          : typeof value === "object"
            ? value.map(printNumber).join(",")
            : JSON.stringify(value);
      return `${name}=${text}`;
    })
    .join(";");
}

/** Keeps one node of each kind: same operation, inputs, attributes and shape. */
function interner(): (node: Node) => Node {
  const kept = new Map<string, Node>();
  const numbers = new Map<Node, number>();
  return (node) => {
    const inputs = node.inputs.map((input) => numbers.get(input)!);
    if (COMMUTATIVE.has(node.op)) inputs.sort((a, b) => a - b);
    const key = `${node.op}(${inputs})[${node.shape}]{${printAttributes(node.attributes)}}`;
    const known = kept.get(key);
    if (known !== undefined) return known;
    kept.set(key, node);
    numbers.set(node, numbers.size);
    return node;
  };
}

/**
 * Equal graphs of primitive operations, with shared subexpressions shared and constants folded.
 *
 * Value-preserving up to rounding where all values are finite. Idempotent. Leaves with names stay the
 * objects they are (the first of each name).
 */
export function simplify(outputs: readonly Node[]): Node[] {
  const intern = interner();
  const settled = new Map<Node, Node>();
  // Recursion is as deep as one rule's result above settled nodes: a few levels.
  const settle = (node: Node): Node => {
    const known = settled.get(node);
    if (known !== undefined) return known;
    const inputs = node.inputs.map(settle);
    const changed = inputs.some((input, i) => input !== node.inputs[i]);
    const rebuilt = changed ? Object.freeze({ ...node, inputs: Object.freeze(inputs) }) : node;
    const simpler = rewrite(rebuilt);
    const result = simpler === undefined ? intern(rebuilt) : settle(simpler);
    settled.set(node, result);
    settled.set(result, result);
    return result;
  };
  for (const node of topologicalOrder(outputs)) settle(node);
  return outputs.map(settle);
}
