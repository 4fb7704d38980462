/**
 * The one door to a GPU: an adapter chosen, a device opened, its limits and its end.
 */

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
  /** Resolves with the reason when the device is lost for another cause than `destroy()`. */
  readonly lost: Promise<GPUDeviceLostInfo>;
  destroy(): Promise<void>;
}

export interface DeviceOptions {
  /** Part of an adapter's name, e.g. `llvmpipe`, `SwiftShader`, `null`. */
  readonly adapter?: string;
}
