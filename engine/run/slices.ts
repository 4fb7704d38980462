/**
 * Slices of lanes that the schedule `batched` takes steps in, and their device memory.
 *
 * Scratch is shared: slices are worked on one after another. The working copy of θ and kept vectors is a
 * slice's own while all copies together are few bytes; it then stays what it is from stretch to stretch.
 */
import type { BatchedMemory } from "../plan/batched/batchedMemory.ts";
import { storage } from "./buffers.ts";
import type { Chunk } from "./chunk.ts";

export interface SliceBudget {
  /** Bytes of the buffers of a slice at work, about. */
  readonly slice: number;
  /** Bytes of all working copies up to which each slice keeps its own. */
  readonly kept: number;
}

/** A slice takes half of what WebGPU binds by default. */
export const SLICE_BUDGET: SliceBudget = { slice: 2 ** 26, kept: 2 ** 30 };

export interface Slice {
  readonly chunk: Chunk;
  /** Lanes of the chunk, [first, last). */
  readonly first: number;
  readonly last: number;
  /** Slices of the same key have the same buffers. */
  readonly key: number;
  /** Is its working copy that of its lanes, and is it ahead of their state? */
  resident: boolean;
  ahead: boolean;
}

interface SliceMemory {
  readonly replicas: GPUBuffer;
  readonly scratch: GPUBuffer;
  readonly batch: GPUBuffer;
}

interface SlicedPlan {
  readonly memory: Pick<BatchedMemory, "replicaWords" | "scratchWords">;
  readonly maxBatch: number;
  readonly mostLanes: number;
}

export class Slices {
  readonly all: readonly Slice[];
  /** Does each slice keep its working copy? */
  readonly areKept: boolean;
  /** Lanes of the widest slice. */
  readonly lanes: number;
  private readonly gpu: GPUDevice;
  private readonly plan: SlicedPlan;
  private readonly copies = new Map<number, GPUBuffer>();
  private shared: Omit<SliceMemory, "replicas"> | null = null;

  constructor(gpu: GPUDevice, plan: SlicedPlan, chunks: readonly Chunk[], budget: SliceBudget) {
    this.gpu = gpu;
    this.plan = plan;
    const { replicaWords, scratchWords } = plan.memory;
    const cached = Math.floor(budget.slice / (4 * (replicaWords + scratchWords)));
    const widest = Math.max(...chunks.map(({ lanes }) => lanes));
    const most = Math.max(1, Math.min(plan.mostLanes, cached, widest));
    // Even slices: none is left with a few lanes.
    this.lanes = Math.ceil(widest / Math.ceil(widest / most));
    const total = chunks.reduce((sum, { lanes }) => sum + lanes, 0);
    this.areKept = 4 * replicaWords * total <= budget.kept;
    const all: Slice[] = [];
    for (const [index, chunk] of chunks.entries()) {
      for (let first = 0; first < chunk.lanes; first += this.lanes) {
        const last = Math.min(chunk.lanes, first + this.lanes);
        const key = this.areKept ? all.length : index;
        all.push({ chunk, first, last, key, resident: false, ahead: false });
      }
    }
    this.all = all;
  }

  /** The buffers of a slice, created when it is first worked on. */
  memoryOf({ key, first, last }: Slice): SliceMemory {
    const { memory, maxBatch } = this.plan;
    const words = (label: string, each: number, lanes: number): GPUBuffer =>
      storage(this.gpu, label, 4 * each * lanes);
    this.shared ??= {
      scratch: words("scratch", memory.scratchWords, this.lanes),
      batch: words("batch", maxBatch, this.lanes),
    };
    const own = this.areKept ? key : 0;
    const lanes = this.areKept ? last - first : this.lanes;
    const replicas = this.copies.get(own) ?? words("replicas", memory.replicaWords, lanes);
    this.copies.set(own, replicas);
    return { replicas, ...this.shared };
  }

  destroy(): void {
    for (const copy of this.copies.values()) copy.destroy();
    for (const buffer of Object.values(this.shared ?? {})) buffer.destroy();
  }
}
