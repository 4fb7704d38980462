/** Parameters of heavy-tail (card 3C). */
import { z } from "zod";
import { ArgumentError } from "../../engine/errors.ts";
import { refuseRepeats, replicas } from "../parameters.ts";

const share = z.number().positive().lt(1);

export const heavyTailSettings = z.object({
  temperatures: z
    .array(z.number().positive())
    .min(1)
    .max(12)
    .default([0.05, 0.1, 0.2])
    .describe("T = learning rate/batch size, each a condition of one ensemble [θ²/loss]"),
  slope: z.number().positive().max(1e3).default(1).describe("k, of the labels y = kx + sε [v]"),
  labelNoise: z.number().positive().max(1e3).default(1).describe("s, of the labels [v]"),
  timeStep: z
    .number()
    .positive()
    .default(5e-4)
    .describe("dt of an Euler step, in time learning rate · steps [θ²/loss]"),
  clock: z
    .enum(["adapted", "uniform"])
    .default("adapted")
    .describe(
      "length of a step: h dt with h = a3/(a3 + 2v²), states counted with weight h, or dt, from which " +
        "large v escape",
    ),
  start: z
    .enum(["law", "point"])
    .default("law")
    .describe("replicas start from draws of the law where there is one, or all at v = k"),
  escape: z
    .number()
    .positive()
    .max(1e9)
    .default(1000)
    .describe("|v| beyond which a replica has escaped, uniform clock: frozen and left out [v]"),
  quantiles: z
    .array(share)
    .min(1)
    .max(24)
    .default([0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
    .describe("shares below the quantiles of v"),
  fractions: z
    .array(share)
    .max(12)
    .default([0.01, 0.0032, 0.001])
    .describe("shares of the largest v that Hill's exponent is taken of"),
  // Ten times the card's, which leave quantiles and exponents open by as much as its tolerances.
  replicas: replicas(2000),
  burnIn: z.number().int().min(0).default(20_000).describe("steps before observing [steps]"),
  steps: z.number().int().min(1).default(400_000).describe("observed steps [steps]"),
  every: z.number().int().min(1).default(400).describe("steps between two records [steps]"),
});

export type HeavyTailSettings = z.infer<typeof heavyTailSettings>;

/** Records of all replicas: more of them fill the memory of a machine. */
const MOST_RECORDS = 3e7;

/** @throws ArgumentError for values given twice, and for records that would not fit. */
export function checkHeavyTail(p: HeavyTailSettings): void {
  refuseRepeats("temperatures", p.temperatures);
  refuseRepeats("quantiles", p.quantiles);
  refuseRepeats("fractions", p.fractions);
  const records = Math.ceil(p.steps / p.every) * p.replicas * p.temperatures.length;
  if (records > MOST_RECORDS) {
    throw new ArgumentError(
      `every: ${p.steps} steps of ${p.replicas} replicas at ${p.temperatures.length} temperatures, one ` +
        `record in ${p.every}, are ${records.toPrecision(2)} numbers, more than ${MOST_RECORDS}; raise every.`,
    );
  }
}
