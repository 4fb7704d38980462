/**
 * A pass over a data set for every replica: slices of lanes, dispatches of bounded work, readback.
 *
 * What `evaluate.ts` (means of scalars) and `fullGradient.ts` (sums of vectors) have in common.
 */
import type { Device } from "../device.ts";
import { invariant } from "../errors.ts";
import type { Model } from "../model.ts";
import { GROUP_MEAN, type InteractionRequest, loadGroupMean } from "../plan/interactionSlots.ts";
import type { UpdateRule } from "../update/updateRule.ts";
import { hyperparameterLoader, hyperparameterStruct } from "../wgsl/hyperparameters.ts";
import { type Schema, structBytes } from "../wgsl/layout.ts";
import type { SlotBody } from "../wgsl/link.ts";
import { type Readback, uniform } from "./buffers.ts";
import type { Chunk } from "./chunk.ts";

export const DATA_PASS = {
  first_lane: "u32",
  lanes: "u32",
  state_lanes: "u32",
  global_lane: "u32",
  replicas: "u32",
  samples: "u32",
  block: "u32",
  conditions: "u32",
} as const satisfies Schema;

export const WORKGROUP = 16;

export interface DataPass {
  readonly device: Device;
  readonly chunks: readonly Chunk[];
  readonly data: GPUBuffer;
  readonly samples: number;
  /** λ, [condition] */
  readonly decay: GPUBuffer;
  /** Hyperparameters, where the kernels read them; null where the model has no settings. */
  readonly hyper: GPUBuffer | null;
  readonly conditions: number;
  /** Replicas of one condition. */
  readonly replicas: number;
  readonly readback: Readback;
}

/** A range of a chunk's lanes that one dispatch takes. */
export interface Slice {
  readonly chunk: Chunk;
  /** Within the chunk. */
  readonly first: number;
  readonly lanes: number;
}

/** Every lane once, in slices of at most `widest`. */
export const slicesOf = (chunks: readonly Chunk[], widest: number): Slice[] =>
  chunks.flatMap((chunk) =>
    Array.from({ length: Math.ceil(chunk.lanes / widest) }, (_, k) => {
      const first = k * widest;
      return { chunk, first, lanes: Math.min(widest, chunk.lanes - first) };
    }),
  );

/** How a pass is cut, and what it does with a slice. */
export interface SliceWork {
  /** Samples summed in f32 by one invocation. */
  readonly block: number;
  /** Lanes of a slice, at most. */
  readonly widest: number;
  /** f32 words of the result, for each lane. */
  readonly words: number;
  readonly result: GPUBuffer;
  readonly encode: (pass: GPUComputePassEncoder, slice: Slice, run: GPUBuffer) => void;
  /** [word, lane of the slice] */
  readonly take: (words: Float32Array, slice: Slice) => void;
}

/** Lanes whose sample evaluations are `work` of a dispatch, at most; at least one. */
export const widestSlice = (work: number, samples: number): number =>
  Math.max(1, Math.min(1 << 16, Math.floor(work / samples)));

export async function passOver(pass: DataPass, work: SliceWork): Promise<void> {
  const { gpu } = pass.device;
  const run = uniform(gpu, "data pass", 32);
  for (const chunk of pass.chunks) {
    for (let first = 0; first < chunk.lanes; first += work.widest) {
      const lanes = Math.min(work.widest, chunk.lanes - first);
      const slice = { chunk, first, lanes };
      const values = {
        first_lane: first,
        lanes,
        state_lanes: chunk.lanes,
        global_lane: chunk.firstLane,
        replicas: pass.replicas,
        samples: pass.samples,
        block: work.block,
        conditions: pass.conditions,
      };
      gpu.queue.writeBuffer(run, 0, structBytes(DATA_PASS, values));
      const encoder = gpu.createCommandEncoder();
      const compute = encoder.beginComputePass();
      work.encode(compute, slice, run);
      compute.end();
      gpu.queue.submit([encoder.finish()]);
      const size = 4 * work.words * lanes;
      const [bytes] = await pass.readback.read([{ buffer: work.result, offset: 0, size }]);
      work.take(new Float32Array(bytes!), slice);
    }
  }
  run.destroy();
}

/** A bind group of whole buffers, in the order of their bindings; null is left out. */
export const bindGroup = (
  gpu: GPUDevice,
  layout: GPUBindGroupLayout,
  buffers: readonly (GPUBuffer | null)[],
): GPUBindGroup =>
  gpu.createBindGroup({
    layout,
    entries: buffers.flatMap((buffer, binding) =>
      buffer ? [{ binding, resource: { buffer } }] : [],
    ),
  });

/** Where the hyperparameters stand among a kernel's bindings. */
const HYPER = 5;

/** What a generated function needs beside the sample and the parameters. */
export interface SettingSource {
  /** Says where the model's settings stand; null where it has none. */
  readonly rule?: UpdateRule | null;
  /** With whom replicas interact; null where they do not. */
  readonly interaction?: InteractionRequest | null;
}

/**
 * How a generated function is given the hyperparameters of its lane's condition, where the model has
 * settings, and the means over its group, where replicas interact: declarations, loads, and `call`, the
 * line that calls it, with `h`.
 */
export function settingSlots(
  { name, settings, interacts }: Model,
  { rule = null, interaction = null }: SettingSource,
  call: string,
): Record<string, SlotBody> {
  const declarations: string[] = [];
  const load: string[] = [];
  if (settings.length > 0) {
    invariant(rule, `no rule says where the settings of ${name} stand`);
    declarations.push(
      `@group(0) @binding(${HYPER}) var<storage, read> hyper: array<f32>;  // [hyperparameter, condition]`,
      hyperparameterStruct(rule),
      hyperparameterLoader(rule),
    );
    load.push("let h = hyperparameters((run.global_lane + lane) / run.replicas);");
  }
  if (interacts) {
    invariant(interaction, `nothing says with whom replicas of ${name} interact`);
    declarations.push(GROUP_MEAN);
    load.push(...loadGroupMean(interaction, "run.state_lanes"));
  }
  if (load.length === 0) return {};
  return {
    settings: { code: declarations.join("\n") },
    load_settings: { code: load.map((line) => `  ${line}`).join("\n") },
    ...(settings.length > 0 && { evaluate: { code: `    ${call}` } }),
  };
}
