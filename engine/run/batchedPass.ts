/**
 * Runs a pass over a data set by the kernels of the schedule `batched`: slices of lanes, blocks of samples,
 * several blocks encoded into a submit, one readback for each slice.
 *
 * What a pass computes is `plan/batched/passPlan.ts`. Results depend on neither slices nor submits.
 */
import type { Device } from "../device.ts";
import type { BatchedBuffer, BatchedKernel } from "../plan/batched/batchedKernel.ts";
import type { PassPlan } from "../plan/batched/passPlan.ts";
import { PASS_SCHEMA } from "../plan/batched/sampleSource.ts";
import { structBytes } from "../wgsl/layout.ts";
import { type Readback, storage, uniform } from "./buffers.ts";
import type { Chunk } from "./chunk.ts";
import type { Slice } from "./dataPass.ts";
import { Pacer } from "./pacer.ts";
import { type Bindings, type Kernel, kernel } from "./pipeline.ts";

/** What a pass reads, beside the vectors that it is given. */
export interface PassSource {
  readonly device: Device;
  readonly chunks: readonly Chunk[];
  readonly data: GPUBuffer;
  readonly samples: number;
  readonly hyper: GPUBuffer;
  /** λ of each condition. */
  readonly decay: readonly number[];
  /** Replicas of one condition. */
  readonly replicas: number;
  readonly readback: Readback;
}

export interface PassResult {
  /** Sums over the data, [scalar, lane of the slice]. */
  readonly scalars: Float64Array;
  /** [product, lane of the slice] */
  readonly products: Float64Array;
  /** Scalars of every sample, [lane of the slice, scalar, sample]. */
  readonly each: Float32Array;
  /** The finished vector, [lane of the slice, word]; empty unless asked for. */
  readonly vector: Float32Array;
}

export interface BatchedPass {
  /** Lanes of a slice, at most. */
  readonly widest: number;
  /** Words of a vector, the parameters first. */
  readonly vectorWords: number;
  /** Gives every lane of the next slice its direction, [lane of the slice, word]. */
  readonly write: (directions: Float32Array<ArrayBuffer>) => void;
  readonly run: (slice: Slice, want?: { readonly vector?: boolean }) => Promise<PassResult>;
  readonly destroy: () => void;
}

/** Bytes of the working copy of a slice, about. */
const SLICE_BYTES = 1 << 26;
/** Blocks of one submit, at most. */
const BLOCKS = 128;
/** Multiply-adds of the first submit, a few milliseconds at worst, and blocks of lanes. */
const FIRST_WORK = 1 << 25;
const FIRST_BLOCKS = 64;

const ZERO = Object.fromEntries(Object.keys(PASS_SCHEMA).map((name) => [name, 0])) as Record<
  keyof typeof PASS_SCHEMA,
  number
>;

const RUN_BYTES = structBytes(PASS_SCHEMA, ZERO).byteLength;

/** Group 0 begins with the uniform. */
const bindingsOf = ({ bindings }: BatchedKernel): Bindings =>
  bindings.map((group, g) => [
    ...(g === 0 ? (["uniform-at-offset"] as const) : []),
    ...group.map((one) => one?.access ?? null),
  ]);

/** Lanes of a slice, even slices: none is left with a few lanes. */
function widestOf({ chunks }: PassSource, plan: PassPlan): number {
  const { replicaWords, scratchWords, vectorWords } = plan.memory;
  const kept = (plan.hasVector ? vectorWords : 0) + plan.each * plan.samples;
  const each = 4 * (replicaWords + scratchWords + kept);
  const widest = Math.max(...chunks.map(({ lanes }) => lanes));
  const most = Math.max(1, Math.min(plan.mostLanes, Math.floor(SLICE_BYTES / each), widest));
  return Math.ceil(widest / Math.ceil(widest / most));
}

/** Compiles a pass and makes its buffers. */
export async function openBatchedPass(source: PassSource, plan: PassPlan): Promise<BatchedPass> {
  const { device, readback } = source;
  const { gpu } = device;
  const plans = [plan.load, ...plan.step, ...plan.finish];
  const kernels = new Map<BatchedKernel, Kernel>(
    await Promise.all(
      plans.map(
        async (one) =>
          [one, await kernel(device, one.shader, bindingsOf(one), one.overrides)] as const,
      ),
    ),
  );
  const widest = widestOf(source, plan);
  const { replicaWords, scratchWords, vectorWords } = plan.memory;
  const make = (label: string, words: number): GPUBuffer => storage(gpu, label, 4 * words * widest);
  const own = {
    replicas: make("replicas of a pass", replicaWords),
    scratch: make("scratch of a pass", scratchWords),
    totals: make("totals", plan.hasVector ? vectorWords : 0),
    blocks: make("sums of blocks", plan.scalars * plan.blocks),
    each: make("scalars of samples", plan.each * plan.samples),
    products: make("inner products", 4 * plan.productGroups),
    decay: storage(gpu, "weight decay", Float32Array.from(source.decay)),
  };
  const alignment = gpu.limits.minUniformBufferOffsetAlignment;
  const stride = alignment * Math.ceil(RUN_BYTES / alignment);
  const runs = uniform(gpu, "blocks of the data", BLOCKS * stride);
  const first = Math.ceil(FIRST_WORK / plan.multiplyAdds);
  const pacer = new Pacer(device, undefined, Math.min(FIRST_BLOCKS, first));

  const bindGroups = (one: BatchedKernel, { state }: Chunk): GPUBindGroup[] => {
    const { data, hyper } = source;
    const buffers: Partial<Record<BatchedBuffer, GPUBuffer>> = { ...own, data, hyper, state };
    return kernels.get(one)!.layouts.map((layout, g) =>
      gpu.createBindGroup({
        layout,
        entries: [
          ...(g === 0 ? [{ binding: 0, resource: { buffer: runs, size: RUN_BYTES } }] : []),
          ...one.bindings[g]!.flatMap((bound, i) =>
            bound
              ? [{ binding: i + (g === 0 ? 1 : 0), resource: { buffer: buffers[bound.buffer]! } }]
              : [],
          ),
        ],
      }),
    );
  };
  const writeRuns = (slice: Slice, from: number, count: number): void => {
    const bytes = new Uint8Array((count - 1) * stride + RUN_BYTES);
    for (let k = 0; k < count; k += 1) {
      const start = (from + k) * plan.block;
      const values = {
        ...ZERO,
        first_lane: slice.first,
        last_lane: slice.first + slice.lanes,
        lanes: slice.chunk.lanes,
        global_lane: slice.chunk.firstLane,
        replicas: source.replicas,
        conditions: source.decay.length,
        first_sample: start,
        batch: Math.min(plan.block, source.samples - start),
        block: from + k,
        samples: source.samples,
      };
      bytes.set(structBytes(PASS_SCHEMA, values), k * stride);
    }
    gpu.queue.writeBuffer(runs, 0, bytes);
  };
  const submitAll = async (slice: Slice): Promise<void> => {
    const groups = new Map(plans.map((one) => [one, bindGroups(one, slice.chunk)]));
    for (let done = 0; done < plan.blocks; ) {
      const some = pacer.steps(slice.lanes, plan.blocks - done, BLOCKS);
      writeRuns(slice, done, some);
      const encoder = gpu.createCommandEncoder();
      if (done === 0) encoder.clearBuffer(own.totals);
      const pass = encoder.beginComputePass();
      const run = (one: BatchedKernel, k: number): void => {
        pass.setPipeline(kernels.get(one)!.pipeline);
        groups.get(one)!.forEach((group, g) => {
          pass.setBindGroup(g, group, g === 0 ? [k * stride] : []);
        });
        pass.dispatchWorkgroups(...one.grid(slice.lanes));
      };
      if (done === 0) run(plan.load, 0);
      for (let k = 0; k < some; k += 1) for (const one of plan.step) run(one, k);
      done += some;
      if (done === plan.blocks) for (const one of plan.finish) run(one, some - 1);
      pass.end();
      gpu.queue.submit([encoder.finish()]);
      await pacer.submitted(some * slice.lanes);
    }
  };
  return {
    widest,
    vectorWords,
    write: (directions) => gpu.queue.writeBuffer(own.replicas, 0, inRows(directions, plan)),
    run: async (slice, { vector = false } = {}) => {
      await submitAll(slice);
      const { lanes } = slice;
      const range = (buffer: GPUBuffer, words: number) => ({
        buffer,
        offset: 0,
        size: 4 * words * lanes,
      });
      const [blocks, each, products, rows] = await readback.read([
        range(own.blocks, plan.scalars * plan.blocks),
        range(own.each, plan.each * plan.samples),
        range(own.products, 4 * plan.productGroups),
        range(own.totals, vector ? vectorWords : 0),
      ]);
      return {
        scalars: sumBlocks(new Float32Array(blocks!), plan.scalars * lanes),
        products: sumGroups(new Float32Array(products!), plan.productGroups, lanes),
        each: new Float32Array(each!),
        vector: new Float32Array(rows!),
      };
    },
    destroy: () => {
      for (const buffer of [...Object.values(own), runs]) buffer.destroy();
    },
  };
}

/** Directions in the rows of a replica's vectors, behind θ. */
function inRows(
  directions: Float32Array<ArrayBuffer>,
  { memory: { vectorWords, replicaWords, directionAt } }: PassPlan,
): Float32Array<ArrayBuffer> {
  const lanes = directions.length / vectorWords;
  const rows = new Float32Array(lanes * replicaWords);
  for (let lane = 0; lane < lanes; lane += 1) {
    const direction = directions.subarray(lane * vectorWords, (lane + 1) * vectorWords);
    rows.set(direction, lane * replicaWords + directionAt);
  }
  return rows;
}

/** Σ over blocks of [block, …], in float64. */
function sumBlocks(words: Float32Array, each: number): Float64Array {
  const sums = new Float64Array(each);
  words.forEach((word, at) => {
    sums[at % each]! += word;
  });
  return sums;
}

/** [lane, group, product] → Σ over groups, [product, lane] */
function sumGroups(words: Float32Array, groups: number, lanes: number): Float64Array {
  const sums = new Float64Array(4 * lanes);
  words.forEach((word, at) => {
    const lane = Math.floor(at / (4 * groups));
    sums[(at % 4) * lanes + lane]! += word;
  });
  return sums;
}
