/**
 * The bench: the adapter's roofline, then each workload as a fraction of it.
 *
 * Numbers of different adapters never share a table: every row names its own.
 */
import type { Device } from "../engine/index.ts";
import { floatingPointOperations } from "../engine/plan/floatingPointOperations.ts";
import { type Measurement, type MeasureOptions, measure, median, quantile } from "./measure.ts";
import { measureRoofline, type Roofline, type RooflineOptions } from "./roofline.ts";
import type { Workload } from "./workload.ts";

/** One row of `bench --json`. Rates are medians over the repeats. */
export interface BenchRow {
  readonly workload: string;
  readonly schedule: string;
  readonly replicas: number;
  readonly params: number;
  readonly batchSize: number;
  readonly replicaStepsPerSecond: number;
  /** 10⁹ floating-point operations per second, counted by the graph, see `floatingPointOperations`. */
  readonly gflops: number;
  /** `gflops` over twice the multiply-adds per second measured in the same run. */
  readonly fractionOfPeak: number;
  readonly adapter: string;
  /** Of the timed repeats together. */
  readonly seconds: number;
  /** Quartiles of the repeats' replica-steps per second. */
  readonly spread: readonly [lower: number, upper: number];
  readonly repeats: number;
  /** Extra time beside plain SGD without observables, as a share; only where a workload differs. */
  readonly overhead?: number;
}

export interface BenchProgress {
  readonly phase: string;
  readonly fraction: number;
  readonly replicaStepsPerSecond: number;
}

export interface BenchOptions {
  readonly workloads: readonly Workload[];
  readonly device: Device;
  readonly onProgress?: (progress: BenchProgress) => void;
  /** Hears of the adapter's roofline before the first workload. */
  readonly onRoofline?: (roofline: Roofline) => void;
  readonly signal?: AbortSignal;
  /** Shorter measurements, for tests. */
  readonly measurement?: Pick<MeasureOptions, "seconds" | "repeats">;
  readonly roofline?: RooflineOptions;
}

function makeRow(
  workload: Workload,
  { schedule, rates, seconds, overhead }: Measurement,
  roofline: Roofline,
  adapter: string,
): BenchRow {
  const { model, replicas, batchSize } = workload;
  const replicaStepsPerSecond = median(rates);
  const perReplicaStep = batchSize * floatingPointOperations(model);
  const perSecond = perReplicaStep * replicaStepsPerSecond;
  return {
    workload: workload.id,
    schedule,
    replicas,
    params: model.parameterCount,
    batchSize,
    replicaStepsPerSecond,
    gflops: perSecond / 1e9,
    fractionOfPeak: perSecond / (2 * roofline.multiplyAddsPerSecond),
    adapter,
    seconds,
    spread: [quantile(rates, 0.25), quantile(rates, 0.75)],
    repeats: rates.length,
    ...(overhead !== null && { overhead }),
  };
}

/**
 * Measures workloads on a device, in the order given.
 *
 * Throws when a workload does not train or a kernel of the roofline computes something wrong.
 *
 * @example
 * const rows = await runBench({ workloads: workloads.filter(({ id }) => id === "w1"), device });
 */
export async function runBench(options: BenchOptions): Promise<BenchRow[]> {
  const { workloads, device, onProgress, signal } = options;
  const tell = (phase: string, done: number, rate: number): void =>
    onProgress?.({
      phase,
      fraction: done / (workloads.length + 1),
      replicaStepsPerSecond: rate,
    });
  tell("roofline", 0, 0);
  const roofline = await measureRoofline(device, options.roofline);
  options.onRoofline?.(roofline);
  const rows: BenchRow[] = [];
  for (const [i, workload] of workloads.entries()) {
    signal?.throwIfAborted();
    tell(workload.id, i + 1, 0);
    const measurement = await measure(device, workload, {
      ...options.measurement,
      ...(signal && { signal }),
      onRepeat: (done, of, rate) => tell(workload.id, i + 1 + done / of, rate),
    });
    rows.push(makeRow(workload, measurement, roofline, device.info.adapter));
  }
  return rows;
}
