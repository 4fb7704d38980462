/**
 * The immutable expression graph of one sample's loss.
 *
 * A `Node` is plain data: an operation, its inputs, a shape. It has no values and no device; the
 * float64 interpreter (`reference.ts`) and the WGSL emitter (`wgsl/emit.ts`) both read it, and
 * autodiff turns one graph into another. Leaves are parameters (θ), means of parameters over a group of
 * replicas, fields of a sample (x, y), fresh random numbers of the sample (draws), settings
 * (hyperparameters of the loss) and constants. Batch and replica axes never appear here: the
 * schedules add them.
 */

/** Axis lengths, row-major, `[]` for a scalar. */
export type Shape = readonly number[];

/** What distinguishes two nodes with the same operation and inputs. JSON-serialisable. */
export type Attributes = Readonly<Record<string, number | string | boolean | readonly number[]>>;

export interface Node {
  /**
   * Name of a row of the op table (`ops/index.ts`), or a leaf: `param`, `groupMean`, `sample`, `draw`,
   * `setting`, `constant`.
   */
  readonly op: string;
  readonly inputs: readonly Node[];
  readonly shape: Shape;
  /** Leaves: `name` (all but constant), `values` (constant). Others as the op documents. */
  readonly attributes: Attributes;
}

/** Number of elements of a shape. */
export const size = (shape: Shape): number => shape.reduce((product, axis) => product * axis, 1);

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((axis, i) => axis === b[i]);

/** `[3, 2]`, as error messages print it; a scalar is `[]`. */
export const printShape = (shape: Shape): string => `[${shape.join(", ")}]`;

const leaf = (op: string, shape: Shape, attributes: Attributes): Node =>
  Object.freeze({ op, inputs: [], shape, attributes });

/** A block of parameters θ. */
export const param = (name: string, shape: Shape): Node => leaf("param", shape, { name });

/** The mean of a block of parameters over the group of replicas; not differentiated. */
export const groupMean = (name: string, shape: Shape): Node => leaf("groupMean", shape, { name });

/** A field of one sample. `labels` > 0 marks an integer class in `[0, labels)` (scalar shape). */
export const sampleField = (name: string, shape: Shape, labels = 0): Node =>
  leaf("sample", shape, { name, labels });

/** Standard normal; ±1 with probability ½; uniform on (0, 1). */
export type DrawLaw = "normal" | "sign" | "uniform";

/** Independent random numbers, fresh for every sample of every step. */
export const draw = (name: string, shape: Shape, law: DrawLaw): Node =>
  leaf("draw", shape, { name, law });

/** A hyperparameter of the loss, a scalar. */
export const setting = (name: string): Node => leaf("setting", [], { name });

/** A constant array, or a scalar. */
export const constant = (values: number | readonly number[], shape: Shape = []): Node => {
  const list = typeof values === "number" ? [values] : [...values];
  return leaf("constant", shape, { values: list });
};

export const isLeaf = (node: Node): boolean => node.inputs.length === 0;

/** A leaf whose values come from outside; leaves of one op and name are the same variable. */
export const isNamed = (node: Node): boolean => isLeaf(node) && node.op !== "constant";

/** All nodes the outputs depend on, inputs before users, each once. Deterministic order. */
export function topologicalOrder(outputs: readonly Node[]): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  // Explicit stack: gradients of deep graphs must not overflow the call stack.
  const stack: { node: Node; next: number }[] = [];
  for (const output of outputs) {
    if (seen.has(output)) continue;
    seen.add(output);
    stack.push({ node: output, next: 0 });
    while (stack.length > 0) {
      const frame = stack[stack.length - 1]!;
      const input = frame.node.inputs[frame.next];
      if (input === undefined) {
        order.push(frame.node);
        stack.pop();
      } else {
        frame.next += 1;
        if (!seen.has(input)) {
          seen.add(input);
          stack.push({ node: input, next: 0 });
        }
      }
    }
  }
  return order;
}
