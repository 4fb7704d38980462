/**
 * What the commands ask of the world: experiments, a device, two streams, signals.
 *
 * `wiring.ts` gives the real ones, tests give fakes. Whatever is heavy is behind a function, so
 * that `thermograd --help` loads none of it.
 */
import type { CostGrowth } from "../bench/costGrowth.ts";
import type { Roofline } from "../bench/roofline.ts";
import type { Device, DeviceOptions } from "../engine/device.ts";
import type { PlanSetting } from "../engine/index.ts";
import type { Experiment, Figure, Progress } from "../experiments/experiment.ts";

export interface Output {
  write(text: string): unknown;
  /** Width of the terminal, where it is one. */
  readonly columns?: number | undefined;
}

export interface ExplainHow {
  /** Empty: what the tuner, or the rule, chooses. */
  readonly setting: PlanSetting;
  /** null: nothing is to be measured. */
  readonly openDevice: (() => Promise<Device>) | null;
}

/** Prints graph, gradient, plan and WGSL of a model. */
export interface Explainer {
  /** Experiments and models that can be explained. */
  readonly names: readonly string[];
  readonly explain: (name: string, how: ExplainHow) => Promise<string>;
}

export interface Workload {
  readonly id: string;
  readonly title: string;
  /** Runs only when it is named. */
  readonly extra?: boolean;
  /** Name by which it is asked for together with others. */
  readonly group?: string;
}

/** One row of `bench --json`; its keys are a contract. */
export interface BenchRow {
  readonly workload: string;
  readonly schedule: string;
  readonly replicas: number;
  readonly params: number;
  readonly batchSize: number;
  readonly replicaStepsPerSecond: number;
  readonly gflops: number;
  /** Share of the adapter's measured peak; null where no peak was measured. */
  readonly fractionOfPeak: number | null;
  readonly adapter: string;
  readonly seconds: number;
}

export interface BenchOptions {
  readonly workloads: readonly Workload[];
  readonly device: Device;
  readonly onProgress?: (progress: Progress) => void;
  /** Hears of the adapter's roofline before the first workload. */
  readonly onRoofline?: (roofline: Roofline) => void;
  readonly signal?: AbortSignal;
}

export interface Bench {
  readonly workloads: readonly Workload[];
  /** Methods, not properties: a bench may know more of its workloads and rows than is said here. */
  runBench(options: BenchOptions): Promise<readonly BenchRow[]>;
  /** The rows for a reader. */
  printBench(rows: readonly BenchRow[]): string;
  /** The roofline for a reader, without the last newline. */
  printRoofline(roofline: Roofline): string;
  /** Time per replica-step against replicas and parameters. */
  measureCostGrowth(options: Omit<BenchOptions, "workloads" | "onRoofline">): Promise<CostGrowth>;
  costFigures(growth: CostGrowth): readonly Figure[];
  printCostGrowth(growth: CostGrowth): string;
}

export interface Io {
  readonly experiments: () => Promise<readonly Experiment[]>;
  readonly openDevice: (options: DeviceOptions) => Promise<Device>;
  readonly describeDevices: (options: DeviceOptions) => Promise<string | object>;
  readonly explain: () => Promise<Explainer>;
  readonly bench: () => Promise<Bench>;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Whether stderr is a terminal: only then is progress drawn. */
  readonly isTTY: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative paths of the command line begin here. */
  readonly cwd: string;
  /** Calls back at each SIGINT and SIGTERM until the returned function is called. */
  readonly onInterrupt: (handler: () => void) => () => void;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

export const EXIT = { ok: 0, disagrees: 1, badInput: 2, bug: 70, interrupted: 130 } as const;

/** Columns of stdout; 100 in a pipe, and on terminals that do not know (they say 0). */
export const widthOf = (io: Io): number => io.stdout.columns || 100;

/** Options of `openDevice`: `--adapter`, else `THERMOGRAD_ADAPTER`, else none. */
export function deviceOptions(io: Io, adapter: string | undefined): DeviceOptions {
  const chosen = adapter ?? io.env.THERMOGRAD_ADAPTER;
  return chosen === undefined || chosen === "" ? {} : { adapter: chosen };
}
