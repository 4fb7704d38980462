/** Parameters of mlp-fluctuation (card A6). */
import { z } from "zod";
import { replicas } from "../parameters.ts";

export const networkSettings = z.object({
  learningRates: z
    .array(z.number().positive())
    .min(1)
    .default([0.1])
    .describe("η of each rung, in any order [θ²/loss]"),
  batchSize: z.number().int().min(1).default(16).describe("samples in a minibatch [samples]"),
  sampling: z
    .enum(["withReplacement", "distinct"])
    .default("withReplacement")
    .describe("minibatch law: independent draws, or distinct samples"),
  weightDecay: z.number().positive().default(0.01).describe("λ, adds λθ to the gradient [loss/θ²]"),
  modes: z
    .number()
    .int()
    .min(2)
    .max(16)
    .default(8)
    .describe("k, stiffest modes of the Hessian that are looked at"),
  stretch: z
    .number()
    .int()
    .min(2)
    .max(100)
    .default(10)
    .describe("n, steps of the longer sums of entropy production [steps]"),
  probes: z
    .number()
    .int()
    .min(1)
    .max(1024)
    .default(8)
    .describe("random vectors of each replica for the traces at the minimum"),
  replicas: replicas(128),
  burnIn: z
    .union([z.literal("auto"), z.number().int().min(0)])
    .default("auto")
    .describe("steps from the minimum before observing; auto: 4/(ηλ) [steps]"),
  steps: z.number().int().min(2).default(6000).describe("observed steps of each rung"),
});

export type NetworkSettings = z.infer<typeof networkSettings>;
