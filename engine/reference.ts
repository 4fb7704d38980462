/**
 * The float64 interpreter: the CPU twin of the loss of one sample and of its gradient.
 *
 * It applies the value rule of each operation, in topological order, each node once. It knows
 * nothing of batches, replicas, update rules or float32.
 */
import { ArgumentError, DataError, invariant } from "./errors.ts";
import { isNamed, type Node, printShape, size, topologicalOrder } from "./graph.ts";
import { type Op, ops } from "./ops/index.ts";

/** Values of the leaves, row-major, by name. Labels are integers. */
export interface Bindings {
  readonly params: Readonly<Record<string, Float64Array>>;
  readonly sample: Readonly<Record<string, Float64Array | number>>;
  readonly draws?: Readonly<Record<string, Float64Array | number>>;
  readonly settings?: Readonly<Record<string, number>>;
  /** Of each parameter block over the group of replicas. */
  readonly means?: Readonly<Record<string, Float64Array>>;
}

/** Where a leaf's values are found, and what it is called. */
const SOURCES: Readonly<Record<string, { table: keyof Bindings; what: string }>> = {
  param: { table: "params", what: "parameter block" },
  groupMean: { table: "means", what: "group mean of" },
  sample: { table: "sample", what: "sample field" },
  draw: { table: "draws", what: "draw" },
  setting: { table: "settings", what: "setting" },
};

interface Step {
  readonly rule: Op;
  readonly node: Node;
  readonly inputs: Float64Array[];
  readonly out: Float64Array;
}

/** A leaf whose values come with each call, and the places that read them. */
interface Entry {
  readonly node: Node;
  readonly name: string;
  readonly size: number;
  readonly readers: { readonly list: Float64Array[]; readonly position: number }[];
  /** Holds a scalar that is bound as a number. */
  readonly own: Float64Array;
  current: Float64Array;
}

const entryOf = (node: Node, own: Float64Array): Entry => ({
  node,
  name: node.attributes.name as string,
  size: own.length,
  readers: [],
  own,
  current: own,
});

function bound(entry: Entry, bindings: Bindings): Float64Array {
  const { table, what: kind } = SOURCES[entry.node.op]!;
  const source = bindings[table] ?? {};
  const value = Object.hasOwn(source, entry.name) ? source[entry.name] : undefined;
  const what = `${kind} ${entry.name}`;
  if (value === undefined) {
    const given = Object.keys(source).join(", ") || "none";
    throw new ArgumentError(`reference: no values for ${what}; given are: ${given}.`);
  }
  const length = typeof value === "number" ? 1 : value.length;
  if (length !== entry.size) {
    throw new DataError(
      `reference: ${what} ${printShape(entry.node.shape)} needs ${entry.size} values, ` +
        `got ${length}.`,
    );
  }
  if (typeof value !== "number") return value;
  entry.own[0] = value;
  return entry.own;
}

/** Makes the readers of a leaf read `values`. */
function attach(entry: Entry, values: Float64Array): void {
  if (values === entry.current) return;
  for (const { list, position } of entry.readers) list[position] = values;
  entry.current = values;
}

/**
 * Prepares the evaluation of `outputs`: all memory is allocated here, none by the calls.
 *
 * The arrays returned belong to the function: the next call overwrites them. An output that is a
 * leaf is the array that was bound. A call throws `ArgumentError` for a leaf without values and
 * `DataError` for one with the wrong number of them, or for a label out of range.
 *
 * @example
 * const run = compileReference([model.loss, ...model.gradients]);
 * const [loss, ...gradients] = run({
 *   params: { w: Float64Array.of(1, 2) },
 *   sample: { x: Float64Array.of(3, 4), y: 5 },
 * });
 */
export function compileReference(
  outputs: readonly Node[],
): (bindings: Bindings) => readonly Float64Array[] {
  const values = new Map<Node, Float64Array>();
  const entries = new Map<Node, Entry>();
  const steps: Step[] = [];
  const read = (node: Node, list: Float64Array[], position: number): void => {
    list[position] = values.get(node)!;
    entries.get(node)?.readers.push({ list, position });
  };
  for (const node of topologicalOrder(outputs)) {
    if (node.op === "constant") {
      values.set(node, Float64Array.from(node.attributes.values as readonly number[]));
      continue;
    }
    const out = new Float64Array(size(node.shape));
    values.set(node, out);
    if (isNamed(node)) {
      entries.set(node, entryOf(node, out));
      continue;
    }
    const rule = ops[node.op];
    invariant(rule !== undefined, `reference: no operation "${node.op}"`);
    const inputs: Float64Array[] = [];
    node.inputs.forEach((input, i) => {
      read(input, inputs, i);
    });
    steps.push({ rule, node, inputs, out });
  }
  const results: Float64Array[] = [];
  outputs.forEach((output, i) => {
    read(output, results, i);
  });
  const leaves = [...entries.values()];
  return (bindings) => {
    for (const entry of leaves) attach(entry, bound(entry, bindings));
    for (const { rule, inputs, node, out } of steps) rule.value(inputs, node, out);
    return results;
  };
}

/**
 * Values of `outputs` in float64, row-major, each node computed once; the arrays are fresh.
 *
 * Throws as `compileReference` does.
 */
export const evaluate = (outputs: readonly Node[], bindings: Bindings): Float64Array[] =>
  compileReference(outputs)(bindings).map((values) => values.slice());
