/**
 * A training set as plain data: named fields, one row per sample.
 *
 * The engine checks it against the model, pads and uploads it; nothing here knows of a device.
 */
import { ArgumentError } from "../engine/errors.ts";

export interface DatasetField {
  /** Row-major, [sample, ...shape]; whole numbers 0 to 255 may be bytes. */
  readonly data: Float32Array | Float64Array | Uint8Array;
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
 * The samples with the given numbers, in that order, as a new data set.
 * @throws ArgumentError for a number outside [0, samples).
 */
export function subset(dataset: Dataset, name: string, indices: ArrayLike<number>): Dataset {
  const fields: Record<string, DatasetField> = {};
  for (const [key, field] of Object.entries(dataset.fields)) {
    const width = field.data.length / dataset.samples;
    const Data = field.data.constructor as Float64ArrayConstructor;
    const data: Float64Array | Float32Array | Uint8Array = new Data(indices.length * width);
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
