/** Parameters of nonlinear-regression (card A5). */
import { z } from "zod";
import { duration, learningRate, replicas } from "../parameters.ts";

export const LAWS = ["distinct", "reshuffled"] as const;
export type Law = (typeof LAWS)[number];

export const regressionSettings = z.object({
  sampling: z
    .array(z.enum(LAWS))
    .min(1)
    .max(2)
    .default([...LAWS])
    .describe("minibatch laws, each in a run of its own: fresh distinct samples, or epochs"),
  learningRate: learningRate(1e-6),
  batchSize: z
    .number()
    .int()
    .min(1)
    .max(199)
    .default(10)
    .describe("m, samples of a minibatch, of 200; epochs need a divisor of 200 [samples]"),
  decay: z.number().positive().default(1e-3).describe("λ of the penalty K λ |w|² [1/w²]"),
  windows: z
    .array(z.number().int().min(1).max(100))
    .min(1)
    .max(8)
    .default([1, 2, 3, 10])
    .describe("n, consecutive σ that the integral theorem is tested on [steps or epochs]"),
  replicas: replicas(10_000),
  steps: duration("observed steps, 6000 (300 epochs of 20)", 2),
  burnIn: duration(
    "steps before observing, one relaxation time of the softest mode but at most 30000",
  ),
});

export type RegressionParameters = ReturnType<typeof regressionSettings.parse>;
