/**
 * The long part of an experiment: burn-in, then observation, in blocks that can be resumed.
 *
 * Block lengths depend on the work alone, so an interrupted run that is resumed makes bitwise the
 * same Record as an undisturbed one. Between blocks an abort is heard, progress is told, and now
 * and then a checkpoint is handed out.
 */
import { CheckpointError } from "../engine/errors.ts";
import type { Observables } from "../engine/observe/observation.ts";
import type { RunRecord } from "../engine/record.ts";
import { type Packed, pack, unpack } from "../engine/run/container.ts";
import { dehydrate, hydrate } from "../engine/run/dehydrate.ts";
import type { Ensemble, RecordOf } from "../engine/run/ensemble.ts";
import { merge } from "../engine/run/merge.ts";
import type { RunContext } from "./experiment.ts";

export interface Stage<O extends Observables, R = RecordOf<O>> {
  /** Unique in the experiment, e.g. the model's name. */
  readonly label: string;
  readonly ensemble: Ensemble<O>;
  readonly burnIn: number;
  readonly steps: number;
  /** Blocks are multiples of this many steps (an epoch, or the observables' `every`). */
  readonly multiple?: number;
  /** Record the burn-in as well; it is returned apart. */
  readonly observeBurnIn?: boolean;
  /** Floating-point operations of one replica-step, roughly: sets the length of a block. */
  readonly work: number;
  /**
   * What is kept of a block's Record, where all of it would be too much: a function of the Record alone,
   * whose values merge.
   */
  readonly fold?: (record: RecordOf<O>) => R | Promise<R>;
}

export interface StageRecords<R> {
  /** null unless `observeBurnIn`. */
  readonly burnIn: R | null;
  readonly observed: R;
}

interface Saved {
  /** SGD steps done of burn-in and observation together. */
  readonly done: number;
  readonly ensemble: Uint8Array;
  readonly burnIn: RunRecord | null;
  readonly observed: RunRecord | null;
}

/** Operations of a block: about a second on two processor cores. */
const BLOCK_WORK = 6e9;
const CHECKPOINT_SECONDS = 15;

export class Stages {
  private readonly context: RunContext;
  private readonly saved: Map<string, Saved>;
  /** Expected work of every stage, to make one fraction of them all. */
  private readonly total: number;
  private doneWork = 0;
  private lastCheckpoint = performance.now();

  private constructor(context: RunContext, total: number, saved: Map<string, Saved>) {
    this.context = context;
    this.total = total;
    this.saved = saved;
  }

  /** `work` is the sum of (burnIn + steps) × lanes × work over the stages to come. */
  static async open(context: RunContext, work: number): Promise<Stages> {
    const saved = new Map<string, Saved>();
    if (context.resume) {
      const { header, arrays } = await unpack(context.resume, "resume");
      if (header.kind !== "stages") {
        throw new CheckpointError("resume: holds no experiment; give a file that `run` wrote.");
      }
      const stages = hydrate(header.stages, arrays) as Record<string, Saved>;
      for (const [label, stage] of Object.entries(stages)) saved.set(label, stage);
    }
    return new Stages(context, work, saved);
  }

  /** Runs a stage, or what is left of it. */
  async run<O extends Observables, R = RecordOf<O>>(stage: Stage<O, R>): Promise<StageRecords<R>> {
    const { label, ensemble, burnIn, steps } = stage;
    const end = burnIn + steps;
    const earlier = this.saved.get(label);
    if (earlier) await ensemble.restore(earlier.ensemble);
    let records = { burnIn: earlier?.burnIn ?? null, observed: earlier?.observed ?? null };
    const block = blockSteps(stage);
    for (let done = earlier?.done ?? 0; done < end; ) {
      const observing = done >= burnIn;
      const count = Math.min(block, (observing ? end : burnIn) - done);
      const phase = `${label}: ${observing ? "observe" : "burn-in"}`;
      const record = await this.block(stage, phase, done, count, observing);
      if (record) records = joined(records, record, observing);
      done += count;
      await this.checkpoint(label, { done, ...records }, ensemble, done === end);
    }
    this.doneWork += end * ensemble.lanes * stage.work;
    return records as StageRecords<R>;
  }

  private async block<O extends Observables, R>(
    { ensemble, burnIn, steps, work, observeBurnIn, fold }: Stage<O, R>,
    phase: string,
    done: number,
    count: number,
    observing: boolean,
  ): Promise<RunRecord | null> {
    const onProgress = ({
      steps: now,
      replicaStepsPerSecond,
    }: {
      steps: number;
      replicaStepsPerSecond: number;
    }): void => {
      const workDone = this.doneWork + (done + now) * ensemble.lanes * work;
      const whole = Math.max(this.total, (burnIn + steps) * ensemble.lanes * work);
      this.context.onProgress?.({
        phase,
        fraction: Math.min(1, workDone / whole),
        replicaStepsPerSecond,
      });
    };
    const options = { steps: count, onProgress };
    if (observing || observeBurnIn) {
      const record = await ensemble.observe(options);
      return (fold ? await fold(record) : record) as RunRecord;
    }
    await ensemble.advance(options);
    return null;
  }

  /**
   * Remembers a stage when it is finished; remembers it and hands bytes out when it is time, and when
   * the run is cut short.
   */
  private async checkpoint<O extends Observables>(
    label: string,
    progress: Omit<Saved, "ensemble">,
    ensemble: Ensemble<O>,
    finished: boolean,
  ): Promise<void> {
    const { signal, onCheckpoint } = this.context;
    const due = performance.now() - this.lastCheckpoint > 1000 * CHECKPOINT_SECONDS;
    const aborted = signal?.aborted === true;
    if (onCheckpoint && (due || aborted || finished)) {
      this.saved.set(label, { ...progress, ensemble: await ensemble.checkpoint() });
    }
    if (onCheckpoint && (due || aborted)) {
      await onCheckpoint(await this.bytes());
      this.lastCheckpoint = performance.now();
    }
    if (aborted) throw signal.reason;
  }

  /**
   * A pause in long work of the host: events are handled, and an abort is heard, which hands out the
   * finished stages. `done` is host work since the last pause, in operations that count toward `work` of
   * `open`, and is told as progress.
   *
   * @throws the signal's reason when it is aborted.
   */
  async pause(done?: { readonly phase: string; readonly work: number }): Promise<void> {
    if (done) {
      this.doneWork += done.work;
      const fraction = Math.min(1, this.doneWork / this.total);
      this.context.onProgress?.({ phase: done.phase, fraction, replicaStepsPerSecond: 0 });
    }
    await new Promise((resolve) => setTimeout(resolve));
    const { signal, onCheckpoint } = this.context;
    if (!signal?.aborted) return;
    await onCheckpoint?.(await this.bytes());
    throw signal.reason;
  }

  private bytes(): Promise<Uint8Array> {
    const arrays: Record<string, Packed> = {};
    const stages = dehydrate(Object.fromEntries(this.saved), "stages", arrays);
    return pack({ kind: "stages", stages }, arrays);
  }
}

function joined(
  records: { burnIn: RunRecord | null; observed: RunRecord | null },
  record: RunRecord,
  observing: boolean,
): { burnIn: RunRecord | null; observed: RunRecord | null } {
  const before = observing ? records.observed : records.burnIn;
  const after = before ? merge(before, record) : record;
  return observing ? { ...records, observed: after } : { ...records, burnIn: after };
}

/** A function of the work alone, never of measured time. */
function blockSteps<O extends Observables, R>({
  ensemble,
  work,
  multiple = 1,
}: Stage<O, R>): number {
  const steps = BLOCK_WORK / (ensemble.lanes * work);
  return multiple * Math.max(1, Math.round(steps / multiple));
}
