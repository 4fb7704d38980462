/**
 * Six observations in two dimensions with a Gaussian posterior known in closed form (card A7).
 *
 * Loss of a sample N (x_i·w − y_i)²/(2σ²) + (α/2)|w|², so that the mean over a batch is the
 * minibatch potential U_B = (N/m) Σ_B (−log likelihood) − log prior, and SGD's learning rate is the
 * step η of SGLD. With σ² = 0.25 and α = 1: posterior mean (0.532418, 0.629388), covariance
 * (0.060266, −0.006619; ·, 0.072981).
 */
import { ArgumentError } from "../engine/errors.ts";
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import type { Dataset } from "./dataset.ts";
import type { RegressionData } from "./theory/regressionPosterior.ts";

const INPUTS = [1, 0.2, 0.6, -0.9, -0.4, 1.1, 1.3, 0.5, -0.8, -0.3, 0.3, 0.9];
const TARGETS = [1.2, -0.4, 0.9, 0.8, -1, 0.1];

export interface GaussianPosteriorOptions {
  /** σ², 0.25 by default. */
  readonly noiseVariance?: number;
  /** α, 1 by default. */
  readonly priorPrecision?: number;
}

export interface GaussianPosterior {
  /** Parameters `w` [2], sample fields `x` [2] and `y` []. */
  readonly model: Model;
  readonly data: Dataset;
  /** The same problem, as `posteriorMoments` and `regressionPosterior` take it. */
  readonly posterior: RegressionData;
}

/**
 * The model, data and posterior of card A7.
 * @throws ArgumentError for a noise variance that is not positive or a negative prior precision.
 */
export function gaussianPosterior(options: GaussianPosteriorOptions = {}): GaussianPosterior {
  const { noiseVariance = 0.25, priorPrecision = 1 } = options;
  if (!(noiseVariance > 0 && noiseVariance < Infinity)) {
    throw new ArgumentError(
      `gaussianPosterior: noiseVariance is ${noiseVariance}; give a positive number.`,
    );
  }
  if (!(priorPrecision >= 0 && priorPrecision < Infinity)) {
    throw new ArgumentError(
      `gaussianPosterior: priorPrecision is ${priorPrecision}; give 0 or a positive number.`,
    );
  }
  const samples = TARGETS.length;
  const model = defineModel({
    name: "gaussian-posterior",
    params: { w: [2] },
    sample: { x: [2], y: [] },
    loss: ({ w }, { x, y }) => {
      const misfit = op.scale(op.square(op.sub(op.dot(x, w), y)), samples / (2 * noiseVariance));
      return op.add(misfit, op.scale(op.dot(w, w), priorPrecision / 2));
    },
  });
  return {
    model,
    data: {
      name: "gaussian-posterior",
      samples,
      fields: {
        x: { data: Float64Array.from(INPUTS), shape: [2] },
        y: { data: Float64Array.from(TARGETS), shape: [] },
      },
      origin: "numbers in models/gaussianPosterior.ts (card A7)",
    },
    posterior: { inputs: INPUTS, targets: TARGETS, noiseVariance, priorPrecision },
  };
}
