/** Parameters of imbalance-decay (card 3B). */
import { z } from "zod";
import { replicas } from "../parameters.ts";

export const imbalanceSettings = z.object({
  learningRates: z
    .array(z.number().positive())
    .min(1)
    .max(8)
    .default([0.002, 0.005, 0.01])
    .describe("η; two or more are extrapolated to 0 [θ²/loss]"),
  slope: z.number().positive().default(1).describe("k, of the labels y = kx + sε [uw]"),
  labelNoise: z.number().positive().default(0.5).describe("s, of the labels [uw]"),
  u: z
    .number()
    .positive()
    .default(1.5)
    .describe("first factor at the start, the second is k/u: no mean loss, but an imbalance"),
  replicas: replicas(20_000),
  time: z
    .number()
    .min(1.5)
    .max(1e4)
    .default(4)
    .describe("length of a run in time η·steps; what follows after 1 is measured"),
  identitySteps: z
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(200)
    .describe("steps recorded one by one"),
});

export type ImbalanceParameters = z.infer<typeof imbalanceSettings>;
