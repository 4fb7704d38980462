/**
 * A model is the loss of one sample, traced once into a graph with its gradients.
 *
 * Batches, replicas, data and update rules come later and are not part of it.
 */
import { gradient } from "./autodiff.ts";
import { ArgumentError, ShapeError } from "./errors.ts";
import {
  type Node,
  param,
  printShape,
  type Shape,
  sampleField,
  size,
  topologicalOrder,
} from "./graph.ts";
import { simplify } from "./simplify.ts";
import { identifierFault } from "./wgsl/identifiers.ts";

/** A field of a sample: an array of numbers, or an integer class in `[0, labels)`. */
export type FieldShape = Shape | { readonly labels: number };

/** The nodes of named parameter blocks or sample fields. */
export type Nodes<Names extends object> = { readonly [Name in keyof Names]: Node };

export interface ModelDefinition<
  Params extends Record<string, Shape>,
  Sample extends Record<string, FieldShape>,
> {
  /** For messages and provenance; "model" by default. */
  readonly name?: string;
  /** Shapes of the parameter blocks; their order is that of θ. */
  readonly params: Params;
  readonly sample: Sample;
  /** The scalar loss of one sample. */
  readonly loss: (theta: Nodes<Params>, sample: Nodes<Sample>) => Node;
  /** Further scalars of one sample, observed but not descended. */
  readonly metrics?: Readonly<
    Record<string, (theta: Nodes<Params>, sample: Nodes<Sample>) => Node>
  >;
}

/** A block of θ: elements `[offset, offset + size)` in row-major order. */
export interface ParamBlock {
  readonly name: string;
  readonly shape: Shape;
  readonly offset: number;
  readonly size: number;
}

export interface SampleField {
  readonly name: string;
  readonly shape: Shape;
  /** Number of classes; 0 if the field is not a label. */
  readonly labels: number;
  readonly size: number;
}

/** Immutable plain data. Graphs are simplified together and share nodes. */
export interface Model {
  readonly name: string;
  readonly params: readonly ParamBlock[];
  /** P, the number of elements of θ. */
  readonly parameterCount: number;
  readonly fields: readonly SampleField[];
  readonly loss: Node;
  /** ∂loss/∂block, in the order and shape of `params`. */
  readonly gradients: readonly Node[];
  readonly metrics: Readonly<Record<string, Node>>;
  /** Names of the elements of θ: `W[0,1]`, `a[2]`; a scalar block's is its own. */
  readonly coordinateNames: readonly string[];
}

type Place = (what: string, name?: string) => string;

function checkName(place: Place, what: string, name: string): void {
  const fault = identifierFault(name);
  if (fault !== undefined) {
    throw new ArgumentError(`${place(what, name)} is ${fault}; choose another name.`);
  }
}

function checkShape(place: Place, what: string, name: string, shape: unknown): Shape {
  const fits =
    Array.isArray(shape) && shape.every((axis) => Number.isInteger(axis) && (axis as number) >= 1);
  if (!fits) {
    throw new ShapeError(
      `${place(what, name)} has shape ${JSON.stringify(shape)}; give a list of integers of 1 or ` +
        "more, [] for a scalar.",
    );
  }
  return Object.freeze([...(shape as Shape)]);
}

function paramBlocks(place: Place, shapes: Readonly<Record<string, Shape>>): ParamBlock[] {
  let offset = 0;
  return Object.entries(shapes).map(([name, given]) => {
    checkName(place, "parameter block", name);
    const shape = checkShape(place, "parameter block", name, given);
    const block = Object.freeze({ name, shape, offset, size: size(shape) });
    offset += block.size;
    return block;
  });
}

const isLabel = (given: FieldShape): given is { readonly labels: number } =>
  typeof given === "object" && given !== null && "labels" in given;

function sampleFields(place: Place, shapes: Readonly<Record<string, FieldShape>>): SampleField[] {
  return Object.entries(shapes).map(([name, given]) => {
    checkName(place, "sample field", name);
    if (!isLabel(given)) {
      const shape = checkShape(place, "sample field", name, given);
      return Object.freeze({ name, shape, labels: 0, size: size(shape) });
    }
    // float32 holds integers up to 2^24.
    if (!Number.isInteger(given.labels) || given.labels < 2 || given.labels > 2 ** 24) {
      throw new ArgumentError(
        `${place("sample field", name)} has ${given.labels} labels; give an integer of 2 to 2^24.`,
      );
    }
    return Object.freeze({ name, shape: Object.freeze([]), labels: given.labels, size: 1 });
  });
}

function checkScalar(place: Place, what: string, name: string | undefined, node: unknown): Node {
  const shape = (node as Partial<Node> | undefined | null)?.shape;
  if (shape === undefined) {
    throw new ArgumentError(
      `${place(what, name)} returned ${typeof node}; return a node made with op (a number has ` +
        "nothing to differentiate).",
    );
  }
  if (shape.length !== 0) {
    throw new ShapeError(
      `${place(what, name)} has shape ${printShape(shape)}, must be a scalar []; reduce it with ` +
        "op.sum or op.mean.",
    );
  }
  return node as Node;
}

function checkLeaves(
  place: Place,
  outputs: readonly Node[],
  blocks: readonly ParamBlock[],
  fields: readonly SampleField[],
): void {
  const declared = {
    param: new Set<unknown>(blocks.map((block) => block.name)),
    sample: new Set<unknown>(fields.map((field) => field.name)),
  };
  for (const { op, attributes } of topologicalOrder(outputs)) {
    if ((op === "param" || op === "sample") && !declared[op].has(attributes.name)) {
      throw new ArgumentError(
        `${place(`${op} node`, String(attributes.name))} is not declared; use only the nodes that ` +
          "the loss and metrics are given.",
      );
    }
  }
}

function checkDependence(place: Place, loss: Node, blocks: readonly ParamBlock[]): void {
  const used = new Set(
    topologicalOrder([loss])
      .filter((node) => node.op === "param")
      .map((node) => node.attributes.name),
  );
  const idle = blocks.filter((block) => !used.has(block.name)).map((block) => block.name);
  if (idle.length > 0) {
    throw new ArgumentError(
      `${place("loss")} does not depend on ${idle.join(", ")}, which would never be trained ` +
        "(and under noise diffuse without bound); use it in the loss or remove it from params.",
    );
  }
}

/** `W[0,1]` for each element, in row-major order. */
function coordinates(block: ParamBlock): string[] {
  if (block.shape.length === 0) return [block.name];
  return Array.from({ length: block.size }, (_, flat) => {
    const index: number[] = [];
    let rest = flat;
    for (let axis = block.shape.length - 1; axis >= 0; axis -= 1) {
      index.unshift(rest % block.shape[axis]!);
      rest = Math.floor(rest / block.shape[axis]!);
    }
    return `${block.name}[${index.join(",")}]`;
  });
}

function checkNames(
  place: Place,
  blocks: readonly ParamBlock[],
  fields: readonly SampleField[],
  metrics: readonly string[],
): void {
  if (blocks.length === 0) {
    throw new ArgumentError(`${place("params")} are empty; name one parameter block at least.`);
  }
  for (const { name } of fields) {
    if (blocks.some((block) => block.name === name)) {
      throw new ArgumentError(
        `${place("sample field", name)} is also a parameter block; rename one of them.`,
      );
    }
  }
  for (const name of metrics) {
    checkName(place, "metric", name);
    if (name === "loss") {
      throw new ArgumentError(`${place("metric", name)} is always measured; choose another name.`);
    }
  }
}

/**
 * Traces the loss of one sample into a graph with gradients, ready for every schedule.
 *
 * θ is the concatenation of the blocks of `params` in the order they are declared, each row-major.
 * Every block must enter the loss; sample fields need not.
 *
 * Throws `ShapeError` for shapes that do not fit and a loss that is no scalar, `ArgumentError` for
 * names that cannot stand in WGSL or occur twice, and for a block the loss does not depend on.
 *
 * @example
 * const student = defineModel({
 *   params: { W: [3, 2], a: [3] },
 *   sample: { x: [2], y: [] },
 *   loss: ({ W, a }, { x, y }) =>
 *     op.scale(op.square(op.sub(op.dot(a, op.tanh(op.matvec(W, x))), y)), 0.5),
 * });
 */
export function defineModel<
  const Params extends Record<string, Shape>,
  const Sample extends Record<string, FieldShape>,
>(definition: ModelDefinition<Params, Sample>): Model {
  const name = definition.name ?? "model";
  const place: Place = (what, which) =>
    `defineModel(${name}): ${what}${which === undefined ? "" : ` "${which}"`}`;
  const blocks = paramBlocks(place, definition.params);
  const fields = sampleFields(place, definition.sample);
  const metrics = Object.entries(definition.metrics ?? {});
  const metricNames = metrics.map(([metric]) => metric);
  checkNames(place, blocks, fields, metricNames);

  const thetaNodes = blocks.map((block) => param(block.name, block.shape));
  const theta = Object.fromEntries(thetaNodes.map((node, i) => [blocks[i]!.name, node]));
  const sample = Object.fromEntries(
    fields.map((field) => [field.name, sampleField(field.name, field.shape, field.labels)]),
  );
  const given = [theta as Nodes<Params>, sample as Nodes<Sample>] as const;
  const loss = checkScalar(place, "loss", undefined, definition.loss(...given));
  const measured = metrics.map(([metric, measure]) =>
    checkScalar(place, "metric", metric, measure(...given)),
  );
  checkLeaves(place, [loss, ...measured], blocks, fields);
  checkDependence(place, loss, blocks);

  const simple = simplify([loss, ...gradient(loss, thetaNodes), ...measured]);
  return Object.freeze({
    name,
    params: Object.freeze(blocks),
    parameterCount: blocks.reduce((total, block) => total + block.size, 0),
    fields: Object.freeze(fields),
    loss: simple[0]!,
    gradients: Object.freeze(simple.slice(1, 1 + blocks.length)),
    metrics: Object.freeze(
      Object.fromEntries(metricNames.map((metric, i) => [metric, simple[1 + blocks.length + i]!])),
    ),
    coordinateNames: Object.freeze(blocks.flatMap(coordinates)),
  });
}
