/** Parameters of sparse-features (card 4A). */
import { z } from "zod";
import { ArgumentError } from "../../engine/errors.ts";
import { learningRates } from "../parameters.ts";

export const sparseSettings = z.object({
  learningRates: learningRates(
    [0.03, 0.1, 0.2, 0.3, 0.4],
    12,
    "γ of SGD, each a condition; trained on the same data sets [θ²/loss]",
  ),
  descentRate: z
    .number()
    .positive()
    .default(0.03)
    .describe("γ of gradient descent on all data, for comparison [θ²/loss]"),
  samples: z.number().int().min(1).max(200).default(20).describe("n, samples of a data set"),
  inputs: z.number().int().min(2).max(200).default(30).describe("d, elements of β = u v"),
  teachers: z
    .number()
    .int()
    .min(1)
    .default(3)
    .describe("positive elements of the teacher β*, of unit norm; the rest are 0"),
  u: z.number().positive().max(10).default(0.1).describe("u at the start, every element [θ]"),
  v: z.number().min(0).max(10).default(0).describe("v at the start, every element, below u [θ]"),
  steps: z.number().int().min(20).max(1e6).default(40_000).describe("SGD steps"),
  decayAt: z
    .number()
    .positive()
    .lt(1)
    .default(0.5)
    .describe("share of the steps after which the larger rates are lowered"),
  decayFactor: z.number().min(1).default(10).describe("what they are divided by then"),
  decayAbove: z
    .number()
    .min(0)
    .default(0.03)
    .describe("rates up to this one are not lowered [θ²/loss]"),
  threshold: z
    .number()
    .positive()
    .default(1e-3)
    .describe("elements |β_i| above it are counted as not zero [β]"),
  dataSeeds: z
    .number()
    .int()
    .min(2)
    .max(2000)
    .default(100)
    .describe("data sets, each with its own teacher, inputs and order of samples"),
  identitySteps: z
    .number()
    .int()
    .min(1)
    .max(5000)
    .default(200)
    .describe("steps of the first data set recorded one by one"),
});

export type SparseSettings = z.infer<typeof sparseSettings>;

/** Parameters that fit into the function memory of a kernel: two factors, and as many gradients. */
export function checkSparse(p: SparseSettings): void {
  if (p.teachers > p.inputs) {
    throw new ArgumentError(
      `teachers: ${p.teachers} of ${p.inputs} inputs cannot be positive; give at most ${p.inputs}.`,
    );
  }
  if (p.v >= p.u) {
    throw new ArgumentError(
      `v: ${p.v} is not below u = ${p.u}, so that there is no imbalance for noise to shrink; lower v.`,
    );
  }
}

/** Steps between two recorded states, steps to the decay, and all of them: whole multiples. */
export function lengthsOf({ steps, decayAt }: SparseSettings) {
  const every = Math.max(1, Math.floor(steps / RECORDS));
  const total = every * Math.ceil(steps / every);
  const decay =
    every * Math.min(total / every - 1, Math.max(1, Math.round((decayAt * total) / every)));
  return { every, decay, total };
}

/** States recorded of a run: each costs a readback, as much as some thousand steps. */
const RECORDS = 20;
