/** Networks of `models/mnistClassifiers.ts` in plain float64 loops, for comparison. */
import type { Dataset } from "../models/dataset.ts";
import { PIXEL_DEVIATION, PIXEL_MEAN } from "../models/mnist/mnist.ts";

const CLASSES = 10;

/** Means over the images, in float64. */
export interface Score {
  readonly loss: number;
  readonly accuracy: number;
}

function score(
  { samples, fields }: Dataset,
  logitsOf: (x: (pixel: number) => number) => number[],
): Score {
  const pixels = fields.x!.data.length / samples;
  let [loss, correct] = [0, 0];
  for (let image = 0; image < samples; image += 1) {
    const logits = logitsOf(
      (pixel) => (fields.x!.data[image * pixels + pixel]! - PIXEL_MEAN) / PIXEL_DEVIATION,
    );
    const label = fields.digit!.data[image]!;
    const largest = Math.max(...logits);
    const sum = logits.reduce((total, z) => total + Math.exp(z - largest), 0);
    loss += Math.log(sum) + largest - logits[label]!;
    correct += logits[label] === largest ? 1 : 0;
  }
  return { loss: loss / samples, accuracy: correct / samples };
}

/** V relu(W x + b) + c, θ = W, b, V, c. */
export function perceptronLogits(data: Dataset, theta: ArrayLike<number>, hidden: number): Score {
  const pixels = data.fields.x!.data.length / data.samples;
  const [b, V] = [hidden * pixels, hidden * pixels + hidden];
  const c = V + CLASSES * hidden;
  return score(data, (x) => {
    const units = Array.from({ length: hidden }, (_, i) => {
      let sum = theta[b + i]!;
      for (let pixel = 0; pixel < pixels; pixel += 1) sum += theta[i * pixels + pixel]! * x(pixel);
      return Math.max(0, sum);
    });
    return Array.from({ length: CLASSES }, (_, k) =>
      units.reduce((sum, unit, i) => sum + theta[V + k * hidden + i]! * unit, theta[c + k]!),
    );
  });
}

/** Two convolutions with stride 2 on square images, θ = K, a, L, b, V, c. */
export function convolutionLogits(
  data: Dataset,
  theta: ArrayLike<number>,
  { first, second }: { readonly first: number; readonly second: number },
): Score {
  const size = Math.sqrt(data.fields.x!.data.length / data.samples);
  const low = Math.floor((size - 5) / 2) + 1;
  const high = Math.floor((low - 3) / 2) + 1;
  const a = 25 * first;
  const L = a + first;
  const b = L + 9 * first * second;
  const V = b + second;
  const c = V + CLASSES * second * high ** 2;
  return score(data, (x) => {
    const lowAt = (channel: number, i: number, j: number): number => {
      let sum = theta[a + channel]!;
      for (let p = 0; p < 25; p += 1) {
        const [row, column] = [2 * i + Math.floor(p / 5), 2 * j + (p % 5)];
        sum += theta[25 * channel + p]! * x(row * size + column);
      }
      return Math.max(0, sum);
    };
    const highAt = (channel: number, i: number, j: number): number => {
      let sum = theta[b + channel]!;
      for (let from = 0; from < first; from += 1) {
        for (let p = 0; p < 9; p += 1) {
          const weight = theta[L + 9 * (channel * first + from) + p]!;
          sum += weight * lowAt(from, 2 * i + Math.floor(p / 3), 2 * j + (p % 3));
        }
      }
      return Math.max(0, sum);
    };
    const units: number[] = [];
    for (let channel = 0; channel < second; channel += 1) {
      for (let i = 0; i < high; i += 1) {
        for (let j = 0; j < high; j += 1) units.push(highAt(channel, i, j));
      }
    }
    return Array.from({ length: CLASSES }, (_, k) =>
      units.reduce((sum, unit, i) => sum + theta[V + k * units.length + i]! * unit, theta[c + k]!),
    );
  });
}
