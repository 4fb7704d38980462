/**
 * Levels of a staged program → WGSL: loops of a replica's threads over elements, a barrier after each
 * level.
 *
 * A stage that is a matrix product runs in tiles (`productTile.ts`), any other as one loop whose
 * iterations, an element and a sample each, are strided over the threads.
 */
import { size } from "../../graph.ts";
import { flatten } from "../../wgsl/indexing.ts";
import type { SlotBody } from "../../wgsl/link.ts";
import { blockOffsets } from "../../wgsl/sampleFunction.ts";
import { type Axis, type Factor, SAMPLE_AXIS } from "../staged/contraction.ts";
import { outputSymbols } from "../staged/reading.ts";
import { type StageCode, StageWriter } from "../staged/stageCode.ts";
import type { Stage, StagedProgram } from "../staged/stagedProgram.ts";
import { axisLets, chooseTile, factorFunction, type Tile, tileLines } from "./productTile.ts";
import {
  type AccessRequest,
  ROW_OF_SAMPLE,
  rowOf,
  SAMPLE,
  stageAccess,
  storedPlaces,
} from "./stageAccess.ts";

export interface LevelsRequest extends AccessRequest {
  readonly program: StagedProgram;
  readonly threads: number;
}

export interface LevelsCode {
  /** Constants and functions at module scope. */
  readonly functions: SlotBody;
  /** The levels of a step, each ending in a barrier. */
  readonly levels: SlotBody;
  readonly barriers: number;
  /** Tiles of the matrix products, in the order of the stages. */
  readonly tiles: readonly Tile[];
}

const symbolAxes = ({ shape }: Stage): Axis[] =>
  shape.flatMap((length, axis) => (length > 1 ? [{ symbol: `d${axis}`, length }] : []));

/** Stores of what other stages read, and of outputs. */
function stores(request: LevelsRequest, stage: Stage, { values }: StageCode): string[] {
  const sample = stage.perSample ? SAMPLE : null;
  return stage.statements.flatMap((statement, i) => {
    if (!statement.stored) return [];
    const { shape } = statement.node;
    const flat = flatten(outputSymbols(shape), shape);
    return storedPlaces(request, statement, flat, sample).map((at) => `${at} = ${values[i]};`);
  });
}

/** A loop over the elements (and samples) of a stage. */
function elementLoop(request: LevelsRequest, stage: Stage, body: readonly string[]): string[] {
  const { maxBatch } = request;
  const axes = symbolAxes(stage);
  const samples = stage.perSample ? maxBatch : 1;
  const total = size(stage.shape) * samples;
  const usesRow = new RegExp(`\\b${ROW_OF_SAMPLE}\\b`).test(body.join("\n"));
  const row = usesRow ? [`let ${ROW_OF_SAMPLE} = ${rowOf(SAMPLE)};`] : [];
  if (total === 1) {
    const first = stage.perSample ? [`let ${SAMPLE_AXIS} = 0u;`, ...row] : [];
    return ["if (thread == 0u) {", ...[...first, ...body].map((line) => `  ${line}`), "}"];
  }
  const sampled = stage.perSample ? [{ symbol: SAMPLE_AXIS, length: null }] : [];
  return [
    `for (var e = thread; e < ${total}u; e += WORKGROUP) {`,
    ...[
      ...axisLets([...axes, ...sampled], "e", "", maxBatch),
      ...(stage.perSample ? [`if (${SAMPLE_AXIS} >= batch) { continue; }`] : []),
      ...row,
      ...body,
    ].map((line) => `  ${line}`),
    "}",
  ];
}

interface Written {
  readonly lines: readonly string[];
  readonly functions: readonly string[];
  readonly tile: Tile | null;
}

/** A matrix product with what follows it, in tiles of registers. */
function productStage(
  request: LevelsRequest,
  writer: StageWriter,
  stage: Stage,
  number: number,
): Written | null {
  const { contraction } = stage;
  if (contraction === null) return null;
  const tile = chooseTile(contraction, request.threads, request.maxBatch);
  if (tile.rows * tile.columns === 1) return null;
  const sampled = (perSample: boolean): string | null => (perSample ? SAMPLE : null);
  const factor = (name: string, of: Factor) => {
    const { lines, value } = writer.expressionAt(of.node, of.index, sampled(of.perSample));
    // What takes statements of its own is no factor of one expression.
    return lines.length > 0 ? null : factorFunction(`${name}_${number}`, of, value);
  };
  const left = factor("left", contraction.a);
  const right = factor("right", contraction.b);
  if (left === null || right === null) return null;
  const place = { index: outputSymbols(stage.shape), sample: sampled(stage.perSample) };
  const code = writer.stage(stage, place, "product");
  const epilogue = [...code.lines, ...stores(request, stage, code)];
  const { maxBatch } = request;
  return {
    lines: tileLines({ of: contraction, tile, maxBatch, left, right, epilogue }),
    functions: [left.text, right.text],
    tile,
  };
}

/** The levels of a step as WGSL. */
export function levelsCode(request: LevelsRequest): LevelsCode {
  const { program, model } = request;
  const writer = new StageWriter(program, stageAccess(request));
  const functions: string[] = [];
  const tiles: Tile[] = [];
  const lines: string[] = [];
  const levels = Math.max(...program.stages.map(({ level }) => level)) + 1;
  for (let level = 0; level < levels; level += 1) {
    program.stages.forEach((stage, number) => {
      if (stage.level !== level) return;
      lines.push(`// ${stage.statements.map(({ name }) => name).join(", ")}`);
      const written = productStage(request, writer, stage, number);
      if (written) {
        lines.push(...written.lines);
        functions.push(...written.functions);
        tiles.push(written.tile!);
        return;
      }
      const place = {
        index: outputSymbols(stage.shape),
        sample: stage.perSample ? SAMPLE : null,
      };
      const code = writer.stage(stage, place);
      lines.push(...elementLoop(request, stage, [...code.lines, ...stores(request, stage, code)]));
    });
    lines.push("workgroupBarrier();");
  }
  return {
    functions: {
      code: [...blockOffsets(model), ...writer.constants, ...functions].join("\n"),
      imports: [...writer.imports].sort(),
    },
    levels: { code: lines.map((line) => `    ${line}`.trimEnd()).join("\n") },
    barriers: levels,
    tiles,
  };
}
