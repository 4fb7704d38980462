/**
 * Means over groups of replicas that interact, computed on the device: before each step of a schedule,
 * and as of now where something else reads them.
 */
import type { Device } from "../device.ts";
import type { GroupMeansPlan } from "../plan/interactionSlots.ts";
import { RUN_SCHEMA } from "../plan/threadPlan.ts";
import { structBytes } from "../wgsl/layout.ts";
import type { Chunk } from "./chunk.ts";
import type { LaneMemory } from "./laneMemory.ts";
import { RUN_ZERO } from "./laneMemory.ts";
import { type Bindings, dispatchRows, type Kernel, kernel } from "./pipeline.ts";

/** Group 0 of the schedule and of this kernel: which dispatch it is, θ, frozen lanes. */
const BINDINGS: Bindings = [["uniform-at-offset", "storage", "storage"]];

export class GroupMeans {
  readonly groupSize: number;
  private readonly device: Device;
  private readonly plan: GroupMeansPlan;
  private readonly memory: LaneMemory;
  private readonly parameterCount: number;

  constructor(device: Device, plan: GroupMeansPlan, memory: LaneMemory, parameterCount: number) {
    this.device = device;
    this.plan = plan;
    this.memory = memory;
    this.groupSize = plan.groupSize;
    this.parameterCount = parameterCount;
  }

  kernel(): Promise<Kernel> {
    return kernel(this.device, this.plan.shader, BINDINGS, {});
  }

  /** Encodes the means of `lanes` lanes, those that the uniform at group 0 names. */
  encode(pass: GPUComputePassEncoder, { pipeline }: Kernel, lanes: number): void {
    const means = (lanes / this.groupSize) * this.parameterCount;
    pass.setPipeline(pipeline);
    dispatchRows(pass, Math.ceil(means / this.plan.meansPerWorkgroup), this.device.gpu.limits);
  }

  /** The means of all groups as of now. */
  async refresh(): Promise<void> {
    const compiled = await this.kernel();
    for (const chunk of this.memory.chunks) this.refreshChunk(compiled, chunk);
  }

  private refreshChunk(compiled: Kernel, chunk: Chunk): void {
    const { gpu } = this.device;
    const { lanes } = chunk;
    const values = { ...RUN_ZERO, first_lane: 0, last_lane: lanes, lanes };
    gpu.queue.writeBuffer(this.memory.run, 0, structBytes(RUN_SCHEMA, values));
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    const resources = [this.memory.runResource, { buffer: chunk.state }, { buffer: chunk.frozen }];
    const group = gpu.createBindGroup({
      layout: compiled.layouts[0]!,
      entries: resources.map((resource, binding) => ({ binding, resource })),
    });
    pass.setBindGroup(0, group, [0]);
    this.encode(pass, compiled, lanes);
    pass.end();
    gpu.queue.submit([encoder.finish()]);
  }
}
