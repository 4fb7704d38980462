/**
 * Adapters of a browser: `navigator.gpu` in a page or a dedicated worker. Browsers show at most
 * two adapters (default and fallback) and tell little about them.
 */
import { NoAdapterError } from "../errors.ts";
import {
  type ChosenAdapter,
  type FoundAdapter,
  isSoftware,
  type Platform,
  printNames,
} from "./platform.ts";
import { tuningDatabase } from "./tuningDatabase.ts";

const gpu = (): GPU | undefined => globalThis.navigator?.gpu;

function remedy(): string {
  if (globalThis.isSecureContext === false) {
    return "WebGPU is hidden from pages that are not secure; serve over https or from localhost";
  }
  if (gpu() === undefined) {
    return (
      "this browser has no navigator.gpu; use Chrome or Edge 113+, Safari 26+ or Firefox 141+ " +
      "(not every platform), with hardware acceleration on"
    );
  }
  return (
    "navigator.gpu gives no adapter: turn hardware acceleration on, or, for a software device, " +
    "start Chromium with --enable-unsafe-webgpu (or set chrome://flags/#enable-unsafe-webgpu)"
  );
}

function describe(adapter: GPUAdapter): FoundAdapter {
  const { info } = adapter;
  const told = [info.vendor, info.architecture, info.device].filter((word) => word);
  const name = info.description || told.join(" ") || "unnamed adapter";
  const software = isSoftware(info, name);
  return { adapter, name, driver: told.join(" "), backend: "browser", software, source: "browser" };
}

async function list(): Promise<FoundAdapter[]> {
  const wishes: GPURequestAdapterOptions[] = [
    { powerPreference: "high-performance" },
    { forceFallbackAdapter: true },
  ];
  const found: FoundAdapter[] = [];
  for (const wish of wishes) {
    const adapter = await gpu()?.requestAdapter(wish);
    if (!adapter) continue;
    const described = describe(adapter);
    const known = found.some((other) => other.name === described.name);
    if (!known) found.push(described);
  }
  return found;
}

async function choose(wanted?: string): Promise<ChosenAdapter> {
  const adapters = await list();
  if (adapters.length === 0)
    throw new NoAdapterError(`openDevice: no WebGPU adapter; ${remedy()}.`);
  if (!wanted) {
    const reason = adapters[0]!.software ? "the browser offers no GPU" : "the browser's first GPU";
    return { ...adapters[0]!, reason };
  }
  const text = (found: FoundAdapter): string => `${found.name} ${found.driver}`.toLowerCase();
  const found = adapters.find((candidate) => text(candidate).includes(wanted.toLowerCase()));
  if (found) return { ...found, reason: `asked for by name ("${wanted}")` };
  throw new NoAdapterError(
    `openDevice: no adapter is named "${wanted}"; this browser offers: ` +
      `${printNames(adapters.map((adapter) => adapter.name))}.`,
  );
}

export const platform: Platform = {
  choose,
  list: async () => ({ adapters: await list(), problems: [] }),
  tunings: tuningDatabase,
  mayTune: () => true,
};
