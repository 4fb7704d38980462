/**
 * Linked shaders → compute pipelines, cached by text and overrides, with errors at their source.
 */
import type { Device } from "../device.ts";
import { ShaderError } from "../errors.ts";
import { type LinkedShader, locate } from "../wgsl/link.ts";

/** One binding of a kernel, as the pipeline layout wants it; of several uniforms, one is chosen by its offset. */
export type BindingKind = "uniform" | "uniform-at-offset" | "read-only-storage" | "storage";

const bufferLayout = (kind: BindingKind): GPUBufferBindingLayout =>
  kind === "uniform-at-offset" ? { type: "uniform", hasDynamicOffset: true } : { type: kind };

/** [group][binding] → kind; holes are null. */
export type Bindings = readonly (readonly (BindingKind | null)[])[];

export interface Kernel {
  readonly pipeline: GPUComputePipeline;
  readonly layouts: readonly GPUBindGroupLayout[];
}

/** Dispatches workgroups in rows, as many in each as the device takes. */
export function dispatchRows(
  pass: GPUComputePassEncoder,
  workgroups: number,
  { maxComputeWorkgroupsPerDimension: widest }: GPUSupportedLimits,
): void {
  const rows = Math.ceil(workgroups / widest);
  pass.dispatchWorkgroups(Math.ceil(workgroups / rows), rows);
}

const caches = new WeakMap<GPUDevice, Map<string, Promise<Kernel>>>();

/** Throws `ShaderError` with file, line and source where the text does not compile. */
async function checkModule(module: GPUShaderModule, shader: LinkedShader): Promise<void> {
  const { messages } = await module.getCompilationInfo();
  const error = messages.find((message) => message.type === "error");
  if (!error) return;
  const lines = shader.code.split("\n");
  const context = lines.slice(Math.max(0, error.lineNum - 2), error.lineNum + 1).join("\n");
  throw new ShaderError(`${locate(shader, error.lineNum)} ${error.message}\n${context}`);
}

async function build(
  { gpu }: Device,
  shader: LinkedShader,
  bindings: Bindings,
  overrides: Readonly<Record<string, number>>,
): Promise<Kernel> {
  // The scope closes before anything is awaited: other calls' errors never fall into it.
  gpu.pushErrorScope("validation");
  const module = gpu.createShaderModule({ code: shader.code });
  const layouts = bindings.map((group) =>
    gpu.createBindGroupLayout({
      entries: group.flatMap((kind, binding) =>
        kind === null
          ? []
          : [{ binding, visibility: GPUShaderStage.COMPUTE, buffer: bufferLayout(kind) }],
      ),
    }),
  );
  const layout = gpu.createPipelineLayout({ bindGroupLayouts: layouts });
  const scope = gpu.popErrorScope();
  await checkModule(module, shader);
  const failure = await scope;
  if (failure) throw new ShaderError(`pipeline: ${failure.message}`);
  const pipeline = await gpu
    .createComputePipelineAsync({
      layout,
      compute: { module, entryPoint: "main", constants: { ...overrides } },
    })
    .catch((error: unknown) => {
      throw new ShaderError(`pipeline: ${error instanceof Error ? error.message : String(error)}`);
    });
  return { pipeline, layouts };
}

/** The pipeline of a linked shader on a device; compiled once for the same text and overrides. */
export function kernel(
  device: Device,
  shader: LinkedShader,
  bindings: Bindings,
  overrides: Readonly<Record<string, number>>,
): Promise<Kernel> {
  let cache = caches.get(device.gpu);
  if (!cache) {
    cache = new Map();
    caches.set(device.gpu, cache);
  }
  const key = `${JSON.stringify([overrides, bindings])}\n${shader.code}`;
  let made = cache.get(key);
  if (!made) {
    made = build(device, shader, bindings, overrides);
    cache.set(key, made);
    // A failed build is not remembered.
    made.catch(() => cache.delete(key));
  }
  return made;
}
