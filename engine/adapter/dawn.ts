/**
 * Adapters of Dawn in Node (npm `webgpu`): the system's, the packed SwiftShader, the null backend.
 *
 * Every object that `create()` returned is kept for the life of the process: lavapipe crashes when
 * one is collected under a living device. One is kept for each adapter, so their number is bounded.
 * The Vulkan loader reads its driver list from the environment inside `requestAdapter()`, which
 * enumerates synchronously; the environment is put back right after, so that both drivers can be
 * used side by side. Dawn's notices on stderr ("artificially reduced") are written by its C++ to
 * file descriptor 2 and have no switch (docs/devices.md).
 */
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { isMainThread } from "node:worker_threads";
import { NoAdapterError } from "../errors.ts";
import { swiftshaderFolder } from "./packed.ts";
import { type FoundAdapter, isSoftware } from "./platform.ts";

/** A place adapters come from; `node.ts` asks them in order, tests put in their own. */
export interface AdapterSource {
  /** Names of the adapters, empty when there is none. */
  readonly names: () => Promise<string[]>;
  readonly open: (name: string) => Promise<FoundAdapter | undefined>;
}

const kept = new Map<string, GPU>();

/** Loads Dawn and makes `GPUBufferUsage` and its like global, as they are in a browser. */
async function loadDawn(): Promise<typeof import("webgpu")> {
  let dawn: typeof import("webgpu");
  try {
    dawn = await import("webgpu");
  } catch (error) {
    const fact = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new NoAdapterError(
      `openDevice: the npm package webgpu does not load here (${process.platform}-` +
        `${process.arch}: ${fact}); run npm ci again, or use a platform it is built for ` +
        "(linux, macOS, Windows on x64 or arm64).",
    );
  }
  for (const [name, value] of Object.entries(dawn.globals)) {
    if (name in globalThis) continue;
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  return dawn;
}

async function instance(key: string, flags: string[]): Promise<GPU> {
  const dawn = await loadDawn();
  let gpu = kept.get(key);
  if (gpu === undefined) {
    gpu = dawn.create(flags);
    kept.set(key, gpu);
  }
  return gpu;
}

// Dawn tells the names only when it refuses one; this is part of no adapter's name.
const NOBODY = "<list adapters>";
const LISTED = /^ \* backend: '([^']*)', name: '(.*)'$/gm;

/** `[backend, name]` of each adapter in Dawn's refusal of an unknown name. */
export const parseListing = (refusal: string): [backend: string, name: string][] =>
  [...refusal.matchAll(LISTED)].map(([, backend, name]) => [backend!, name!]);

const describe = (
  adapter: GPUAdapter,
  name: string,
  rest: Pick<FoundAdapter, "backend" | "source">,
): FoundAdapter => ({
  adapter,
  name,
  driver: adapter.info.description,
  software: isSoftware(adapter.info, name),
  ...rest,
});

let systemListing: Promise<[backend: string, name: string][]> | undefined;

async function listSystem(): Promise<[backend: string, name: string][]> {
  const gpu = await instance("list", [`adapter=${NOBODY}`]);
  try {
    await gpu.requestAdapter();
    return []; // no adapter at all: resolves with null
  } catch (error) {
    return parseListing(error instanceof Error ? error.message : String(error));
  }
}

/** Adapters of the installed drivers. */
export const systemSource: AdapterSource = {
  names: async () => {
    systemListing ??= listSystem();
    return (await systemListing).map(([, name]) => name);
  },
  open: async (name) => {
    systemListing ??= listSystem();
    const backend = (await systemListing).find(([, listed]) => listed === name)?.[0];
    if (backend === undefined) return undefined;
    const gpu = await instance(`system ${name}`, [`adapter=${name}`]);
    const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
    return adapter ? describe(adapter, name, { backend, source: "system" }) : undefined;
  },
};

const SWIFTSHADER = "SwiftShader Device (Subzero)";

/** Calls `request` with the Vulkan loader pointed at one driver. */
function withDriver<T>(icd: string, request: () => T): T {
  const names = ["VK_ICD_FILENAMES", "VK_DRIVER_FILES", "VK_ADD_DRIVER_FILES"];
  const before = names.map((name) => process.env[name]);
  for (const name of names) delete process.env[name];
  process.env.VK_ICD_FILENAMES = icd;
  try {
    return request();
  } finally {
    names.forEach((name, i) => {
      if (before[i] === undefined) delete process.env[name];
      else process.env[name] = before[i];
    });
  }
}

/** Makes the packed Vulkan loader resident, for systems that have none. */
function loadVulkanLoader(path: string): void {
  const { RTLD_NOW, RTLD_GLOBAL } = constants.dlopen;
  const RTLD_NODELETE = 0x1000;
  try {
    process.dlopen({ exports: {} }, path, RTLD_NOW! | RTLD_GLOBAL! | RTLD_NODELETE);
  } catch {
    // "did not self-register": it is no Node module. It stays loaded, and the dynamic linker
    // answers Dawn's own dlopen("libvulkan.so.1") with it.
  }
}

async function openSwiftshader(folder: string): Promise<GPUAdapter | undefined> {
  const icd = join(folder, "vk_swiftshader_icd.json");
  const request = async (key: string): Promise<GPUAdapter | null> => {
    const gpu = await instance(key, []);
    return withDriver(icd, () => gpu.requestAdapter());
  };
  const adapter = await request("embedded");
  if (adapter) return adapter;
  loadVulkanLoader(join(folder, "libvulkan.so.1"));
  return (await request("embedded, own loader")) ?? undefined;
}

/** The SwiftShader that comes with the npm package (linux x64). */
export const embeddedSource: AdapterSource = {
  names: async () => {
    // A worker thread's process.env is a copy that the Vulkan loader never sees.
    if (!isMainThread) return [];
    const folder = await swiftshaderFolder();
    return folder !== undefined && existsSync(folder) ? [SWIFTSHADER] : [];
  },
  open: async (name) => {
    const folder = await swiftshaderFolder();
    if (name !== SWIFTSHADER || folder === undefined) return undefined;
    const adapter = await openSwiftshader(folder);
    return adapter && describe(adapter, name, { backend: "vulkan", source: "embedded" });
  },
};

/** Dawn's null backend: validates everything, executes nothing. Always there. */
export const nullSource: AdapterSource = {
  names: async () => ["null"],
  open: async () => {
    const adapter = await (await instance("null", ["backend=null"])).requestAdapter();
    if (!adapter) return undefined;
    const found = describe(adapter, "null", { backend: "null", source: "embedded" });
    return { ...found, driver: "Dawn's null backend: validates, executes nothing", software: true };
  },
};
