/** What card B4 can be asked for, and what follows from it before anything runs. */
import { z } from "zod";
import { ArgumentError } from "../../engine/errors.ts";
import { logarithmicLags } from "../../engine/observe/displacement.ts";
import {
  type DiffusionExponent,
  diffusionExponent,
  type ModeDiffusion,
  type ModeSum,
  modeDiffusion,
} from "../../models/theory/index.ts";
import { predictionOf } from "../outcome.ts";
import { learningRate, refuseRepeats, replicas, weightDecay } from "../parameters.ts";

const steps = (describe: string) =>
  z
    .union([z.literal("auto"), z.number().int().min(1)])
    .default("auto")
    .describe(describe);

export const parameters = z.object({
  learningRate: learningRate(0.05),
  momentum: z.number().min(0).lt(1).default(0.9).describe("β, share of the velocity kept [1]"),
  modes: z.number().int().min(1).max(500).default(400).describe("d, Hessian modes [modes]"),
  spectrumExponent: z
    .number()
    .positive()
    .max(8)
    .default(2)
    .describe("s, mode i has curvature i^(−s) [1]"),
  noiseExponent: z
    .number()
    .min(0)
    .max(8)
    .default(1)
    .describe("b, its gradient noise has variance σ² curvatureᵇ [1]"),
  noise: z.number().positive().default(1).describe("σ, scale of the gradient noise [loss/θ]"),
  weightDecay: weightDecay(0),
  replicas: replicas(256),
  lags: z
    .array(z.number().int().min(1).max(1_000_000))
    .min(1)
    .max(32)
    .default([10, 30, 100, 300, 1000, 3000, 10_000])
    .describe("k, lags that are held against exact values, the longest is observed [steps]"),
  lagsPerDecade: z
    .number()
    .min(3)
    .max(16)
    .default(8)
    .describe("logarithmic lags that are observed besides, for slopes [lags]"),
  origins: z.number().int().min(1).max(64).default(2).describe("origins of lags kept at a time"),
  spacing: steps("steps between origins; auto: the longest lag over origins [steps]"),
  fitFrom: steps("first lag of the fitted slope; auto: well inside the power law [steps]"),
  fitTo: steps("last lag of the fitted slope; auto: well inside the power law [steps]"),
});

export type Settings = z.infer<typeof parameters>;

export interface Planned {
  readonly sum: ModeSum;
  /** Observed lags. */
  readonly lags: readonly number[];
  readonly spacing: number;
  readonly steps: number;
  /** null where there is no stationary state. */
  readonly exact: ModeDiffusion | null;
  readonly asymptotic: DiffusionExponent | null;
  readonly window: { readonly from: number; readonly to: number };
  readonly warnings: readonly string[];
}

/** A lag is well inside the power law when its clock is so many times away from the stiffest and the softest. */
const INSIDE = 5;
/** Lags without which there is no slope. */
const LEAST_LAGS = 4;
const LONGEST_RUN = 4e6;

export function plan(p: Settings): Planned {
  refuseRepeats("lags", p.lags);
  const longest = Math.max(...p.lags);
  const lags = observedLags(p, longest);
  const spacing = p.spacing === "auto" ? Math.ceil(longest / p.origins) : p.spacing;
  // The last origin has its longest pair too.
  const steps = (p.origins - 1) * spacing + longest + 1;
  if (steps > LONGEST_RUN) {
    throw new ArgumentError(
      `lags, origins, spacing: ${p.origins} origins ${spacing} steps apart and lags up to ${longest} need ` +
        `${steps} steps, more than ${LONGEST_RUN}; lower one of them.`,
    );
  }
  const sum: ModeSum = { ...p, noiseAmplitude: p.noise ** 2 };
  const { exact, warnings } = predictionOf(() => modeDiffusion(sum, lags));
  const asymptotic = p.weightDecay === 0 ? diffusionExponent(sum) : null;
  const found = windowOf(p, lags, asymptotic);
  return {
    sum,
    lags,
    spacing,
    steps,
    exact,
    asymptotic,
    ...found,
    warnings: [...warnings, ...found.warnings],
  };
}

/** Those asked for, and logarithmic ones between that are not next to them, where slopes would be noise. */
function observedLags(p: Settings, longest: number): number[] {
  const apart = 10 ** (0.6 / p.lagsPerDecade);
  const between = logarithmicLags({ to: longest, perDecade: p.lagsPerDecade }).filter((lag) =>
    p.lags.every((given) => Math.max(lag / given, given / lag) >= apart),
  );
  return [...between, ...p.lags].sort((a, b) => a - b);
}

function windowOf(
  p: Settings,
  lags: readonly number[],
  asymptotic: DiffusionExponent | null,
): Pick<Planned, "window" | "warnings"> {
  const [first, last] = [lags[0]!, lags[lags.length - 1]!];
  const inside = (from: number, to: number): number =>
    lags.filter((lag) => lag >= from && lag <= to).length;
  // Momentum is forgotten as √βᵏ: until then stiff modes oscillate.
  const memory = p.momentum === 0 ? 0 : -2 / Math.log(p.momentum);
  const start = INSIDE * Math.max(memory, asymptotic?.from ?? 0);
  const from = p.fitFrom === "auto" ? Math.max(first, start) : p.fitFrom;
  const to = p.fitTo === "auto" ? Math.min(last, (asymptotic?.to ?? Infinity) / INSIDE) : p.fitTo;
  const given = p.fitFrom !== "auto" || p.fitTo !== "auto";
  if (given && from >= to) {
    throw new ArgumentError(
      `fitFrom, fitTo: a slope from lag ${short(from)} to ${short(to)}; give fitFrom below fitTo, or longer lags.`,
    );
  }
  if (given && inside(from, to) < LEAST_LAGS) {
    throw new ArgumentError(
      `fitFrom, fitTo: ${inside(from, to)} of the observed lags, ${first} to ${last}, are from ${from} to ` +
        `${to}, a slope needs ${LEAST_LAGS}; widen the window, or raise lagsPerDecade.`,
    );
  }
  const why =
    asymptotic !== null
      ? `the power law's range, lags ${short(asymptotic.from)} to ${short(asymptotic.to)}, holds too few of the ` +
        "observed lags well inside"
      : p.weightDecay > 0
        ? "weight decay ends the softest modes' motion, so that there is no power law"
        : "with b >= 1 + 1/s no power law is left";
  const isEmpty = inside(from, to) < LEAST_LAGS;
  if (asymptotic !== null && !isEmpty) return { window: { from, to }, warnings: [] };
  const warning = `the fitted exponent is an effective slope only: ${why}.`;
  return {
    window: isEmpty ? { from: first, to: last } : { from, to },
    // One lag has no slope at all.
    warnings: first < last ? [warning] : [],
  };
}

export const short = (value: number): string =>
  value >= 1e4 || value < 1e-2 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
