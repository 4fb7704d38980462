/** What a table of times must say of the machine: processor, system, adapter, load. */
import { readFileSync } from "node:fs";
import { cpus, release, type } from "node:os";
import { openDevice, VERSION } from "../../engine/index.ts";

export interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly system: string;
  readonly node: string;
  readonly thermograd: string;
  readonly adapter: string;
  readonly driver: string;
  /** Whether the adapter runs on the processor as well. */
  readonly software: boolean;
}

/** The processor's name as Linux tells it, where Node's is empty. */
function processorName(): string {
  const model = cpus()[0]?.model.trim() ?? "";
  if (model !== "" && model !== "unknown") return model;
  try {
    return /^model name\s*:\s*(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "unknown";
  } catch {
    return "unknown";
  }
}

export async function describeMachine(): Promise<Machine> {
  const device = await openDevice();
  const { adapter, driver, software } = device.info;
  await device.destroy();
  return {
    processor: processorName(),
    processors: cpus().length,
    system: `${type()} ${release()}`,
    node: process.versions.node,
    thermograd: VERSION,
    adapter,
    driver,
    software,
  };
}
