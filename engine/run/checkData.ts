/**
 * Does a data set fit a model, and are its numbers numbers?
 */
import { DataError } from "../errors.ts";
import { size } from "../graph.ts";
import type { Model, SampleField } from "../model.ts";
import type { DataSource } from "../wgsl/row.ts";

/** @throws DataError naming the field, the sample and the remedy. */
export function checkData(data: DataSource, model: Model): void {
  for (const field of model.fields) {
    const { name, shape, size: width } = field;
    const given = data.fields[name];
    if (!given) {
      throw new DataError(
        `data ${data.name}: ${model.name} reads a sample field "${name}", the data have ` +
          `${Object.keys(data.fields).join(", ") || "none"}; name the field so.`,
      );
    }
    if (size(given.shape) !== width || given.data.length !== width * data.samples) {
      throw new DataError(
        `data ${data.name}: field "${name}" has ${given.data.length} numbers of shape ` +
          `[${given.shape.join(", ")}] for ${data.samples} samples, ${model.name} reads ` +
          `[${shape.join(", ")}] a sample; give ${width * data.samples} numbers.`,
      );
    }
    checkNumbers(data, field);
  }
}

const isWhole = (value: number, below: number): boolean =>
  Number.isInteger(value) && value >= 0 && value < below;

function checkNumbers(data: DataSource, { name, size: width, labels, bytes }: SampleField): void {
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
    if (bytes && !isWhole(value, 256)) {
      throw new DataError(
        `data ${data.name}: field "${name}" of sample ${sample} is ${value}, declared as bytes; use ` +
          "whole numbers from 0 to 255, or declare the field by its shape alone.",
      );
    }
    if (labels > 0 && !isWhole(value, labels)) {
      throw new DataError(
        `data ${data.name}: label "${name}" of sample ${sample} is ${value}; ` +
          `use whole numbers from 0 to ${labels - 1}.`,
      );
    }
  }
}
