/**
 * The temperature of gradient noise, T = η tr C/(2m), C the covariance of the gradient of a step in m
 * dimensions: dU/dS of a quadratic minimum at small learning rates, whatever its curvatures.
 *
 * Source: from ⟨θ·∇L⟩ = (η/2)⟨|g|²⟩, U − U₀ = η tr C/4, and S = ½ m ln η + const; setting of SGD as free
 * energy minimization (arXiv 2505.23489). Left out: noise that changes over the stationary cloud.
 */
import { ArgumentError } from "../engine/errors.ts";
import { type Estimate, scaled } from "./estimate.ts";
import { replicaMean } from "./replicas.ts";

/**
 * T = η tr C/(2m), in units of the loss, from tr C of each replica, [replica].
 *
 * @throws ArgumentError for a learning rate or a dimension that is not positive; RefusalError when no
 *   replica is finite.
 * @example noiseTemperature([0.21, 0.19, 0.2], { learningRate: 0.01, dimensions: 5 })
 */
export function noiseTemperature(
  traces: ArrayLike<number>,
  { learningRate, dimensions }: { readonly learningRate: number; readonly dimensions: number },
): Estimate {
  if (!(learningRate > 0 && dimensions >= 1)) {
    throw new ArgumentError(
      `noiseTemperature: learningRate ${learningRate} and ${dimensions} dimensions; give both positive.`,
    );
  }
  return scaled(replicaMean(traces), learningRate / (2 * dimensions));
}

/** (b − a)/ln(b/a): ΔU/ΔS between two rates is that of T ∝ η at this one, if U ∝ η and S ∝ ln η. */
export const logarithmicMean = (a: number, b: number): number =>
  a === b ? a : (b - a) / Math.log(b / a);
