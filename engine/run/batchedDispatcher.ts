/**
 * Steps of the schedule `batched`: slices of lanes in a working copy, many steps encoded in a submit.
 *
 * A slice is loaded, taken through all steps of the stretch, and stored; slices follow one another. A
 * slice that keeps its working copy is loaded once, and stored when others read or change the lanes' state.
 * Each step reads its own uniform at a stride of one buffer. Nothing a lane computes depends on the
 * slice it is in.
 */
import type { Device } from "../device.ts";
import type { ObservationPlan } from "../observe/observation.ts";
import type { BatchedBuffer, BatchedKernel } from "../plan/batched/batchedKernel.ts";
import type { BatchedPlan } from "../plan/batched/batchedPlan.ts";
import { RUN_SCHEMA } from "../plan/threadPlan.ts";
import { structBytes } from "../wgsl/layout.ts";
import { uniform } from "./buffers.ts";
import { clearMoments } from "./clearMoments.ts";
import { type LaneMemory, RUN_SLOTS, RUN_ZERO } from "./laneMemory.ts";
import type { Resolved } from "./options.ts";
import { Pacer } from "./pacer.ts";
import { type Bindings, type Kernel, kernel } from "./pipeline.ts";
import { constantValues } from "./runValues.ts";
import { SLICE_BUDGET, type Slice, Slices } from "./slices.ts";
import type { Stepper, Stretch } from "./stepper.ts";

/** Multiply-adds of the first submit, a few milliseconds at worst, and replica-steps. */
const FIRST_WORK = 1 << 25;
const FIRST_STEPS = 4096;

interface Compiled {
  readonly kernel: Kernel;
  readonly plan: BatchedKernel;
}

type Buffers = Readonly<Partial<Record<BatchedBuffer, GPUBuffer | null>>>;

export class BatchedDispatcher implements Stepper {
  private readonly device: Device;
  private readonly resolved: Resolved;
  private readonly plan: BatchedPlan;
  private readonly observation: ObservationPlan | null;
  private readonly memory: LaneMemory;
  private readonly pacer: Pacer;
  private readonly slices: Slices;
  private readonly runs: GPUBuffer;
  private compiling: Promise<void> | null = null;
  private readonly compiled = new Map<BatchedKernel, Compiled>();
  private readonly groups = new Map<string, GPUBindGroup[]>();

  constructor(
    device: Device,
    resolved: Resolved,
    plan: BatchedPlan,
    observation: ObservationPlan | null,
    memory: LaneMemory,
    budget = SLICE_BUDGET,
  ) {
    this.device = device;
    this.resolved = resolved;
    this.plan = plan;
    this.observation = observation;
    this.memory = memory;
    const first = Math.min(FIRST_STEPS, Math.ceil(FIRST_WORK / Math.max(plan.multiplyAdds, 1)));
    this.pacer = new Pacer(device, resolved.execution.stepsPerDispatch, first);
    this.slices = new Slices(device.gpu, plan, memory.chunks, budget);
    this.runs = uniform(device.gpu, "runs", RUN_SLOTS * memory.runStride);
  }

  get round(): number {
    const { areKept } = this.slices;
    // Slices that keep their copies lose nothing when another comes in between.
    return this.pacer.round(this.resolved.lanes, areKept ? 1 : undefined);
  }

  idle(): Promise<void> {
    return this.pacer.idle();
  }

  clearMoments(): void {
    clearMoments(this.device, this.memory.chunks, this.observation);
  }

  destroy(): void {
    this.runs.destroy();
    this.slices.destroy();
  }

  flush(): void {
    for (const slice of this.slices.all) {
      if (slice.ahead) this.store(slice);
    }
  }

  release(): void {
    this.flush();
    for (const slice of this.slices.all) slice.resident = false;
  }

  async take(stretch: Stretch): Promise<void> {
    await this.kernels();
    for (const slice of this.slices.all) await this.takeSlice(stretch, slice);
  }

  /** Brings the lanes' state up to a slice's working copy. */
  private store(slice: Slice): void {
    const stretch = { firstStep: 0, steps: 1, rebuild: false, window: null };
    this.writeRuns(stretch, slice, 0, 1);
    const encoder = this.device.gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    this.encode(pass, this.compiled.get(this.plan.store)!, slice, 0);
    pass.end();
    this.device.gpu.queue.submit([encoder.finish()]);
    slice.ahead = false;
  }

  /** All kernels of a step and the two that move a slice, compiled side by side. */
  private kernels(): Promise<void> {
    const { load, store, step, observedStep } = this.plan;
    const plans = [...new Set([load, store, ...step, ...(observedStep ?? [])])];
    this.compiling ??= Promise.all(
      plans.map(async (plan) => {
        const made = await kernel(this.device, plan.shader, bindingsOf(plan), plan.overrides);
        this.compiled.set(plan, { plan, kernel: made });
      }),
    ).then(() => undefined);
    this.compiling.catch(() => {
      this.compiling = null;
    });
    return this.compiling;
  }

  private async takeSlice(stretch: Stretch, slice: Slice): Promise<void> {
    const lanes = slice.last - slice.first;
    const { load, store } = this.plan;
    const stays = this.slices.areKept;
    for (let done = 0; done < stretch.steps; ) {
      const wanted = this.pacer.steps(lanes, stretch.steps - done, RUN_SLOTS);
      this.writeRuns(stretch, slice, done, wanted);
      const encoder = this.device.gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      const run = (plan: BatchedKernel, k: number): void =>
        this.encode(pass, this.compiled.get(plan)!, slice, k);
      if (done === 0 && !slice.resident) run(load, 0);
      for (let k = 0; k < wanted; k += 1) {
        for (const plan of this.kernelsOf(stretch, done + k)) run(plan, k);
      }
      if (done + wanted === stretch.steps && !stays) run(store, wanted - 1);
      pass.end();
      this.device.gpu.queue.submit([encoder.finish()]);
      slice.resident = stays;
      slice.ahead = stays;
      await this.pacer.submitted(wanted * lanes);
      done += wanted;
    }
  }

  /** The kernels of a step, with the observables where one is due. */
  private kernelsOf({ firstStep, window }: Stretch, k: number): readonly BatchedKernel[] {
    const { step, observedStep } = this.plan;
    const due = window !== null && this.isDue(firstStep + k - window.observeFirst);
    return due && observedStep ? observedStep : step;
  }

  /** Does any observable record at this step since observing began? */
  private isDue(rel: number): boolean {
    const { series, moments, grids, displacements, entropies } = this.observation!;
    const steadily = grids.length + displacements.length + entropies.length > 0;
    return steadily || [...series, ...moments].some(({ spec }) => rel % spec.every === 0);
  }

  private writeRuns(stretch: Stretch, slice: Slice, done: number, steps: number): void {
    const { runStride } = this.memory;
    const values = constantValues(this.resolved, slice.chunk, stretch);
    const each = structBytes(RUN_SCHEMA, RUN_ZERO).byteLength;
    const bytes = new Uint8Array((steps - 1) * runStride + each);
    for (let k = 0; k < steps; k += 1) {
      const own = {
        ...values,
        first_step: stretch.firstStep + done + k,
        steps: 1,
        first_lane: slice.first,
        last_lane: slice.last,
        rebuild: stretch.rebuild && done + k === 0 ? 1 : 0,
      };
      bytes.set(structBytes(RUN_SCHEMA, own), k * runStride);
    }
    this.device.gpu.queue.writeBuffer(this.runs, 0, bytes);
  }

  private encode(pass: GPUComputePassEncoder, compiled: Compiled, slice: Slice, k: number): void {
    const groups = this.bindGroups(compiled, slice);
    pass.setPipeline(compiled.kernel.pipeline);
    groups.forEach((group, g) => {
      if (g === 0) pass.setBindGroup(0, group, [k * this.memory.runStride]);
      else pass.setBindGroup(g, group);
    });
    pass.dispatchWorkgroups(...compiled.plan.grid(slice.last - slice.first));
  }

  private bindGroups({ kernel: { layouts }, plan }: Compiled, slice: Slice): GPUBindGroup[] {
    const key = `${slice.key} ${plan.name}`;
    const known = this.groups.get(key);
    if (known) return known;
    const { data, hyper, constants } = this.memory;
    const { state, frozen, order, series, moments } = slice.chunk;
    const buffers: Buffers = {
      ...this.slices.memoryOf(slice),
      data,
      hyper,
      constants,
      state,
      frozen,
      order,
      series,
      moments,
    };
    const run = { buffer: this.runs, size: structBytes(RUN_SCHEMA, RUN_ZERO).byteLength };
    const made = layouts.map((layout, g) =>
      this.device.gpu.createBindGroup({
        layout,
        entries: [
          ...(g === 0 ? [{ binding: 0, resource: run }] : []),
          ...plan.bindings[g]!.flatMap((one, i) =>
            one
              ? [{ binding: i + (g === 0 ? 1 : 0), resource: { buffer: buffers[one.buffer]! } }]
              : [],
          ),
        ],
      }),
    );
    this.groups.set(key, made);
    return made;
  }
}

/** Group 0 begins with the uniform. */
const bindingsOf = ({ bindings }: BatchedKernel): Bindings =>
  bindings.map((group, g) => [
    ...(g === 0 ? (["uniform-at-offset"] as const) : []),
    ...group.map((one) => one?.access ?? null),
  ]);
