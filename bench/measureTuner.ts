/**
 * The tuner judged: its choice beside every candidate, measured without a budget and in turn.
 *
 * The choice is made anew, as for a program never seen, then asked for again. Drivers keep compiled
 * kernels between runs of this command, so the first cold figure on a machine is the honest one.
 */
import {
  createEnsemble,
  type Device,
  describeTuning,
  type EnsembleOptions,
  each,
  type PlanSetting,
  printSetting,
  sgd,
} from "../engine/index.ts";
import { type MeasureOptions, median } from "./measure.ts";
import type { Workload } from "./workload.ts";

/** One candidate, measured for long. */
export interface MeasuredCandidate {
  readonly setting: string;
  readonly isChosen: boolean;
  /** Replica-steps per second of each repeat. */
  readonly rates: readonly number[];
  readonly seconds: number;
}

export interface TunerMeasurement {
  readonly candidates: readonly MeasuredCandidate[];
  /** Rate of the fastest candidate over that of the choice, medians. */
  readonly ratio: number;
  /** Seconds of measuring, beyond compiling the rule's candidate. */
  readonly coldSeconds: number;
  /** Seconds of asking again, beyond planning by rule; medians. */
  readonly warmSeconds: number;
}

const same = (one: PlanSetting, other: PlanSetting): boolean =>
  printSetting(one) === printSetting(other);

function optionsOf(workload: Workload): EnsembleOptions {
  const { data, theta } = workload.start(workload.replicas);
  const { learningRate, batchSize, model, replicas } = workload;
  const update = sgd({ learningRate, batchSize });
  return { model, data, update, replicas, seed: 1, initial: each(theta), onDiverge: "throw" };
}

interface Subject extends AsyncDisposable {
  readonly take: (steps: number) => Promise<void>;
}

async function subjectOf(
  device: Device,
  options: EnsembleOptions,
  setting: PlanSetting,
): Promise<Subject> {
  const ensemble = await createEnsemble(device, {
    ...options,
    execution: { ...setting, tune: false },
  });
  return {
    take: (steps) => ensemble.advance({ steps }),
    [Symbol.asyncDispose]: () => ensemble[Symbol.asyncDispose](),
  };
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

/** Steps that take about `seconds`; the first compiles, the calls before let the pacer find its pace. */
async function calibrate(subject: Subject, seconds: number): Promise<number> {
  await subject.take(1);
  for (let steps = 4; ; steps *= 2) {
    const took = await secondsOf(() => subject.take(steps));
    if (took >= seconds / 2) return Math.max(1, Math.ceil((steps * seconds) / took));
  }
}

/** What an answer that is known costs: asking for it beside planning with the tuner off, in turn. */
async function secondsWarm(device: Device, options: EnsembleOptions): Promise<number> {
  const off = { ...options, execution: { tune: false } };
  const extra: number[] = [];
  for (let i = 0; i < 7; i += 1) {
    const by = await secondsOf(() => describeTuning(device, off));
    extra.push((await secondsOf(() => describeTuning(device, options))) - by);
  }
  return Math.max(0, median(extra));
}

/** Measures a workload under every candidate, and what the tuner makes of it. */
export async function measureTuner(
  device: Device,
  workload: Workload,
  { seconds = 0.3, repeats = 5, signal, onRepeat }: MeasureOptions = {},
): Promise<TunerMeasurement> {
  const options = optionsOf(workload);
  const report = await describeTuning(device, options, { fresh: true });
  const warmSeconds = await secondsWarm(device, options);
  const trials = report.trials.length > 0 ? report.trials : [report];
  const subjects: Subject[] = [];
  try {
    const steps: number[] = [];
    for (const { setting } of trials) {
      signal?.throwIfAborted();
      const subject = await subjectOf(device, options, setting);
      subjects.push(subject);
      steps.push(await calibrate(subject, seconds));
    }
    const times: number[][] = subjects.map(() => []);
    for (let i = 0; i < repeats; i += 1) {
      for (const [s, subject] of subjects.entries()) {
        signal?.throwIfAborted();
        const took = await secondsOf(() => subject.take(steps[s]!));
        times[s]!.push(took);
        const rate = (workload.replicas * steps[s]!) / took;
        onRepeat?.(i * subjects.length + s + 1, repeats * subjects.length, rate);
      }
    }
    const candidates = trials.map(({ setting }, s) => ({
      setting: printSetting(setting),
      isChosen: same(setting, report.setting),
      rates: times[s]!.map((took) => (workload.replicas * steps[s]!) / took),
      seconds: times[s]!.reduce((sum, took) => sum + took, 0),
    }));
    const best = Math.max(...candidates.map(({ rates }) => median(rates)));
    const chosen = candidates.find(({ isChosen }) => isChosen)!;
    const ratio = best / median(chosen.rates);
    return { candidates, ratio, coldSeconds: report.seconds, warmSeconds };
  } finally {
    for (const subject of subjects) await subject[Symbol.asyncDispose]();
  }
}
