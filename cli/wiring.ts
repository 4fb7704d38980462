/**
 * The real world for the commands: the experiments, Dawn, this process's streams and signals.
 *
 * Modules are named by variables and loaded when asked for, so that `--help` loads none of them.
 */
import type { Device, DeviceOptions } from "../engine/device.ts";
import type { Experiment } from "../experiments/experiment.ts";
import type { Bench, Explainer, Io } from "./io.ts";

interface DeviceModule {
  readonly openDevice: (options: DeviceOptions) => Promise<Device>;
  readonly describeDevices: (options: DeviceOptions) => Promise<string | object>;
}

const load = async <Module>(path: string): Promise<Module> =>
  (await import(new URL(path, import.meta.url).href)) as Module;

function onInterrupt(handler: () => void): () => void {
  process.on("SIGINT", handler);
  process.on("SIGTERM", handler);
  return () => {
    process.off("SIGINT", handler);
    process.off("SIGTERM", handler);
  };
}

/** What the commands are given when they run as a program. */
export const processIo = (): Io => ({
  experiments: async () => {
    const module = await load<{ experiments: readonly Experiment[] }>("../experiments/index.ts");
    return module.experiments;
  },
  openDevice: async (options) =>
    (await load<DeviceModule>("../engine/device.ts")).openDevice(options),
  describeDevices: async (options) =>
    (await load<DeviceModule>("../engine/device.ts")).describeDevices(options),
  explain: () => load<Explainer>("../engine/explain.ts"),
  bench: () => load<Bench>("../bench/index.ts"),
  stdout: process.stdout,
  stderr: process.stderr,
  isTTY: process.stderr.isTTY === true,
  env: process.env,
  cwd: process.cwd(),
  onInterrupt,
  exit: (code) => process.exit(code),
});
