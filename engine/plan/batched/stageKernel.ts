/**
 * A stage of the schedule `batched` as a kernel of one invocation an element: elementwise statements
 * and short reductions. Matrix products have tiles (`productKernel.ts`).
 */
import { invariant } from "../../errors.ts";
import { size } from "../../graph.ts";
import type { Model } from "../../model.ts";
import { drawPairs } from "../../modelDraws.ts";
import { memberName } from "../../wgsl/identifiers.ts";
import {
  type Index,
  isLiteral,
  literal,
  plus,
  printIndex,
  unflatten,
  variable,
} from "../../wgsl/indexing.ts";
import { fieldElement, type RowLayout } from "../../wgsl/row.ts";
import { type StageAccess, StageWriter } from "../staged/stageCode.ts";
import type { Stage, StagedProgram, Statement } from "../staged/stagedProgram.ts";
import { gradientOf } from "../staged/trainingProgram.ts";
import {
  type BatchedKernel,
  batchedShader,
  type KernelContext,
  reads,
  slot,
  writes,
} from "./batchedKernel.ts";

export interface StageContext extends KernelContext {
  readonly model: Model;
  readonly program: StagedProgram;
  readonly row: RowLayout;
  readonly maxBatch: number;
}

const WORKGROUP = 64;
/** Workgroups along an axis, WebGPU's default limit. */
const WIDEST = 65535;

/** `base + flat`, without a zero. */
export const offsetBy = (base: string, flat: Index): string =>
  isLiteral(flat) && flat.constant === 0 ? base : `${base} + ${printIndex(flat)}`;

/** Word of a stored statement's element in its replica's scratch. */
export function wordOf(
  { memory }: KernelContext,
  statement: Statement,
  flat: Index,
  sample: string | null,
): string {
  const region = memory.regionOf.get(statement);
  invariant(region, `${statement.name} is stored nowhere`);
  const word = plus(literal(region.at), flat);
  if (sample === null || region.sampleStride === 0) return offsetBy("scratch_at", word);
  const stride = region.sampleStride === 1 ? sample : `${region.sampleStride}u * ${sample}`;
  return offsetBy(`scratch_at + ${stride}`, word);
}

/** Offset of a block in θ. */
export const blockOffset = ({ params }: Model, name: string): number =>
  params.find((block) => block.name === name)!.offset;

/** How scalar code reaches the buffers of `batched/stage.wgsl`. */
export function scalarAccess(context: StageContext): StageAccess {
  const { model, row, memory } = context;
  const { all } = drawPairs(model.draws);
  return {
    param: (name, flat) => {
      const word = plus(literal(memory.pointAt + blockOffset(model, name)), flat);
      return `replicas[${offsetBy("theta_at", word)}]`;
    },
    field: (name, flat, sample) => {
      const { at, value } = fieldElement(row, name, flat);
      const first = `4u * ROW * batch_samples[slot * MAX_BATCH + ${sample}]`;
      return value(`data[${offsetBy(first, at)}]`);
    },
    draw: (name, flat, sample) => {
      const { at, law } = model.draws.find((draw) => draw.name === name)!;
      const number = printIndex(plus(literal(at), flat));
      const kind = law === "normal" ? "normal" : "uniform";
      const value = `drawn_${kind}(draw_key, ${sample} * ${all}u, ${number})`;
      return law === "sign" ? `draw_sign(${value})` : value;
    },
    setting: (name) => `h.${memberName(name)}`,
    stored: (statement, flat, sample) => `scratch[${wordOf(context, statement, flat, sample)}]`,
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
export const drawSlots = ({
  draws,
}: Model): { imports: string[]; declarations: string[]; load: string[] } =>
  draws.length === 0
    ? { imports: [], declarations: [], load: [] }
    : {
        imports: ["lib/sample_draws"],
        declarations: DRAWS,
        load: ["let draw_key = slot_key(slot, STREAM_SAMPLE);"],
      };

/** Lines that store the statements of a stage; `target` gives the place in scratch. */
export function stores(
  context: StageContext,
  stage: Stage,
  values: readonly string[],
  flat: Index,
  sample: string | null,
): string[] {
  return stage.statements.flatMap((statement, i) => {
    const places = new Set<string>();
    if (context.memory.regionOf.has(statement)) {
      places.add(wordOf(context, statement, flat, sample));
    }
    for (const { name, offset } of context.model.params) {
      if (!statement.outputs.includes(gradientOf(name))) continue;
      places.add(offsetBy("scratch_at", plus(literal(offset), flat)));
    }
    return [...places].map((place) => `scratch[${place}] = ${values[i]};`);
  });
}

export function stageKernel(context: StageContext, stage: Stage): BatchedKernel {
  const { program, row, maxBatch, model } = context;
  const elements = size(stage.shape);
  const flat = variable("element", elements);
  const sample = stage.perSample ? "sample" : null;
  const writer = new StageWriter(program, scalarAccess(context));
  const code = writer.stage(stage, { index: unflatten(flat, stage.shape), sample });
  const draws = drawSlots(model);
  const place = stage.perSample
    ? [
        elements === 1 ? "let sample = index;" : `let sample = index / ELEMENTS;`,
        ...(elements === 1 ? [] : ["let element = index % ELEMENTS;"]),
        "if (sample >= batch) { return; }",
      ]
    : [...(elements === 1 ? [] : ["let element = index;"]), "if (index >= ELEMENTS) { return; }"];
  const total = elements * (stage.perSample ? maxBatch : 1);
  return {
    name: stage.statements.map(({ name }) => name).join(" "),
    shader: batchedShader("stage", context, {
      params: { ELEMENTS: `${elements}u`, MAX_BATCH: `${maxBatch}u`, ROW: `${row.vectors}u` },
      slots: {
        declarations: {
          ...slot([...code.constants, ...draws.declarations], 0),
          imports: [...code.imports, ...draws.imports],
        },
        place: slot([...place, ...draws.load]),
        statements: slot([...code.lines, ...stores(context, stage, code.values, flat, sample)]),
      },
    }),
    bindings: STAGE_BINDINGS,
    overrides: { WORKGROUP },
    grid: (lanes) => {
      const groups = Math.ceil(total / WORKGROUP);
      const layers = Math.ceil(groups / WIDEST);
      return [Math.ceil(groups / layers), lanes, layers];
    },
  };
}

export const STAGE_BINDINGS = [
  [reads("replicas"), writes("scratch"), reads("batch")],
  [reads("hyper"), reads("data")],
] as const;
