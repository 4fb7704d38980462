/**
 * Does a data set fit a model, and are its numbers numbers?
 */
import { DataError } from "../errors.ts";
import { size } from "../graph.ts";
import type { Model } from "../model.ts";
import type { DataSource } from "../wgsl/row.ts";

/** @throws DataError naming the field, the sample and the remedy. */
export function checkData(data: DataSource, model: Model): void {
  for (const { name, shape, labels, size: width } of model.fields) {
    const field = data.fields[name];
    if (!field) {
      throw new DataError(
        `data ${data.name}: ${model.name} reads a sample field "${name}", the data have ` +
          `${Object.keys(data.fields).join(", ") || "none"}; name the field so.`,
      );
    }
    if (size(field.shape) !== width || field.data.length !== width * data.samples) {
      throw new DataError(
        `data ${data.name}: field "${name}" has ${field.data.length} numbers of shape ` +
          `[${field.shape.join(", ")}] for ${data.samples} samples, ${model.name} reads ` +
          `[${shape.join(", ")}] a sample; give ${width * data.samples} numbers.`,
      );
    }
    checkNumbers(data, name, width, labels);
  }
}

function checkNumbers(data: DataSource, name: string, width: number, labels: number): void {
  const values = data.fields[name]!.data;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i]!;
    const sample = Math.floor(i / width);
    if (!Number.isFinite(Math.fround(value))) {
      throw new DataError(
        `data ${data.name}: field "${name}" of sample ${sample} is ${value}; ` +
          "remove the sample or fill in a finite float32 number.",
      );
    }
    if (labels > 0 && !(Number.isInteger(value) && value >= 0 && value < labels)) {
      throw new DataError(
        `data ${data.name}: label "${name}" of sample ${sample} is ${value}; ` +
          `use whole numbers from 0 to ${labels - 1}.`,
      );
    }
  }
}
