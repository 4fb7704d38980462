/**
 * The tuner: which candidate is the fastest, measured.
 *
 * The first candidate is the rule's. It is compiled in any case; all that comes on top, other
 * candidates' kernels and the timings of all, is held to a budget, with compile times predicted
 * from the length of the text. Timings alternate between candidates, so that what else the machine
 * does falls on all, and medians are compared. The rule's candidate stays unless another is clearly
 * faster: near-ties must not change the setting, and with it the rounding, from run to run.
 */
import { LimitError, ShaderError } from "../errors.ts";
import { type PlanSetting, printSetting } from "../execution.ts";

/** What the tuner does to candidates; tests put in their own. */
export interface Measurer<C> {
  /** Compiles, and takes a first step. @throws LimitError or ShaderError where the device refuses. */
  prepare(candidate: C): Promise<void>;
  /** Takes steps and waits for them. */
  take(candidate: C, steps: number): Promise<void>;
  /** Replicas that take them. */
  lanes(): number;
  /** Characters of each of the candidate's kernels: what its compile time is predicted from. */
  lengths(candidate: C): readonly number[];
  /** Seconds, from wherever. */
  now(): number;
}

/** What became of a candidate. */
export interface Trial {
  readonly setting: PlanSetting;
  /** null where it was not measured. */
  readonly replicaStepsPerSecond: number | null;
  /** Why it was not measured. */
  readonly why?: string;
}

export interface Tuned {
  readonly setting: PlanSetting;
  readonly trials: readonly Trial[];
  /** Seconds beyond making the rule's candidate ready. */
  readonly seconds: number;
}

/** Seconds that tuning may cost beyond making the rule's candidate ready. */
export const BUDGET = 1.8;
/** Of these, kept for timings. */
const TIMINGS = 0.5;
/** A candidate must be faster than the rule's by so much to replace it. */
export const MARGIN = 0.1;
/** Seconds of one timing, and timings of a candidate. */
const TIMING = 0.02;
const REPEATS = 7;
/** Seconds of a timing that is trusted alone. */
const LONG = 0.1;
/** A candidate that is so many times slower than the best is not timed again. */
const BEHIND = 1.5;

/** A candidate that is ready. */
interface Ready<C> {
  readonly candidate: C;
  /** Steps of a timing. */
  readonly steps: number;
  /** Seconds of a step, of each timing. */
  readonly times: number[];
}

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
};

const quickest = ({ times }: { readonly times: readonly number[] }): number => Math.min(...times);

/**
 * Seconds that kernels of so many characters take to compile on lavapipe and two processor cores:
 * 8 us a character, and more where a text is very long, as its compiler is not linear.
 */
export const compileSeconds = (lengths: readonly number[]): number =>
  lengths.reduce((sum, length) => sum + 0.03 + 8e-6 * length * Math.max(1, length / 60_000), 0);

/**
 * How much slower than that this device's compiler is. Drivers keep what they compiled before, so a
 * compile that took less than expected says nothing of the next.
 */
const slowness = (seconds: number, lengths: readonly number[]): number =>
  Math.max(1, seconds / compileSeconds(lengths));

class Tuner<C extends { readonly setting: PlanSetting }> {
  readonly trials: Trial[] = [];
  private readonly ready: Ready<C>[] = [];
  private readonly measurer: Measurer<C>;
  private began = 0;
  private slowness = 1;

  constructor(measurer: Measurer<C>) {
    this.measurer = measurer;
  }

  get seconds(): number {
    return this.measurer.now() - this.began;
  }

  private async timed(work: () => Promise<void>): Promise<number> {
    const begun = this.measurer.now();
    await work();
    return this.measurer.now() - begun;
  }

  /** Compiles the rule's candidate; the budget begins behind it. */
  async begin(rule: C): Promise<void> {
    const seconds = await this.timed(() => this.measurer.prepare(rule));
    this.slowness = slowness(seconds, this.measurer.lengths(rule));
    this.began = this.measurer.now();
    await this.calibrate(rule);
  }

  /** Steps that take about the time of a timing; their times are the first timings. */
  private async calibrate(candidate: C): Promise<void> {
    for (let steps = 1; ; ) {
      const times: number[] = [];
      const begun = this.measurer.now();
      // The better of two: something else may have been in the way of one. Long ones are rarely disturbed.
      do {
        times.push((await this.timed(() => this.measurer.take(candidate, steps))) / steps);
      } while (times.length < 2 && this.measurer.now() - begun < LONG);
      const seconds = steps * Math.min(...times);
      if (seconds >= TIMING / 2 || steps >= 2 ** 20) {
        this.ready.push({ candidate, steps, times });
        return;
      }
      const wanted = (steps * TIMING) / Math.max(seconds, TIMING / 1000);
      steps = Math.ceil(Math.min(8 * steps, Math.max(2 * steps, wanted)));
    }
  }

  /** Makes another candidate ready, if what is left of the budget allows it. */
  async consider(candidate: C): Promise<void> {
    const { measurer } = this;
    const lengths = measurer.lengths(candidate);
    const predicted = this.slowness * compileSeconds(lengths);
    const left = BUDGET - TIMINGS - this.seconds;
    if (predicted > left) {
      const why =
        left <= 0
          ? "the time for tuning was used up"
          : `to compile it would take ${predicted.toFixed(1)} s, ${left.toFixed(1)} s were left for tuning`;
      this.skip(candidate, why);
      return;
    }
    try {
      const seconds = await this.timed(() => measurer.prepare(candidate));
      this.slowness = Math.max(this.slowness, slowness(seconds, lengths));
    } catch (error) {
      if (!(error instanceof LimitError || error instanceof ShaderError)) throw error;
      this.skip(candidate, error.message);
      return;
    }
    await this.calibrate(candidate);
  }

  private skip({ setting }: C, why: string): void {
    this.trials.push({ setting, replicaStepsPerSecond: null, why });
  }

  /** Times those that are near the best in turn. */
  async repeat(): Promise<void> {
    for (let repeat = 1; repeat < REPEATS; repeat += 1) {
      const limit = BEHIND * Math.min(...this.ready.map(quickest));
      for (const [i, one] of this.ready.entries()) {
        // What is far behind keeps its first timings; the rule's candidate is what others must beat.
        if (i > 0 && quickest(one) > limit) continue;
        const { candidate, steps, times } = one;
        if (this.seconds > BUDGET) return;
        const seconds = await this.timed(() => this.measurer.take(candidate, steps));
        times.push(seconds / steps);
      }
    }
  }

  finish(): PlanSetting {
    const lanes = this.measurer.lanes();
    const measured = this.ready.map(({ candidate: { setting }, times }) => ({
      setting,
      replicaStepsPerSecond: lanes / median(times),
    }));
    const [rule] = measured;
    const fastest = measured.reduce((a, b) =>
      b.replicaStepsPerSecond > a.replicaStepsPerSecond ? b : a,
    );
    this.trials.unshift(...measured);
    const isFaster = fastest.replicaStepsPerSecond > (1 + MARGIN) * rule!.replicaStepsPerSecond;
    return (isFaster ? fastest : rule!).setting;
  }
}

/** Measures the candidates, the rule's first, and chooses. */
export async function tune<C extends { readonly setting: PlanSetting }>(
  candidates: readonly C[],
  measurer: Measurer<C>,
): Promise<Tuned> {
  const tuner = new Tuner(measurer);
  await tuner.begin(candidates[0]!);
  for (const candidate of candidates.slice(1)) await tuner.consider(candidate);
  await tuner.repeat();
  const setting = tuner.finish();
  return { setting, trials: tuner.trials, seconds: tuner.seconds };
}

/** `1.9 M`, `340 k` */
export function printRate(perSecond: number): string {
  const [unit, symbol] = perSecond >= 1e6 ? [1e6, " M"] : perSecond >= 1e3 ? [1e3, " k"] : [1, ""];
  return `${Number((perSecond / unit).toPrecision(3))}${symbol}`;
}

/** `thread/64 1.9 M, workgroup/64 0.3 M replica-steps/s`, the fastest first. */
export function printTrials(trials: readonly Trial[]): string {
  const rate = (trial: Trial): number => trial.replicaStepsPerSecond ?? 0;
  const measured = trials.filter((trial) => trial.replicaStepsPerSecond !== null);
  const rates = [...measured]
    .sort((a, b) => rate(b) - rate(a))
    .map((trial) => `${printSetting(trial.setting)} ${printRate(rate(trial))}`);
  return `${rates.join(", ")} replica-steps/s`;
}
