/** Parameters of gradient-balance (card 2C). */
import { z } from "zod";
import { duration, replicas } from "../parameters.ts";

const noises = (value: number[], describe: string) =>
  z.array(z.number().positive()).min(1).max(8).default(value).describe(describe);

export const balanceSettings = z.object({
  inputs: z.number().int().min(1).max(16).default(4).describe("d_x, dimensions of x"),
  outputs: z.number().int().min(2).max(16).default(4).describe("d_y, dimensions of y"),
  signal: z.number().positive().default(1).describe("c, of y_0 against x_0 [uw]"),
  labelNoise: noises([0.3, 0.5, 0.1], "s, noise on y_0; each with the otherNoise of its place [y]"),
  otherNoise: noises([0.3, 0.1, 0.5], "s', noise on the other outputs [y]"),
  learningRates: z
    .array(z.number().positive())
    .min(1)
    .max(6)
    .default([0.008, 0.004])
    .describe("η; two or more are extrapolated to 0 [θ²/loss]"),
  start: z
    .union([z.literal("balanced"), z.number().positive()])
    .default("balanced")
    .describe("|w|²/|u|² at the start; balanced: as first order has it"),
  replicas: replicas(192),
  steps: duration("observed steps, 2 relaxation times of the ratio"),
  burnIn: duration("steps before observing, 1.5 relaxation times of the ratio"),
});

export type BalanceParameters = z.infer<typeof balanceSettings>;
