/**
 * Pooling: avgPool and maxPool, means and maxima over the windows of each channel.
 *
 * Padding counts as zeros in a mean (as PyTorch's default does) and never wins a maximum. Elements of
 * a window that share the maximum share its derivative equally, as `maxOf` has it.
 */
import { ShapeError } from "../errors.ts";
import { type Node, printShape, type Shape, size } from "../graph.ts";
import { apply } from "./apply.ts";
import { op } from "./build.ts";
import type { Op } from "./op.ts";
import { cropped, LEAST, padded } from "./padding.ts";
import { expectInputs } from "./shapes.ts";
import { expectImage, paddedSize, type Windows, windowCounts } from "./windows.ts";

const windowsOf = (attributes: Node["attributes"]): Windows => attributes as unknown as Windows;

const poolShape =
  (name: string): Op["shape"] =>
  (inputs, attributes) => {
    expectInputs(name, inputs, 1);
    const [image] = inputs as [Shape];
    expectImage(name, image);
    const windows = windowsOf(attributes);
    const { window, padding } = windows;
    if (padding.some((width, side) => width >= window[side >> 1]!)) {
      throw new ShapeError(
        `${name}: padding ${printShape(padding)} (top, bottom, left, right) leaves a window ` +
          `${printShape(window)} with nothing but padding; pad less than the window is long.`,
      );
    }
    return [image[0]!, ...windowCounts(name, image, windows)];
  };

/** [C, kh, kw, H′, W′] */
const windowed = (node: Node, value: number): Node => {
  const { window, stride, padding } = windowsOf(node.attributes);
  return apply("patches", [padded(node.inputs[0]!, padding, value)], { window, stride });
};

/** Windows' cotangents, [C, kh, kw, H′, W′], summed back onto the image. */
function summedBack(node: Node, g: Node): Node {
  const { stride, padding } = windowsOf(node.attributes);
  const { shape } = node.inputs[0]!;
  const back = apply("unpatch", [g], { stride, size: paddedSize(shape, padding) });
  return cropped(back, padding, shape);
}

/** [C, H′, W′] → [C, 1, 1, H′, W′], which repeats along the window. */
const perWindow = (x: Node): Node => {
  const [channels, rows, columns] = x.shape as [number, number, number];
  return op.reshape(x, [channels, 1, 1, rows, columns]);
};

const pool =
  (start: number, combine: (a: number, b: number) => number): Op["value"] =>
  ([x], node, out = new Float64Array(size(node.shape))) => {
    const [, height, width] = node.inputs[0]!.shape as [number, number, number];
    const { window, stride, padding } = windowsOf(node.attributes);
    const [kh, kw] = window as [number, number];
    const [, rows, columns] = node.shape as [number, number, number];
    for (let at = 0; at < out.length; at += 1) {
      const c = Math.floor(at / (rows * columns));
      const y0 = (Math.floor(at / columns) % rows) * stride[0]! - padding[0]!;
      const x0 = (at % columns) * stride[1]! - padding[2]!;
      let total = start;
      for (let y = Math.max(0, y0); y < Math.min(height, y0 + kh); y += 1) {
        for (let z = Math.max(0, x0); z < Math.min(width, x0 + kw); z += 1) {
          total = combine(total, x![(c * height + y) * width + z]!);
        }
      }
      out[at] = total;
    }
    return out;
  };

const area = (node: Node): number => size(windowsOf(node.attributes).window);
const sums = pool(0, (a, b) => a + b);

const avgPool: Op = {
  name: "avgPool",
  shape: poolShape("avgPool"),
  value: (inputs, node, out) => {
    const means = sums(inputs, node, out);
    for (let i = 0; i < means.length; i += 1) means[i]! /= area(node);
    return means;
  },
  adjoint: (node, g) => {
    const { window } = windowsOf(node.attributes);
    const shape = [g.shape[0]!, ...window, ...g.shape.slice(1)];
    const share = op.scale(perWindow(g), 1 / area(node));
    return [summedBack(node, op.broadcastTo(share, shape))];
  },
  expand: (node) => op.mean(windowed(node, 0), [1, 2]),
};

const maxPool: Op = {
  name: "maxPool",
  shape: poolShape("maxPool"),
  value: pool(-Infinity, Math.max),
  adjoint: (node, g) => {
    const ties = op.sub(1, op.step(op.sub(perWindow(node), windowed(node, LEAST))));
    const share = op.div(g, op.sum(ties, [1, 2]));
    return [summedBack(node, op.mul(ties, perWindow(share)))];
  },
  expand: (node) => op.maxOf(windowed(node, LEAST), [1, 2]),
};

export const pooling: readonly Op[] = [avgPool, maxPool];
