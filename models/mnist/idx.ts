/**
 * IDX files: arrays of unsigned bytes with their shape in the head, the format of MNIST.
 *
 * Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits, "File formats".
 * The head is two zero bytes, the type (8: unsigned byte), the number of axes, then each axis' length,
 * 32 bits, high byte first; the elements follow, last axis fastest. Left out: the other types.
 */
import { DataError } from "../../engine/errors.ts";

export interface IdxArray {
  readonly shape: readonly number[];
  /** Row-major; a view of the file's bytes. */
  readonly bytes: Uint8Array;
}

const UNSIGNED_BYTE = 8;

/**
 * The array in an IDX file.
 *
 * @param axes Number of axes it must have: 3 for images [image, row, column], 1 for labels.
 * @throws DataError for another format, type or number of axes, and for a file that is cut short or
 *   too long.
 * @example parseIdx(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 1), { name: "labels", axes: 1 }) // 7, 1
 */
export function parseIdx(
  file: Uint8Array,
  { name, axes }: { readonly name: string; readonly axes: number },
): IdxArray {
  const head = 4 + 4 * axes;
  if (file.length < head) {
    throw new DataError(
      `${name}: ${file.length} bytes, the head of an IDX file with ${axes} axes has ${head}; ` +
        "fetch the file again.",
    );
  }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const magic = view.getUint32(0);
  const wanted = (UNSIGNED_BYTE << 8) | axes;
  if (magic !== wanted) {
    throw new DataError(
      `${name}: magic number ${magic}, an IDX file of unsigned bytes with ${axes} axes has ${wanted}; ` +
        "give the unpacked file of this name (gunzip it first).",
    );
  }
  const shape = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis));
  const elements = shape.reduce((product, length) => product * length, 1);
  if (file.length !== head + elements) {
    throw new DataError(
      `${name}: ${file.length - head} bytes after the head, [${shape.join(", ")}] has ${elements}; ` +
        "the file is damaged, fetch it again.",
    );
  }
  return { shape, bytes: file.subarray(head) };
}
