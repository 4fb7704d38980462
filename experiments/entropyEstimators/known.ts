/**
 * Estimators on samples whose entropy is known: Gaussians (E4, E5), laws that are not (E4), and the
 * histogram of N(0, I₂) (E6). One number a repetition, estimate minus exact entropy.
 */
import {
  histogramEntropy,
  nearestNeighborValue,
  type ReplicaSamples,
  sphereNeighborEntropy,
} from "../../analysis/index.ts";
import type { RunContext } from "../experiment.ts";
import type { Stages } from "../stages.ts";
import { drawWork, measureDraws } from "./draws.ts";
import { covarianceTask, neighborTask } from "./gaussians.ts";
import { type Law, laws } from "./laws.ts";
import type { Settings } from "./settings.ts";
import { HALF_LN_2PIE, type Measurement, sayingsOf, searchWork, type Task } from "./task.ts";

/** Misses of one estimator on one kind of samples, [repeat]. */
export interface Misses extends Measurement {
  readonly values: Float64Array;
}

/** Normal numbers that a sample of a law is made of. */
const LAW_NUMBERS = 4;

function lawTask(p: Settings, law: Law): Task {
  const { neighbors, repeats, lawSize: samples } = p;
  const k = law.coordinates;
  const samplesOf = (z: Float64Array): ReplicaSamples => {
    const data = new Float64Array(samples * k);
    for (let r = 0; r < samples; r++) {
      data.set(law.draw(z.subarray(LAW_NUMBERS * r, LAW_NUMBERS * (r + 1))), r * k);
    }
    return { data, replicas: samples, k };
  };
  const estimate = (given: ReplicaSamples): number =>
    law.onSphere
      ? sphereNeighborEntropy(given, { neighbors, quiet: true }).value
      : nearestNeighborValue(given, { neighbors });
  const dimensions = law.onSphere ? k - 1 : k;
  return {
    label: `law ${law.name}`,
    drawn: LAW_NUMBERS,
    samples,
    repeats,
    work: searchWork(samples, k),
    measured: [{ estimator: "law", condition: { law: law.name }, dimensions, samples, law }],
    misses: (z) => [estimate(samplesOf(z)) - law.entropy],
    sayings: async () => [],
  };
}

/** Widths of N(0, 1) that the histogram reaches to. */
const REACH = 6;

export const histogramAxis = (bins: number) => ({ name: "x", from: -REACH, to: REACH, bins });

function histogramTask(p: Settings): Task {
  const { histogramSize: samples, histogramBins: bins, repeats } = p;
  const axis = histogramAxis(bins);
  const grid = [axis, { ...axis, name: "y" }];
  const given = (data: Float64Array): ReplicaSamples => ({ data, replicas: samples, k: 2 });
  const condition = { bins, samples };
  return {
    label: "histogram",
    drawn: 2,
    samples,
    repeats,
    work: 30 * samples,
    measured: [{ estimator: "histogram", condition, dimensions: 2, samples }],
    misses: (z) => [histogramEntropy(given(z), { grid, quiet: true }).value - 2 * HALF_LN_2PIE],
    sayings: (z) => sayingsOf(async () => histogramEntropy(given(z), { grid })),
  };
}

/** Everything that is measured on known samples, in order. */
export function knownTasks(p: Settings): Task[] {
  return [
    ...p.dimensions.flatMap((d) => p.sizes.map((n) => neighborTask(p, d, n))),
    ...p.covarianceDimensions.map((d, i) => covarianceTask(p, d, p.covarianceSizes[i]!)),
    ...laws(p.separation, p.concentration).map((law) => lawTask(p, law)),
    histogramTask(p),
  ];
}

/** Work of the device and of the host together, in operations. */
export const knownWork = (tasks: readonly Task[]): number =>
  tasks.reduce(
    (sum, { drawn, samples, repeats, work }) =>
      sum + (repeats + 1) * (samples * drawWork(drawn) + work),
    0,
  );

interface Known {
  readonly misses: readonly Misses[];
  readonly warnings: readonly string[];
  /** The first replica that no task has used; they are numbered from 0 on. */
  readonly next: number;
}

/** Runs the tasks. */
export async function measureKnown(
  tasks: readonly Task[],
  context: RunContext,
  stages: Stages,
): Promise<Known> {
  const misses: Misses[] = [];
  const warnings: string[] = [];
  let next = 0;
  for (const task of tasks) {
    const { columns, first } = await measureDraws(
      context,
      {
        label: task.label,
        dimensions: task.drawn,
        samples: task.samples,
        repeats: task.repeats,
        first: next,
        columns: task.measured.map(({ estimator }) => estimator),
        measure: (z) => task.misses(z, context.device),
        hostWork: task.work,
      },
      stages,
    );
    next += task.samples;
    misses.push(...task.measured.map((one, c) => ({ ...one, values: columns[c]! })));
    warnings.push(...(await task.sayings(first, context.device)));
    await stages.pause();
  }
  return { misses, warnings, next };
}
