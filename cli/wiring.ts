/**
 * The real world for the commands: the experiments, Dawn, this process's streams and signals.
 *
 * Everything is loaded when asked for, so that `--help` loads none of it.
 */
import type { Io } from "./io.ts";

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
  experiments: async () => (await import("../experiments/index.ts")).experiments,
  openDevice: async (options) => (await import("../engine/index.ts")).openDevice(options),
  describeDevices: async ({ adapter }) => {
    const { describeDevices, printDevices } = await import("../engine/index.ts");
    return printDevices(await describeDevices(adapter));
  },
  explain: async () => (await import("./explainer.ts")).createExplainer(),
  bench: () => import("../bench/index.ts"),
  stdout: process.stdout,
  stderr: process.stderr,
  isTTY: process.stderr.isTTY === true,
  env: process.env,
  cwd: process.cwd(),
  onInterrupt,
  exit: (code) => process.exit(code),
});
