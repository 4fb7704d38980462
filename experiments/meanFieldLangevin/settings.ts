/** Parameters of card 4B, and the runs that they ask for. */
import { z } from "zod";
import {
  type MeanFieldOptions,
  meanFieldLangevin,
  meanFieldModes,
  type StationaryParticleLaw,
} from "../../models/theory/index.ts";
import { predictionOf } from "../outcome.ts";
import { duration, durations, refuseRepeats } from "../parameters.ts";

const list = (value: number[], element = z.number().positive()) =>
  z.array(element).min(1).max(16).default(value);

export const parameters = z.object({
  coupling: z
    .number()
    .min(-1e6)
    .max(1e6)
    .default(2)
    .describe("k, pulls every particle by k (m - mean); below 0 it repels [loss/x²]"),
  confinement: z
    .number()
    .min(0)
    .max(1e6)
    .default(0.5)
    .describe("r, pulls a particle to 0 [loss/x²]"),
  target: z
    .number()
    .min(-1e6)
    .max(1e6)
    .default(1)
    .describe("m, where the coupling wants the mean [x]"),
  temperature: z
    .number()
    .min(0)
    .max(1e6)
    .default(0.3)
    .describe("lambda, of the thermal noise [loss]"),
  gradientNoise: list([0, 2], z.number().min(0).max(1e6)).describe(
    "s, standard deviations of the gradient's noise, each a condition [loss/x]",
  ),
  learningRates: list([0.05, 0.2]).describe("η, step sizes [x²/loss]"),
  particles: list([2, 8, 32], z.number().int().min(1).max(65_536)).describe(
    "N, particles of a system that interact",
  ),
  systems: z
    .number()
    .int()
    .min(2)
    .default(1024)
    .describe(
      "independent systems of each condition, what error bars are made of; theory from 64 on",
    ),
  precision: z
    .number()
    .min(1e-5)
    .max(1)
    .default(0.0025)
    .describe("relative standard error of Var(x) that automatic steps aim at [1]"),
  startMean: z
    .number()
    .min(-1e6)
    .max(1e6)
    .default(4)
    .describe("mean of all particles at the start [x]"),
  startDeviation: z
    .number()
    .min(0)
    .max(1e6)
    .default(2)
    .describe("standard deviation of the particles at the start [x]"),
  steps: duration("observed steps, enough for the precision"),
  burnIn: duration("steps before observing"),
});

export type Settings = z.infer<typeof parameters>;

/**
 * Fewer systems than this are not compared with theory: of 64 the relative error of a standard error is
 * 9 %, and that of a variance correlates with its estimate.
 */
export const FEWEST_SYSTEMS = 64;

/** One run: systems of N particles at a learning rate, a condition for each gradient noise. */
export interface Planned {
  readonly label: string;
  readonly particles: number;
  readonly learningRate: number;
  /** Number of its first replica: runs share no random numbers. */
  readonly first: number;
  readonly burnIn: number;
  readonly steps: number;
  readonly every: number;
}

export const optionsOf = (
  { coupling, confinement, target, temperature }: Settings,
  { particles, learningRate }: Pick<Planned, "particles" | "learningRate">,
  gradientNoise: number,
): MeanFieldOptions => ({
  ...{ coupling, confinement, target, temperature },
  ...{ gradientNoise, learningRate, particles },
});

/** Steps in which a deviation that shrinks by `factor` a step decays by e; one at least. */
const relaxationOf = (factor: number): number =>
  Math.abs(factor) < 1 ? Math.max(1, -1 / Math.log(Math.abs(factor))) : 1;

/** The slowest relaxation of a system, in steps. */
export function relaxation(p: Settings, run: Pick<Planned, "particles" | "learningRate">): number {
  const { mean, relative } = meanFieldModes({ ...p, learningRate: run.learningRate });
  return run.particles === 1
    ? relaxationOf(mean)
    : Math.max(relaxationOf(mean), relaxationOf(relative));
}

/** Of Var(x), what the start may leave at the end of the burn-in. */
const LEFT = 1e-6;

/** Steps until the start's distance from the stationary law, which shrinks twice as fast squared, is left. */
function burnInFor(p: Settings, law: StationaryParticleLaw | null, tau: number): number {
  if (law === null) return 20;
  const far = (p.startMean - law.mean) ** 2 + p.startDeviation ** 2;
  // Without noise nothing is left but rounding: float32 has 7 digits.
  const aim = law.variance > 0 ? LEFT * law.variance : far * 1e-14;
  return Math.max(20, Math.ceil((tau / 2) * Math.log(Math.max(1, far / aim))));
}

/** Integrated time of the square of a process that shrinks by `factor` a step. */
const squareTime = (factor: number): number => (1 + factor ** 2) / (1 - factor ** 2);

/** Errors of Var(mean) may be so many times those of Var(x). */
const MEAN_PRECISION = 3;

/**
 * Steps until Var(x) has the relative error `precision`, and Var(mean) three times that: a time average
 * over T of the square of a Gaussian of variance V has variance 2V²τ/T, of n independent ones 2V²τ/(nT).
 */
function stepsFor(p: Settings, law: StationaryParticleLaw, run: Parameters<typeof relaxation>[1]) {
  const { particles: N, learningRate } = run;
  const { mean, relative } = meanFieldModes({ ...p, learningRate });
  const { variance, meanVariance, relativeVariance } = law;
  if (!(variance > 0)) return 1;
  const ofMean = 2 * squareTime(mean);
  const ofRest = N === 1 ? 0 : (2 * squareTime(relative)) / (N - 1);
  const single = (ofMean * meanVariance ** 2 + ofRest * relativeVariance ** 2) / variance ** 2;
  const needed = Math.max(single, ofMean / MEAN_PRECISION ** 2);
  return Math.ceil(needed / (p.systems * p.precision ** 2));
}

/** Every N at every learning rate, then every N from the start at the first rate. */
export function plan(p: Settings): { stationary: Planned[]; starting: Planned[] } {
  refuseRepeats("particles", p.particles);
  refuseRepeats("learningRates", p.learningRates);
  refuseRepeats("gradientNoise", p.gradientNoise);
  let next = 0;
  const place = (particles: number): number => {
    const first = particles * Math.ceil(next / particles);
    next = first + particles * p.systems;
    return first;
  };
  const stationary = p.learningRates.flatMap((learningRate) =>
    p.particles.map((particles): Planned => {
      const run = { particles, learningRate };
      const tau = relaxation(p, run);
      const { exact } = predictionOf(() =>
        meanFieldLangevin(optionsOf(p, run, p.gradientNoise[0]!)),
      );
      const least = {
        burnIn: burnInFor(p, exact, tau),
        steps: Math.max(20, exact ? stepsFor(p, exact, run) : 20),
      };
      const lengths = durations(p, tau, least);
      const every = Math.max(1, Math.floor(Math.min(tau, lengths.steps) / 20));
      const label = `N = ${particles}, learning rate ${learningRate}`;
      return { ...run, label, first: place(particles), every, ...lengths };
    }),
  );
  const starting = p.particles.map((particles): Planned => {
    const run = { particles, learningRate: p.learningRates[0]! };
    // No longer than the run that observes the stationary state, which may have been told its length.
    const { burnIn, steps } = stationary.find((one) => one.particles === particles)!;
    const shown = Math.min(TIMES_SHOWN * relaxation(p, run), burnIn + steps);
    const every = Math.max(1, Math.round(shown / RECORDS));
    const lengths = { burnIn: 0, steps: every * RECORDS + 1, every };
    return {
      ...run,
      label: `N = ${particles} from the start`,
      first: place(particles),
      ...lengths,
    };
  });
  return { stationary, starting };
}

/** Relaxation times that are shown from the start on, and records in them. */
const TIMES_SHOWN = 3;
export const RECORDS = 24;
