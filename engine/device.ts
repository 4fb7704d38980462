/**
 * The one door to a GPU: an adapter chosen, a device opened, its limits and its end.
 *
 * The same import works in Node (npm `webgpu`, i.e. Dawn) and in a page or worker
 * (`navigator.gpu`): `#adapter` resolves to `adapter/node.ts` or `adapter/browser.ts`.
 * A device that is never destroyed keeps Node from exiting: use `await using`, or `destroy()`.
 */
import { platform } from "#adapter";
import type { ChosenAdapter } from "./adapter/platform.ts";
import { DeviceLostError, LimitError, ShaderError } from "./errors.ts";
import type { Execution } from "./execution.ts";

export interface DeviceInfo {
  /** e.g. `llvmpipe (LLVM 19.1.7, 256 bits)`. */
  readonly adapter: string;
  readonly driver: string;
  /** Runs on the CPU: lavapipe, SwiftShader, a fallback adapter. */
  readonly software: boolean;
  /** Where it came from: the system, the software device shipped with the package, a browser. */
  readonly source: "system" | "embedded" | "browser";
  /** Why this one was chosen, one sentence. */
  readonly reason: string;
}

export interface Device extends AsyncDisposable {
  readonly gpu: GPUDevice;
  readonly info: DeviceInfo;
  /** For ensembles on this device, where their own options leave something open. */
  readonly execution?: Execution;
  /** Resolves with the reason when the device is lost for another cause than `destroy()`. */
  readonly lost: Promise<GPUDeviceLostInfo>;
  /**
   * Throws the first error that no error scope caught since the last call, or `DeviceLostError`.
   * WebGPU reports such errors late: await a readback or `onSubmittedWorkDone()` before.
   */
  check(): void;
  destroy(): Promise<void>;
}

export interface DeviceOptions {
  /** Part of an adapter's name, e.g. `llvmpipe`, `SwiftShader`, `null`. */
  readonly adapter?: string;
  /** How ensembles on this device are run, unless their own options say so. */
  readonly execution?: Execution;
}

/** Raised to what the adapter offers; all other limits stay at WebGPU's defaults. */
const RAISED = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
] as const;

/** Enabled where the adapter has them; nothing depends on them. */
export const WELCOME: readonly GPUFeatureName[] = ["timestamp-query", "subgroups", "shader-f16"];

/** The error thermograd throws for one that WebGPU reported outside of any scope. */
export function uncapturedError(kind: string, message: string): Error {
  const text = message.trim();
  if (kind === "GPUOutOfMemoryError") {
    return new LimitError(
      `device: out of memory (${text}); use fewer replicas, or observe in smaller chunks.`,
    );
  }
  if (/parsing WGSL|validating WGSL|ShaderModule|entry point/i.test(text)) {
    return new ShaderError(`device: ${text}`);
  }
  return new Error(`device: ${text} (${kind}, a bug in thermograd)`);
}

const lossError = (info: GPUDeviceLostInfo): DeviceLostError =>
  new DeviceLostError(
    `device: lost (${info.message.trim() || info.reason || "no reason told"}); ` +
      "open it again and resume from the last checkpoint.",
  );

function requestDevice({ adapter }: ChosenAdapter): Promise<GPUDevice> {
  const requiredLimits: Record<string, number> = {};
  for (const name of RAISED) requiredLimits[name] = adapter.limits[name];
  const requiredFeatures = WELCOME.filter((feature) => adapter.features.has(feature));
  return adapter.requestDevice({ requiredLimits, requiredFeatures });
}

/** Watches an open WebGPU device: its loss, its stray errors, its end. */
export function watch(gpu: GPUDevice, info: DeviceInfo, execution: Execution = {}): Device {
  let failure: Error | undefined;
  let destroyed = false;
  gpu.addEventListener("uncapturederror", (event) => {
    event.preventDefault(); // Dawn would print it, on stdout
    failure ??= uncapturedError(event.error.constructor.name, event.error.message);
  });
  const lost = new Promise<GPUDeviceLostInfo>((resolve) => {
    void gpu.lost.then((reason) => {
      if (destroyed || reason.reason === "destroyed") return;
      failure = lossError(reason);
      resolve(reason);
    });
  });
  const destroy = async (): Promise<void> => {
    destroyed = true;
    gpu.destroy();
    await gpu.lost;
  };
  const check = (): void => {
    const error = failure;
    // A lost device stays lost; other errors are told once.
    if (!(error instanceof DeviceLostError)) failure = undefined;
    if (error) throw error;
  };
  return { gpu, info, execution, lost, check, destroy, [Symbol.asyncDispose]: destroy };
}

/**
 * Opens a device: the one asked for by name, else a GPU, else a software device.
 *
 * In Node the environment variable THERMOGRAD_ADAPTER stands in for `adapter` when it is absent.
 * Limits on buffer size, binding size and workgroup memory are what the adapter offers
 * (`device.gpu.limits`), all others WebGPU's defaults; `timestamp-query`, `subgroups` and
 * `shader-f16` are enabled where they exist (`device.gpu.features`).
 *
 * @throws NoAdapterError when there is none, or none of that name; the message names the remedies.
 * @example
 * await using device = await openDevice();
 */
export async function openDevice(options: DeviceOptions = {}): Promise<Device> {
  const chosen = await platform.choose(options.adapter);
  const { name: adapter, driver, software, source, reason } = chosen;
  const gpu = await requestDevice(chosen);
  return watch(gpu, { adapter, driver, software, source, reason }, options.execution);
}
