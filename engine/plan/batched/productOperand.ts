/**
 * A factor of a product as the tiles of `matmul.ts` want it: which axis its neighbors lie along, where a
 * line begins, and WGSL that loads one value or four.
 *
 * Factors are blocks of parameters, stored statements, fields of the minibatch's samples (whose rows are
 * gathered here, not copied before), or a rearrangement of one, such as the patches of an image.
 */
import type { Node } from "../../graph.ts";
import {
  flatten,
  type Index,
  literal,
  plus,
  printIndex,
  unflatten,
  variable,
} from "../../wgsl/indexing.ts";
import { type Axis, type Contraction, extent, SAMPLE_AXIS } from "../staged/contraction.ts";
import { innerAxes, isView, readsOf } from "../staged/reading.ts";
import { OVER_SAMPLES } from "../staged/sampleSums.ts";
import type { StageWriter } from "../staged/stageCode.ts";
import type { Statement } from "../staged/stagedProgram.ts";
import type { Operand } from "./matmulRequest.ts";
import { blockWord, placeNames, type StageContext } from "./stageKernel.ts";

/** Which of the two factors of a contraction, and what its lines are called in WGSL. */
export interface Side<Line extends "m" | "n"> {
  readonly name: "a" | "b";
  readonly factor: Contraction["a"];
  readonly line: Line;
  /** Axes of the output that the factor knows. */
  readonly axes: readonly Axis[];
  readonly k: readonly Axis[];
  /** The node the factor is of: the product below Σ_b, or the statement's own. */
  readonly product: Node;
  readonly which: 0 | 1;
}

/** Values for axes: an index, and for samples the expression that names one. */
type Places = ReadonlyMap<string, Index>;

/** Places of axes for a position along all of them, row-major. */
export function placesOf(axes: readonly Axis[], position: Index, batch: number): [string, Index][] {
  const parts = unflatten(
    position,
    axes.map(({ length }) => length ?? batch),
  );
  return axes.map(({ symbol }, i) => [symbol, parts[i]!]);
}

/** The factor's element for places of the axes it knows. */
function elementAt({ product, which }: Side<"m" | "n">, places: Places): readonly Index[] {
  const at = (name: string, shape: readonly number[]): Index[] =>
    shape.map((_, axis) => places.get(`${name}${axis}`) ?? literal(0));
  return readsOf(product, at("d", product.shape), at("k", innerAxes(product)))[which]!;
}

/** What a factor is at the bottom, and its flat index there; null where an expression is in between. */
function base(node: Node, index: readonly Index[]): { node: Node; flat: Index } | null {
  if (node.op === "pad") return null;
  if (isView(node)) return base(node.inputs[0]!, readsOf(node, index, [])[0]!);
  return { node, flat: flatten(index, node.shape) };
}

/** One coefficient for each axis of an index that is affine in them; null if it is not. */
function coefficients(flat: Index, axes: readonly Axis[]): Map<string, number> | null {
  const known = new Set(axes.map(({ symbol }) => symbol));
  return [...flat.terms.keys()].every((term) => known.has(term)) ? new Map(flat.terms) : null;
}

/** Where a factor's values are: a buffer of vec4f, and the word of its first element. */
interface Source {
  readonly buffer: string;
  /** Words that depend on the matrix z and the sample, as a WGSL expression. */
  readonly origin: (sample: string) => string;
  readonly first: number;
  /** Words from one sample to the next are a multiple of 4, or there are no samples. */
  readonly aligned: boolean;
}

function sourceOf(context: StageContext, node: Node): Source | null {
  const { memory, program, row, source } = context;
  const name = node.attributes.name as string;
  if (node.op === "param") {
    const first = blockWord(context, name);
    return { buffer: "replicas", origin: () => "z * REPLICA", first, aligned: true };
  }
  if (node.op === "sample") {
    // Elements that share a float are values to compute.
    if (row.packed.includes(name)) return null;
    const origin = (sample: string) => `4u * ROW * ${source.number("z", sample)}`;
    return { buffer: "data", origin, first: row.offsets[name]!, aligned: true };
  }
  const statement = program.statementOf.get(node) as Statement | undefined;
  const region = statement && memory.regionOf.get(statement);
  if (!region) return null;
  const { sampleStride, at } = region;
  const origin = (sample: string) =>
    sampleStride === 0 ? "z * SCRATCH" : `z * SCRATCH + ${sampleStride}u * (${sample})`;
  return { buffer: "scratch", origin, first: at, aligned: sampleStride % 4 === 0 };
}

export interface OperandCode {
  readonly operand: Operand<"m" | "n">;
  readonly functions: readonly string[];
}

interface Layout {
  readonly along: "k" | "line";
  readonly four: boolean;
}

/** Whether four neighbors along `inner` are four words, on a vec4f wherever a position is one of four. */
function fours(
  source: Source,
  strides: ReadonlyMap<string, number>,
  constant: number,
  inner: readonly Axis[],
): boolean {
  const last = inner[inner.length - 1];
  if (last === undefined || last.length === null || strides.get(last.symbol) !== 1) return false;
  const others = [...strides].filter(([symbol]) => symbol !== last.symbol);
  const whole = inner.length === 1 || last.length % 4 === 0;
  const aligned = (source.first + constant) % 4 === 0 && others.every(([, c]) => c % 4 === 0);
  return whole && aligned && source.aligned;
}

function layoutOf(side: Side<"m" | "n">, source: Source | null, flat: Index | null): Layout {
  const strides = flat && coefficients(flat, [...side.axes, ...side.k]);
  if (!source || !strides) return { along: "k", four: false };
  if (fours(source, strides, flat.constant, side.k)) return { along: "k", four: true };
  if (fours(source, strides, flat.constant, side.axes)) return { along: "line", four: true };
  const last = side.axes[side.axes.length - 1];
  const acrossIsNear = last !== undefined && strides.get(last.symbol) === 1;
  return { along: acrossIsNear ? "line" : "k", four: false };
}

const symbolic = (axes: readonly Axis[], batch: number): [string, Index][] =>
  axes.map(({ symbol, length }) => [symbol, variable(symbol, length ?? batch)]);

/** The operand of one side, with the functions `<name>_line`, `<name>_four` and `<name>_one`. */
export function productOperand(
  context: StageContext,
  side: Side<"m" | "n">,
  writer: StageWriter,
): OperandCode {
  const { maxBatch } = context;
  const { name, factor, line: lineAxis, axes, k } = side;
  const everywhere: Places = new Map(symbolic([...axes, ...k], maxBatch));
  const bottom = base(factor.node, elementAt(side, everywhere));
  const source = bottom && sourceOf(context, bottom.node);
  const layout = layoutOf(side, source, bottom?.flat ?? null);
  const [along, across] = layout.along === "k" ? [k, axes] : [axes, k];
  const position = variable("position", Math.max(2, extent(along, maxBatch)));
  const index = variable("index", Math.max(2, extent(across, maxBatch)));
  const places: Places = new Map([
    ...placesOf(across, index, maxBatch),
    ...placesOf(along, position, maxBatch),
  ]);
  const operand: Operand<"m" | "n"> = {
    along: layout.along === "k" ? "k" : lineAxis,
    four: layout.four,
  };
  const element = elementAt(side, places);
  const sample = places.get(SAMPLE_AXIS);
  const found = base(factor.node, element);
  if (!source || !found) {
    return { operand, functions: computed(context, name, writer, factor.node, element, sample) };
  }
  const strides = coefficients(bottom!.flat, [...axes, ...k]);
  const sampleAlong = along.some(({ symbol }) => symbol === SAMPLE_AXIS);
  if (strides === null || sampleAlong) {
    return { operand, functions: gathered(name, source, found.flat, sample, layout.four) };
  }
  const flatAt = (some: Places): Index => base(factor.node, elementAt(side, some))!.flat;
  const start = flatAt(new Map(placesOf(across, index, maxBatch)));
  const offset = flatAt(new Map(placesOf(along, position, maxBatch)));
  const relative: Index = { ...offset, constant: offset.constant - bottom!.flat.constant };
  // Rows of the data are found by the sample's number.
  const lineLoads = sample !== undefined && source.buffer === "data";
  return {
    operand: { ...operand, lineLoads },
    functions: lines(name, source, start, relative, sample, layout.four),
  };
}

const wordOf = (source: Source, flat: Index, sample: Index | undefined): string => {
  const word = printIndex(plus(literal(source.first), flat));
  return `${source.origin(sample ? printIndex(sample) : "0u")} + ${word}`;
};

const scalar = (buffer: string, word: string): string[] => [
  `  let word = ${word};`,
  `  return ${buffer}[word >> 2u][word & 3u];`,
];

/** Lines that begin at a word and go on by an affine function of the position. */
function lines(
  name: string,
  source: Source,
  start: Index,
  offset: Index,
  sample: Index | undefined,
  four: boolean,
): string[] {
  const { buffer } = source;
  const along = printIndex(offset);
  return [
    `fn ${name}_line(z: u32, index: u32) -> u32 {`,
    `  return ${wordOf(source, start, sample)};`,
    "}",
    ...(four
      ? [
          `fn ${name}_four(line: u32, position: u32) -> vec4f {`,
          `  return ${buffer}[(line + ${along}) >> 2u];`,
          "}",
        ]
      : []),
    `fn ${name}_one(line: u32, position: u32) -> f32 {`,
    ...scalar(buffer, `line + ${along}`),
    "}",
  ];
}

/** Values whose word is known only with both the line and the position. */
function gathered(
  name: string,
  source: Source,
  flat: Index,
  sample: Index | undefined,
  four: boolean,
): string[] {
  const word = wordOf(source, flat, sample);
  const head = ["  let z = line.x;", "  let index = line.y;"];
  return [
    `fn ${name}_line(z: u32, index: u32) -> vec2u { return vec2u(z, index); }`,
    ...(four
      ? [
          `fn ${name}_four(line: vec2u, position: u32) -> vec4f {`,
          ...head,
          `  return ${source.buffer}[(${word}) >> 2u];`,
          "}",
        ]
      : []),
    `fn ${name}_one(line: vec2u, position: u32) -> f32 {`,
    ...head,
    ...scalar(source.buffer, word),
    "}",
  ];
}

/** Values that are an expression: padded images, for one. */
function computed(
  context: StageContext,
  name: string,
  writer: StageWriter,
  node: Node,
  element: readonly Index[],
  sample: Index | undefined,
): string[] {
  const code = writer.expressionAt(node, element, sample ? printIndex(sample) : null);
  return [
    `fn ${name}_line(z: u32, index: u32) -> vec2u { return vec2u(z, index); }`,
    `fn ${name}_one(line: vec2u, position: u32) -> f32 {`,
    "  let z = line.x;",
    "  let index = line.y;",
    ...placeNames(context, [...code.lines, code.value]).map((one) => `  ${one}`),
    ...code.lines.map((one) => `  ${one}`),
    `  return ${code.value};`,
    "}",
  ];
}

/** The product node whose factors a contraction has. */
const productNode = (node: Node): Node => (node.op === OVER_SAMPLES ? node.inputs[0]! : node);

/** The two sides of a contraction, such that neighbors of C along n are neighbors in memory. */
export function sidesOf(node: Node, { a, b, m, n, k }: Contraction): [Side<"m">, Side<"n">] {
  const product = productNode(node);
  const nearest = `d${product.shape.findLastIndex((length) => length > 1)}`;
  const first = { factor: a, axes: m, k, product, which: 0 as const };
  const second = { factor: b, axes: n, k, product, which: 1 as const };
  const swap = m.some(({ symbol }) => symbol === nearest);
  const [left, right] = swap ? [second, first] : [first, second];
  return [
    { ...left, name: "a", line: "m" },
    { ...right, name: "b", line: "n" },
  ];
}
