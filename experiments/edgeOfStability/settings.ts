/** What the edge-of-stability experiment may be told; its parts read it. */
import { z } from "zod";
import { ArgumentError } from "../../engine/errors.ts";
import { replicas } from "../parameters.ts";

export const edgeSettings = z.object({
  learningRates: z
    .array(z.number().positive())
    .min(1)
    .max(64)
    .default([0.9, 1.1, 1.22, 1.26, 1.35, 1.5, 1.8, 1.999, 2])
    .describe("η, half of η · sharpness at the balanced minimum [θ²/loss]"),
  lowest: z.number().positive().default(0.3).describe("smallest start u = w of a replica [θ]"),
  highest: z.number().positive().default(0.7).describe("largest start u = w of a replica [θ]"),
  replicas: replicas(2000),
  burnIn: z.number().int().min(0).max(100_000).default(500).describe("steps before observing"),
  steps: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(2500)
    .describe("observed steps, rounded up to a multiple of 448 [steps]"),
  u: z
    .number()
    .default(0.7)
    .describe("start of the trajectory compared in float32 and float64 [θ]"),
  w: z
    .number()
    .default(0.6)
    .describe("start of the trajectory compared in float32 and float64 [θ]"),
  comparedSteps: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(100)
    .describe("length of that trajectory [steps]"),
});

export type EdgeSettings = z.infer<typeof edgeSettings>;

/** Steps between two records: odd, so that records of a cycle of 2, 4, 8, … meet all its points. */
export const EVERY = 7;
/** Records are a multiple of this, so that they meet each point of such a cycle equally often. */
export const CYCLE = 64;

/** A stretch of the orbits that is averaged over. */
export interface Window {
  readonly label: string;
  readonly burnIn: number;
  readonly steps: number;
}

/** What the exponents are averaged over. */
export const longWindow = ({ burnIn, steps }: EdgeSettings): Window => ({
  label: "orbits",
  burnIn,
  steps: Math.ceil(steps / (EVERY * CYCLE)) * EVERY * CYCLE,
});

/**
 * What distributions are compared over: soon after the start, while float32 still has many states to
 * offer (`edgeStates.ts`). Exponents above 0.1 forget the start within these 64 steps.
 */
export const EARLY_WINDOW: Window = { label: "early orbits", burnIn: 64, steps: EVERY * CYCLE };

/** @throws ArgumentError where the starts are no interval. */
export function checkStarts({ lowest, highest }: EdgeSettings): void {
  if (lowest < highest) return;
  throw new ArgumentError(
    `lowest, highest: ${lowest} is not below ${highest}; replicas need starts of their own, give ` +
      "lowest < highest.",
  );
}
