/** What the spiral experiment may be told; its parts read it. */
import { z } from "zod";
import { duration, learningRate, replicas } from "../parameters.ts";

export const spiralSettings = z.object({
  learningRate: learningRate(0.01),
  momentum: z.number().min(0).lt(1).default(0.9).describe("β, share of the velocity kept [1]"),
  curvature: z.number().positive().default(1).describe("k, curvature of the mode [loss/θ²]"),
  position: z.number().min(-1e9).max(1e9).default(1).describe("x_0, start [θ]"),
  velocity: z
    .number()
    .min(-1e9)
    .max(1e9)
    .default(0)
    .describe("v_0, start, in the direction of θ [θ/η]"),
  steps: z
    .array(z.number().int().min(0).max(4000))
    .min(1)
    .default([5, 20, 50])
    .describe("n at which x_n and v_n are compared [steps]"),
  noise: z
    .number()
    .min(0)
    .default(0.5)
    .describe(
      "s, standard deviation of the gradient noise of the second part, 0 leaves it out [loss/θ]",
    ),
  replicas: replicas(4000),
  noiseSteps: duration("observed steps of the second part"),
  burnIn: duration("steps of the second part before observing"),
});

export type SpiralSettings = z.infer<typeof spiralSettings>;
