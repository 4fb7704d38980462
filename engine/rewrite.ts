/**
 * Algebraic rules of `simplify`: each takes a node whose inputs are simplified and gives a simpler
 * equal one, or nothing.
 *
 * Equal means: the same value up to rounding wherever all values are finite (0·x becomes 0 though
 * x be infinite). A *uniform* node is one number repeated: a scalar constant, or one broadcast.
 */
import { constant, type Node, type Shape, sameShape, size } from "./graph.ts";
import { arithmetic } from "./ops/arithmetic.ts";
import { apply, op, ops } from "./ops/index.ts";
import { outside } from "./ops/movement.ts";
import { piecewise } from "./ops/piecewise.ts";
import { transcendental } from "./ops/transcendental.ts";

type Rule = (node: Node) => Node | undefined;

const ELEMENTWISE = new Set(
  [...arithmetic, ...piecewise, ...transcendental].map((rule) => rule.name),
);

/** Largest constant array that folding may create. */
const FOLD_LIMIT = 64;

const valuesOf = (node: Node): readonly number[] => node.attributes.values as readonly number[];

/** The number a uniform node repeats. */
export function uniformValue(node: Node): number | undefined {
  if (node.op === "broadcastTo") return uniformValue(node.inputs[0]!);
  if (node.op !== "constant") return undefined;
  const [first, ...others] = valuesOf(node);
  return others.every((value) => Object.is(value, first)) ? first : undefined;
}

const isZero = (node: Node): boolean => uniformValue(node) === 0;

/** A uniform node of a shape: a scalar constant, broadcast. */
const uniform = (value: number, shape: Shape): Node =>
  shape.length === 0 ? constant(value) : op.broadcastTo(value, shape);

/** Whether a factor neither overflows nor underflows where the graph will run. */
const fitsFloat32 = (factor: number): boolean =>
  Math.abs(factor) < 3.4e38 && Math.abs(factor) > 1.2e-38;

const repeat = (node: Node, shape: Shape): Node =>
  sameShape(node.shape, shape) ? node : op.broadcastTo(node, shape);

/** `x` without what broadcasting would restore: repetition, and leading axes of length 1. */
function narrow(x: Node): Node {
  const [inner] = x.inputs;
  if (x.op === "broadcastTo") return narrow(inner!);
  if (x.op !== "reshape") return x;
  const lead = x.shape.length - inner!.shape.length;
  const leading = x.shape.slice(0, lead).every((length) => length === 1);
  return leading && sameShape(x.shape.slice(lead), inner!.shape) ? narrow(inner!) : x;
}

const add: Rule = ({ inputs: [a, b], shape }) => {
  if (isZero(a!)) return repeat(b!, shape);
  if (isZero(b!)) return repeat(a!, shape);
  if (b!.op === "neg") return op.sub(a!, b!.inputs[0]!);
  if (a!.op === "neg") return op.sub(b!, a!.inputs[0]!);
  return undefined;
};

const sub: Rule = ({ inputs: [a, b], shape }) => {
  if (a === b) return uniform(0, shape);
  if (isZero(b!)) return repeat(a!, shape);
  if (isZero(a!)) return repeat(op.neg(b!), shape);
  if (b!.op === "neg") return op.add(a!, b!.inputs[0]!);
  return undefined;
};

const mul: Rule = ({ inputs: [a, b], shape }) => {
  if (a === b) return op.square(a!);
  const [left, right] = [uniformValue(a!), uniformValue(b!)];
  if (left !== undefined && Number.isFinite(left)) return repeat(op.scale(b!, left), shape);
  if (right !== undefined && Number.isFinite(right)) return repeat(op.scale(a!, right), shape);
  return undefined;
};

const div: Rule = ({ inputs: [a, b], shape }) => {
  const divisor = uniformValue(b!);
  if (divisor === undefined) return undefined;
  return fitsFloat32(1 / divisor) ? repeat(op.scale(a!, 1 / divisor), shape) : undefined;
};

const neg: Rule = ({ inputs: [x] }) => {
  if (x!.op === "neg") return x!.inputs[0];
  if (x!.op === "scale") return op.scale(x!.inputs[0]!, -(x!.attributes.factor as number));
  if (x!.op === "sub") return op.sub(x!.inputs[1]!, x!.inputs[0]!);
  return undefined;
};

const scale: Rule = ({ inputs: [x], shape, attributes }) => {
  const factor = attributes.factor as number;
  if (factor === 1) return x;
  if (factor === 0) return uniform(0, shape);
  if (factor === -1) return op.neg(x!);
  if (x!.op === "neg") return op.scale(x!.inputs[0]!, -factor);
  if (x!.op !== "scale") return undefined;
  const product = factor * (x!.attributes.factor as number);
  return fitsFloat32(product) ? op.scale(x!.inputs[0]!, product) : undefined;
};

const transpose: Rule = ({ inputs: [x], attributes }) => {
  const axes = attributes.axes as readonly number[];
  if (axes.every((axis, i) => axis === i)) return x;
  if (x!.op !== "transpose") return undefined;
  const inner = x!.attributes.axes as readonly number[];
  return op.transpose(
    x!.inputs[0]!,
    axes.map((axis) => inner[axis]!),
  );
};

const reshape: Rule = ({ inputs: [x], shape }) => {
  if (sameShape(x!.shape, shape)) return x;
  if (x!.op === "reshape") return op.reshape(x!.inputs[0]!, shape);
  const source = narrow(x!);
  const only = source !== x && size(source.shape) === size(shape);
  return only ? op.reshape(source, shape) : undefined;
};

const broadcastTo: Rule = ({ inputs: [x], shape }) => {
  if (sameShape(x!.shape, shape)) return x;
  const source = narrow(x!);
  return source === x ? undefined : op.broadcastTo(source, shape);
};

const slice: Rule = ({ inputs: [x], shape }) => (sameShape(x!.shape, shape) ? x : undefined);

const pad: Rule = (node) => {
  const { inputs, shape } = node;
  const [x] = inputs;
  if (sameShape(x!.shape, shape)) return x;
  return uniformValue(x!) === outside(node) ? uniform(outside(node), shape) : undefined;
};

/** Windows of one pixel are the pixels. */
const patches: Rule = ({ inputs: [x], shape }) => {
  const value = uniformValue(x!);
  if (value !== undefined) return uniform(value, shape);
  return size(x!.shape) === size(shape) && shape[1] === 1 && shape[2] === 1
    ? op.reshape(x!, shape)
    : undefined;
};

const unpatch: Rule = ({ inputs: [g], shape }) => {
  if (isZero(g!)) return uniform(0, shape);
  return size(g!.shape) === size(shape) && g!.shape[1] === 1 && g!.shape[2] === 1
    ? op.reshape(g!, shape)
    : undefined;
};

const reverse: Rule = ({ inputs: [x], attributes }) => {
  const axes = attributes.axes as readonly number[];
  if (axes.every((axis) => x!.shape[axis] === 1)) return x;
  const same = x!.op === "reverse" && `${x!.attributes.axes}` === `${axes}`;
  return same ? x!.inputs[0] : undefined;
};

const concat: Rule = ({ inputs: [a, b], shape }) => {
  const [first, second] = [uniformValue(a!), uniformValue(b!)];
  const equal = first !== undefined && Object.is(first, second);
  return equal ? uniform(first, shape) : undefined;
};

const reduction: Rule = ({ inputs: [x], attributes }) =>
  (attributes.axes as readonly number[]).length === 0 ? x : undefined;

/**
 * Sums over a whole outer product factor, so that the matrix is never made: squared norms of the
 * gradients of a dense layer, sample by sample, cost no more than the forward pass.
 */
const outerSum: Rule = ({ inputs: [x], shape }) => {
  if (shape.length > 0) return undefined;
  const isOuter = (node: Node): boolean => node.op === "outer";
  const [first, second] = x!.inputs;
  if (isOuter(x!)) return op.mul(op.sum(first!), op.sum(second!));
  if (x!.op === "square" && isOuter(first!)) {
    const [a, b] = first!.inputs;
    return op.mul(op.sum(op.square(a!)), op.sum(op.square(b!)));
  }
  if (x!.op !== "mul" || !sameShape(first!.shape, second!.shape)) return undefined;
  const product = [first!, second!].find(isOuter);
  if (product === undefined) return undefined;
  const [a, b] = product.inputs;
  const other = product === first ? second! : first!;
  const [c, d] = other.inputs;
  // Σ a_i b_j c_i d_j, and Σ a_i b_j D_ij.
  if (isOuter(other)) return op.mul(op.dot(a!, c!), op.dot(b!, d!));
  return op.dot(a!, op.matvec(other, b!));
};

const sum: Rule = (node) => {
  const value = uniformValue(node.inputs[0]!);
  if (value === undefined) return reduction(node) ?? outerSum(node);
  return uniform(value * (size(node.inputs[0]!.shape) / size(node.shape)), node.shape);
};

const meanOrExtremum: Rule = (node) => {
  const value = uniformValue(node.inputs[0]!);
  return value === undefined ? reduction(node) : uniform(value, node.shape);
};

const product: Rule = ({ inputs, shape }) => (inputs.some(isZero) ? uniform(0, shape) : undefined);

const RULES: Readonly<Record<string, Rule>> = {
  add,
  sub,
  mul,
  div,
  neg,
  scale,
  transpose,
  reshape,
  broadcastTo,
  slice,
  pad,
  concat,
  reverse,
  patches,
  unpatch,
  sum,
  mean: meanOrExtremum,
  maxOf: meanOrExtremum,
  minOf: meanOrExtremum,
  dot: product,
  matvec: product,
  outer: product,
  matmul: product,
};

/** Operations that only repeat or rearrange elements, and so keep a uniform node uniform. */
const KEEPS_UNIFORM = new Set(["transpose", "reshape", "slice", "reverse"]);

/** The value of a node all of whose inputs are constants, if it is uniform or small. */
const fold: Rule = (node) => {
  const rule = ops[node.op];
  if (rule === undefined || node.op === "broadcastTo") return undefined;
  const numbers = node.inputs.map(uniformValue);
  if (numbers.every((value) => value !== undefined)) {
    if (KEEPS_UNIFORM.has(node.op)) return uniform(numbers[0]!, node.shape);
    if (ELEMENTWISE.has(node.op)) {
      const scalar = apply(node.op, numbers, node.attributes);
      const [value] = rule.value(
        numbers.map((number) => Float64Array.of(number)),
        scalar,
      );
      return Number.isFinite(value) ? uniform(value!, node.shape) : undefined;
    }
  }
  const small = [node, ...node.inputs].every((part) => size(part.shape) <= FOLD_LIMIT);
  const arrays = node.inputs.map(constantValues);
  if (!small || !arrays.every((array) => array !== undefined)) return undefined;
  const values = rule.value(arrays, node);
  return values.every(Number.isFinite) ? constant([...values], node.shape) : undefined;
};

function constantValues(node: Node): Float64Array | undefined {
  if (node.op === "constant") return Float64Array.from(valuesOf(node));
  const value = uniformValue(node);
  return value === undefined ? undefined : new Float64Array(size(node.shape)).fill(value);
}

/** Elementwise functions of repeated operands: compute before repeating. */
const beforeBroadcast: Rule = (node) => {
  if (!ELEMENTWISE.has(node.op)) return undefined;
  const inputs = node.inputs.map(narrow);
  if (inputs.every((input, i) => input === node.inputs[i])) return undefined;
  return repeat(apply(node.op, inputs, node.attributes), node.shape);
};

/**
 * `node` for an array of shape `inner` where it stands beside `outer`, which is `inner` reshaped: an
 * array of the same reshaping, a smaller one that repeats along what was reshaped. Else undefined.
 */
function besideReshaped(node: Node, inner: Shape, outer: Shape): Node | undefined {
  if (sameShape(node.shape, outer)) {
    const same = node.op === "reshape" && sameShape(node.inputs[0]!.shape, inner);
    return same ? node.inputs[0] : undefined;
  }
  if (size(node.shape) === size(outer)) return undefined;
  if (size(node.shape) === 1) return op.reshape(node, []);
  const common = inner.findIndex((length, axis) => length !== outer[axis]);
  const kept = common < 0 ? inner.length : common;
  const repeats = node.shape.slice(kept).every((length) => length === 1);
  if (node.shape.length !== outer.length || !repeats) return undefined;
  return op.reshape(node, [...node.shape.slice(0, kept), ...inner.slice(kept).map(() => 1)]);
}

/**
 * Elementwise functions of reshaped arrays: compute before reshaping, where the product is that the
 * array comes from. So the bias and the activation of a convolution are parts of its matrix product.
 */
const beforeReshape: Rule = (node) => {
  const { inputs, shape } = node;
  if (!ELEMENTWISE.has(node.op)) return undefined;
  const reshaped = inputs.find((input) => input.op === "reshape" && sameShape(input.shape, shape));
  if (reshaped === undefined) return undefined;
  const inner = reshaped.inputs[0]!.shape;
  const before = inputs.map((input) => besideReshaped(input, inner, shape));
  if (!before.every((input) => input !== undefined)) return undefined;
  return op.reshape(apply(node.op, before, node.attributes), shape);
};

/** A constant array that repeats one number, as a uniform node. */
const repeatedConstant: Rule = (node) => {
  if (node.op !== "constant" || node.shape.length === 0) return undefined;
  const value = uniformValue(node);
  return value === undefined ? undefined : uniform(value, node.shape);
};

/** One step of simplification, or nothing. Composite operations expand. */
export function rewrite(node: Node): Node | undefined {
  if (node.inputs.length === 0) return repeatedConstant(node);
  return (
    fold(node) ??
    RULES[node.op]?.(node) ??
    beforeBroadcast(node) ??
    beforeReshape(node) ??
    ops[node.op]?.expand?.(node)
  );
}
