/**
 * Builders of the operations of convolution nets: their options, with defaults, become attributes.
 *
 * `op` (`build.ts`) has them all under their names.
 */

import { ShapeError } from "../errors.ts";
import { type Node, type Shape, sameShape } from "../graph.ts";
import { apply, type Operand, operand } from "./apply.ts";
import { normalizeAxes } from "./shapes.ts";
import { type Extent, expectImage, pair, resolveWindows, type WindowOptions } from "./windows.ts";

type Axes = number | readonly number[];

/** A window [y, x] (or one number for both) and how it moves. */
export interface PoolOptions extends WindowOptions {
  readonly window: Extent;
}

export interface PatchOptions {
  readonly window: Extent;
  readonly stride?: Extent;
}

export interface UnpatchOptions {
  /** [height, width] of the image. */
  readonly size: readonly number[];
  readonly stride?: Extent;
}

export interface LayerNormOptions {
  /** Axes that are normalized together; all unless given. */
  readonly axes?: Axes;
  /** Added to the variance; 1e-5 unless given. 0 makes the layer exactly scale invariant. */
  readonly epsilon?: number;
}

export interface WeightNormOptions {
  /** Axes over which the norm is taken; all but the first unless given: one norm an output row. */
  readonly axes?: Axes;
  /** Length g of what comes out: a number, or a node of the axes that are kept. 1 unless given. */
  readonly gain?: Operand;
}

/**
 * Cross-correlation of an image with kernels (deep learning's convolution: nothing is mirrored).
 *
 *   y[o, i, j] = Σ_{c,a,b} kernel[o, c, a, b] · x[c, s_y i + a − top, s_x j + b − left], 0 outside
 *
 * Shapes: x [C, H, W], kernel [O, C, kh, kw] → [O, H′, W′], H′ = ⌊(H + top + bottom − kh)/s_y⌋ + 1.
 * A bias is `op.add(y, op.reshape(b, [O, 1, 1]))`.
 *
 * Throws `ShapeError` if the channels differ or the kernel is larger than the padded image.
 *
 * @example
 * const y = op.relu(op.conv2d(x, W, { stride: 2, padding: "same" }));
 */
export function conv2d(x: Operand, kernel: Operand, options: WindowOptions = {}): Node {
  const image = operand("conv2d", x, 0);
  const weights = operand("conv2d", kernel, 1);
  const fits = image.shape.length === 3 && weights.shape.length === 4;
  // The shape rule says what is wrong.
  const size = fits ? weights.shape.slice(2) : [1, 1];
  const { stride, padding } = resolveWindows("conv2d", image.shape, size, options);
  return apply("conv2d", [image, weights], { stride, padding });
}

const pooling =
  (name: string) =>
  (x: Operand, { window: size, ...options }: PoolOptions): Node => {
    const image = operand(name, x, 0);
    expectImage(name, image.shape);
    const stride = options.stride ?? size;
    return apply(name, [image], {
      ...resolveWindows(name, image.shape, size, { ...options, stride }),
    });
  };

/**
 * Mean over the windows of each channel, [C, H, W] → [C, H′, W′]; stride: the window unless given.
 * Padding counts as zeros. Throws `ShapeError` if no window fits.
 */
export const avgPool = pooling("avgPool");

/**
 * Largest element of the windows of each channel, [C, H, W] → [C, H′, W′]; stride: the window unless
 * given. Padding never wins; ties share the derivative equally. Throws `ShapeError` if no window fits.
 */
export const maxPool = pooling("maxPool");

/**
 * All windows of an image, [C, H, W] → [C, kh, kw, H′, W′]:
 * patches(x)[c, a, b, i, j] = x[c, s_y i + a, s_x j + b]. A view: nothing is copied.
 */
export function patches(x: Operand, { window, stride = 1 }: PatchOptions): Node {
  return apply("patches", [x], {
    window: pair("patches", "window", window, 1),
    stride: pair("patches", "stride", stride, 1),
  });
}

/** The adjoint of `patches`: windows summed back onto the image, [C, kh, kw, H′, W′] → [C, H, W]. */
export function unpatch(g: Operand, { size, stride = 1 }: UnpatchOptions): Node {
  return apply("unpatch", [g], {
    size: pair("unpatch", "size", size, 1),
    stride: pair("unpatch", "stride", stride, 1),
  });
}

export function reverse(x: Operand, axis?: Axes): Node {
  const node = operand("reverse", x, 0);
  return apply("reverse", [node], { axes: normalizeAxes("reverse", axis, node.shape) });
}

/**
 * (x − ⟨x⟩)/√(⟨(x − ⟨x⟩)²⟩ + ε), averages over the axes; x's shape. No affine part: multiply and add.
 *
 * @see Ba, Kiros and Hinton, arXiv 1607.06450
 *
 * @example
 * const units = op.relu(op.layerNorm(op.matvec(W, x), { epsilon: 0 })); // the same for W and cW
 */
export function layerNorm(x: Operand, { axes, epsilon = 1e-5 }: LayerNormOptions = {}): Node {
  const node = operand("layerNorm", x, 0);
  return apply("layerNorm", [node], {
    axes: normalizeAxes("layerNorm", axes, node.shape),
    epsilon,
  });
}

/**
 * g v/|v|, the norm over the axes (all but the first: for each output row); v's shape.
 *
 * v = 0 has no direction: its norm divides by zero.
 *
 * @see Salimans and Kingma, arXiv 1602.07868
 *
 * @example
 * const scores = op.matvec(op.weightNorm(W, { gain: a }), x); // a [rows], one length a row
 */
export function weightNorm(v: Operand, { axes, gain }: WeightNormOptions = {}): Node {
  const node = operand("weightNorm", v, 0);
  const rows = node.shape.length > 1 ? node.shape.map((_, axis) => axis).slice(1) : undefined;
  const normalized = normalizeAxes("weightNorm", axes ?? rows, node.shape);
  const direction = apply("weightNorm", [node], { axes: normalized });
  if (gain === undefined) return direction;
  return apply("mul", [direction, lengths(operand("weightNorm", gain, 1), node.shape, normalized)]);
}

/** The gain with the axes of the norm put back as length 1. */
function lengths(gain: Node, shape: Shape, axes: readonly number[]): Node {
  if (gain.shape.length === 0) return gain;
  const kept = shape.filter((_, axis) => !axes.includes(axis));
  if (!sameShape(gain.shape, kept)) {
    throw new ShapeError(
      `weightNorm: the gain has shape [${gain.shape.join(", ")}], needs [] or one length for each ` +
        `norm, [${kept.join(", ")}].`,
    );
  }
  return apply("reshape", [gain], {
    shape: shape.map((length, axis) => (axes.includes(axis) ? 1 : length)),
  });
}
