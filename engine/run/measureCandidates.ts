/**
 * Candidates on the device: the schedules' own dispatchers on throwaway lanes.
 *
 * The lanes have the ensemble's data, hyperparameters and initial law, and their memory is let go
 * before the ensemble's is made. There are as many as one dispatch carries in a run: all of them, or
 * what `Pacer` cuts off a larger ensemble at the speed that is found.
 */
import type { Device } from "../device.ts";
import type { Candidate } from "../plan/candidates.ts";
import { stateWords } from "../update/dynamics.ts";
import { createStepper, kernelLengths } from "./createStepper.ts";
import { GroupMeans } from "./groupMeans.ts";
import { LaneMemory } from "./laneMemory.ts";
import type { Resolved } from "./options.ts";
import { FEWEST_LANES, lanesAtRate } from "./pacer.ts";
import type { Planned } from "./planner.ts";
import type { Stepper } from "./stepper.ts";
import type { Measurer } from "./tune.ts";

/** Words of state of the throwaway lanes, at most: 64 MiB. */
const STATE_WORDS = 2 ** 24;
/**
 * Loops that are kept are quick to read, not to compile: lavapipe takes .4 to .7 of its time for them written
 * out (four networks of 129 to 654 parameters).
 */
const KEPT_LOOPS = 0.6;

/** The same ensemble with fewer replicas: whole groups, of every condition. */
function withLanes(resolved: Resolved, wanted: number): Resolved {
  const { conditions, replicas, groupSize, shape } = resolved;
  const group = groupSize ?? 1;
  const each = Math.ceil(wanted / conditions.length);
  const count = Math.min(replicas.count, group * Math.ceil(each / group));
  return {
    ...resolved,
    // A replica that leaves its bounds is no error here: the ensemble itself will say so.
    onDiverge: "freeze",
    replicas: { first: replicas.first, count },
    shape: { ...shape, replicas: count },
    lanes: conditions.length * count,
  };
}

type Measured = Candidate<Planned>;

class DeviceMeasurer implements Measurer<Measured>, Disposable {
  private readonly device: Device;
  private readonly whole: Resolved;
  private resolved: Resolved;
  private memory: LaneMemory | null = null;
  /** Characters of a kernel of `thread` with its loops written out. */
  private writtenOut = 0;
  private readonly steppers = new Map<Measured, { stepper: Stepper; taken: number }>();

  constructor(device: Device, resolved: Resolved) {
    this.device = device;
    this.whole = resolved;
    this.resolved = withLanes(resolved, FEWEST_LANES);
  }

  now(): number {
    return performance.now() / 1000;
  }

  lanes(): number {
    return this.resolved.lanes;
  }

  lengths({ planned: { plan } }: Measured): readonly number[] {
    const lengths = kernelLengths(plan);
    if (plan.schedule !== "thread") return lengths;
    const [own] = lengths;
    if (plan.unroll > 0) this.writtenOut = Math.max(this.writtenOut, own!);
    return [Math.max(own!, KEPT_LOOPS * this.writtenOut)];
  }

  async prepare(candidate: Measured): Promise<void> {
    const first = this.memory === null;
    if (first) this.open(candidate.planned);
    this.place(candidate);
    await this.take(candidate, 1);
    if (first) await this.grow(candidate);
  }

  /** All schedules keep the same state: one memory serves them all. */
  private open(planned: Planned): void {
    this.memory = new LaneMemory(this.device, this.resolved, planned.plan, null);
    this.memory.initialize();
  }

  private place(candidate: Measured): void {
    const { resolved, plan } = candidate.planned;
    const own = { ...this.resolved, execution: resolved.execution };
    const memory = this.memory!;
    const means = plan.groupMeans
      ? new GroupMeans(this.device, plan.groupMeans, memory, resolved.model.parameterCount)
      : null;
    const stepper = createStepper(this.device, own, plan, null, memory, means);
    this.steppers.set(candidate, { stepper, taken: 0 });
  }

  async take(candidate: Measured, steps: number): Promise<void> {
    const placed = this.steppers.get(candidate)!;
    const rebuild = placed.taken === 0;
    const stretch = { firstStep: placed.taken, steps, rebuild, window: null };
    await placed.stepper.take(stretch);
    await placed.stepper.idle();
    placed.taken += steps;
    this.device.check();
  }

  /** More lanes, where the device is so fast that a dispatch of a run carries more. */
  private async grow(candidate: Measured): Promise<void> {
    const width = stateWords(this.whole.dynamics, this.whole.model.parameterCount);
    const most = Math.max(this.lanes(), Math.floor(STATE_WORDS / width));
    for (;;) {
      const begun = this.now();
      let steps = 0;
      for (let next = 4; this.now() - begun < 0.005; next *= 2) {
        await this.take(candidate, next);
        steps += next;
      }
      const rate = (steps * this.lanes()) / (this.now() - begun);
      const wanted = Math.min(this.whole.lanes, most, lanesAtRate(this.device, rate));
      if (wanted < 2 * this.lanes()) return;
      await this.enlarge(candidate, wanted);
    }
  }

  /** Lanes beyond the first are copies of them: drawing millions of states would take seconds. */
  private async enlarge(candidate: Measured, wanted: number): Promise<void> {
    const states = await this.memory!.readStates();
    const width = states.length / this.lanes();
    this.close();
    this.resolved = withLanes(this.whole, wanted);
    const { lanes } = this.resolved;
    this.memory = new LaneMemory(this.device, this.resolved, candidate.planned.plan, null);
    const copies = new Float32Array(lanes * width);
    for (let at = 0; at < copies.length; at += states.length) {
      copies.set(states.subarray(0, Math.min(states.length, copies.length - at)), at);
    }
    this.memory.write(copies, new Int32Array(lanes).fill(-1));
    this.place(candidate);
    await this.take(candidate, 1);
  }

  private close(): void {
    for (const { stepper } of this.steppers.values()) stepper.destroy();
    this.steppers.clear();
    this.memory?.destroy();
    this.memory = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Measures on a device; dispose of it before the ensemble's own memory is made. */
export const deviceMeasurer = (
  device: Device,
  resolved: Resolved,
): Measurer<Measured> & Disposable => new DeviceMeasurer(device, resolved);
