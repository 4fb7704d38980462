/**
 * Runs the `wgsl` rule of an operation in float64, element by element, without a GPU: the WGSL
 * expression is translated to JavaScript, indices are either literals or loop variables.
 *
 * It covers the grammar that the rules use, not WGSL; arithmetic is not rounded to f32.
 */
import { type Node, type Shape, size } from "../../engine/graph.ts";
import { erf } from "../../engine/ops/errorFunction.ts";
import type { Lowering } from "../../engine/ops/index.ts";
import { flatten, type Index, literal, printIndex, variable } from "../../engine/wgsl/indexing.ts";

const FUNCTIONS = {
  select: (no: number, yes: number, condition: boolean) => (condition ? yes : no),
  f32: (x: bigint) => Number(x),
  max: <T extends number | bigint>(a: T, b: T) => (a > b ? a : b),
  min: <T extends number | bigint>(a: T, b: T) => (a < b ? a : b),
  abs: Math.abs,
  sqrt: Math.sqrt,
  exp_accurate: Math.exp,
  log_accurate: Math.log,
  tanh_accurate: Math.tanh,
  sin_accurate: Math.sin,
  cos_accurate: Math.cos,
  erf_accurate: erf,
  sigmoid_accurate: (x: number) => 1 / (1 + Math.exp(-x)),
  softplus_accurate: (x: number) => Math.log1p(Math.exp(x)),
};

type Variables = Readonly<Record<string, number | bigint>>;

/** u32 expressions run in bigint, whose division truncates; f32 ones in float64. */
function run(wgsl: string, variables: Variables): number {
  const text = wgsl.replace(/\b(\d+)u\b/g, "$1n").replace(/\b(\d[\d.]*(?:e[-+]?\d+)?)f\b/g, "$1");
  const scope = { ...FUNCTIONS, ...variables };
  return Number(new Function(...Object.keys(scope), `return ${text};`)(...Object.values(scope)));
}

function multiIndex(flat: number, shape: Shape): number[] {
  const index: number[] = [];
  let rest = flat;
  for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
    index.unshift(rest % shape[axis]!);
    rest = Math.floor(rest / shape[axis]!);
  }
  return index;
}

const COMBINE = {
  sum: (a: number, b: number) => a + b,
  max: (a: number, b: number) => Math.max(a, b),
  min: (a: number, b: number) => Math.min(a, b),
};
const START = { sum: 0, max: -Infinity, min: Infinity };

export function evaluateLowering(
  lowering: Lowering,
  node: Node,
  inputs: readonly Float64Array[],
  indices: "literal" | "variable",
): number[] {
  const variables: Record<string, number | bigint> = {};
  const indexOf = (letter: string, values: readonly number[], shape: Shape): Index[] =>
    values.map((value, axis) => {
      variables[`${letter}${axis}`] = BigInt(value);
      return indices === "literal" ? literal(value) : variable(`${letter}${axis}`, shape[axis]!);
    });
  const element = (out: readonly Index[], k: readonly Index[]): number => {
    const reads = lowering.reads(node, out, k);
    const names = reads.map((read, i) => {
      const offset = run(printIndex(flatten(read, node.inputs[i]!.shape)), variables);
      const value = inputs[i]![offset];
      if (value === undefined) throw new Error(`input ${i} read at ${offset}, out of bounds`);
      variables[`input_${i}`] = value;
      return `input_${i}`;
    });
    return run(lowering.expression(names, node, out, k), variables);
  };
  const { reduce } = lowering;
  const over = reduce?.over(node) ?? [];
  return Array.from({ length: size(node.shape) }, (_, flat) => {
    const out = indexOf("i", multiIndex(flat, node.shape), node.shape);
    if (reduce === undefined) return element(out, []);
    let total = START[reduce.combine];
    for (let term = 0; term < size(over); term += 1) {
      const k = indexOf("k", multiIndex(term, over), over);
      total = COMBINE[reduce.combine](total, element(out, k));
    }
    if (lowering.finish === undefined) return total;
    return run(lowering.finish("total", node), { ...variables, total });
  });
}
