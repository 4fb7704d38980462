/** Settings of card B6: learning rates and momenta in pairs, and how long each runs. */
import { z } from "zod";
import { ArgumentError } from "../../engine/errors.ts";
import { prototypes } from "../../models/prototypeNetwork.ts";
import { batchNoiseFactor } from "../../models/theory/index.ts";

export const parameters = z.object({
  learningRates: z
    .array(z.number().positive())
    .min(1)
    .max(12)
    .default([0.02, 0.05, 0.1, 0.002, 0.005, 0.02])
    .describe("η, each with the momentum of its place [θ²/loss]"),
  momenta: z
    .array(z.number().min(0).lt(1))
    .min(1)
    .max(12)
    .default([0, 0, 0, 0.9, 0.9, 0.9])
    .describe("β, share of the velocity kept [1]"),
  weightDecay: z.number().positive().default(0.01).describe("λ, adds λθ to the gradient [loss/θ²]"),
  batchSize: z.number().int().min(1).default(16).describe("samples in a minibatch [samples]"),
  sampling: z
    .enum(["distinct", "withReplacement"])
    .default("distinct")
    .describe("minibatch law: distinct samples, or independent draws"),
  // Errors come from the scatter of the replicas: fewer than ten do not tell their own error.
  replicas: z.number().int().min(10).default(128).describe("independent copies"),
  burnIn: z
    .union([z.literal("auto"), z.number().int().min(0)])
    .default("auto")
    .describe("steps from the minimum before observing; auto: 3(1 − β)/(ηλ) [steps]"),
  steps: z.number().int().min(1).default(4000).describe("observed steps"),
});

export type Parameters = z.infer<typeof parameters>;

export interface Setting {
  readonly learningRate: number;
  readonly momentum: number;
  readonly burnIn: number;
}

/** Longest automatic burn-in: beyond it a run would take hours unasked. */
const LONGEST = 2e6;

export function plan(p: Parameters): Setting[] {
  if (p.learningRates.length !== p.momenta.length) {
    throw new ArgumentError(
      `momenta: ${p.momenta.length} values for ${p.learningRates.length} learningRates, which are taken ` +
        "in pairs; give as many of each.",
    );
  }
  const { samples } = prototypes();
  if (p.batchSize > samples) {
    throw new ArgumentError(
      `batchSize: ${p.batchSize} does not fit the ${samples} samples of the data; give at most ${samples}.`,
    );
  }
  if (batchNoiseFactor(samples, p.batchSize, p.sampling) === 0) {
    throw new ArgumentError(
      `batchSize: ${p.batchSize} distinct samples are the whole data set, so that there is no ` +
        "noise; use fewer, or sampling withReplacement.",
    );
  }
  return p.learningRates.map((learningRate, i) => {
    const momentum = p.momenta[i]!;
    const first = p.learningRates.findIndex(
      (rate, k) => rate === learningRate && p.momenta[k] === momentum,
    );
    if (first < i) {
      throw new ArgumentError(
        `learningRates: ${learningRate} with momentum ${momentum} stands there twice; give each once.`,
      );
    }
    return { learningRate, momentum, burnIn: burnInSteps(p, learningRate, momentum) };
  });
}

function burnInSteps(p: Parameters, learningRate: number, momentum: number): number {
  if (p.burnIn !== "auto") return p.burnIn;
  const steps = (3 * (1 - momentum)) / (learningRate * p.weightDecay);
  if (steps <= LONGEST) return Math.ceil(steps);
  throw new ArgumentError(
    `burnIn: 3/(rate × weightDecay) is ${steps.toPrecision(3)} steps, more than ${LONGEST}; raise ` +
      "learningRates or weightDecay, or give burnIn yourself.",
  );
}
