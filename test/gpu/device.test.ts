/** Opening, watching and closing devices, on the drivers of this machine and in fresh processes. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { type Device, openDevice, uncapturedError, watch } from "../../engine/device.ts";
import { describeDevices, printDevices } from "../../engine/deviceReport.ts";
import { DeviceLostError, LimitError, NoAdapterError, ShaderError } from "../../engine/errors.ts";
import { openTier } from "../gpu.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Runs a module text in a fresh Node; rejects when it does not exit by itself in 30 s. */
async function inFreshProcess(text: string, env: Record<string, string> = {}): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--import", "tsx", "--input-type=module", "-e", text],
    { cwd: root, env: { ...process.env, ...env }, timeout: 30_000 },
  );
  return stdout.trim();
}

const OPEN = `
  import { openDevice } from "./engine/device.ts";
  const device = await openDevice();
  const { gpu } = device;
  const staging = gpu.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ });
  await staging.mapAsync(GPUMapMode.READ);
  console.log(device.info.adapter, device.info.source, staging.getMappedRange().byteLength);
`;

describe("openDevice", () => {
  let device: Device | undefined;
  afterEach(async () => {
    await device?.destroy();
    device = undefined;
  });

  test("without a name: whatever executes; raised limits are the adapter's", async () => {
    device = await openDevice();
    const { devices, used } = await describeDevices();
    expect(device.info.adapter).toBe(used?.name);
    const reported = devices.find(({ name }) => name === used?.name);
    const { limits } = device.gpu;
    expect(limits.maxBufferSize).toBe(reported?.limits.maxBufferSize);
    expect(limits.maxStorageBufferBindingSize).toBe(reported?.limits.maxStorageBufferBindingSize);
    expect(limits.maxComputeInvocationsPerWorkgroup).toBe(256); // WebGPU's default
    expect(limits.maxStorageBuffersPerShaderStage).toBe(8);
  });

  test("SwiftShader by name is the embedded one, beside another open device", async () => {
    await using other = await openDevice();
    device = await openDevice({ adapter: "swiftshader" });
    expect(device.info).toMatchObject({ source: "embedded", software: true });
    expect(device.info.adapter).toContain("SwiftShader");
    await device.gpu.queue.onSubmittedWorkDone();
    await other.gpu.queue.onSubmittedWorkDone();
  });

  test("an unknown name lists the adapters", async () => {
    const opening = openDevice({ adapter: "Voodoo 2" });
    await expect(opening).rejects.toThrow(NoAdapterError);
    await expect(opening).rejects.toThrow(/no adapter is named "Voodoo 2"; there are: .*"null"/);
  });

  test("check() throws the first stray error once", async () => {
    device = await openDevice({ adapter: "null" });
    device.check();
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE; // not allowed together
    device.gpu.createBuffer({ label: "first", size: 16, usage });
    device.gpu.createBuffer({ label: "second", size: 16, usage });
    await device.gpu.queue.onSubmittedWorkDone();
    expect(() => device?.check()).toThrow(/first.*a bug in thermograd/s);
    device.check();
    device.gpu.createShaderModule({ code: "fn broken( {" });
    await device.gpu.queue.onSubmittedWorkDone();
    expect(() => device?.check()).toThrow(ShaderError);
  });
});

describe("loss and stray errors", () => {
  /** An event target that is lost on command: no driver here can be made to fail. */
  function fakeDevice(): { gpu: GPUDevice; lose: (info: Partial<GPUDeviceLostInfo>) => void } {
    let lose = (_: Partial<GPUDeviceLostInfo>): void => undefined;
    const lost = new Promise<Partial<GPUDeviceLostInfo>>((resolve) => {
      lose = resolve;
    });
    const destroy = (): void => lose({ reason: "destroyed" });
    const gpu = Object.assign(new EventTarget(), { lost, destroy }) as unknown as GPUDevice;
    return { gpu, lose };
  }
  const info = { adapter: "", driver: "", software: true, source: "system", reason: "" } as const;
  const settled = (lost: Promise<unknown>): Promise<unknown> =>
    Promise.race([lost, new Promise((resolve) => setTimeout(resolve, 20, "pending"))]);

  test("a loss resolves `lost`, and check() throws from then on", async () => {
    const { gpu, lose } = fakeDevice();
    const device = watch(gpu, info);
    lose({ reason: "unknown", message: "VK_ERROR_DEVICE_LOST" });
    expect(await settled(device.lost)).toMatchObject({ message: "VK_ERROR_DEVICE_LOST" });
    expect(() => device.check()).toThrow(DeviceLostError);
    expect(() => device.check()).toThrow(/VK_ERROR_DEVICE_LOST.*last checkpoint/);
  });

  test("destroy() is no loss", async () => {
    const device = watch(fakeDevice().gpu, info);
    await device.destroy();
    expect(await settled(device.lost)).toBe("pending");
    device.check();
  });

  test("stray errors get the class that fits", () => {
    expect(uncapturedError("GPUOutOfMemoryError", "8 GiB")).toBeInstanceOf(LimitError);
    const parsing = "Error while parsing WGSL: :1:12 error: unresolved";
    expect(uncapturedError("GPUValidationError", parsing)).toBeInstanceOf(ShaderError);
    expect(uncapturedError("GPUValidationError", "usage").name).toBe("Error");
  });
});

describe("in a fresh process", () => {
  test("disposal lets Node exit, on the default and on the embedded device", async () => {
    const text = `${OPEN} await device.destroy();`;
    expect(await inFreshProcess(text)).toMatch(/ 16$/);
    expect(await inFreshProcess(text, { THERMOGRAD_ADAPTER: "SwiftShader" })).toMatch(
      /^SwiftShader.* embedded 16$/,
    );
  });

  test("no driver in the system: the embedded device is used", async () => {
    const text = `${OPEN} await device.destroy();`;
    expect(await inFreshProcess(text, { VK_DRIVER_FILES: "/nonexistent" })).toMatch(
      /^SwiftShader.* embedded 16$/,
    );
  });

  test("a damaged cache heals", async () => {
    const cache = await mkdtemp(join(tmpdir(), "thermograd-cache-"));
    const env = { XDG_CACHE_HOME: cache, THERMOGRAD_ADAPTER: "SwiftShader" };
    const text = `${OPEN} await device.destroy();`;
    try {
      await inFreshProcess(text, env);
      const [folder] = await readdir(join(cache, "thermograd"));
      await truncate(join(cache, "thermograd", folder!, "libvk_swiftshader.so"), 1000);
      expect(await inFreshProcess(text, env)).toMatch(/embedded 16$/);
      expect(await readdir(join(cache, "thermograd"))).toEqual([folder]);
    } finally {
      await rm(cache, { recursive: true, force: true });
    }
  });

  test("two processes that unpack at once both get their device", async () => {
    const cache = await mkdtemp(join(tmpdir(), "thermograd-cache-"));
    const env = { XDG_CACHE_HOME: cache, THERMOGRAD_ADAPTER: "SwiftShader" };
    try {
      const text = `${OPEN} await device.destroy();`;
      const both = await Promise.all([inFreshProcess(text, env), inFreshProcess(text, env)]);
      for (const printed of both) expect(printed).toMatch(/embedded 16$/);
    } finally {
      await rm(cache, { recursive: true, force: true });
    }
  });

  test("standard output stays clean: stray errors are not printed there", async () => {
    const text = `${OPEN}
      gpu.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
      await gpu.queue.onSubmittedWorkDone();
      await device.destroy();`;
    expect((await inFreshProcess(text)).split("\n")).toHaveLength(1);
  });
});

test("describeDevices: the embedded device is there, with limits, and a star marks the used one", async () => {
  const report = await describeDevices("SwiftShader");
  const embedded = report.devices.find(({ source }) => source === "embedded");
  expect(embedded).toMatchObject({ software: true, backend: "vulkan" });
  expect(embedded?.limits.maxComputeWorkgroupStorageSize).toBeGreaterThanOrEqual(16384);
  expect(report.used?.name).toBe(embedded?.name);
  expect(printDevices(report)).toContain(`* ${embedded?.name}`);
  expect(structuredClone(report)).toEqual(report);
});

test("describeDevices does not throw where nothing fits", async () => {
  const report = await describeDevices("Voodoo 2");
  expect(report.used).toBeNull();
  expect(printDevices(report)).toContain('problem: openDevice: no adapter is named "Voodoo 2"');
  expect(printDevices({ devices: [], used: null, problems: [] })).toContain("No WebGPU adapter");
});

describe("openTier", () => {
  const nothing = (): Promise<Device> => Promise.reject(new NoAdapterError("nothing"));

  test("a missing software tier fails, and is skipped only with GPU=optional", async () => {
    await expect(openTier("software", undefined, nothing)).rejects.toThrow(NoAdapterError);
    await expect(openTier("software", "require", nothing)).rejects.toThrow(NoAdapterError);
    expect(await openTier("software", "optional", nothing)).toBe("no adapter: nothing");
  });

  test("a software device is no hardware tier, and GPU=require says so", async () => {
    const swiftshader = (): Promise<Device> => openDevice({ adapter: "SwiftShader" });
    expect(await openTier("hardware", undefined, swiftshader)).toMatch(/needs a GPU, found Swift/);
    await expect(openTier("hardware", "require", swiftshader)).rejects.toThrow(/GPU=require/);
    expect(await openTier("hardware", undefined, nothing)).toBe("no adapter: nothing");
  });
});
