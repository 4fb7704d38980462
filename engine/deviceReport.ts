/** What `thermograd devices` shows: every adapter found, and which one is used and why. */
import { platform } from "#adapter";
import type { FoundAdapter } from "./adapter/platform.ts";
import { WELCOME } from "./device.ts";

/** Limits that bound what an ensemble can hold. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupsPerDimension",
] as const;

export interface ReportedDevice {
  readonly name: string;
  readonly driver: string;
  readonly backend: string;
  readonly software: boolean;
  readonly source: "system" | "embedded" | "browser";
  /** What the adapter offers, by WebGPU's names; counts or bytes. */
  readonly limits: Readonly<Record<string, number>>;
  readonly features: readonly string[];
}

/** Plain data: prints as JSON, crosses `postMessage`. */
export interface DeviceReport {
  readonly devices: readonly ReportedDevice[];
  /** What `openDevice()` would use; null when it would throw. */
  readonly used: { readonly name: string; readonly reason: string } | null;
  /** Why nothing, or not everything, was found; empty when all went well. */
  readonly problems: readonly string[];
}

const reported = (found: FoundAdapter): ReportedDevice => ({
  name: found.name,
  driver: found.driver,
  backend: found.backend,
  software: found.software,
  source: found.source,
  limits: Object.fromEntries(LIMITS.map((limit) => [limit, found.adapter.limits[limit]])),
  features: [...found.adapter.features].sort(),
});

/**
 * Looks at every adapter without opening a device. Never throws: what went wrong is in `problems`.
 *
 * `wanted` is part of an adapter's name, as in `openDevice({ adapter })`.
 */
export async function describeDevices(wanted?: string): Promise<DeviceReport> {
  const problems = new Set<string>();
  const note = (error: unknown): null => {
    problems.add(error instanceof Error ? error.message : String(error));
    return null;
  };
  const found = await platform.list();
  for (const problem of found.problems) problems.add(problem);
  const chosen = await platform.choose(wanted).catch(note);
  return {
    devices: found.adapters.map(reported),
    used: chosen && { name: chosen.name, reason: chosen.reason },
    problems: [...problems],
  };
}

/** 16 KiB, 1 GiB; plain numbers where the limit is no size. */
function printLimit(name: string, value: number): string {
  if (!name.endsWith("Size")) return `${value}`;
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  let amount = value;
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${Number(amount.toFixed(2))} ${units[unit]}`;
}

/** Those thermograd enables (`device.ts`) by name, the others as a count. */
function printFeatures(features: readonly string[]): string {
  const used = features.filter((feature) => WELCOME.some((welcome) => welcome === feature));
  return `${used.join(", ") || "none"} (and ${features.length - used.length} that are not used)`;
}

function printOne(device: ReportedDevice, used: boolean): string[] {
  const kind = device.software ? "software, runs on the CPU" : "GPU";
  const source = { system: "system driver", embedded: "from npm", browser: "browser" };
  const limits = Object.entries(device.limits);
  const width = Math.max(...limits.map(([name]) => name.length));
  return [
    `${used ? "*" : " "} ${device.name}`,
    `    ${kind}; ${device.backend}; ${source[device.source]}; ${device.driver}`,
    ...limits.map(([name, value]) => `    ${name.padEnd(width)}  ${printLimit(name, value)}`),
    `    features  ${printFeatures(device.features)}`,
  ];
}

/** The report as text; the device that is used is marked with a star. */
export function printDevices(report: DeviceReport): string {
  const lines = report.devices.flatMap((d) => printOne(d, d.name === report.used?.name));
  if (report.devices.length === 0) lines.push("No WebGPU adapter was found.");
  if (report.used) lines.push("", `used: ${report.used.name} (${report.used.reason})`);
  lines.push(...report.problems.map((problem) => `problem: ${problem}`));
  return `${lines.join("\n")}\n`;
}
