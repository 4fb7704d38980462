/**
 * A training set as plain data: named fields, one row per sample.
 *
 * The engine pads and uploads it; nothing here knows of a device. `validateDataset` finds the
 * faults that would otherwise turn up as NaN thousands of steps later.
 */
import { ArgumentError, DataError } from "../engine/errors.ts";

export interface DatasetField {
  /** Row-major, [sample, ...shape]. */
  readonly data: Float32Array | Float64Array;
  /** Axis lengths of one sample; `[]` for a scalar. */
  readonly shape: readonly number[];
  /** Number of classes, where the field holds integer labels in `[0, labels)` (scalar shape). */
  readonly labels?: number;
}

export interface Dataset {
  readonly name: string;
  /** N, number of samples. */
  readonly samples: number;
  readonly fields: Readonly<Record<string, DatasetField>>;
  /** Where the numbers come from: a formula with its parameters, or a source with its license. */
  readonly origin: string;
}

/**
 * Checks lengths, finiteness and label ranges, and returns the data set unchanged.
 * @throws DataError naming the field, and the first offending sample where there is one.
 */
export function validateDataset(dataset: Dataset): Dataset {
  const { name, samples, fields } = dataset;
  if (!Number.isInteger(samples) || samples < 1) {
    throw new DataError(
      `dataset "${name}": samples is ${samples}; give a whole number of at least 1.`,
    );
  }
  if (Object.keys(fields).length === 0) {
    throw new DataError(`dataset "${name}": it has no fields; give at least one, e.g. { x: … }.`);
  }
  for (const [key, field] of Object.entries(fields)) validateField(name, samples, key, field);
  return dataset;
}

function validateField(name: string, samples: number, key: string, field: DatasetField): void {
  const where = `dataset "${name}", field "${key}"`;
  const { data, shape, labels } = field;
  if (!shape.every((axis) => Number.isInteger(axis) && axis >= 1)) {
    throw new DataError(
      `${where}: shape [${shape.join(", ")}] has an axis that is not a whole number >= 1.`,
    );
  }
  const width = shape.reduce((product, axis) => product * axis, 1);
  if (data.length !== samples * width) {
    throw new DataError(
      `${where}: ${samples} samples of shape [${shape.join(", ")}] need ${samples * width} values, ` +
        `got ${data.length}; check samples and shape.`,
    );
  }
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new DataError(
      `${where}: sample ${Math.floor(bad / width)} holds ${data[bad]} (element ${bad % width}); ` +
        "remove or repair the sample.",
    );
  }
  if (labels !== undefined) validateLabels(where, field, labels);
}

function validateLabels(where: string, { data, shape }: DatasetField, labels: number): void {
  if (!Number.isInteger(labels) || labels < 2) {
    throw new DataError(`${where}: labels is ${labels}; give the number of classes, at least 2.`);
  }
  if (shape.length > 0) {
    throw new DataError(`${where}: labels must be scalars, the shape is [${shape.join(", ")}].`);
  }
  const bad = data.findIndex((label) => !Number.isInteger(label) || label < 0 || label >= labels);
  if (bad >= 0) {
    throw new DataError(
      `${where}: sample ${bad} has label ${data[bad]}, not a whole number from 0 to ${labels - 1}.`,
    );
  }
}

/**
 * The samples with the given numbers, in that order, as a new data set.
 * @throws ArgumentError for a number outside [0, samples).
 */
export function subset(dataset: Dataset, name: string, indices: ArrayLike<number>): Dataset {
  const fields: Record<string, DatasetField> = {};
  for (const [key, field] of Object.entries(dataset.fields)) {
    const width = field.data.length / dataset.samples;
    const Data = field.data.constructor as Float64ArrayConstructor | Float32ArrayConstructor;
    const data = new Data(indices.length * width);
    for (let row = 0; row < indices.length; row++) {
      const sample = indices[row]!;
      if (!Number.isInteger(sample) || sample < 0 || sample >= dataset.samples) {
        throw new ArgumentError(
          `subset "${name}": sample ${sample} is not one of 0 to ${dataset.samples - 1}.`,
        );
      }
      data.set(field.data.subarray(sample * width, (sample + 1) * width), row * width);
    }
    fields[key] = { ...field, data };
  }
  return { name, samples: indices.length, fields, origin: dataset.origin };
}
