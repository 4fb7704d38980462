/**
 * How much work a dispatch carries: steps and lanes chosen from measured time.
 *
 * A dispatch is kept near a time that is far below any watchdog, and at most `IN_FLIGHT` are queued,
 * so that an abort is heard soon and a page stays alive. Results never depend on these choices.
 */
import type { Device } from "../device.ts";

/** Milliseconds of a dispatch. A page shares its device with us, and draws in between. */
const TARGET_MS = { browser: 40, elsewhere: 100 };
/** One runs, one waits, one is being told of: with two the device idles until the host has heard. */
const IN_FLIGHT = 3;
/** Fewer steps in a dispatch than this waste the loads of the state: take fewer lanes instead. */
const FEWEST_STEPS = 32;
/** Milliseconds of a round, and how many it may take for the sake of dispatches with steps enough. */
const ROUND_MS = 500;
const LONGEST_ROUND_MS = 8000;
export const FEWEST_LANES = 4096;
/** Replica-steps of the first dispatch, unless the schedule knows what they cost. */
const FIRST_WORK = 4096;
/** Growth of the work from one measurement to the next, while nothing is known. */
const GROWTH = 4;

type Paced = Pick<Device, "gpu" | "info">;

const targetMs = ({ info }: Pick<Paced, "info">): number =>
  info.source === "browser" ? TARGET_MS.browser : TARGET_MS.elsewhere;

/** Lanes of a dispatch out of very many, at so many replica-steps per second. */
export const lanesAtRate = (device: Pick<Paced, "info">, replicaStepsPerSecond: number): number =>
  Math.max(
    FEWEST_LANES,
    Math.floor((replicaStepsPerSecond * targetMs(device)) / 1000 / FEWEST_STEPS),
  );

/** `all` in as few equal parts of at most `most` as there may be. */
const evenly = (all: number, most: number): number => Math.ceil(all / Math.ceil(all / most));

export class Pacer {
  /** Replica-steps a dispatch may carry now. */
  private work: number;
  private readonly waiting: Promise<void>[] = [];
  private last = 0;
  private readonly queue: GPUQueue;
  private readonly fixedSteps: number | undefined;
  private readonly targetMs: number;

  constructor(device: Paced, fixedSteps: number | undefined, firstWork = FIRST_WORK) {
    this.queue = device.gpu.queue;
    this.targetMs = targetMs(device);
    this.fixedSteps = fixedSteps;
    this.work = firstWork;
  }

  /** Lanes of a dispatch out of `lanes`. */
  lanes(lanes: number): number {
    if (this.fixedSteps !== undefined) return lanes;
    return evenly(lanes, Math.max(FEWEST_LANES, Math.floor(this.work / FEWEST_STEPS)));
  }

  /** Steps of the next dispatch over `lanes`, of so many that are left; at most `most`. */
  steps(lanes: number, left: number, most = Infinity): number {
    if (this.fixedSteps !== undefined) return Math.min(this.fixedSteps, left, most);
    return evenly(left, Math.min(most, Math.max(1, Math.floor(this.work / lanes))));
  }

  /**
   * Steps after which all lanes are brought level, when an abort is heard: half a second of work, more where
   * dispatches would have fewer than `fewest` steps.
   */
  round(lanes: number, fewest = FEWEST_STEPS): number {
    const usual = ((ROUND_MS / this.targetMs) * this.work) / lanes;
    const wanted = Math.max(usual, Math.min(fewest, (LONGEST_ROUND_MS / ROUND_MS) * usual), 1);
    // Whole dispatches, if there are several in a round.
    const each = Math.min(wanted, Math.max(1, Math.floor(this.work / this.lanes(lanes))));
    return Math.ceil(each * Math.ceil(wanted / each));
  }

  /** Call after each submit; resolves when there is room for another. */
  async submitted(replicaSteps: number): Promise<void> {
    const begun = performance.now();
    this.waiting.push(
      this.queue.onSubmittedWorkDone().then(() => {
        const now = performance.now();
        this.measure(replicaSteps, now - Math.max(begun, this.last));
        this.last = now;
      }),
    );
    while (this.waiting.length >= IN_FLIGHT) await this.waiting.shift();
  }

  /** Resolves when nothing is queued. */
  async idle(): Promise<void> {
    while (this.waiting.length > 0) await this.waiting.shift();
  }

  private measure(replicaSteps: number, milliseconds: number): void {
    const wanted = (replicaSteps * this.targetMs) / Math.max(milliseconds, 0.05);
    // A dispatch that took too long shrinks the work at once. A quick one lets it grow step by step,
    // and never shrinks it: the short last dispatch of a stretch is mostly overhead.
    if (milliseconds > this.targetMs) this.work = wanted;
    else this.work = Math.max(this.work, Math.min(wanted, replicaSteps * GROWTH));
  }
}
