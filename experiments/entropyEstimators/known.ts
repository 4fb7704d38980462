/**
 * Estimators on samples whose entropy is known: Gaussians (E4, E5), laws that are not (E4), and the
 * histogram of N(0, I₂) (E6). One number a repetition, estimate minus exact entropy.
 */
import {
  gaussianEntropy,
  histogramEntropy,
  logDeterminantBias,
  nearestNeighborEntropy,
  nearestNeighborValue,
  type ReplicaSamples,
  shrunkEntropy,
  sphereNeighborEntropy,
} from "../../analysis/index.ts";
import { RefusalError } from "../../engine/errors.ts";
import type { RunContext } from "../experiment.ts";
import type { Stages } from "../stages.ts";
import { drawWork, normalDraws } from "./draws.ts";
import { type Law, laws, untied } from "./laws.ts";
import type { Settings } from "./settings.ts";

/** Misses of one estimator on one kind of samples, [repeat]. */
export interface Misses {
  readonly estimator: "neighbors" | "extrapolated" | "law" | "log-det" | "shrunk" | "histogram";
  readonly condition: Readonly<Record<string, number | string>>;
  readonly dimensions: number;
  readonly samples: number;
  readonly values: Float64Array;
  readonly law?: Law;
}

interface Task {
  readonly label: string;
  readonly dimensions: number;
  readonly samples: number;
  readonly repeats: number;
  /** Operations of the host for one repetition. */
  readonly hostWork: number;
  readonly measure: (draws: readonly Float64Array[]) => AsyncGenerator<void, Measured>;
}

/** Dimensions to draw for samples of so many: on a line, two numbers make one. */
const drawn = (dimensions: number): number => Math.max(2, dimensions);

interface Measured {
  readonly misses: readonly Misses[];
  readonly warnings: readonly string[];
}

/** Beyond, halves of the samples say nothing that a plain estimate does not. */
const MOST_EXTRAPOLATED = 5;
const HALF_LN_2PIE = Math.log(2 * Math.PI * Math.E) / 2;

/** Operations of a neighbor search: few points are looked at in few dimensions, all of them in many. */
const searchWork = (n: number, d: number): number => 12 * n * Math.min(n, 60 * 2 ** d) * (d + 4);

/** Standard deviations, in equal ratios, and reflected so that coordinates are correlated. */
function stretched(z: Float64Array, d: number, conditionNumber: number): Float64Array {
  if (conditionNumber === 1 || d === 1) return z;
  const widths = widthsOf(d, conditionNumber);
  const x = z.map((value, i) => value * widths[i % d]!);
  // x − 2 v (v·x), v = (1, …, 1)/√d: a rotation up to a sign.
  for (let at = 0; at < x.length; at += d) {
    const row = x.subarray(at, at + d);
    const mean = row.reduce((sum, value) => sum + value, 0) / d;
    for (let i = 0; i < d; i++) row[i]! -= 2 * mean;
  }
  return x;
}

const widthsOf = (d: number, conditionNumber: number): number[] =>
  d === 1 ? [1] : Array.from({ length: d }, (_, i) => conditionNumber ** (i / (2 * (d - 1))));

const gaussianEntropyOf = (d: number, conditionNumber: number): number =>
  d * HALF_LN_2PIE + widthsOf(d, conditionNumber).reduce((sum, width) => sum + Math.log(width), 0);

/** One number a repetition, with a pause after each. */
async function* each(
  draws: readonly Float64Array[],
  of: (draw: Float64Array) => readonly number[],
): AsyncGenerator<void, Float64Array[]> {
  const columns: Float64Array[] = [];
  for (const [r, draw] of draws.entries()) {
    of(draw).forEach((value, c) => {
      columns[c] ??= new Float64Array(draws.length).fill(Number.NaN);
      columns[c][r] = value;
    });
    yield;
  }
  return columns;
}

/** What an estimator says of its own reach on these samples, refusals and warnings alike. */
function sayingsOf(estimator: () => { readonly warnings: readonly string[] }): readonly string[] {
  try {
    return estimator().warnings;
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    return [error.message];
  }
}

/** Pairs made one number where there is one dimension. */
const onLine = (z: Float64Array, dimensions: number): Float64Array =>
  dimensions > 1
    ? z
    : Float64Array.from({ length: z.length / 2 }, (_, r) => untied(z[2 * r]!, z[2 * r + 1]!));

function gaussianTask(p: Settings, dimensions: number, samples: number): Task {
  const exact = gaussianEntropyOf(dimensions, p.conditionNumber);
  const extrapolated = dimensions <= MOST_EXTRAPOLATED;
  const { neighbors, repeats } = p;
  return {
    label: `neighbors, ${samples} samples in ${dimensions} dimensions`,
    dimensions: drawn(dimensions),
    samples,
    repeats,
    hostWork: (extrapolated ? 2 : 1) * searchWork(samples, dimensions),
    measure: async function* (draws) {
      const samplesOf = (z: Float64Array): ReplicaSamples => ({
        data: stretched(onLine(z, dimensions), dimensions, p.conditionNumber),
        replicas: samples,
        k: dimensions,
      });
      const columns = yield* each(draws, (z) => {
        const given = samplesOf(z);
        const plain = nearestNeighborValue(given, { neighbors }) - exact;
        if (!extrapolated) return [plain];
        return [plain, nearestNeighborValue(given, { neighbors, extrapolate: true }) - exact];
      });
      const condition = { dimension: dimensions, samples };
      const of = (estimator: Misses["estimator"], values: Float64Array): Misses => ({
        estimator,
        condition,
        dimensions,
        samples,
        values,
      });
      return {
        misses: [
          of("neighbors", columns[0]!),
          ...(extrapolated ? [of("extrapolated", columns[1]!)] : []),
        ],
        warnings: sayingsOf(() => nearestNeighborEntropy(samplesOf(draws[0]!), { neighbors })),
      };
    },
  };
}

function covarianceTask(p: Settings, dimensions: number, samples: number): Task {
  const exact = gaussianEntropyOf(dimensions, p.conditionNumber);
  const isSingular = samples <= dimensions;
  const isFew = samples < 5 * dimensions && dimensions > 1;
  return {
    label: `covariance, ${samples} samples in ${dimensions} dimensions`,
    dimensions,
    samples,
    repeats: p.covarianceRepeats,
    hostWork: 4 * samples * dimensions ** 2 * (isFew ? 33 : 1),
    measure: async function* (draws) {
      const bias = isSingular ? Number.NaN : logDeterminantBias(dimensions, samples);
      const samplesOf = (z: Float64Array): ReplicaSamples => ({
        data: stretched(z, dimensions, p.conditionNumber),
        replicas: samples,
        k: dimensions,
      });
      const columns = yield* each(draws, (z) => {
        const given = samplesOf(z);
        // What the correction adds is taken off again: the bias itself is measured.
        const raw = isSingular
          ? Number.NaN
          : gaussianEntropy(given, { quiet: true }).value + bias - exact;
        return [raw, isFew && samples >= 4 ? shrunkEntropy(given).value - exact : Number.NaN];
      });
      const condition = { dimension: dimensions, samples };
      const of = (estimator: Misses["estimator"], values: Float64Array): Misses[] =>
        values.every(Number.isFinite)
          ? [{ estimator, condition, dimensions, samples, values }]
          : [];
      return {
        misses: [...of("log-det", columns[0]!), ...of("shrunk", columns[1]!)],
        warnings: sayingsOf(() => gaussianEntropy(samplesOf(draws[0]!))),
      };
    },
  };
}

function lawTask(p: Settings, law: Law): Task {
  const { neighbors, repeats, lawSize: samples } = p;
  const k = law.coordinates;
  const samplesOf = (z: Float64Array): ReplicaSamples => {
    const data = new Float64Array(samples * k);
    for (let r = 0; r < samples; r++) data.set(law.draw(z.subarray(4 * r, 4 * r + 4)), r * k);
    return { data, replicas: samples, k };
  };
  const estimate = (given: ReplicaSamples): number =>
    law.onSphere
      ? sphereNeighborEntropy(given, { neighbors, quiet: true }).value
      : nearestNeighborValue(given, { neighbors });
  return {
    label: `law ${law.name}`,
    dimensions: 4,
    samples,
    repeats,
    hostWork: searchWork(samples, k),
    measure: async function* (draws) {
      const [values] = yield* each(draws, (z) => [estimate(samplesOf(z)) - law.entropy]);
      const condition = { law: law.name };
      const dimensions = law.onSphere ? k - 1 : k;
      return {
        misses: [{ estimator: "law", condition, dimensions, samples, values: values!, law }],
        warnings: [],
      };
    },
  };
}

/** Widths of N(0, 1) that the histogram reaches to. */
export const REACH = 6;

export const histogramAxis = (bins: number) => ({ name: "x", from: -REACH, to: REACH, bins });

function histogramTask(p: Settings): Task {
  const { histogramSize: samples, histogramBins: bins, repeats } = p;
  const axis = histogramAxis(bins);
  const grid = [axis, { ...axis, name: "y" }];
  const given = (data: Float64Array): ReplicaSamples => ({ data, replicas: samples, k: 2 });
  return {
    label: "histogram",
    dimensions: 2,
    samples,
    repeats,
    hostWork: 30 * samples,
    measure: async function* (draws) {
      const [values] = yield* each(draws, (z) => [
        histogramEntropy(given(z), { grid, quiet: true }).value - 2 * HALF_LN_2PIE,
      ]);
      const condition = { bins, samples };
      return {
        misses: [{ estimator: "histogram", condition, dimensions: 2, samples, values: values! }],
        warnings: sayingsOf(() => histogramEntropy(given(draws[0]!), { grid })),
      };
    },
  };
}

/** Everything that is measured on known samples, in order. */
export function knownTasks(p: Settings): Task[] {
  return [
    ...p.dimensions.flatMap((d) => p.sizes.map((n) => gaussianTask(p, d, n))),
    ...p.covarianceDimensions.map((d, i) => covarianceTask(p, d, p.covarianceSizes[i]!)),
    ...laws(p.separation, p.concentration).map((law) => lawTask(p, law)),
    histogramTask(p),
  ];
}

/** Work of the device and of the host together, in operations. */
export const knownWork = (tasks: readonly Task[]): number =>
  tasks.reduce(
    (sum, { dimensions, samples, repeats, hostWork }) =>
      sum + (repeats + 1) * samples * drawWork(dimensions) + repeats * hostWork,
    0,
  );

/** Runs the tasks; replicas are numbered from 0 on, `next` is the first that none has used. */
export async function measureKnown(
  tasks: readonly Task[],
  context: RunContext,
  stages: Stages,
): Promise<Measured & { next: number }> {
  const misses: Misses[] = [];
  const warnings: string[] = [];
  let next = 0;
  for (const task of tasks) {
    const draws = await normalDraws(context, { ...task, first: next }, stages);
    next += task.samples;
    const steps = task.measure(draws);
    for (;;) {
      const step = await steps.next();
      if (step.done) {
        misses.push(...step.value.misses);
        warnings.push(...step.value.warnings);
        break;
      }
      await stages.pause({ phase: `${task.label}: estimate`, work: task.hostWork });
    }
  }
  return { misses, warnings, next };
}
