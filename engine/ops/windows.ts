/**
 * Geometry of windows that move over an image: stride, padding, how many there are, and the errors
 * that teach it.
 *
 * Along an axis of length n with p zeros in all, windows of length k at stride s begin at 0, s, 2s, …
 * of the padded axis; there are ⌊(n + p − k)/s⌋ + 1. What is left over at the end is not read.
 */
import { ShapeError } from "../errors.ts";
import { printShape, type Shape } from "../graph.ts";

/** One number for both axes, or [y, x]. */
export type Extent = number | readonly number[];

/** How windows move. Stride 1 and no padding unless given. */
export interface WindowOptions {
  /** Distance between neighboring windows: both axes, or [y, x]. */
  readonly stride?: Extent;
  /**
   * Rows and columns added on each side: both axes, or [y, x]; "valid": none; "same": as many as
   * give ⌈length/stride⌉ windows, the odd one at the end (as TensorFlow has it).
   */
  readonly padding?: Extent | "same" | "valid";
}

/** Windows as the operations keep them. */
export interface Windows {
  /** [height, width] */
  readonly window: readonly number[];
  /** [y, x] */
  readonly stride: readonly number[];
  /** [top, bottom, left, right] */
  readonly padding: readonly number[];
}

export const UNPADDED: readonly number[] = [0, 0, 0, 0];

/** [y, x] of integers of `least` or more. */
export function pair(name: string, what: string, value: Extent, least: number): number[] {
  const both = typeof value === "number" ? [value, value] : [...value];
  if (both.length !== 2 || !both.every((n) => Number.isInteger(n) && n >= least)) {
    throw new ShapeError(
      `${name}: ${what} is ${typeof value === "number" ? value : printShape(value)}; ` +
        `give an integer of ${least} or more, or two: [y, x].`,
    );
  }
  return both;
}

/** Throws `ShapeError` unless `shape` is that of an image. */
export function expectImage(name: string, shape: Shape): void {
  if (shape.length === 3) return;
  const hint =
    shape.length === 2 ? `; did you mean op.reshape(x, [1, ${shape[0]}, ${shape[1]}])?` : ".";
  throw new ShapeError(
    `${name}: needs an image [channels, height, width], got ${printShape(shape)}${hint}`,
  );
}

function paddingOf(
  name: string,
  lengths: readonly number[],
  window: readonly number[],
  stride: readonly number[],
  given: WindowOptions["padding"] = "valid",
): number[] {
  if (given === "valid") return [...UNPADDED];
  if (given !== "same") {
    if (typeof given === "string") {
      throw new ShapeError(
        `${name}: padding is "${given}"; give "same", "valid", an integer of 0 or more, or two: [y, x].`,
      );
    }
    return pair(name, "padding", given, 0).flatMap((n) => [n, n]);
  }
  return lengths.flatMap((length, axis) => {
    const windows = Math.ceil(length / stride[axis]!);
    const total = Math.max((windows - 1) * stride[axis]! + window[axis]! - length, 0);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  });
}

/** Options with their defaults, and "same" in numbers, for an image [channels, height, width]. */
export function resolveWindows(
  name: string,
  image: Shape,
  size: Extent,
  options: WindowOptions,
): Windows {
  const window = pair(name, "window", size, 1);
  const stride = pair(name, "stride", options.stride ?? 1, 1);
  return {
    window,
    stride,
    padding: paddingOf(name, image.slice(1), window, stride, options.padding),
  };
}

/** [height, width] of the padded image. */
export const paddedSize = (image: Shape, padding: readonly number[]): number[] => [
  image[1]! + padding[0]! + padding[1]!,
  image[2]! + padding[2]! + padding[3]!,
];

/** Numbers of windows, [y, x]. Throws `ShapeError` if not one fits; `what` is window or kernel. */
export function windowCounts(
  name: string,
  image: Shape,
  { window, stride, padding }: Windows,
  what = "window",
): number[] {
  const padded = paddedSize(image, padding);
  if (padded.some((length, axis) => length < window[axis]!)) {
    const missing = Math.max(...padded.map((length, axis) => window[axis]! - length));
    const [is, remedy] =
      padding === UNPADDED
        ? ["", "pad the image"]
        : [`, padded to ${printShape(padded)}`, `add ${Math.ceil(missing / 2)} or more to padding`];
    throw new ShapeError(
      `${name}: a ${what} ${printShape(window)} is larger than the image ` +
        `${printShape(image.slice(1))}${is}; make the ${what} smaller, or ${remedy}.`,
    );
  }
  return padded.map((length, axis) => Math.floor((length - window[axis]!) / stride[axis]!) + 1);
}
