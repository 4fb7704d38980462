/**
 * How the minibatch mean of N numbers fluctuates, for independent batches.
 *
 * Var(batch mean) = f · (population variance), with f = (N−m)/(m(N−1)) for m distinct samples and
 * f = 1/m for m independent draws. Textbook: W. G. Cochran, Sampling Techniques (1977), ch. 2
 * (finite population correction).
 */
import { ArgumentError } from "../../engine/errors.ts";

/** Laws whose batches are independent from step to step. */
export type IndependentSampling = "withReplacement" | "distinct" | "fullBatch";

/**
 * The noise factor f of a batch of `batchSize` out of `samples`; 0 for the full batch.
 * @throws ArgumentError for sizes that are not whole or do not fit.
 */
export function batchNoiseFactor(
  samples: number,
  batchSize: number,
  sampling: IndependentSampling,
): number {
  checkBatchSize("batchNoiseFactor", samples, batchSize, sampling === "withReplacement");
  if (sampling === "withReplacement") return 1 / batchSize;
  if (sampling === "fullBatch" || samples === 1) return 0;
  return (samples - batchSize) / (batchSize * (samples - 1));
}

/** @throws ArgumentError unless both are whole, positive, and batchSize <= samples where it must. */
export function checkBatchSize(
  where: string,
  samples: number,
  batchSize: number,
  mayExceed = false,
): void {
  const whole = (value: number) => Number.isInteger(value) && value >= 1;
  if (!whole(samples) || !whole(batchSize) || (batchSize > samples && !mayExceed)) {
    throw new ArgumentError(
      `${where}: batchSize ${batchSize} does not fit ${samples} samples; ` +
        "give a whole number from 1 to the number of samples.",
    );
  }
}
