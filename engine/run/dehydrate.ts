/**
 * Plain data with typed arrays in it, as JSON with the arrays beside it; for checkpoints.
 *
 * Arrays are named by their path (`loss/values/data`); numbers in the JSON must be finite.
 */
import { CheckpointError } from "../errors.ts";
import type { Packed } from "./container.ts";

interface Placeholder {
  readonly $array: string;
}

const isPacked = (value: unknown): value is Packed =>
  ArrayBuffer.isView(value) && !(value instanceof DataView);

/** Replaces each typed array by its name; adds it to `arrays` under `path`. */
export function dehydrate(value: unknown, path: string, arrays: Record<string, Packed>): unknown {
  if (isPacked(value)) {
    arrays[path] = value;
    return { $array: path } satisfies Placeholder;
  }
  if (Array.isArray(value)) return value.map((item, i) => dehydrate(item, `${path}/${i}`, arrays));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, dehydrate(item, `${path}/${key}`, arrays)]),
  );
}

/** The inverse of `dehydrate`. */
export function hydrate(value: unknown, arrays: Readonly<Record<string, Packed>>): unknown {
  if (Array.isArray(value)) return value.map((item) => hydrate(item, arrays));
  if (typeof value !== "object" || value === null) return value;
  if ("$array" in value) {
    const array = arrays[(value as Placeholder).$array];
    if (array) return array;
    throw new CheckpointError(
      `checkpoint: the array ${(value as Placeholder).$array} is missing; use an earlier checkpoint.`,
    );
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, hydrate(item, arrays)]),
  );
}
