/**
 * Where a stage's code finds what it reads, in the kernel of a workgroup a replica.
 *
 *   θ                     theta[param], or point[param] where the rule prepares one
 *   a field of sample s   data[row + …], row the first vec4f of the sample
 *   a draw of sample s    drawn[s · draws + …]
 *   a stored value        scratch[at + element · stride + s]
 *   a sum that is an output   gradient[param] or batch_loss
 *
 * The stride over samples is odd: threads that differ in the sample, or in the element, then read
 * from different banks of a GPU's memory.
 */
import type { Model } from "../../model.ts";
import { drawPairs } from "../../modelDraws.ts";
import { memberName } from "../../wgsl/identifiers.ts";
import {
  type Index,
  isLiteral,
  literal,
  plus,
  printIndex,
  times,
  variable,
} from "../../wgsl/indexing.ts";
import { fieldElement, type RowLayout } from "../../wgsl/row.ts";
import type { StageAccess } from "../staged/stageCode.ts";
import type { Statement } from "../staged/stagedProgram.ts";
import { LOSS } from "../staged/trainingProgram.ts";
import type { WorkgroupMemory } from "./memory.ts";

export interface AccessRequest {
  readonly model: Model;
  readonly row: RowLayout;
  readonly memory: WorkgroupMemory;
  readonly maxBatch: number;
  /** The array that holds the point where G is taken. */
  readonly point: "theta" | "point";
}

/** The place in the batch of the sample that a thread is at, and its row: locals of the kernel. */
export const SAMPLE = "s";
export const ROW_OF_SAMPLE = "row";

/** First vec4f of a sample in `data`. */
export const rowOf = (sample: string): string => `batch_samples[${sample}] * ROW`;

/** Offset of a block in θ, as the constants `<block>_at` say it. */
const blockAt = (name: string, flat: Index): string =>
  isLiteral(flat) && flat.constant === 0 ? `${name}_at` : `${name}_at + ${printIndex(flat)}`;

function fieldValue(layout: RowLayout, name: string, flat: Index, sample: string): string {
  const row = sample === SAMPLE ? ROW_OF_SAMPLE : rowOf(sample);
  const { at, value } = fieldElement(layout, name, flat);
  if (isLiteral(at)) {
    const vector = at.constant >> 2;
    const offset = vector === 0 ? "" : ` + ${vector}u`;
    return value(`data[${row}${offset}].${"xyzw"[at.constant & 3]}`);
  }
  const position =
    at.terms.size === 1 && at.constant === 0 ? printIndex(at) : `(${printIndex(at)})`;
  return value(`data[${row} + (${position} >> 2u)][${position} & 3u]`);
}

/** Where a sum over the batch goes that is an output of the program. */
const outputPlace = (output: string, flat: Index): string =>
  output === LOSS
    ? "batch_loss"
    : `gradient[${blockAt(output.slice(output.indexOf(".") + 1), flat)}]`;

/** Where a stored value of a stage stands; an output may stand in several places. */
export function storedPlaces(
  { memory }: AccessRequest,
  statement: Statement,
  flat: Index,
  sample: string | null,
): string[] {
  if (statement.outputs.length > 0) return statement.outputs.map((name) => outputPlace(name, flat));
  const { at, stride, samples } = memory.places.get(statement)!;
  const element = plus(times(flat, stride), literal(at));
  const index = sample === null ? element : plus(element, variable(sample, samples));
  return [`scratch[${printIndex(index)}]`];
}

export function stageAccess(request: AccessRequest): StageAccess {
  const { model, row, point } = request;
  const draws = new Map(model.draws.map((one) => [one.name, one]));
  const perSample = 2 * drawPairs(model.draws).all;
  return {
    param: (name, flat) => `${point}[${blockAt(name, flat)}]`,
    field: (name, flat, sample) => fieldValue(row, name, flat, sample),
    draw: (name, flat, sample) => {
      const { law, at } = draws.get(name)!;
      const number = `drawn[${sample} * ${perSample}u + ${printIndex(plus(flat, literal(at)))}]`;
      return law === "sign" ? `draw_sign(${number})` : number;
    },
    setting: (name) => `h.${memberName(name)}`,
    stored: (statement, flat, sample) => storedPlaces(request, statement, flat, sample)[0]!,
    batch: "batch",
  };
}
