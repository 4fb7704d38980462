/**
 * Rearrangements that compute nothing: transpose, reshape, broadcastTo, slice, reverse, pad, concat.
 *
 * In generated code they are views: the index changes, the element does not. `pad` and `concat`
 * read at clamped indices and select, so that no read is out of bounds.
 */
import { ShapeError } from "../errors.ts";
import { type Attributes, type Node, printShape, type Shape, sameShape, size } from "../graph.ts";
import {
  bound,
  broadcastIndex,
  flatten,
  type Index,
  isLiteral,
  literal,
  plus,
  printIndex,
  unflatten,
  variable,
} from "../wgsl/indexing.ts";
import { floatLiteral } from "../wgsl/literal.ts";
import { op, sumTo } from "./build.ts";
import type { Lowering, Op } from "./op.ts";
import {
  broadcastShapes,
  broadcastStrides,
  expectInputs,
  expectShape,
  normalizeAxes,
  perNode,
  strides,
  walk,
} from "./shapes.ts";

const same: Lowering["expression"] = ([x]) => x!;
const list = (attributes: Attributes, name: string): readonly number[] =>
  attributes[name] as readonly number[];
const number = (attributes: Attributes, name: string): number => attributes[name] as number;
const replace = <T>(items: readonly T[], at: number, item: T): T[] =>
  items.map((old, i) => (i === at ? item : old));

/** The value rule of a view: output element i is input element `offsets(node)[i]`. */
function gather(offsets: (node: Node) => Uint32Array): Op["value"] {
  const table = perNode(offsets);
  return ([x], node, out = new Float64Array(size(node.shape))) => {
    const from = table(node);
    for (let i = 0; i < out.length; i += 1) out[i] = x![from[i]!]!;
    return out;
  };
}

/** Where each input axis went. */
const inverse = (axes: readonly number[]): number[] => axes.map((_, axis) => axes.indexOf(axis));

const transpose: Op = {
  name: "transpose",
  shape: (inputs, attributes) => {
    expectInputs("transpose", inputs, 1);
    const axes = list(attributes, "axes");
    const [shape] = inputs as [Shape];
    if (axes.length !== shape.length || inverse(axes).includes(-1)) {
      throw new ShapeError(
        `transpose: axes [${axes.join(", ")}] do not order the ${shape.length} axes of ` +
          `${printShape(shape)}; name each of 0 to ${shape.length - 1} once.`,
      );
    }
    return axes.map((axis) => shape[axis]!);
  },
  value: gather((node) => {
    const own = strides(node.inputs[0]!.shape);
    return walk(
      node.shape,
      list(node.attributes, "axes").map((axis) => own[axis]!),
    );
  }),
  adjoint: (node, g) => [op.transpose(g, inverse(list(node.attributes, "axes")))],
  wgsl: {
    reads: (node, out) => [inverse(list(node.attributes, "axes")).map((axis) => out[axis]!)],
    expression: same,
  },
};

const reshape: Op = {
  name: "reshape",
  shape: (inputs, attributes) => {
    expectInputs("reshape", inputs, 1);
    const shape = list(attributes, "shape");
    expectShape("reshape", shape);
    if (size(shape) !== size(inputs[0]!)) {
      throw new ShapeError(
        `reshape: ${printShape(inputs[0]!)} has ${size(inputs[0]!)} elements, ` +
          `${printShape(shape)} has ${size(shape)}; the numbers must be equal.`,
      );
    }
    return shape;
  },
  value: ([x], _node, out = new Float64Array(x!.length)) => {
    out.set(x!);
    return out;
  },
  adjoint: (node, g) => [op.reshape(g, node.inputs[0]!.shape)],
  wgsl: {
    reads: (node, out) => [unflatten(flatten(out, node.shape), node.inputs[0]!.shape)],
    expression: same,
  },
};

const broadcastTo: Op = {
  name: "broadcastTo",
  shape: (inputs, attributes) => {
    expectInputs("broadcastTo", inputs, 1);
    const shape = list(attributes, "shape");
    expectShape("broadcastTo", shape);
    if (!sameShape(broadcastShapes("broadcastTo", inputs[0]!, shape), shape)) {
      throw new ShapeError(
        `broadcastTo: ${printShape(inputs[0]!)} does not repeat to ${printShape(shape)}; ` +
          "aligned on the right, its axes must be equal or 1.",
      );
    }
    return shape;
  },
  value: gather((node) => walk(node.shape, broadcastStrides(node.inputs[0]!.shape, node.shape))),
  adjoint: (node, g) => [sumTo(g, node.inputs[0]!.shape)],
  wgsl: {
    reads: (node, out) => [broadcastIndex(out, node.inputs[0]!.shape)],
    expression: same,
  },
};

const slice: Op = {
  name: "slice",
  shape: (inputs, attributes) => {
    expectInputs("slice", inputs, 1);
    const [start, stop, axis] = ["start", "stop", "axis"].map((name) => number(attributes, name));
    const length = inputs[0]![axis!]!;
    const whole = Number.isInteger(start) && Number.isInteger(stop);
    if (!whole || start! < 0 || stop! > length || start! >= stop!) {
      throw new ShapeError(
        `slice: [${start}, ${stop}) is no range of axis ${axis} of ${printShape(inputs[0]!)}; ` +
          `integers with 0 <= start < stop <= ${length} are.`,
      );
    }
    return replace(inputs[0]!, axis!, stop! - start!);
  },
  value: gather((node) => {
    const own = strides(node.inputs[0]!.shape);
    const { start, axis } = node.attributes as { start: number; axis: number };
    return walk(node.shape, own, start * own[axis]!);
  }),
  adjoint: (node, g) => {
    const { start, stop, axis } = node.attributes as { start: number; stop: number; axis: number };
    return [op.pad(g, start, node.inputs[0]!.shape[axis]! - stop, axis)];
  },
  wgsl: {
    reads: (node, out) => {
      const { start, axis } = node.attributes as { start: number; axis: number };
      return [replace(out, axis, plus(out[axis]!, literal(start)))];
    },
    expression: same,
  },
};

const reverse: Op = {
  name: "reverse",
  shape: (inputs, attributes) => {
    expectInputs("reverse", inputs, 1);
    normalizeAxes("reverse", list(attributes, "axes"), inputs[0]!);
    return inputs[0]!;
  },
  value: gather((node) => {
    const axes = list(node.attributes, "axes");
    const own = strides(node.shape);
    const end = axes.reduce((sum, axis) => sum + (node.shape[axis]! - 1) * own[axis]!, 0);
    return walk(
      node.shape,
      own.map((distance, axis) => (axes.includes(axis) ? -distance : distance)),
      end,
    );
  }),
  adjoint: (node, g) => [op.reverse(g, list(node.attributes, "axes"))],
  wgsl: {
    reads: (node, out) => {
      const axes = list(node.attributes, "axes");
      return [out.map((i, axis) => (axes.includes(axis) ? mirrored(i, node.shape[axis]!) : i))];
    },
    expression: same,
  },
};

/** length − 1 − i */
const mirrored = (i: Index, length: number): Index =>
  isLiteral(i)
    ? literal(length - 1 - i.constant)
    : variable(`(${length - 1}u - (${printIndex(i)}))`, length);

/** clamp(i − shift, 0, length − 1), in u32 without wrapping. */
function clampedShift(i: Index, shift: number, length: number): Index {
  if (isLiteral(i)) return literal(Math.min(Math.max(i.constant - shift, 0), length - 1));
  if (length === 1) return literal(0);
  const raised = shift === 0 ? printIndex(i) : `(max(${printIndex(i)}, ${shift}u) - ${shift}u)`;
  if (bound(i) - shift <= length) return shift === 0 ? i : variable(raised, length);
  return variable(`min(${raised}, ${length - 1}u)`, length);
}

/** What `pad` adds: zeros, unless its attribute `value` says otherwise (a maximum must not see them). */
export const outside = (node: Pick<Node, "attributes">): number =>
  (node.attributes.value as number | undefined) ?? 0;

const pad: Op = {
  name: "pad",
  shape: (inputs, attributes) => {
    expectInputs("pad", inputs, 1);
    const [before, after, axis] = ["before", "after", "axis"].map((name) =>
      number(attributes, name),
    );
    for (const count of [before!, after!]) {
      if (!Number.isInteger(count) || count < 0) {
        throw new ShapeError(`pad: ${count} is no number of zeros; give an integer of 0 or more.`);
      }
    }
    return replace(inputs[0]!, axis!, before! + inputs[0]![axis!]! + after!);
  },
  value: ([x], node, out = new Float64Array(size(node.shape))) => {
    const to = padOffsets(node);
    out.fill(outside(node));
    for (let i = 0; i < x!.length; i += 1) out[to[i]!] = x![i]!;
    return out;
  },
  adjoint: (node, g) => {
    const { before, axis } = node.attributes as { before: number; axis: number };
    return [op.slice(g, before, before + node.inputs[0]!.shape[axis]!, axis)];
  },
  wgsl: {
    reads: (node, out) => {
      const { before, axis } = node.attributes as { before: number; axis: number };
      return [replace(out, axis, clampedShift(out[axis]!, before, node.inputs[0]!.shape[axis]!))];
    },
    expression: ([x], node, out) => {
      const { before, axis } = node.attributes as { before: number; axis: number };
      const stop = before + node.inputs[0]!.shape[axis]!;
      const i = out[axis]!;
      const other = floatLiteral(outside(node));
      if (isLiteral(i)) return i.constant >= before && i.constant < stop ? x! : other;
      const tests = [
        ...(before > 0 ? [`((${printIndex(i)}) >= ${before}u)`] : []),
        ...(bound(i) > stop ? [`((${printIndex(i)}) < ${stop}u)`] : []),
      ];
      return tests.length === 0 ? x! : `select(${other}, ${x}, ${tests.join(" && ")})`;
    },
  },
};

const padOffsets = perNode((node) => {
  const { before, axis } = node.attributes as { before: number; axis: number };
  const own = strides(node.shape);
  return walk(node.inputs[0]!.shape, own, before * own[axis]!);
});

const joint = (node: Node): { axis: number; first: number } => {
  const axis = number(node.attributes, "axis");
  return { axis, first: node.inputs[0]!.shape[axis]! };
};

const concat: Op = {
  name: "concat",
  shape: (inputs, attributes) => {
    expectInputs("concat", inputs, 2);
    const [a, b] = inputs as [Shape, Shape];
    const axis = number(attributes, "axis");
    if (a.length !== b.length || !sameShape(replace(a, axis, 0), replace(b, axis, 0))) {
      throw new ShapeError(
        `concat: ${printShape(a)} and ${printShape(b)} do not join along axis ${axis}; ` +
          "all other axes must be equal.",
      );
    }
    return replace(a, axis, a[axis]! + b[axis]!);
  },
  value: ([a, b], node, out = new Float64Array(size(node.shape))) => {
    const [p, q] = concatOffsets(node) as [Uint32Array, Uint32Array];
    for (let i = 0; i < a!.length; i += 1) out[p[i]!] = a![i]!;
    for (let i = 0; i < b!.length; i += 1) out[q[i]!] = b![i]!;
    return out;
  },
  adjoint: (node, g) => {
    const { axis, first } = joint(node);
    return [op.slice(g, 0, first, axis), op.slice(g, first, node.shape[axis]!, axis)];
  },
  wgsl: {
    reads: (node, out) => {
      const { axis, first } = joint(node);
      const second = node.inputs[1]!.shape[axis]!;
      return [
        replace(out, axis, clampedShift(out[axis]!, 0, first)),
        replace(out, axis, clampedShift(out[axis]!, first, second)),
      ];
    },
    expression: ([a, b], node, out) => {
      const { axis, first } = joint(node);
      const i = out[axis]!;
      if (isLiteral(i)) return i.constant < first ? a! : b!;
      return `select(${b}, ${a}, (${printIndex(i)}) < ${first}u)`;
    },
  },
};

const concatOffsets = perNode((node) => {
  const { axis, first } = joint(node);
  const own = strides(node.shape);
  return [walk(node.inputs[0]!.shape, own), walk(node.inputs[1]!.shape, own, first * own[axis]!)];
});

export const movement: readonly Op[] = [
  transpose,
  reshape,
  broadcastTo,
  slice,
  reverse,
  pad,
  concat,
];
