/**
 * Steps become dispatches: kernels, bindings, rounds over chunks, slices of lanes.
 *
 * Only this file submits schedule kernels. Nothing a lane computes depends on the choices made here.
 * Where replicas interact a step is two dispatches, the means over groups and the step itself; many
 * steps stand in one submit, their uniforms at strides of one buffer.
 */
import type { Device } from "../device.ts";
import type { ObservationPlan } from "../observe/observation.ts";
import { RUN_SCHEMA, type ThreadPlan } from "../plan/threadPlan.ts";
import type { WorkgroupPlan } from "../plan/workgroup/workgroupPlan.ts";
import { storesOrder } from "../sampling.ts";
import { structBytes } from "../wgsl/layout.ts";
import type { Chunk } from "./chunk.ts";
import { clearMoments } from "./clearMoments.ts";
import type { GroupMeans } from "./groupMeans.ts";
import { type LaneMemory, RUN_SLOTS, RUN_ZERO } from "./laneMemory.ts";
import type { Resolved } from "./options.ts";
import { Pacer } from "./pacer.ts";
import { type Bindings, dispatchRows, type Kernel, kernel } from "./pipeline.ts";
import { constantValues } from "./runValues.ts";
import type { Stepper, Stretch } from "./stepper.ts";

/** What a slice of lanes is dispatched with. */
interface Kernels {
  readonly schedule: Kernel;
  /** Of the means over groups, before each step; null where no replicas interact. */
  readonly means: Kernel | null;
  readonly groups: readonly GPUBindGroup[];
}

/** Lanes `first` to `last` of a chunk. */
interface Slice {
  readonly chunk: Chunk;
  readonly first: number;
  readonly last: number;
}

const RUN_BYTES = structBytes(RUN_SCHEMA, RUN_ZERO).byteLength;

export class Dispatcher implements Stepper {
  private readonly device: Device;
  private readonly resolved: Resolved;
  private readonly plan: ThreadPlan | WorkgroupPlan;
  private readonly observation: ObservationPlan | null;
  private readonly memory: LaneMemory;
  private readonly groupMeans: GroupMeans | null;
  private readonly pacer: Pacer;
  private readonly kernels = new Map<boolean, Promise<Kernel>>();
  private readonly groups = new Map<string, GPUBindGroup[]>();

  constructor(
    device: Device,
    resolved: Resolved,
    plan: ThreadPlan | WorkgroupPlan,
    observation: ObservationPlan | null,
    memory: LaneMemory,
    groupMeans: GroupMeans | null,
  ) {
    this.device = device;
    this.resolved = resolved;
    this.plan = plan;
    this.observation = observation;
    this.memory = memory;
    this.groupMeans = groupMeans;
    this.pacer = new Pacer(device, resolved.execution.stepsPerDispatch);
  }

  /** Steps after which all chunks stand level again: about half a second of work. */
  get round(): number {
    return this.pacer.round(this.resolved.lanes);
  }

  /** Resolves when nothing is queued. */
  idle(): Promise<void> {
    return this.pacer.idle();
  }

  /** Its kernels leave the state where it belongs. */
  flush(): void {}
  release(): void {}

  /** It holds no memory of its own. */
  destroy(): void {}

  /** Takes the steps in every chunk; resolves when the last dispatches are queued. */
  async take(stretch: Stretch): Promise<void> {
    const schedule = await this.kernel(stretch.window !== null);
    const means = this.groupMeans ? await this.groupMeans.kernel() : null;
    for (const [index, chunk] of this.memory.chunks.entries()) {
      const groups = this.bindGroups(schedule, index, stretch.window !== null);
      for (let first = 0; first < chunk.lanes; ) {
        const last = Math.min(chunk.lanes, first + this.sliceLanes(chunk));
        await this.takeSlice({ schedule, means, groups }, stretch, { chunk, first, last });
        first = last;
      }
    }
  }

  /** Lanes of a dispatch: whole groups. */
  private sliceLanes({ lanes }: Chunk): number {
    const group = this.groupMeans?.groupSize ?? 1;
    return group * Math.max(1, Math.floor(this.pacer.lanes(lanes) / group));
  }

  /** Steps of a slice of a chunk's lanes, in submits of bounded time. */
  private async takeSlice(kernels: Kernels, stretch: Stretch, slice: Slice): Promise<void> {
    const lanes = slice.last - slice.first;
    for (let done = 0; done < stretch.steps; ) {
      const most = this.groupMeans ? RUN_SLOTS : Infinity;
      const steps = this.pacer.steps(lanes, stretch.steps - done, most);
      this.writeRuns(stretch, slice, done, steps);
      this.submit(kernels, slice, this.groupMeans ? steps : 1);
      await this.pacer.submitted(steps * lanes);
      done += steps;
    }
  }

  /** The uniforms of a submit: of all its steps, or of each where replicas interact. */
  private writeRuns(stretch: Stretch, slice: Slice, done: number, steps: number): void {
    const { run, runStride } = this.memory;
    const each = this.groupMeans ? 1 : steps;
    const dispatches = steps / each;
    const values = constantValues(this.resolved, slice.chunk, stretch);
    const bytes = new Uint8Array((dispatches - 1) * runStride + RUN_BYTES);
    for (let k = 0; k < dispatches; k += 1) {
      const own = {
        ...values,
        first_step: stretch.firstStep + done + k * each,
        steps: each,
        first_lane: slice.first,
        last_lane: slice.last,
        rebuild: stretch.rebuild && done + k === 0 ? 1 : 0,
      };
      bytes.set(structBytes(RUN_SCHEMA, own), k * runStride);
    }
    this.device.gpu.queue.writeBuffer(run, 0, bytes);
  }

  private submit({ schedule, means, groups }: Kernels, slice: Slice, dispatches: number): void {
    const { gpu } = this.device;
    const lanes = slice.last - slice.first;
    const { schedule: kind, workgroup } = this.plan;
    const workgroups = kind === "thread" ? Math.ceil(lanes / workgroup) : lanes;
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const [g, group] of groups.entries()) {
      if (g > 0 || !means) pass.setBindGroup(g, group);
    }
    for (let k = 0; k < dispatches; k += 1) {
      if (means) {
        pass.setBindGroup(0, groups[0]!, [k * this.memory.runStride]);
        this.groupMeans!.encode(pass, means, lanes);
      }
      pass.setPipeline(schedule.pipeline);
      dispatchRows(pass, workgroups, gpu.limits);
    }
    pass.end();
    gpu.queue.submit([encoder.finish()]);
  }

  clearMoments(): void {
    clearMoments(this.device, this.memory.chunks, this.observation);
  }

  /** Linked and compiled once: `advance` of a few steps must cost no more than they do. */
  kernel(observing: boolean): Promise<Kernel> {
    const known = this.kernels.get(observing);
    if (known) return known;
    const shader = this.plan.shader(observing ? this.observation : null);
    const overrides = { WORKGROUP: this.plan.workgroup };
    const made = kernel(this.device, shader, this.bindings(observing), overrides);
    this.kernels.set(observing, made);
    made.catch(() => this.kernels.delete(observing));
    return made;
  }

  private bindings(observing: boolean): Bindings {
    const order = storesOrder(this.resolved.sampling) ? "storage" : null;
    const base: Bindings = [
      [this.groupMeans ? "uniform-at-offset" : "uniform", "storage", "storage"],
      ["read-only-storage", "read-only-storage", order],
    ];
    if (!observing || !this.observation) return base;
    const { seriesWords, momentsWords, gridWords } = this.observation;
    return [
      ...base,
      [
        seriesWords > 0 ? "storage" : null,
        momentsWords + gridWords > 0 ? "storage" : null,
        this.memory.constants ? "read-only-storage" : null,
      ],
    ];
  }

  private bindGroups({ layouts }: Kernel, index: number, observing: boolean): GPUBindGroup[] {
    const key = `${index} ${observing}`;
    const known = this.groups.get(key);
    if (known) return known;
    const { chunks, runResource, data, hyper, constants } = this.memory;
    const chunk = chunks[index]!;
    const storage = (buffer: GPUBuffer | null) => buffer && { buffer };
    const resources = [
      [runResource, storage(chunk.state), storage(chunk.frozen)],
      [storage(data), storage(hyper), storage(chunk.order)],
      [storage(chunk.series), storage(chunk.moments), storage(constants)],
    ];
    const bindings = this.bindings(observing);
    const groups = layouts.map((layout, g) =>
      this.device.gpu.createBindGroup({
        layout,
        entries: bindings[g]!.flatMap((kind, binding) =>
          kind === null ? [] : [{ binding, resource: resources[g]![binding]! }],
        ),
      }),
    );
    this.groups.set(key, groups);
    return groups;
  }
}
