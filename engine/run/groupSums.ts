/**
 * Sums over groups of replicas on the device: what grids counted in a window, made small enough to
 * read back. Kernel: `shaders/observe/sum_groups.wgsl`.
 */
import { sources } from "#shaders";
import type { Device } from "../device.ts";
import { LimitError } from "../errors.ts";
import { GROUPS } from "../observe/grid.ts";
import type { ObservationPlan } from "../observe/observation.ts";
import { type Schema, structBytes, structText } from "../wgsl/layout.ts";
import { link } from "../wgsl/link.ts";
import { type Range, storage, uniform } from "./buffers.ts";
import type { Chunk } from "./chunk.ts";
import { kernel } from "./pipeline.ts";

const SCHEMA = {
  words: "u32",
  first_word: "u32",
  lanes: "u32",
  global_lane: "u32",
  replicas: "u32",
  first_condition: "u32",
  conditions: "u32",
  slots: "u32",
} as const satisfies Schema;

const WORKGROUP = 64;

/** The sums of a chunk: which conditions it has lanes of, and how many groups there are. */
export interface SumsShape {
  readonly firstCondition: number;
  readonly conditions: number;
  /** Groups that can hold replicas; slot k holds the ensemble's own replicas k, k + GROUPS, … */
  readonly slots: number;
}

export function sumsShape(firstLane: number, lanes: number, replicas: number): SumsShape {
  const firstCondition = Math.floor(firstLane / replicas);
  const last = Math.floor((firstLane + lanes - 1) / replicas);
  return {
    firstCondition,
    conditions: last + 1 - firstCondition,
    slots: Math.min(GROUPS, replicas),
  };
}

export interface GroupSums {
  /** Queues the sums of every chunk. */
  readonly submit: () => void;
  /** What to read back of a chunk; nothing without grids. */
  readonly ranges: (chunk: number) => readonly Range[];
  readonly destroy: () => void;
}

const NONE: GroupSums = { submit: () => undefined, ranges: () => [], destroy: () => undefined };

/** The sums of an observation; everything is compiled when the promise resolves. */
export async function groupSums(
  device: Device,
  plan: ObservationPlan,
  chunks: readonly Chunk[],
  replicas: number,
): Promise<GroupSums> {
  if (plan.gridWords === 0) return NONE;
  const { gpu } = device;
  const params = { GROUPS: `${GROUPS}u` };
  const slots = { run: { code: structText("Run", SCHEMA) } };
  const shader = link("observe/sum_groups", { params, slots }, sources);
  const { pipeline, layouts } = await kernel(
    device,
    shader,
    [["uniform", "read-only-storage", "storage"]],
    { WORKGROUP },
  );
  const parts = chunks.map((chunk) => chunkSums(gpu, plan, chunk, replicas, layouts[0]!));
  return {
    submit: () => {
      const encoder = gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      for (const { group, count } of parts) {
        const workgroups = Math.ceil(count / WORKGROUP);
        const rows = Math.ceil(workgroups / gpu.limits.maxComputeWorkgroupsPerDimension);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(Math.ceil(workgroups / rows), rows);
      }
      pass.end();
      gpu.queue.submit([encoder.finish()]);
    },
    ranges: (c) => [{ buffer: parts[c]!.sums, offset: 0, size: 4 * parts[c]!.count }],
    destroy: () => {
      for (const { run, sums } of parts) for (const buffer of [run, sums]) buffer.destroy();
    },
  };
}

function chunkSums(
  gpu: GPUDevice,
  plan: ObservationPlan,
  chunk: Chunk,
  replicas: number,
  layout: GPUBindGroupLayout,
): { run: GPUBuffer; sums: GPUBuffer; group: GPUBindGroup; count: number } {
  const { firstCondition, conditions, slots } = sumsShape(chunk.firstLane, chunk.lanes, replicas);
  const count = plan.gridWords * conditions * slots;
  const limit = Math.min(gpu.limits.maxStorageBufferBindingSize, gpu.limits.maxBufferSize);
  if (4 * count > limit) {
    throw new LimitError(
      `observables: the grids' sums of ${conditions} conditions need a buffer of ${4 * count} ` +
        `bytes, this device binds ${limit}; use fewer cells or fewer conditions.`,
    );
  }
  const values = {
    words: plan.gridWords,
    first_word: plan.momentsWords,
    lanes: chunk.lanes,
    global_lane: chunk.firstLane,
    replicas,
    first_condition: firstCondition,
    conditions,
    slots,
  };
  const bytes = structBytes(SCHEMA, values);
  const run = uniform(gpu, "group sums", bytes.byteLength);
  gpu.queue.writeBuffer(run, 0, bytes);
  const sums = storage(gpu, "group sums", 4 * count);
  const buffers = [run, chunk.moments!, sums];
  const group = gpu.createBindGroup({
    layout,
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  return { run, sums, group, count };
}
