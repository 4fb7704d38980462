/**
 * conv2d: cross-correlation of an image with kernels, as a matrix product over patches.
 *
 *   y[o, i, j] = Σ_{c,a,b} kernel[o, c, a, b] · x[c, s_y i + a − top, s_x j + b − left]
 *
 * with x = 0 outside. The kernel is not mirrored: deep learning's convolution (Goodfellow, Bengio and
 * Courville 2016, eq. 9.6). The gradient of the kernel is a matrix product over the same patches. That
 * of the image, at stride 1, is again a conv2d, of the padded cotangent with the mirrored kernel: no
 * array larger than an image arises. At other strides the products are summed back by `unpatch`.
 */
import { ShapeError } from "../errors.ts";
import { type Node, printShape, type Shape, size } from "../graph.ts";
import { apply } from "./apply.ts";
import { op } from "./build.ts";
import type { Op } from "./op.ts";
import { cropped, padded } from "./padding.ts";
import { expectInputs } from "./shapes.ts";
import { paddedSize, type Windows, windowCounts } from "./windows.ts";

function expectFit(image: Shape, kernel: Shape): void {
  if (image.length !== 3 || kernel.length !== 4) {
    const flat = image.length === 2 && kernel.length === 4;
    throw new ShapeError(
      "conv2d: needs an image [channels, height, width] and a kernel [out, channels, height, width], " +
        `got ${printShape(image)} and ${printShape(kernel)}` +
        (flat ? `; did you mean op.reshape(x, [1, ${image[0]}, ${image[1]}])?` : "."),
    );
  }
  if (image[0] !== kernel[1]) {
    throw new ShapeError(
      `conv2d: kernel ${printShape(kernel)} reads ${kernel[1]} channels, the image ` +
        `${printShape(image)} has ${image[0]}; axis 1 of the kernel must be the image's channels.`,
    );
  }
}

const windowsOf = (kernel: Shape, attributes: Node["attributes"]): Windows => ({
  window: kernel.slice(2),
  stride: attributes.stride as readonly number[],
  padding: attributes.padding as readonly number[],
});

/** The parts of one node, as the rules need them. */
function parts(node: Node) {
  const [x, kernel] = node.inputs as [Node, Node];
  const { window, stride, padding } = windowsOf(kernel.shape, node.attributes);
  const [out, rows, columns] = node.shape as [number, number, number];
  const terms = size(kernel.shape) / out;
  const image = padded(x, padding);
  return {
    x,
    kernel,
    window,
    stride,
    padding,
    out,
    places: rows * columns,
    /** [out, terms] */
    matrix: op.reshape(kernel, [out, terms]),
    /** [terms, places] */
    patched: op.reshape(apply("patches", [image], { window, stride }), [terms, rows * columns]),
  };
}

/** Σ over patches of the cotangent's products with the kernel: right for any stride and padding. */
function summedBack(node: Node, g: Node): Node {
  const { x, matrix, window, stride, padding, out, places } = parts(node);
  const products = op.matmul(op.transpose(matrix), op.reshape(g, [out, places]));
  const patched = [x.shape[0]!, ...window, ...node.shape.slice(1)];
  const back = apply("unpatch", [op.reshape(products, patched)], {
    stride,
    size: paddedSize(x.shape, padding),
  });
  return cropped(back, padding, x.shape);
}

/** The cotangent of the image. */
function imageAdjoint(node: Node, g: Node): Node {
  const { kernel, window, stride, padding } = parts(node);
  const border = padding.map((zeros, side) => window[side >> 1]! - 1 - zeros);
  if (stride.some((distance) => distance !== 1) || border.some((zeros) => zeros < 0)) {
    return summedBack(node, g);
  }
  const mirrored = op.transpose(op.reverse(kernel, [2, 3]), [1, 0, 2, 3]);
  return apply("conv2d", [g, mirrored], { stride, padding: border });
}

const conv2d: Op = {
  name: "conv2d",
  shape: (inputs, attributes) => {
    expectInputs("conv2d", inputs, 2);
    const [image, kernel] = inputs as [Shape, Shape];
    expectFit(image, kernel);
    return [kernel[0]!, ...windowCounts("conv2d", image, windowsOf(kernel, attributes), "kernel")];
  },
  value: ([x, kernel], node, out = new Float64Array(size(node.shape))) => {
    const [channels, height, width] = node.inputs[0]!.shape as [number, number, number];
    const { window, stride, padding } = windowsOf(node.inputs[1]!.shape, node.attributes);
    const [kh, kw] = window as [number, number];
    const [, rows, columns] = node.shape as [number, number, number];
    for (let at = 0; at < out.length; at += 1) {
      const o = Math.floor(at / (rows * columns));
      const y0 = (Math.floor(at / columns) % rows) * stride[0]! - padding[0]!;
      const x0 = (at % columns) * stride[1]! - padding[2]!;
      let sum = 0;
      for (let c = 0; c < channels; c += 1) {
        for (let a = Math.max(0, -y0); a < Math.min(kh, height - y0); a += 1) {
          for (let b = Math.max(0, -x0); b < Math.min(kw, width - x0); b += 1) {
            const weight = kernel![((o * channels + c) * kh + a) * kw + b]!;
            sum += weight * x![(c * height + y0 + a) * width + x0 + b]!;
          }
        }
      }
      out[at] = sum;
    }
    return out;
  },
  adjoint: (node, g) => {
    const { kernel, patched, out, places } = parts(node);
    const products = op.matmul(op.reshape(g, [out, places]), op.transpose(patched));
    return [imageAdjoint(node, g), op.reshape(products, kernel.shape)];
  },
  expand: (node) => {
    const { matrix, patched } = parts(node);
    return op.reshape(op.matmul(matrix, patched), node.shape);
  },
};

export const convolution: readonly Op[] = [conv2d];
