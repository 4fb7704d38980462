/** IDX files made up for tests, and a small set of images that a network can learn. */
import type { MnistFiles } from "../models/mnist/mnist.ts";

/** An IDX file of unsigned bytes. */
export function idxFile(shape: readonly number[], bytes: ArrayLike<number>): Uint8Array {
  const file = new Uint8Array(4 + 4 * shape.length + bytes.length);
  const view = new DataView(file.buffer);
  view.setUint32(0, 0x0800 | shape.length);
  shape.forEach((length, axis) => {
    view.setUint32(4 + 4 * axis, length);
  });
  file.set(Array.from(bytes), 4 + 4 * shape.length);
  return file;
}

/**
 * Ten patterns of `size` × `size` pixels, one a class, each image its class's with noise of up to 60;
 * classes in turn. A multiplicative hash stands for chance: no state, the same everywhere.
 */
export function syntheticMnist(size: number, samples: number, tests: number): MnistFiles {
  const chance = (a: number, b: number, c: number): number => {
    let x =
      Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca77) ^ Math.imul(c + 1, 0xc2b2ae3d);
    x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
    return ((x ^ (x >>> 13)) >>> 0) / 2 ** 32;
  };
  const pixels = size * size;
  const images = (count: number, set: number): number[] =>
    Array.from({ length: count * pixels }, (_, i) => {
      const [image, pixel] = [Math.floor(i / pixels), i % pixels];
      const pattern = chance(image % 10, pixel, 77) < 0.4 ? 180 : 10;
      return Math.floor(pattern + 60 * chance(image, pixel, set));
    });
  const labels = (count: number): number[] => Array.from({ length: count }, (_, i) => i % 10);
  return {
    trainImages: idxFile([samples, size, size], images(samples, 1)),
    trainLabels: idxFile([samples], labels(samples)),
    testImages: idxFile([tests, size, size], images(tests, 2)),
    testLabels: idxFile([tests], labels(tests)),
  };
}
