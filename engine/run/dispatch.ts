/**
 * Steps become dispatches: kernels, bindings, rounds over chunks, slices of lanes.
 *
 * Only this file submits schedule kernels. Nothing a lane computes depends on the choices made here.
 */
import type { Device } from "../device.ts";
import type { ObservationPlan } from "../observe/observation.ts";
import { RUN_SCHEMA, type ThreadPlan } from "../plan/threadPlan.ts";
import { storesOrder } from "../sampling.ts";
import { structBytes } from "../wgsl/layout.ts";
import type { Chunk } from "./chunk.ts";
import type { LaneMemory } from "./laneMemory.ts";
import type { Resolved } from "./options.ts";
import { Pacer } from "./pacer.ts";
import { type Bindings, type Kernel, kernel } from "./pipeline.ts";

/** Steps to take, and where they stand in a run. */
export interface Stretch {
  readonly firstStep: number;
  readonly steps: number;
  /** The order of a shuffled epoch must be built anew at the first step. */
  readonly rebuild: boolean;
  /** Where observing began and the window's first step after it; null: record nothing. */
  readonly window: { readonly observeFirst: number; readonly first: number } | null;
}

type RunValues = Readonly<Record<keyof typeof RUN_SCHEMA, number>>;

export class Dispatcher {
  private readonly device: Device;
  private readonly resolved: Resolved;
  private readonly plan: ThreadPlan;
  private readonly observation: ObservationPlan | null;
  private readonly memory: LaneMemory;
  private readonly pacer: Pacer;
  private readonly kernels = new Map<boolean, Promise<Kernel>>();
  private readonly groups = new Map<string, GPUBindGroup[]>();

  constructor(
    device: Device,
    resolved: Resolved,
    plan: ThreadPlan,
    observation: ObservationPlan | null,
    memory: LaneMemory,
  ) {
    this.device = device;
    this.resolved = resolved;
    this.plan = plan;
    this.observation = observation;
    this.memory = memory;
    this.pacer = new Pacer(device.gpu.queue, resolved.execution.stepsPerDispatch);
  }

  /** Steps after which all chunks stand level again: about half a second of work. */
  get round(): number {
    return this.pacer.round(this.resolved.lanes);
  }

  /** Resolves when nothing is queued. */
  idle(): Promise<void> {
    return this.pacer.idle();
  }

  /** Takes the steps in every chunk; resolves when the last dispatches are queued. */
  async take(stretch: Stretch): Promise<void> {
    const compiled = await this.kernel(stretch.window !== null);
    for (const [index, chunk] of this.memory.chunks.entries()) {
      const groups = this.bindGroups(compiled, index, stretch.window !== null);
      for (let first = 0; first < chunk.lanes; ) {
        const last = Math.min(chunk.lanes, first + this.pacer.lanes(chunk.lanes));
        await this.takeSlice(compiled.pipeline, groups, stretch, chunk, first, last);
        first = last;
      }
    }
  }

  /** Steps of a slice of a chunk's lanes, in dispatches of bounded time. */
  private async takeSlice(
    pipeline: GPUComputePipeline,
    groups: readonly GPUBindGroup[],
    stretch: Stretch,
    chunk: Chunk,
    first: number,
    last: number,
  ): Promise<void> {
    const { gpu } = this.device;
    const lanes = last - first;
    for (let done = 0; done < stretch.steps; ) {
      const steps = Math.min(stretch.steps - done, this.pacer.steps(lanes));
      const values = {
        ...this.constantValues(chunk, stretch),
        first_step: stretch.firstStep + done,
        steps,
        first_lane: first,
        last_lane: last,
        rebuild: stretch.rebuild && done === 0 ? 1 : 0,
      };
      gpu.queue.writeBuffer(this.memory.run, 0, structBytes(RUN_SCHEMA, values));
      const encoder = gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      for (const [g, group] of groups.entries()) pass.setBindGroup(g, group);
      const workgroups = Math.ceil(lanes / this.plan.workgroup);
      const rows = Math.ceil(workgroups / gpu.limits.maxComputeWorkgroupsPerDimension);
      pass.dispatchWorkgroups(Math.ceil(workgroups / rows), rows);
      pass.end();
      gpu.queue.submit([encoder.finish()]);
      await this.pacer.submitted(steps * lanes);
      done += steps;
    }
  }

  /** Members of the uniform that are the same for all dispatches of a stretch over a chunk. */
  private constantValues(
    chunk: Chunk,
    { window }: Stretch,
  ): Omit<RunValues, "first_step" | "steps" | "first_lane" | "last_lane" | "rebuild"> {
    const { seed, replicas, commonNoise, bounds, conditions } = this.resolved;
    return {
      seed,
      lanes: chunk.lanes,
      global_lane: chunk.firstLane,
      replicas: replicas.count,
      first_replica: replicas.first,
      conditions: conditions.length,
      common_noise: commonNoise ? 1 : 0,
      observe_first: window?.observeFirst ?? 0,
      window_first: window?.first ?? 0,
      theta_bound: bounds.theta,
      loss_bound: bounds.loss,
    };
  }

  /** Sums of moments and grids to zero; the rings of earlier states and last records stay. */
  clearMoments(): void {
    const encoder = this.device.gpu.createCommandEncoder();
    const { moments = [], momentsWords = 0, gridWords = 0 } = this.observation ?? {};
    for (const chunk of this.memory.chunks) {
      for (const { at, layout } of moments) {
        encoder.clearBuffer(chunk.moments!, 4 * at * chunk.lanes, 4 * layout.sums * chunk.lanes);
      }
      if (gridWords > 0) {
        const [from, size] = [momentsWords, gridWords].map((words) => 4 * words * chunk.lanes);
        encoder.clearBuffer(chunk.moments!, from, size);
      }
    }
    this.device.gpu.queue.submit([encoder.finish()]);
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
      ["uniform", "storage", "storage"],
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
    const { chunks, run, data, hyper, constants } = this.memory;
    const chunk = chunks[index]!;
    const buffers = [
      [run, chunk.state, chunk.frozen],
      [data, hyper, chunk.order],
      [chunk.series, chunk.moments, constants],
    ];
    const bindings = this.bindings(observing);
    const groups = layouts.map((layout, g) =>
      this.device.gpu.createBindGroup({
        layout,
        entries: bindings[g]!.flatMap((kind, binding) =>
          kind === null ? [] : [{ binding, resource: { buffer: buffers[g]![binding]! } }],
        ),
      }),
    );
    this.groups.set(key, groups);
    return groups;
  }
}
