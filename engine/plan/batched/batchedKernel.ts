/** A kernel of the schedule `batched`, as plain data: text, bindings by what they are, its grid. */
import { sources } from "#shaders";
import type { Dynamics } from "../../update/dynamics.ts";
import { hyperparameterLoader, hyperparameterStruct } from "../../wgsl/hyperparameters.ts";
import { structText } from "../../wgsl/layout.ts";
import { type LinkedShader, link, type SlotBody } from "../../wgsl/link.ts";
import type { BatchedMemory } from "./batchedMemory.ts";
import type { SampleSource } from "./sampleSource.ts";

/** What a kernel binds beside its uniform, by its place in the shader. */
export type BatchedBuffer =
  | "replicas"
  | "scratch"
  | "batch"
  | "data"
  | "hyper"
  | "state"
  | "frozen"
  | "order"
  | "series"
  | "moments"
  | "constants"
  | "totals"
  | "blocks"
  | "each"
  | "decay"
  | "products";

export interface BatchedBinding {
  readonly buffer: BatchedBuffer;
  readonly access: "read-only-storage" | "storage";
}

/** [group][binding] after the uniform, which is binding 0 of group 0. */
export type BatchedBindings = readonly (readonly (BatchedBinding | null)[])[];

export interface BatchedKernel {
  /** What it computes, e.g. `matvec_0 add_1 relu_2`. */
  readonly name: string;
  readonly shader: LinkedShader;
  readonly bindings: BatchedBindings;
  readonly overrides: Readonly<Record<string, number>>;
  /** Workgroups for a number of lanes. */
  readonly grid: (lanes: number) => readonly [x: number, y: number, z: number];
}

export const reads = (buffer: BatchedBuffer): BatchedBinding => ({
  buffer,
  access: "read-only-storage",
});
export const writes = (buffer: BatchedBuffer): BatchedBinding => ({ buffer, access: "storage" });

/** What all kernels of a plan have in common. */
export interface KernelContext {
  readonly dynamics: Dynamics;
  readonly parameterCount: number;
  readonly memory: BatchedMemory;
  readonly source: SampleSource;
}

export interface KernelText {
  readonly params?: Readonly<Record<string, string>>;
  readonly slots?: Readonly<Record<string, SlotBody>>;
}

/** Links a file below `shaders/batched/` with what every kernel of the plan knows. */
export function batchedShader(
  file: string,
  { dynamics: { rule }, parameterCount, memory, source }: KernelContext,
  { params = {}, slots = {} }: KernelText,
  { hyperparameters = true } = {},
): LinkedShader {
  return link(
    `batched/${file}`,
    {
      params: {
        PARAMS: `${parameterCount}u`,
        VECTOR: `${memory.vectorWords}u`,
        REPLICA: `${memory.replicaWords}u`,
        SCRATCH: `${memory.scratchWords}u`,
        ...params,
      },
      slots: {
        run: { code: structText("Run", source.run) },
        hyperparameters: { code: hyperparameterStruct(rule) },
        ...(hyperparameters && { load_hyperparameters: { code: hyperparameterLoader(rule) } }),
        ...slots,
      },
    },
    sources,
  );
}

/** Lines of a slot, indented as its file is. */
export const slot = (lines: readonly string[], spaces = 2): SlotBody => ({
  code: lines.map((line) => `${" ".repeat(spaces)}${line}`).join("\n"),
});

/** Workgroups along an axis, WebGPU's default limit. */
const WIDEST = 65535;

/** A number of workgroups as rows and layers, none beyond the limit. */
export function inLayers(groups: number): readonly [along: number, layers: number] {
  const layers = Math.ceil(groups / WIDEST);
  return [Math.ceil(groups / layers), layers];
}
