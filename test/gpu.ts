/** The device of a test file: whatever adapter there is, opened once, destroyed in `afterAll`. */
import { create, globals } from "webgpu";

// Kept for the life of the process: lavapipe crashes when the object of `create` is collected.
let instance: GPU | undefined;

/** @throws when there is no adapter: a GPU test without a GPU must not look like a pass. */
export async function testDevice(): Promise<GPUDevice> {
  Object.assign(globalThis, globals);
  const adapterName = process.env.THERMOGRAD_ADAPTER;
  instance ??= create(adapterName === undefined ? [] : [`adapter=${adapterName}`]);
  const adapter = await instance.requestAdapter();
  if (adapter === null) {
    throw new Error(
      "test: no WebGPU adapter; install a Vulkan driver (npm run setup:lavapipe) " +
        "or set THERMOGRAD_ADAPTER to one that exists.",
    );
  }
  return adapter.requestDevice();
}

/** A device that compiles but never executes: Dawn's null backend, present everywhere. */
export async function nullDevice(): Promise<GPUDevice> {
  Object.assign(globalThis, globals);
  instance = create(["backend=null"]);
  const adapter = await instance.requestAdapter();
  if (adapter === null) throw new Error("test: Dawn's null backend is missing.");
  return adapter.requestDevice();
}
