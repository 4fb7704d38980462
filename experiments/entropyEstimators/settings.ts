/** Parameters of cards E4, E5, E6 and 1E, and what must fit together among them. */
import { z } from "zod";
import { ArgumentError } from "../../engine/errors.ts";
import { refuseRepeats } from "../parameters.ts";

const whole = z.number().int();

export const parameters = z.object({
  dimensions: z
    .array(whole.min(1).max(30))
    .max(12)
    .default([1, 2, 5, 10, 20])
    .describe("d of the Gaussians for nearest neighbors (E4)"),
  sizes: z
    .array(whole.min(50).max(65_536))
    .max(12)
    .default([2000, 10_000])
    .describe("n, samples of these Gaussians [samples]"),
  neighbors: whole
    .min(1)
    .max(100)
    .default(3)
    .describe("k of the nearest-neighbor entropies of E4 and of laws that are not Gaussian"),
  conditionNumber: z
    .number()
    .min(1)
    .max(1e8)
    .default(1)
    .describe(
      "largest over smallest variance of the Gaussians; above 1 coordinates are correlated",
    ),
  repeats: whole
    .min(2)
    .max(1000)
    .default(20)
    .describe("independent repetitions, whose scatter is the error bar"),
  covarianceDimensions: z
    .array(whole.min(1).max(100))
    .max(12)
    .default([7, 7, 50, 50])
    .describe("d of the covariances whose log-determinant is taken (E5)"),
  covarianceSizes: z
    .array(whole.min(2).max(20_000))
    .max(12)
    .default([50, 500, 100, 1000])
    .describe("n of each of them, in the same order [samples]"),
  covarianceRepeats: whole.min(2).max(2000).default(100).describe("repetitions of E5"),
  lawSize: whole
    .min(50)
    .max(65_536)
    .default(4000)
    .describe("n of laws that are not Gaussian [samples]"),
  concentration: z
    .number()
    .min(0.01)
    .max(1000)
    .default(5)
    .describe("κ of the von Mises–Fisher law on S²"),
  separation: z
    .number()
    .min(0)
    .max(100)
    .default(4)
    .describe("distance between the two equal Gaussians of the mixture, in their width"),
  histogramSize: whole
    .min(50)
    .max(1e6)
    .default(10_000)
    .describe("n of the histogram of N(0, I₂) (E6) [samples]"),
  histogramBins: whole
    .min(2)
    .max(400)
    .default(48)
    .describe("cells along each axis of it, from −6 to 6 widths"),
  learningRates: z
    .array(z.number().positive())
    .max(16)
    .default([0.002, 0.01, 0.05, 0.2, 0.5])
    .describe("η of the chains whose iterates are taken (1E) [θ²/loss]"),
  curvature: z.number().positive().default(1).describe("h of all modes of the chains [loss/θ²]"),
  noise: z
    .number()
    .min(1e-6)
    .max(1e6)
    .default(1)
    .describe("s, gradient noise of each mode and step of the chains [loss/θ]"),
  dimension: whole.min(2).max(10).default(4).describe("number of modes of the chains"),
  iterates: whole
    .min(20)
    .max(10_000)
    .default(1000)
    .describe("consecutive iterates of a run, and replicas beside them [steps]"),
  graphNeighbors: whole.min(1).max(1000).default(50).describe("k of the graph entropy"),
});

export type Settings = z.infer<typeof parameters>;

/** @throws ArgumentError for parameters that do not fit together. */
export function check(p: Settings): void {
  refuseRepeats("dimensions", p.dimensions);
  refuseRepeats("sizes", p.sizes);
  refuseRepeats("learningRates", p.learningRates);
  if (p.covarianceDimensions.length !== p.covarianceSizes.length) {
    throw new ArgumentError(
      `covarianceSizes: ${p.covarianceSizes.length} sizes for ${p.covarianceDimensions.length} ` +
        "covarianceDimensions; give one size for each dimension.",
    );
  }
  const names = p.covarianceDimensions.map((d, i) => `${d} with ${p.covarianceSizes[i]} samples`);
  refuseRepeats("covarianceDimensions", names);
  const least = 8 * (p.neighbors + 1);
  const smallest = Math.min(p.lawSize, ...p.sizes);
  if (smallest < least) {
    throw new ArgumentError(
      `sizes, lawSize: ${smallest} samples are too few for neighbor ${p.neighbors}; give at least ` +
        `${least}, or fewer neighbors.`,
    );
  }
  if (p.graphNeighbors >= p.iterates) {
    throw new ArgumentError(
      `graphNeighbors: ${p.graphNeighbors} neighbors among ${p.iterates} iterates; give fewer, or ` +
        "more iterates.",
    );
  }
}
