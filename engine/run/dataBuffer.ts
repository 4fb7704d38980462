/** A data set in device memory: one storage buffer of rows, which must fit one binding. */
import { LimitError } from "../errors.ts";
import type { Model } from "../model.ts";
import { type DataSource, packRows, type RowLayout } from "../wgsl/row.ts";
import { storage } from "./buffers.ts";

/** @throws LimitError for more rows than the device binds at once. */
export function dataBuffer(
  gpu: GPUDevice,
  data: DataSource,
  fields: Model["fields"],
  row: RowLayout,
): GPUBuffer {
  const { maxStorageBufferBindingSize, maxBufferSize } = gpu.limits;
  const most = Math.min(maxStorageBufferBindingSize, maxBufferSize);
  const bytes = 16 * row.vectors;
  if (bytes * data.samples > most) {
    throw new LimitError(
      `data ${data.name}: ${data.samples} samples of ${bytes} bytes are ${bytes * data.samples} bytes, ` +
        `this device binds ${most}; use at most ${Math.floor(most / bytes)} samples, or declare fields ` +
        "of whole numbers 0 to 255 as { bytes: shape }, which take a third.",
    );
  }
  return storage(gpu, "data", packRows(data, fields, row));
}
