/**
 * How much work a dispatch carries: steps and lanes chosen from measured time.
 *
 * A dispatch is kept near `TARGET_MS`, far below any watchdog, and at most `IN_FLIGHT` are queued,
 * so that an abort is heard soon and a page stays alive. Results never depend on these choices.
 */

const TARGET_MS = 40;
const IN_FLIGHT = 2;
/** Fewer steps in a dispatch than this waste the loads of the state: take fewer lanes instead. */
const FEWEST_STEPS = 16;
export const FEWEST_LANES = 4096;
/** Replica-steps of the first dispatch, unless the schedule knows what they cost. */
const FIRST_WORK = 4096;
/** Growth of the work from one measurement to the next, while nothing is known. */
const GROWTH = 4;

/** Lanes of a dispatch out of very many, at so many replica-steps per second. */
export const lanesAtRate = (replicaStepsPerSecond: number): number =>
  Math.max(FEWEST_LANES, Math.floor((replicaStepsPerSecond * TARGET_MS) / 1000 / FEWEST_STEPS));

export class Pacer {
  /** Replica-steps a dispatch may carry now. */
  private work: number;
  private readonly waiting: Promise<void>[] = [];
  private last = 0;
  private readonly queue: GPUQueue;
  private readonly fixedSteps: number | undefined;

  constructor(queue: GPUQueue, fixedSteps: number | undefined, firstWork = FIRST_WORK) {
    this.queue = queue;
    this.fixedSteps = fixedSteps;
    this.work = firstWork;
  }

  /** Lanes of a dispatch out of `lanes`. */
  lanes(lanes: number): number {
    if (this.fixedSteps !== undefined) return lanes;
    return Math.min(lanes, Math.max(FEWEST_LANES, Math.floor(this.work / FEWEST_STEPS)));
  }

  /** Steps of a dispatch over `lanes`. */
  steps(lanes: number): number {
    return this.fixedSteps ?? Math.max(1, Math.floor(this.work / lanes));
  }

  /** Steps after which all chunks are brought level: about half a second of work. */
  round(lanes: number): number {
    return Math.max(FEWEST_STEPS, Math.floor((12 * this.work) / lanes));
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
    const wanted = (replicaSteps * TARGET_MS) / Math.max(milliseconds, 0.05);
    // A dispatch that took too long shrinks the work at once. A quick one lets it grow step by step,
    // and never shrinks it: the short last dispatch of a stretch is mostly overhead.
    if (milliseconds > TARGET_MS) this.work = wanted;
    else this.work = Math.max(this.work, Math.min(wanted, replicaSteps * GROWTH));
  }
}
