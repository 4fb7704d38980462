/**
 * What a model declares (parameter blocks, sample fields, draws, settings): names and shapes, checked.
 */
import { ArgumentError, ShapeError } from "./errors.ts";
import type { Shape } from "./graph.ts";
import { identifierFault } from "./wgsl/identifiers.ts";

/** Where a message points to, e.g. `defineModel(student): draw "xi"`. */
export type Place = (what: string, name?: string) => string;

/** @throws ArgumentError for a name that cannot stand in WGSL. */
export function checkName(place: Place, what: string, name: string): void {
  const fault = identifierFault(name);
  if (fault !== undefined) {
    throw new ArgumentError(`${place(what, name)} is ${fault}; choose another name.`);
  }
}

/** @throws ShapeError unless it is a list of axis lengths. */
export function checkShape(place: Place, what: string, name: string, shape: unknown): Shape {
  const fits =
    Array.isArray(shape) && shape.every((axis) => Number.isInteger(axis) && (axis as number) >= 1);
  if (!fits) {
    throw new ShapeError(
      `${place(what, name)} has shape ${JSON.stringify(shape)}; give a list of integers of 1 or ` +
        "more, [] for a scalar.",
    );
  }
  return Object.freeze([...(shape as Shape)]);
}
