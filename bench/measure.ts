/**
 * Times a workload: first that it trains, then how fast, with the spread of several repeats.
 *
 * A repeat is at least half a second of whole calls of `advance` (or `observe`), each of which waits
 * for the device. What the pacer learns and the compilation of kernels come before.
 */
import { createEnsemble, type Device, each, sgd } from "../engine/index.ts";

import { hostLoss } from "./hostLoss.ts";
import type { Schedule, Workload } from "./workload.ts";

export interface MeasureOptions {
  /** Least seconds of a repeat; 1 unless said otherwise. */
  readonly seconds?: number;
  /** Repeats; 5 unless said otherwise. */
  readonly repeats?: number;
  /** Least steps of a call, where what a call costs once must not count; 1 unless said otherwise. */
  readonly leastSteps?: number;
  readonly signal?: AbortSignal;
  /** Instead of the schedule that the plan chooses. */
  readonly schedule?: Schedule;
  /** Share of the measurement done, and the rate of the last repeat. */
  readonly onRepeat?: (done: number, of: number, replicaStepsPerSecond: number) => void;
}

export interface Measurement {
  readonly schedule: string;
  /** Replica-steps per second of each repeat, in order. */
  readonly rates: readonly number[];
  /** Seconds of all timed repeats together. */
  readonly seconds: number;
  /**
   * Median over pairs of repeats of time ÷ time of plain SGD without observables − 1; null for plain
   * workloads.
   */
  readonly overhead: number | null;
  /** vec4f of data that a replica-step loads in the `thread` schedule; null in others. */
  readonly dataLoads: number | null;
}

/** Something that takes steps and waits for the device. */
interface Subject extends AsyncDisposable {
  readonly schedule: string;
  readonly dataLoads: number | null;
  readonly replicas: number;
  readonly take: (steps: number) => Promise<unknown>;
  readonly meanLoss: () => Promise<number>;
}

const DEFAULT_SECONDS = 1;
const DEFAULT_REPEATS = 5;

/** Linear interpolation between order statistics; `values` need not be sorted. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = p * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!);
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

async function createSubject(
  device: Device,
  workload: Workload,
  plain: boolean,
  { signal, schedule }: MeasureOptions,
): Promise<Subject> {
  const { data, theta } = workload.start(workload.replicas);
  const ensemble = await createEnsemble(device, {
    model: workload.model,
    data,
    update:
      (plain ? undefined : workload.update) ??
      sgd({ learningRate: workload.learningRate, batchSize: workload.batchSize }),
    ...(!plain && workload.spheres && { spheres: workload.spheres }),
    sampling: (plain ? undefined : workload.sampling) ?? "withReplacement",
    replicas: workload.replicas,
    seed: 1,
    initial: each(theta),
    // One replica that diverges makes the loss below meaningless.
    onDiverge: "throw",
    observables: plain ? {} : (workload.observables ?? {}),
    ...(schedule && { execution: { schedule } }),
  });
  const take = (steps: number): Promise<unknown> => {
    const options = { steps, ...(signal && { signal }) };
    return workload.observables && !plain ? ensemble.observe(options) : ensemble.advance(options);
  };
  const meanLoss = async (): Promise<number> =>
    hostLoss(workload.model, data, (await ensemble.state()).theta.data);
  return {
    schedule: ensemble.plan.schedule,
    // Other schedules share what they load among samples or units.
    dataLoads:
      ensemble.plan.schedule === "thread" ? workload.batchSize * ensemble.plan.row.vectors : null,
    replicas: workload.replicas,
    take,
    meanLoss,
    [Symbol.asyncDispose]: () => ensemble[Symbol.asyncDispose](),
  };
}

/** Takes the workload's first steps; throws unless the loss, by the host's ruler, has fallen. */
async function checkTraining(subject: Subject, workload: Workload): Promise<void> {
  const before = await subject.meanLoss();
  await subject.take(workload.checkSteps);
  const after = await subject.meanLoss();
  if (Number.isFinite(before) && Number.isFinite(after) && after < before) return;
  throw new Error(
    `bench(${workload.id}): the mean loss went from ${before} to ${after} in ` +
      `${workload.checkSteps} steps; it must fall, or its speed means nothing.`,
  );
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

/** Steps of a call that takes about `seconds`; doubling also lets the pacer find its pace. */
async function calibrate(subject: Subject, seconds: number, least = 1): Promise<number> {
  for (let steps = 1; ; steps *= 2) {
    const took = await secondsOf(() => subject.take(steps));
    if (took >= seconds / 2) return Math.max(least, Math.ceil((steps * seconds) / took));
  }
}

interface Repeat {
  readonly seconds: number;
  readonly secondsPerStep: number;
}

async function repeat(subject: Subject, steps: number, seconds: number): Promise<Repeat> {
  let [took, taken] = [0, 0];
  while (took < seconds) {
    took += await secondsOf(() => subject.take(steps));
    taken += steps;
  }
  return { seconds: took, secondsPerStep: took / taken };
}

/** Median over the pairs of (time of the second ÷ time of the first) − 1. */
export const overheadOf = (plain: readonly number[], varied: readonly number[]): number =>
  median(varied.map((time, i) => time / plain[i]!)) - 1;

/**
 * Measures a workload.
 *
 * A workload with observables or an update rule of its own is timed in turn with the plain one, one
 * repeat each, so that what else the machine does falls on both; `overhead` compares each pair.
 *
 * Throws when the loss does not fall, is not finite, or a replica diverges.
 */
export async function measure(
  device: Device,
  workload: Workload,
  options: MeasureOptions = {},
): Promise<Measurement> {
  const { seconds = DEFAULT_SECONDS } = options;
  const subjects: Subject[] = [];
  const steps: number[] = [];
  try {
    const varied = workload.observables !== undefined || workload.update !== undefined;
    for (const plain of varied ? [true, false] : [true]) {
      const subject = await createSubject(device, workload, plain, options);
      subjects.push(subject);
      await checkTraining(subject, workload);
      steps.push(await calibrate(subject, seconds, options.leastSteps));
    }
    return summarize(subjects, await repeatInTurn(subjects, steps, seconds, options));
  } finally {
    for (const subject of subjects) await subject[Symbol.asyncDispose]();
  }
}

/** [subject][repeat] */
async function repeatInTurn(
  subjects: readonly Subject[],
  steps: readonly number[],
  seconds: number,
  { repeats = DEFAULT_REPEATS, signal, onRepeat }: MeasureOptions,
): Promise<Repeat[][]> {
  const repeated: Repeat[][] = subjects.map(() => []);
  for (let i = 0; i < repeats; i += 1) {
    for (const [s, subject] of subjects.entries()) {
      signal?.throwIfAborted();
      const done = await repeat(subject, steps[s]!, seconds);
      repeated[s]!.push(done);
      const rate = subject.replicas / done.secondsPerStep;
      onRepeat?.(i * subjects.length + s + 1, repeats * subjects.length, rate);
    }
  }
  return repeated;
}

/** The last subject is the workload; one before it is the plain one. */
function summarize(subjects: readonly Subject[], repeated: readonly Repeat[][]): Measurement {
  const { schedule, replicas, dataLoads } = subjects[0]!;
  const timed = repeated[repeated.length - 1]!;
  const perStep = (of: readonly Repeat[]): number[] => of.map((one) => one.secondsPerStep);
  return {
    schedule,
    dataLoads,
    rates: timed.map(({ secondsPerStep }) => replicas / secondsPerStep),
    seconds: timed.reduce((sum, one) => sum + one.seconds, 0),
    overhead: repeated.length > 1 ? overheadOf(perStep(repeated[0]!), perStep(timed)) : null,
  };
}
