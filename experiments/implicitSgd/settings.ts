/** What the implicit-sgd experiment may be told; its parts read it. */
import { z } from "zod";
import { duration, replicas, weightDecay } from "../parameters.ts";

export const RULES = ["implicit", "explicit"] as const;
export type Rule = (typeof RULES)[number];

export const implicitSettings = z.object({
  learningRates: z
    .array(z.number().positive())
    .min(1)
    .default([0.1, 0.3, 0.39, 1])
    .describe("step sizes η [θ²/loss]"),
  curvature: z.number().positive().default(5).describe("h, Hessian eigenvalue [loss/θ²]"),
  quartic: z
    .number()
    .min(0)
    .default(0)
    .describe("b, adds bθ⁴/4 to the loss: steps are no longer linear equations [loss/θ⁴]"),
  noise: z
    .number()
    .positive()
    .default(1)
    .describe("s, standard deviation of the gradient's noise [loss/θ]"),
  weightDecay: weightDecay(0),
  tolerance: z
    .number()
    .positive()
    .lt(1)
    .default(1e-5)
    .describe("ε, residual of an implicit step relative to the explicit one [1]"),
  newtonSteps: z.number().int().min(1).default(16).describe("most Newton iterations of a step"),
  cgSteps: z
    .number()
    .int()
    .min(1)
    .default(64)
    .describe("most conjugate-gradient iterations of a Newton iteration"),
  replicas: replicas(100_000),
  steps: duration("observed steps"),
  burnIn: duration("steps before observing"),
});

export type ImplicitSettings = z.infer<typeof implicitSettings>;
