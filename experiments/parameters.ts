/**
 * Parameters that experiments share: their schemas, and lengths chosen from relaxation times.
 */
import { z } from "zod";
import { ArgumentError } from "../engine/errors.ts";
import { SAMPLING_LAWS, type SamplingLaw } from "../engine/sampling.ts";

export const learningRate = (value: number) =>
  z.number().positive().default(value).describe("step size η [θ²/loss]");

/** One to `most` step sizes, each given once: results are told apart by them. */
export const learningRates = (values: readonly number[], most: number, describe: string) =>
  z
    .array(z.number().positive())
    .min(1)
    .max(most)
    .refine(
      (rates) => new Set(rates).size === rates.length,
      "a rate stands there twice, give it once",
    )
    .default([...values])
    .describe(describe);

/** @throws ArgumentError for a value that is given twice: its runs would be the same. */
export function refuseRepeats(name: string, values: readonly (number | string)[]): void {
  const twice = values.find((value, i) => values.indexOf(value) < i);
  if (twice === undefined) return;
  throw new ArgumentError(`${name}: ${twice} stands there twice; give each value once.`);
}

/** A kilobyte is kept of each: more replicas fill the memory of a machine. */
const MOST_REPLICAS = 1e6;

export const replicas = (value: number) =>
  z.number().int().min(2).max(MOST_REPLICAS).default(value).describe("independent copies");

export const sampling = (value: SamplingLaw) =>
  z
    .enum(SAMPLING_LAWS as [SamplingLaw, ...SamplingLaw[]])
    .default(value)
    .describe("minibatch law");

export const weightDecay = (value: number) =>
  z.number().min(0).default(value).describe("λ, adds λθ to the gradient [loss/θ²]");

/** At least `least` steps, or `auto`: chosen from the slowest relaxation time of the problem. */
export const duration = (describe: string, least = 0) =>
  z
    .union([z.literal("auto"), z.number().int().min(least)])
    .default("auto")
    .describe(`${describe}; auto: from the slowest relaxation time [steps]`);

/** Longest automatic duration: beyond it a run would take hours unasked. */
const LONGEST = 2e6;

/**
 * Steps of burn-in and observation for a slowest relaxation time τ (of the mean, in steps).
 *
 * Second moments forget their start as exp(−2t/τ): 6 τ leave 6·10⁻⁶ of it. Observing 4 τ halves
 * the error that the replicas alone give.
 */
export function durations(
  given: { readonly burnIn: number | "auto"; readonly steps: number | "auto" },
  relaxation: number,
  least: { readonly burnIn: number; readonly steps: number; readonly multiple?: number },
): { burnIn: number; steps: number } {
  const multiple = least.multiple ?? 1;
  const round = (value: number): number => Math.ceil(value / multiple) * multiple;
  const burnIn = given.burnIn === "auto" ? Math.max(least.burnIn, 6 * relaxation) : given.burnIn;
  const steps = given.steps === "auto" ? Math.max(least.steps, 4 * relaxation) : given.steps;
  if (burnIn > LONGEST || steps > LONGEST) {
    throw new ArgumentError(
      `burnIn, steps: the slowest relaxation takes ${relaxation.toPrecision(3)} steps, so that ` +
        `${burnIn.toPrecision(3)} + ${steps.toPrecision(3)} are needed, more than ${LONGEST} each; ` +
        "raise learningRate, or give burnIn and steps yourself.",
    );
  }
  return { burnIn: round(burnIn), steps: Math.max(multiple, round(steps)) };
}
