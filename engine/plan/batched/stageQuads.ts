/**
 * A stage of the schedule `batched` whose invocations compute four neighbors, or three times four.
 *
 * Elements are neighbors in memory, so what is read at an element's own index, or along the last axis
 * of a block, comes as vec4f and is loaded once for all of them; axes are found by division once where
 * the last axis holds whole fours. Twelve neighbors are taken where a field of bytes is read: they
 * stand in one vec4f. A word whose place in its vec4f is not known when the code is written is loaded
 * by itself. What is left out: long reductions and random numbers (`stageKernel.ts`).
 */
import { isLeaf, type Node, type Shape, size } from "../../graph.ts";
import { type Index, literal, plus, printIndex, times, variable } from "../../wgsl/indexing.ts";
import { fieldElement } from "../../wgsl/row.ts";
import { innerAxes } from "../staged/reading.ts";
import { OVER_SAMPLES } from "../staged/sampleSums.ts";
import { type StageAccess, type StageCode, StageWriter } from "../staged/stageCode.ts";
import type { Stage, Statement } from "../staged/stagedProgram.ts";
import { type BatchedKernel, batchedShader, slot } from "./batchedKernel.ts";
import { axesOf, isAlong } from "./elementPlace.ts";
import {
  blockWord,
  placeNames,
  type StageContext,
  scalarAccess,
  stageBindings,
  stageGrid,
  stageKernel,
  targetsOf,
  targetWord,
} from "./stageKernel.ts";

const WORKGROUP = 64;
const COMPONENTS = ["x", "y", "z", "w"] as const;
/** Neighbors whose bytes stand in one vec4f. */
const BYTES = 12;
/** Terms of a reduction beyond which an invocation has enough to do with one element. */
const LONG = 16;

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Nodes whose expressions a stage's statements are made of. */
function expressionsOf({ program }: StageContext, { statements }: Stage): Set<Node> {
  const found = new Set<Node>();
  const visit = (node: Node, top: boolean): void => {
    if (found.has(node) || (!top && program.statementOf.has(node))) return;
    found.add(node);
    for (const input of node.inputs) visit(input, false);
  };
  for (const { node } of statements) visit(node, true);
  return found;
}

/** May whole vec4f be written to a target that begins at word `first`? */
function takesQuads({ memory }: StageContext, statement: Statement, first: number): boolean {
  const elements = size(statement.node.shape);
  const region = memory.regionOf.get(statement);
  const padded = region?.at === first && region.words >= 4 * Math.ceil(elements / 4);
  return first % 4 === 0 && (elements % 4 === 0 || padded);
}

/** How many neighbors an invocation computes of a stage: 12, 4, or 1, which is not done here. */
function neighborsOf(context: StageContext, stage: Stage): 1 | 4 | 12 {
  if (size(stage.shape) < 4) return 1;
  const nodes = [...expressionsOf(context, stage)];
  const isLong = (node: Node): boolean =>
    !isLeaf(node) && (node.op === OVER_SAMPLES || size(innerAxes(node)) > LONG);
  if (nodes.some((node) => node.op === "draw" || isLong(node))) return 1;
  const whole = stage.statements.every((statement) =>
    targetsOf(context, statement).every((first) => takesQuads(context, statement, first)),
  );
  if (!whole) return 1;
  const isPacked = (node: Node): boolean =>
    node.op === "sample" && context.row.packed.includes(node.attributes.name as string);
  return nodes.some(isPacked) ? BYTES : 4;
}

interface Neighbor {
  readonly index: readonly Index[];
  /** Its element, as an offset that has a known place in a vec4f. */
  readonly element: Index;
  /** Declarations of the axes. */
  readonly lines: readonly string[];
}

/** The indices of the neighbors at `place`. Those beyond the last element repeat it. */
function neighborsAt(shape: Shape, width: number): Neighbor[] {
  const elements = size(shape);
  const place = variable("place", Math.ceil(elements / width));
  const elementOf = (i: number): Index => plus(times(place, width), literal(i));
  const last = shape[shape.length - 1]!;
  if (last % width === 0) {
    const fours = axesOf(place, [...shape.slice(0, -1), last / width], "");
    return range(width).map((i) => {
      const inner = plus(times(fours.index[shape.length - 1]!, width), literal(i));
      return {
        index: [...fours.index.slice(0, -1), inner],
        element: elementOf(i),
        lines: fours.lines,
      };
    });
  }
  return range(width).map((i) => {
    const overhangs = elements % width !== 0;
    const name = `element${i}`;
    const text = printIndex(elementOf(i));
    const flat = overhangs ? `min(${text}, ${elements - 1}u)` : text;
    const { index, lines } = axesOf(variable(name, elements), shape, `_${i}`);
    return { index, element: elementOf(i), lines: [`let ${name} = ${flat};`, ...lines] };
  });
}

/** Loads that neighbors share, by what is loaded. */
type Loads = Map<string, string>;

function load(loads: Loads, expression: string): string {
  const name = loads.get(expression) ?? `load${loads.size}`;
  loads.set(expression, name);
  return name;
}

/** A word of a buffer of vec4f; `base` is a multiple of 4 where it is `aligned`. */
function wordAt(loads: Loads, buffer: string, base: string, aligned: boolean, word: Index): string {
  const text = `${base} + ${printIndex(word)}`;
  const inLoop = /\b[ib]\d+\b/.test(text);
  const shared = (expression: string): string => (inLoop ? expression : load(loads, expression));
  if (!aligned || [...word.terms.values()].some((coefficient) => coefficient % 4 !== 0)) {
    return shared(`${buffer}[(${text}) >> 2u][(${text}) & 3u]`);
  }
  const component = word.constant % 4;
  const first = printIndex({ ...word, constant: word.constant - component });
  return `${shared(`${buffer}[(${base} + ${first}) >> 2u]`)}.${COMPONENTS[component]}`;
}

/** How a neighbor's code reaches the buffers. */
function neighborAccess(
  context: StageContext,
  shape: Shape,
  { index, element }: Neighbor,
  loads: Loads,
): StageAccess {
  const { row, memory } = context;
  const placed = (flat: Index): Index => {
    const offset = isAlong(flat, index, shape);
    return offset === null ? flat : plus(element, literal(offset));
  };
  return {
    ...scalarAccess(context, true),
    param: (name, flat) => {
      const first = literal(blockWord(context, name));
      return wordAt(loads, "replicas", "theta_at", true, plus(first, placed(flat)));
    },
    field: (name, flat, sample) => {
      const { at, value } = fieldElement(row, name, placed(flat));
      const first = sample === "sample" ? "row_at" : rowAt(context, sample);
      return value(wordAt(loads, "data", first, true, at));
    },
    stored: (statement, flat, sample) => {
      const { at, sampleStride } = memory.regionOf.get(statement)!;
      const hasSamples = sample !== null && sampleStride > 0;
      const base = hasSamples ? `scratch_at + ${sampleStride}u * ${sample}` : "scratch_at";
      const aligned = !hasSamples || sampleStride % 4 === 0;
      return wordAt(loads, "scratch", base, aligned, plus(literal(at), placed(flat)));
    },
  };
}

const rowAt = ({ source }: StageContext, sample: string): string =>
  `4u * ROW * ${source.number("slot", sample)}`;

/** Lines that store the neighbors' values, four at a time; those beyond the last element are left. */
function storeQuads(context: StageContext, { statements, shape, perSample }: Stage, width: number) {
  const elements = size(shape);
  const place = variable("place", Math.ceil(elements / width));
  const sample = perSample ? "sample" : null;
  return range(width / 4).flatMap((quad) => {
    const at = plus(times(place, width), literal(4 * quad));
    const lines = statements.flatMap((statement, s) =>
      targetsOf(context, statement).map((first) => {
        const word = targetWord(context, statement, first, at, sample);
        return `scratch[(${word}) >> 2u] = quad${s}_${quad};`;
      }),
    );
    const overhangs = quad > 0 && elements % width !== 0;
    return overhangs && lines.length > 0
      ? [`if (${printIndex(at)} < ${elements}u) {`, ...lines.map((line) => `  ${line}`), "}"]
      : lines;
  });
}

/** The declarations among `lines` that `used` needs, itself or through one another. */
function declared(lines: readonly string[], used: readonly string[]): string[] {
  const kept: string[] = [];
  for (const line of [...new Set(lines)].reverse()) {
    const name = new RegExp(`\\b${/^let (\w+)/.exec(line)![1]}\\b`);
    if ([...used, ...kept].some((text) => name.test(text))) kept.unshift(line);
  }
  return kept;
}

/** The lines of a stage for `width` neighbors, and what they need at module scope. */
function linesOf(context: StageContext, stage: Stage, width: number) {
  const loads: Loads = new Map();
  const sample = stage.perSample ? "sample" : null;
  const neighbors = neighborsAt(stage.shape, width);
  const codes = neighbors.map((neighbor): StageCode => {
    const access = neighborAccess(context, stage.shape, neighbor, loads);
    return new StageWriter(context.program, access).stage(stage, { index: neighbor.index, sample });
  });
  const written = stage.statements.map((statement) => targetsOf(context, statement).length > 0);
  const quads = range(width / 4).flatMap((quad) =>
    stage.statements.flatMap((_, s) => (written[s] ? [`var quad${s}_${quad} = vec4f();`] : [])),
  );
  const blocks = codes.flatMap(({ lines, values }, i) => [
    "{",
    ...lines.map((line) => `  ${line}`),
    ...values.flatMap((value, s) =>
      written[s] ? [`  quad${s}_${i >> 2}.${COMPONENTS[i & 3]} = ${value};`] : [],
    ),
    "}",
  ]);
  const loaded = [...loads].map(([expression, name]) => `let ${name} = ${expression};`);
  const body = [...loaded, ...quads, ...blocks, ...storeQuads(context, stage, width)];
  const axes = declared(
    [`let row_at = ${rowAt(context, "sample")};`, ...neighbors.flatMap(({ lines }) => lines)],
    body,
  );
  const { constants, imports } = codes[0]!;
  return {
    lines: [...placeNames(context, [...axes, ...body]), ...axes, ...body],
    constants,
    imports,
  };
}

function quadStageKernel(context: StageContext, stage: Stage, width: 4 | 12): BatchedKernel {
  const { row, maxBatch } = context;
  const places = Math.ceil(size(stage.shape) / width);
  const rows = stage.perSample ? maxBatch : 1;
  const { lines, constants, imports } = linesOf(context, stage, width);
  return {
    name: stage.statements.map(({ name }) => name).join(" "),
    shader: batchedShader("stage_quads", context, {
      params: {
        PLACES: `${places}u`,
        ROWS: `${rows}u`,
        MAX_BATCH: `${maxBatch}u`,
        ROW: `${row.vectors}u`,
      },
      slots: {
        declarations: { ...slot(constants, 0), imports },
        statements: slot(lines),
      },
    }),
    bindings: stageBindings(context),
    overrides: { WORKGROUP },
    grid: stageGrid(places * rows, WORKGROUP),
  };
}

/** A stage that is no product of matrices. */
export function elementStageKernel(context: StageContext, stage: Stage): BatchedKernel {
  const width = neighborsOf(context, stage);
  return width === 1 ? stageKernel(context, stage) : quadStageKernel(context, stage, width);
}
