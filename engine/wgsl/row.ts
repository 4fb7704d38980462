/**
 * A dataset as the kernels see it: one row of vec4f per sample.
 *
 * On lavapipe a scalar load costs as much as 22 to 24 multiply-adds and a vec4f load two to three scalar
 * ones (docs/performance.md), so rows are padded to vec4. Fields of four or more elements start on a vec4;
 * smaller ones fill what is left. Labels are stored as their (exact) f32 value. So are bytes, three in a
 * float, b₀ + 256 b₁ + 65536 b₂ < 2²⁴: a third of the memory and of the loads. Four in the bits of a float
 * would not be safe, since some patterns are no number or are flushed to zero.
 */
import type { Model } from "../model.ts";
import { divide, type Index, isLiteral, literal, modulo, plus, printIndex } from "./indexing.ts";

export interface RowLayout {
  /** Offset of each field in floats. */
  readonly offsets: Readonly<Record<string, number>>;
  /** Names of the fields that hold bytes. */
  readonly packed: readonly string[];
  /** Length of a row in vec4f. */
  readonly vectors: number;
}

/** Numbers of a dataset, as `models/` provides them. */
export interface DataSource {
  readonly name: string;
  readonly samples: number;
  readonly fields: Readonly<
    Record<string, { readonly data: ArrayLike<number>; readonly shape: readonly number[] }>
  >;
}

/**
 * The data of a model without sample fields, which draws its samples (`draws` of `defineModel`): one
 * sample without numbers. Use it with the law `withReplacement`, which takes any batch size.
 */
export const onlineData: DataSource = Object.freeze({ name: "online", samples: 1, fields: {} });

/** Bytes in a float. */
const PACK = 3;

/** Floats of a field in a row. */
const floatsOf = ({ bytes, size }: Model["fields"][number]): number =>
  bytes ? Math.ceil(size / PACK) : size;

export function rowLayout(fields: Model["fields"]): RowLayout {
  const offsets: Record<string, number> = {};
  let end = 0;
  const isLarge = (field: Model["fields"][number]): boolean => floatsOf(field) >= 4;
  // Large fields first; a stable sort keeps the order of declaration among equals.
  for (const field of [...fields].sort((a, b) => Number(isLarge(b)) - Number(isLarge(a)))) {
    if (isLarge(field)) end = Math.ceil(end / 4) * 4;
    offsets[field.name] = end;
    end += floatsOf(field);
  }
  const packed = fields.filter(({ bytes }) => bytes).map(({ name }) => name);
  return { offsets, packed, vectors: Math.max(1, Math.ceil(end / 4)) };
}

/** Where an element of a field stands. */
export interface FieldElement {
  /** Float of the row. */
  readonly at: Index;
  /** WGSL of the element, given WGSL of that float. */
  readonly value: (loaded: string) => string;
}

/** The only way to an element of a field: every schedule reads rows through it. */
export function fieldElement(
  { offsets, packed }: RowLayout,
  name: string,
  flat: Index,
): FieldElement {
  const first = literal(offsets[name]!);
  if (!packed.includes(name)) return { at: plus(first, flat), value: (loaded) => loaded };
  const place = modulo(flat, PACK);
  const shift = isLiteral(place) ? `${8 * place.constant}u` : `(8u * (${printIndex(place)}))`;
  return {
    at: plus(first, divide(flat, PACK)),
    value: (loaded) => `f32((u32(${loaded}) >> ${shift}) & 255u)`,
  };
}

/** Row-major [sample, vectors, 4]. */
export function packRows(
  data: DataSource,
  fields: Model["fields"],
  layout: RowLayout,
): Float32Array<ArrayBuffer> {
  const width = layout.vectors * 4;
  const rows = new Float32Array(data.samples * width);
  for (const { name, size, bytes } of fields) {
    const source = data.fields[name]!.data;
    const offset = layout.offsets[name]!;
    for (let sample = 0; sample < data.samples; sample += 1) {
      const [row, from] = [sample * width + offset, sample * size];
      if (bytes) {
        for (let i = 0; i < size; i += 1) {
          rows[row + Math.floor(i / PACK)]! += source[from + i]! * 256 ** (i % PACK);
        }
      } else {
        for (let i = 0; i < size; i += 1) rows[row + i] = source[from + i]!;
      }
    }
  }
  return rows;
}
