/** What the epoch-displacement experiment may be told, and the problem and ensembles it makes of it. */
import { z } from "zod";
import { ArgumentError } from "../../engine/errors.ts";
import { series } from "../../engine/observe/series.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { cubicData, cubicSample, cubicSamples } from "../../models/cubicSamples.ts";
import { type EpochLaw, type EpochProblem, epochSteps } from "../../models/theory/index.ts";
import { learningRate, learningRates, replicas } from "../parameters.ts";

export const displacementSettings = z.object({
  w: z.number().min(-100).max(100).default(0.5).describe("where the epoch begins [w]"),
  samples: z.number().int().min(2).max(30).default(6).describe("N [samples]"),
  batchSize: z
    .number()
    .int()
    .min(1)
    .default(2)
    .describe("m, divides N into two batches at least [samples]"),
  tilt: z
    .number()
    .min(0)
    .default(0.3)
    .describe("deviation of t_i, which makes the samples non-quadratic [loss/w³]"),
  dataSeed: z.number().int().min(0).default(1).describe("seed of the samples' coefficients"),
  learningRate: learningRate(0.02),
  halvings: z
    .number()
    .int()
    .min(4)
    .max(10)
    .default(5)
    .describe("how often the learning rate is halved in the exact average"),
  deviceRates: learningRates([0.05, 0.1, 0.2], 16, "η of the epochs on the device [w²/loss]"),
  replicas: replicas(65_536),
});

export type DisplacementSettings = z.infer<typeof displacementSettings>;

export function checkDisplacement({ samples, batchSize }: DisplacementSettings): void {
  if (samples % batchSize === 0 && samples > batchSize) return;
  throw new ArgumentError(
    `batchSize: ${batchSize} does not cut the ${samples} samples into two batches of one size or more; give a ` +
      `divisor of ${samples} below it.`,
  );
}

export const problemOf = (p: DisplacementSettings): EpochProblem => ({
  samples: cubicSamples({ samples: p.samples, tilt: p.tilt, seed: p.dataSeed }),
  batchSize: p.batchSize,
  w: p.w,
});

/** One epoch of every replica from w, at all rates of the device. */
export function setup(p: DisplacementSettings, sampling: EpochLaw) {
  const problem = problemOf(p);
  return {
    model: cubicSample(p.w),
    data: cubicData(problem.samples, p.w, p.dataSeed),
    sampling,
    update: sgd({ learningRate: p.deviceRates[0]!, batchSize: p.batchSize }),
    sweep: { learningRate: p.deviceRates },
    replicas: p.replicas,
    observables: { ends: series({ of: ["u"], every: Math.max(1, epochSteps(problem)) }) },
  };
}
