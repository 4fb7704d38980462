/**
 * Stationary variance at cycle ends when all samples have the same curvature: closed form for
 * every sampling law and any number of samples.
 *
 * Samples h (w − c_i)²/2, one dimension, r = 1 − ηh. A cycle adds Σ_p u_p c_{π(p)}, a weighted sum
 * over positions p of a permutation π. For uniform π
 *   Var Σ_p u_p c_{π(p)} = (N/(N−1)) s2 Σ_p (u_p − ū)²,   s2 = population variance of c,
 * and the stationary variance is that over 1 − r^{2 · steps}. Reshuffled epochs cancel the noise
 * to η³: leading order η³h³ s2 N(N+1)/24 for one sample per batch (arXiv 2306.03521 gives the
 * order of the noise; closed form derived here).
 */
import { ArgumentError } from "../../engine/errors.ts";
import { batchNoiseFactor } from "./batchNoise.ts";
import { checkQuadraticSamples, type SamplingLaw } from "./cycleMoments.ts";

export interface EpochVarianceOptions {
  /** h > 0, the same for all samples. */
  readonly curvature: number;
  /** c_i, [samples]. */
  readonly centers: ArrayLike<number>;
  readonly learningRate: number;
  readonly batchSize: number;
  readonly sampling: SamplingLaw;
}

/**
 * Exact stationary variance of w at cycle ends, in w²; 0 for `sequential` and `fullBatch`.
 *
 * The mean is the mean of the centers for the independent laws and for `reshuffled` and
 * `symmetric` as well, because equal curvatures commute.
 *
 * @throws ArgumentError unless 0 < ηh < 2 and, for epochs, the batch size divides the samples.
 * @example epochVariance({ curvature: 1.3, centers, learningRate: 0.05, batchSize: 1,
 *   sampling: "reshuffled" })
 */
export function epochVariance(options: EpochVarianceOptions): number {
  const { curvature, centers, learningRate, batchSize, sampling } = options;
  const curvatures = new Float64Array(centers.length).fill(curvature);
  checkQuadraticSamples("epochVariance", { ...options, curvatures });
  const step = learningRate * curvature;
  if (!(step > 0 && step < 2)) {
    throw new ArgumentError(
      `epochVariance: learningRate x curvature is ${step}; a stationary state needs 0 to 2.`,
    );
  }
  const N = centers.length;
  const spread = populationVariance(centers);
  const r = 1 - step;
  if (sampling === "sequential" || sampling === "fullBatch") return 0;
  if (sampling === "withReplacement" || sampling === "distinct") {
    // step²/(1 − r²) = step/(2 − step)
    return (batchNoiseFactor(N, batchSize, sampling) * spread * step) / (2 - step);
  }
  if (N === 1) return 0;
  const batches = N / batchSize;
  const weights = batchWeights(step, batches, sampling === "symmetric");
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / batches;
  // Each batch weight u stands for batchSize positions of weight u/batchSize.
  const scatter = weights.reduce((sum, weight) => sum + (weight - mean) ** 2, 0) / batchSize;
  const steps = sampling === "symmetric" ? 2 * batches : batches;
  return ((N / (N - 1)) * spread * scatter) / (1 - r ** (2 * steps));
}

/** Weight of the k-th batch of the permutation in the displacement of a cycle, [batches]. */
function batchWeights(step: number, batches: number, symmetric: boolean): number[] {
  const r = 1 - step;
  return Array.from({ length: batches }, (_, k) =>
    symmetric ? step * (r ** k + r ** (2 * batches - 1 - k)) : step * r ** (batches - 1 - k),
  );
}

function populationVariance(values: ArrayLike<number>): number {
  let mean = 0;
  for (let i = 0; i < values.length; i++) mean += values[i]! / values.length;
  let variance = 0;
  for (let i = 0; i < values.length; i++) variance += (values[i]! - mean) ** 2 / values.length;
  return variance;
}
