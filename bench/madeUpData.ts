/** Data for a model whose own are not at hand: enough to time its kernels, nothing to learn from. */
import type { DataSource, Model } from "../engine/index.ts";
import { gaussian, mulberry32 } from "../models/mulberry.ts";

/** Normal numbers, bytes 0 to 255 and classes in turn, as the fields are declared. */
export function madeUpData(model: Model, samples: number): DataSource {
  const uniform = mulberry32(99);
  const number = ({ labels, bytes }: Model["fields"][number], i: number): number => {
    if (labels > 0) return i % labels;
    return bytes ? (37 * i) % 256 : gaussian(uniform);
  };
  const fields = model.fields.map((field) => {
    const data = Float32Array.from({ length: samples * field.size }, (_, i) => number(field, i));
    return [field.name, { shape: field.shape, data }] as const;
  });
  return { name: "made-up numbers", samples, fields: Object.fromEntries(fields) };
}
