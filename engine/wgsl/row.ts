/**
 * A dataset as the kernels see it: one row of vec4f per sample.
 *
 * On lavapipe a scalar load costs as much as 22 to 24 multiply-adds and a vec4f load two to three scalar
 * ones (docs/performance.md), so rows are padded to vec4. Fields of four or more elements start on a vec4;
 * smaller ones fill what is left. Labels are stored as their (exact) f32 value.
 */
import type { Model } from "../model.ts";

export interface RowLayout {
  /** Offset of each field in floats. */
  readonly offsets: Readonly<Record<string, number>>;
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

export function rowLayout(fields: Model["fields"]): RowLayout {
  const offsets: Record<string, number> = {};
  let end = 0;
  // Large fields first; a stable sort keeps the order of declaration among equals.
  for (const field of [...fields].sort((a, b) => Number(b.size >= 4) - Number(a.size >= 4))) {
    if (field.size >= 4) end = Math.ceil(end / 4) * 4;
    offsets[field.name] = end;
    end += field.size;
  }
  return { offsets, vectors: Math.max(1, Math.ceil(end / 4)) };
}

/** Row-major [sample, vectors, 4]. */
export function packRows(
  data: DataSource,
  fields: Model["fields"],
  layout: RowLayout,
): Float32Array<ArrayBuffer> {
  const width = layout.vectors * 4;
  const rows = new Float32Array(data.samples * width);
  for (const { name, size } of fields) {
    const source = data.fields[name]!.data;
    const offset = layout.offsets[name]!;
    for (let sample = 0; sample < data.samples; sample += 1) {
      for (let i = 0; i < size; i += 1)
        rows[sample * width + offset + i] = source[sample * size + i]!;
    }
  }
  return rows;
}
