/**
 * A stage of the schedule `batched` as a kernel of one invocation an element: reductions, scalars and
 * what does not stand on vec4f. Else invocations take several elements (`stageQuads.ts`); matrix
 * products have tiles (`productKernel.ts`).
 */
import { invariant } from "../../errors.ts";
import type { TileKind } from "../../execution.ts";
import { size } from "../../graph.ts";
import type { Model } from "../../model.ts";
import { drawPairs } from "../../modelDraws.ts";
import { memberName } from "../../wgsl/identifiers.ts";
import { type Index, isLiteral, literal, plus, printIndex, variable } from "../../wgsl/indexing.ts";
import { fieldElement, type RowLayout } from "../../wgsl/row.ts";
import { DIRECTION } from "../../wgsl/sampleFunction.ts";
import { type StageAccess, StageWriter } from "../staged/stageCode.ts";
import type { Stage, StagedProgram, Statement } from "../staged/stagedProgram.ts";
import { gradientOf } from "../staged/trainingProgram.ts";
import {
  type BatchedBindings,
  type BatchedKernel,
  batchedShader,
  inLayers,
  type KernelContext,
  reads,
  slot,
  writes,
} from "./batchedKernel.ts";
import { axesOf } from "./elementPlace.ts";
import type { MatmulLimits } from "./matmulTile.ts";

export interface StageContext extends KernelContext {
  readonly model: Model;
  readonly program: StagedProgram;
  readonly row: RowLayout;
  readonly maxBatch: number;
  /** How products share loads. */
  readonly tile: TileKind;
  readonly limits: MatmulLimits;
}

const WORKGROUP = 64;

/** `base + flat`, without a zero. */
const offsetBy = (base: string, flat: Index): string =>
  isLiteral(flat) && flat.constant === 0 ? base : `${base} + ${printIndex(flat)}`;

/** Word of a stored statement's element in its replica's scratch. */
function wordOf(
  context: KernelContext,
  statement: Statement,
  flat: Index,
  sample: string | null,
): string {
  const region = context.memory.regionOf.get(statement);
  invariant(region, `${statement.name} is stored nowhere`);
  return targetWord(context, statement, region.at, flat, sample);
}

/** Word of a block of θ, or of the direction's block beside it, among a replica's vectors. */
export function blockWord({ model: { params }, memory }: StageContext, name: string): number {
  const along = name.startsWith(DIRECTION);
  const own = along ? name.slice(DIRECTION.length) : name;
  const { offset } = params.find((block) => block.name === own)!;
  return (along ? memory.directionAt : memory.pointAt) + offset;
}

/** The names that expressions of stages use, those that occur in `lines`; `z` is the replica's slot. */
export function placeNames({ source }: KernelContext, lines: readonly string[]): string[] {
  const uses = (name: string): boolean =>
    lines.some((line) => new RegExp(`\\b${name}\\b`).test(line));
  const batch = uses("batch") ? [`let batch = ${source.count("h")};`] : [];
  const h =
    uses("h") || batch.some((line) => /\bh\b/.test(line))
      ? ["let h = hyperparameters(condition_of(z));"]
      : [];
  return [
    ...(uses("slot") ? ["let slot = z;"] : []),
    ...(uses("theta_at") ? ["let theta_at = z * REPLICA;"] : []),
    ...(uses("scratch_at") ? ["let scratch_at = z * SCRATCH;"] : []),
    ...h,
    ...batch,
    ...(uses("draw_key") ? ["let draw_key = slot_key(z, STREAM_SAMPLE);"] : []),
  ];
}

/**
 * How scalar code reaches the buffers: of f32 in `batched/stage.wgsl`, of vec4f in products, where a
 * component is addressed by two subscripts.
 */
export function scalarAccess(context: StageContext, vectors = false): StageAccess {
  const { model, row, source } = context;
  const element = (buffer: string, word: string): string =>
    vectors ? `${buffer}[(${word}) >> 2u][(${word}) & 3u]` : `${buffer}[${word}]`;
  const { all } = drawPairs(model.draws);
  return {
    param: (name, flat) => {
      const word = plus(literal(blockWord(context, name)), flat);
      return element("replicas", offsetBy("theta_at", word));
    },
    field: (name, flat, sample) => {
      const { at, value } = fieldElement(row, name, flat);
      const first = `4u * ROW * ${source.number("slot", sample)}`;
      return value(element("data", offsetBy(first, at)));
    },
    draw: (name, flat, sample) => {
      const { at, law } = model.draws.find((draw) => draw.name === name)!;
      const number = printIndex(plus(literal(at), flat));
      const kind = law === "normal" ? "normal" : "uniform";
      const value = `drawn_${kind}(draw_key, ${sample} * ${all}u, ${number})`;
      return law === "sign" ? `draw_sign(${value})` : value;
    },
    setting: (name) => `h.${memberName(name)}`,
    stored: (statement, flat, sample) =>
      element("scratch", wordOf(context, statement, flat, sample)),
    batch: "batch",
  };
}

/** Functions that draw one number of a sample, where the model has draws. */
const DRAWS = ["normal", "uniform"].flatMap((law) => [
  `fn drawn_${law}(key: vec2u, first: u32, number: u32) -> f32 {`,
  `  let pair = draw_${law}s(key, run.first_step, first + number / 2u);`,
  "  return select(pair.x, pair.y, (number & 1u) == 1u);",
  "}",
]);

/** What a shader needs that evaluates stages of this model. */
export const drawSlots = ({ draws }: Model): { imports: string[]; declarations: string[] } =>
  draws.length === 0
    ? { imports: [], declarations: [] }
    : { imports: ["lib/sample_draws"], declarations: DRAWS };

/** First words of scratch that a statement's value is put to: its own region, and blocks of G. */
export function targetsOf({ memory, model }: StageContext, statement: Statement): number[] {
  const blocks = model.params.filter(({ name }) => statement.outputs.includes(gradientOf(name)));
  const own = memory.regionOf.get(statement);
  return [...new Set([...(own ? [own.at] : []), ...blocks.map(({ offset }) => offset)])];
}

/** Word of an element of a statement's value that begins at word `first`. */
export function targetWord(
  { memory }: KernelContext,
  statement: Statement,
  first: number,
  flat: Index,
  sample: string | null,
): string {
  const stride = memory.regionOf.get(statement)?.sampleStride ?? 0;
  const word = plus(literal(first), flat);
  if (sample === null || stride === 0) return offsetBy("scratch_at", word);
  return offsetBy(`scratch_at + ${stride === 1 ? sample : `${stride}u * ${sample}`}`, word);
}

/** Lines that store the statements of a stage. */
const stores = (
  context: StageContext,
  stage: Stage,
  values: readonly string[],
  flat: Index,
  sample: string | null,
): string[] =>
  stage.statements.flatMap((statement, i) =>
    targetsOf(context, statement).map(
      (first) => `scratch[${targetWord(context, statement, first, flat, sample)}] = ${values[i]};`,
    ),
  );

/** Workgroups of `size` invocations, `total` for each lane. */
export const stageGrid =
  (total: number, size: number) =>
  (lanes: number): readonly [number, number, number] => {
    const [along, layers] = inLayers(Math.ceil(total / size));
    return [along, lanes, layers];
  };

export function stageKernel(context: StageContext, stage: Stage): BatchedKernel {
  const { program, row, maxBatch, model } = context;
  const elements = size(stage.shape);
  const flat = variable("element", elements);
  const sample = stage.perSample ? "sample" : null;
  const { index, lines: axes } = axesOf(flat, stage.shape, "");
  const writer = new StageWriter(program, scalarAccess(context));
  const code = writer.stage(stage, { index, sample });
  const draws = drawSlots(model);
  const lines = [...code.lines, ...stores(context, stage, code.values, flat, sample)];
  const rows = stage.perSample ? maxBatch : 1;
  return {
    name: stage.statements.map(({ name }) => name).join(" "),
    shader: batchedShader("stage", context, {
      params: {
        ELEMENTS: `${elements}u`,
        ROWS: `${rows}u`,
        MAX_BATCH: `${maxBatch}u`,
        ROW: `${row.vectors}u`,
      },
      slots: {
        declarations: {
          ...slot([...code.constants, ...draws.declarations], 0),
          imports: [...code.imports, ...draws.imports],
        },
        statements: slot([...placeNames(context, [...axes, ...lines]), ...axes, ...lines]),
      },
    }),
    bindings: stageBindings(context),
    overrides: { WORKGROUP },
    grid: stageGrid(elements * rows, WORKGROUP),
  };
}

export const stageBindings = ({ source }: KernelContext): BatchedBindings => [
  [reads("replicas"), writes("scratch"), source.drawn ? reads("batch") : null],
  [reads("hyper"), reads("data")],
];
