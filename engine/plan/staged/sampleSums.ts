/**
 * Σ_b over the minibatch as a node of the graph, moved inward as far as it is linear.
 *
 *   Σ_b (x_b + c) = Σ_b x_b + B c,   Σ_b W x_b = W Σ_b x_b,   Σ_b reshape(x_b) = reshape(Σ_b x_b)
 *
 * A gradient then is computed once a replica from few sums, most of them products δ_b ⊗ x_b, which
 * are one matrix product over the batch; what follows (the projection of a normalized layer, say) is
 * not repeated for each sample. `overSamples` is a node of plans alone: it is in no table of operations.
 */
import { isLeaf, type Node, topologicalOrder } from "../../graph.ts";
import { op } from "../../ops/index.ts";

/** Σ_b of its input, of the same shape; depends on no sample. */
export const OVER_SAMPLES = "overSamples";
/** The number of samples in the batch, a scalar. */
export const BATCH = "batch";

const overSamples = (x: Node): Node =>
  Object.freeze({ op: OVER_SAMPLES, inputs: [x], shape: x.shape, attributes: {} });

const batch: Node = Object.freeze({ op: BATCH, inputs: [], shape: [], attributes: {} });

/** Nodes that differ from sample to sample. */
export function dependsOnSample(order: readonly Node[]): Set<Node> {
  const found = new Set<Node>();
  for (const node of order) {
    if (node.op === OVER_SAMPLES) continue;
    const own = node.op === "sample" || node.op === "draw";
    if (own || node.inputs.some((input) => found.has(input))) found.add(node);
  }
  return found;
}

/** Rearrangements: a sum moves through them at no cost. */
const VIEWS = new Set([
  "transpose",
  "reshape",
  "slice",
  "reverse",
  "pad",
  "concat",
  "broadcastTo",
  "patches",
]);
/** Linear in all inputs together. */
const LINEAR = new Set([...VIEWS, "add", "sub", "neg", "scale", "sum", "mean", "unpatch"]);
/** Linear in each of two inputs. */
const BILINEAR = new Set(["mul", "dot", "matvec", "outer", "matmul"]);
/** Summed over the batch, products of matrices where both inputs vary. */
const PRODUCTS = new Set(["outer", "matmul"]);

/** The inputs in which a node is linear, those that vary being among them; null: in none. */
function linearIn({ op: name, inputs }: Node, varies: ReadonlySet<Node>): readonly Node[] | null {
  if (LINEAR.has(name)) return inputs;
  const varying = inputs.filter((input) => varies.has(input));
  if (BILINEAR.has(name) && varying.length === 1) return varying;
  return name === "div" && !varies.has(inputs[1]!) ? [inputs[0]!] : null;
}

/**
 * Nodes through which a sum over samples should move: rearrangements, and what is linear in a product
 * of two varying vectors. Any other sum is taken where it stands, in one loop.
 */
function worthMoving(order: readonly Node[], varies: ReadonlySet<Node>): Set<Node> {
  const worth = new Set<Node>();
  const products = new Set<Node>();
  for (const node of order) {
    if (!varies.has(node) || isLeaf(node)) continue;
    const linear = linearIn(node, varies);
    if (linear === null) {
      if (PRODUCTS.has(node.op)) products.add(node);
    } else if (VIEWS.has(node.op) || linear.some((x) => worth.has(x) || products.has(x))) {
      worth.add(node);
    }
  }
  return worth;
}

const isTransposedOuter = ({ op: name, inputs }: Node): boolean =>
  name === "transpose" && inputs[0]!.op === "outer";

/** Σ_b of nodes, in simplified graphs of one sample. */
export function sampleSums(nodes: readonly Node[]): Node[] {
  const order = topologicalOrder(nodes);
  const varies = dependsOnSample(order);
  const moving = worthMoving(order, varies);
  const sums = new Map<Node, Node>();
  // Inputs come first, so recursion is one level deep.
  const summed = (node: Node): Node => {
    const known = sums.get(node);
    if (known) return known;
    let made: Node;
    if (!varies.has(node)) made = op.mul(node, batch);
    else if (!moving.has(node)) made = overSamples(node);
    else if (isTransposedOuter(node) && node.inputs[0]!.inputs.every((x) => varies.has(x))) {
      // (a ⊗ b)ᵀ = b ⊗ a: the sum is a matrix product as it stands.
      const [a, b] = node.inputs[0]!.inputs;
      made = overSamples(op.outer(b!, a!));
    } else {
      const linear = linearIn(node, varies)!;
      const inputs = node.inputs.map((input) => (linear.includes(input) ? summed(input) : input));
      made = Object.freeze({ ...node, inputs });
    }
    sums.set(node, made);
    return made;
  };
  for (const node of order) if (moving.has(node)) summed(node);
  return nodes.map(summed);
}
