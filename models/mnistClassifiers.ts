/**
 * Classifiers of images of digits, pixels 0 to 255: one hidden layer of ReLU units, and a small
 * convolution net.
 *
 * Both standardize pixels with the mean and deviation of MNIST's training images, x = (p − 33.3)/78.6,
 * and end in softmax cross-entropy. Left out: data augmentation, dropout, batch normalization (a
 * per-sample loss knows no batch).
 */
import { ArgumentError } from "../engine/errors.ts";
import type { Node } from "../engine/graph.ts";
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import { MNIST_CLASSES as CLASSES, PIXEL_DEVIATION, PIXEL_MEAN } from "./mnist/mnist.ts";

/** Pixels of MNIST's images, [row, column]. */
const MNIST_IMAGE = [28, 28] as const;

const standardized = (pixels: Node): Node =>
  op.scale(op.sub(pixels, PIXEL_MEAN), 1 / PIXEL_DEVIATION);

/** 1 where the label has the largest logit, else 0. */
const correct = (logits: Node, label: Node): Node =>
  op.sub(1, op.step(op.sub(op.maxOf(logits), op.pick(logits, label))));

export interface MnistMlpOptions {
  /** Units of the hidden layer. */
  readonly hidden: number;
  /** Pixels of an image, [row, column]; those of MNIST unless given. */
  readonly image?: readonly [number, number];
}

/**
 * Logits V relu(W x + b) + c; cross-entropy in nats; metric `accuracy`.
 *
 * Parameters W [hidden, pixels], b [hidden], V [10, hidden], c [10]: 795 hidden + 10 on 28 × 28 pixels.
 *
 * @example mnistMlp({ hidden: 64 }) // 784-64-10, 50,890 parameters
 */
export function mnistMlp({ hidden, image = MNIST_IMAGE }: MnistMlpOptions): Model {
  type Params = Readonly<Record<"W" | "b" | "V" | "c", Node>>;
  const pixels = image[0] * image[1];
  const logits = ({ W, b, V, c }: Params, x: Node): Node => {
    const units = op.relu(op.add(op.matvec(W, op.reshape(standardized(x), [pixels])), b));
    return op.add(op.matvec(V, units), c);
  };
  return defineModel({
    name: "mnist-mlp",
    params: { W: [hidden, pixels], b: [hidden], V: [CLASSES, hidden], c: [CLASSES] },
    sample: { x: { bytes: image }, digit: { labels: CLASSES } },
    loss: (theta, { x, digit }) => op.softmaxCrossEntropy(logits(theta, x), digit),
    metrics: { accuracy: (theta, { x, digit }) => correct(logits(theta, x), digit) },
  });
}

export interface MnistCnnOptions {
  /** Channels of the first convolution, 5 × 5 with stride 2. */
  readonly first: number;
  /** Channels of the second, 3 × 3 with stride 2. */
  readonly second: number;
  /** Pixels of an image, [row, column]; those of MNIST unless given. */
  readonly image?: readonly [number, number];
}

/** Units along one axis of the two convolutions. */
function mapSizes(pixels: number): readonly [number, number] {
  const first = Math.floor((pixels - 5) / 2) + 1;
  return [first, Math.floor((first - 3) / 2) + 1];
}

/** Multiply-adds of the logits of one image. */
export function mnistCnnMultiplyAdds({
  first,
  second,
  image = MNIST_IMAGE,
}: MnistCnnOptions): number {
  const [low, high] = [0, 1].map((map) =>
    image.reduce((units, pixels) => units * mapSizes(pixels)[map]!, 1),
  ) as [number, number];
  return first * 25 * low + second * first * 9 * high + CLASSES * second * high;
}

/**
 * Two convolutions with stride 2 and ReLU, logits V h + c; cross-entropy in nats; metric `accuracy`.
 *
 * On 28 × 28 pixels: 28 → 12 → 5, parameters K [first, 1, 5, 5], a [first], L [second, first, 3, 3],
 * b [second], V [10, 25 second], c [10]. Strides in place of pooling cost a third of the work and lose
 * about a tenth of a percent of the accuracy.
 *
 * @throws ArgumentError for images below 9 pixels, of which nothing would be left.
 * @see J. T. Springenberg et al., Striving for simplicity: the all convolutional net, arXiv 1412.6806
 * @example mnistCnn({ first: 8, second: 16 }) // 5386 parameters, 61,600 multiply-adds an image
 */
export function mnistCnn({ first, second, image = MNIST_IMAGE }: MnistCnnOptions): Model {
  const [rows, columns] = image.map((pixels) => mapSizes(pixels)[1]) as [number, number];
  if (rows < 1 || columns < 1) {
    throw new ArgumentError(
      `mnistCnn: images of ${image.join(" × ")} pixels are too small for its layers; give 9 × 9 or more.`,
    );
  }
  type Params = Readonly<Record<"K" | "a" | "L" | "b" | "V" | "c", Node>>;
  const units = second * rows * columns;
  const layer = (map: Node, kernel: Node, bias: Node, channels: number): Node =>
    op.relu(op.add(op.conv2d(map, kernel, { stride: 2 }), op.reshape(bias, [channels, 1, 1])));
  const logits = ({ K, a, L, b, V, c }: Params, x: Node): Node => {
    const low = layer(op.reshape(standardized(x), [1, ...image]), K, a, first);
    const high = layer(low, L, b, second);
    return op.add(op.matvec(V, op.reshape(high, [units])), c);
  };
  return defineModel({
    name: "mnist-cnn",
    params: {
      K: [first, 1, 5, 5],
      a: [first],
      L: [second, first, 3, 3],
      b: [second],
      V: [CLASSES, units],
      c: [CLASSES],
    },
    sample: { x: { bytes: image }, digit: { labels: CLASSES } },
    loss: (theta, { x, digit }) => op.softmaxCrossEntropy(logits(theta, x), digit),
    metrics: { accuracy: (theta, { x, digit }) => correct(logits(theta, x), digit) },
  });
}
