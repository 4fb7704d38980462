/**
 * The blocks of θ and the fields of a sample, as a model declares them: checked, laid out, named.
 */
import { checkName, checkShape, type Place } from "./declaration.ts";
import { ArgumentError } from "./errors.ts";
import { type Shape, size } from "./graph.ts";

/**
 * A field of a sample: an array of numbers, an array of whole numbers 0 to 255 (pixels), of which a
 * float of a data row holds three, or an integer class in `[0, labels)`.
 */
export type FieldShape = Shape | { readonly bytes: Shape } | { readonly labels: number };

/** A block of θ: elements `[offset, offset + size)` in row-major order. */
export interface ParamBlock {
  readonly name: string;
  readonly shape: Shape;
  readonly offset: number;
  readonly size: number;
}

export interface SampleField {
  readonly name: string;
  readonly shape: Shape;
  /** Number of classes; 0 if the field is not a label. */
  readonly labels: number;
  /** Are its elements whole numbers 0 to 255, stored as such? */
  readonly bytes: boolean;
  readonly size: number;
}

export function paramBlocks(
  place: Place,
  shapes: Readonly<Record<string, Shape>>,
): readonly ParamBlock[] {
  let offset = 0;
  const blocks = Object.entries(shapes).map(([name, given]) => {
    checkName(place, "parameter block", name);
    const shape = checkShape(place, "parameter block", name, given);
    const block = Object.freeze({ name, shape, offset, size: size(shape) });
    offset += block.size;
    return block;
  });
  return Object.freeze(blocks);
}

const isLabel = (given: FieldShape): given is { readonly labels: number } =>
  typeof given === "object" && given !== null && "labels" in given;

const isBytes = (given: FieldShape): given is { readonly bytes: Shape } =>
  typeof given === "object" && given !== null && "bytes" in given;

export function sampleFields(
  place: Place,
  shapes: Readonly<Record<string, FieldShape>>,
): readonly SampleField[] {
  const fields = Object.entries(shapes).map(([name, given]) => {
    checkName(place, "sample field", name);
    if (!isLabel(given)) {
      const bytes = isBytes(given);
      const shape = checkShape(place, "sample field", name, bytes ? given.bytes : given);
      return Object.freeze({ name, shape, labels: 0, bytes, size: size(shape) });
    }
    // float32 holds integers up to 2^24.
    if (!Number.isInteger(given.labels) || given.labels < 2 || given.labels > 2 ** 24) {
      throw new ArgumentError(
        `${place("sample field", name)} has ${given.labels} labels; give an integer of 2 to 2^24.`,
      );
    }
    return Object.freeze({
      name,
      shape: Object.freeze([]),
      labels: given.labels,
      bytes: false,
      size: 1,
    });
  });
  return Object.freeze(fields);
}

/** `W[0,1]` for each element, in row-major order. */
export function coordinates(block: ParamBlock): string[] {
  if (block.shape.length === 0) return [block.name];
  return Array.from({ length: block.size }, (_, flat) => {
    const index: number[] = [];
    let rest = flat;
    for (let axis = block.shape.length - 1; axis >= 0; axis -= 1) {
      index.unshift(rest % block.shape[axis]!);
      rest = Math.floor(rest / block.shape[axis]!);
    }
    return `${block.name}[${index.join(",")}]`;
  });
}
