/**
 * Shape arithmetic: broadcasting, axes, row-major offsets, and the errors that teach it.
 *
 * Broadcasting is NumPy's: shapes are aligned on the right; an axis of length 1, or a missing one,
 * repeats. Axes have length one at least: there are no empty arrays.
 */
import { ShapeError } from "../errors.ts";
import { type Node, printShape, type Shape, size } from "../graph.ts";

/** Number of inputs an operation got must be the number it needs. */
export function expectInputs(name: string, inputs: readonly Shape[], needed: number): void {
  if (inputs.length !== needed) {
    throw new ShapeError(
      `${name}: needs ${needed} input${needed === 1 ? "" : "s"}, got ${inputs.length}.`,
    );
  }
}

/** The common shape of two operands. Throws `ShapeError` if an axis differs and neither is 1. */
export function broadcastShapes(name: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = a[i - (rank - a.length)] ?? 1;
    const right = b[i - (rank - b.length)] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw new ShapeError(
        `${name}: shapes ${printShape(a)} and ${printShape(b)} do not broadcast ` +
          `(${left} against ${right}); aligned on the right, axes must be equal or 1.`,
      );
    }
    return Math.max(left, right);
  });
}

/** Axes as ascending numbers in `[0, rank)`; negative ones count from the end; none means all. */
export function normalizeAxes(
  name: string,
  axes: number | readonly number[] | undefined,
  shape: Shape,
): number[] {
  if (axes === undefined) return shape.map((_, axis) => axis);
  const list = typeof axes === "number" ? [axes] : axes;
  const normalized = list.map((axis) => (axis < 0 ? axis + shape.length : axis));
  normalized.forEach((axis, i) => {
    if (!Number.isInteger(axis) || axis < 0 || axis >= shape.length) {
      const fits = shape.length === 0 ? "none" : `0 to ${shape.length - 1}`;
      throw new ShapeError(`${name}: ${printShape(shape)} has no axis ${list[i]}; it has ${fits}.`);
    }
  });
  if (new Set(normalized).size !== normalized.length) {
    throw new ShapeError(`${name}: axes [${list.join(", ")}] name an axis twice; name each once.`);
  }
  return normalized.sort((p, q) => p - q);
}

/** Throws `ShapeError` unless every axis is a positive integer. */
export function expectShape(name: string, shape: Shape): void {
  for (const axis of shape) {
    if (!Number.isInteger(axis) || axis < 1) {
      throw new ShapeError(
        `${name}: ${printShape(shape)} is no shape; axis lengths are integers of 1 or more.`,
      );
    }
  }
}

/** Row-major distance between neighbors along each axis. */
export function strides(shape: Shape): number[] {
  const out = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis -= 1) {
    out[axis] = out[axis + 1]! * shape[axis + 1]!;
  }
  return out;
}

/**
 * Offsets visited when walking `shape` in row-major order with the given distance along each axis.
 */
export function walk(shape: Shape, distances: readonly number[], start = 0): Uint32Array {
  const offsets = new Uint32Array(size(shape));
  const index = new Array<number>(shape.length).fill(0);
  let offset = start;
  for (let i = 0; i < offsets.length; i += 1) {
    offsets[i] = offset;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      index[axis]! += 1;
      offset += distances[axis]!;
      if (index[axis]! < shape[axis]!) break;
      offset -= distances[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return offsets;
}

/** Distances along the axes of `to` in an array of shape `from`: 0 where it is repeated. */
export function broadcastStrides(from: Shape, to: Shape): number[] {
  const own = strides(from);
  const lead = to.length - from.length;
  return to.map((_, axis) => (axis < lead || from[axis - lead] === 1 ? 0 : own[axis - lead]!));
}

/** Index tables are worth keeping: the interpreter evaluates the same node thousands of times. */
export function perNode<T>(compute: (node: Node) => T): (node: Node) => T {
  const kept = new WeakMap<Node, T>();
  return (node) => {
    let table = kept.get(node);
    if (table === undefined) {
      table = compute(node);
      kept.set(node, table);
    }
    return table;
  };
}
