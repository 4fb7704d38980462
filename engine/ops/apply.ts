/**
 * `apply` makes a node of any operation, by its name.
 *
 * Operations refer to each other (the adjoint of `mul` sums, that of `sum` broadcasts), so they
 * build nodes by name through a table which `ops/index.ts` binds once, before anything is built.
 */
import { ShapeError } from "../errors.ts";
import { type Attributes, constant, type Node } from "../graph.ts";
import type { Op } from "./op.ts";

/** An operand: a node, or a number that becomes a scalar constant. */
export type Operand = Node | number;

let table: Readonly<Record<string, Op>> = {};

/** Called by `ops/index.ts`. */
export function bindTable(ops: Readonly<Record<string, Op>>): void {
  table = ops;
}

/** The node an operand stands for; `position` counts the inputs of `name` from 0. */
export function operand(name: string, value: Operand, position: number): Node {
  if (typeof value === "number") return constant(value);
  if (typeof value === "object" && value !== null && "op" in value && "shape" in value) {
    return value;
  }
  throw new ShapeError(
    `${name}: input ${position + 1} is ${value === null ? "null" : typeof value}; ` +
      "give a node of the graph or a number.",
  );
}

const NONE: Attributes = Object.freeze({});

/**
 * A node of the operation `name`; its shape rule decides the shape.
 * Throws `ShapeError` when the inputs do not fit, or there is no such operation.
 */
export function apply(
  name: string,
  inputs: readonly Operand[],
  attributes: Attributes = NONE,
): Node {
  const rule = Object.hasOwn(table, name) ? table[name] : undefined;
  if (rule === undefined) {
    throw new ShapeError(
      `apply: no operation "${name}"; there are ${Object.keys(table).join(", ")}.`,
    );
  }
  const nodes = inputs.map((input, i) => operand(name, input, i));
  const shape = rule.shape(
    nodes.map((node) => node.shape),
    attributes,
  );
  return Object.freeze({ op: name, inputs: Object.freeze(nodes), shape, attributes });
}
