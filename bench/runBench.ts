/**
 * The bench: the adapter's roofline, then each workload as a fraction of it.
 *
 * Numbers of different adapters never share a table: every row names its own.
 */
import type { Device } from "../engine/index.ts";
import { floatingPointOperations } from "../engine/plan/floatingPointOperations.ts";

import { type Measurement, type MeasureOptions, measure, median, quantile } from "./measure.ts";
import { type MatmulMeasurement, measureMatmul } from "./measureMatmul.ts";
import { measureSearch, type SearchMeasurement } from "./measureSearch.ts";
import { measureTuner, type TunerMeasurement } from "./measureTuner.ts";
import { measureRoofline, type Roofline, type RooflineOptions } from "./roofline.ts";
import type {
  MatmulWorkload,
  Schedule,
  SearchWorkload,
  TunerWorkload,
  Workload,
} from "./workload.ts";

/**
 * One row of `bench --json`. Rates are medians over the repeats. Of a search the replicas are its points,
 * the params their dimensions, the batch the neighbors of each, the rate its points per second. Of products [m, k] × [k, n] the
 * replicas are the matrices, the params m n, the batch k, the rate products per second, the schedule the tile.
 */
export interface BenchRow {
  readonly workload: string;
  readonly schedule: string;
  readonly replicas: number;
  readonly params: number;
  readonly batchSize: number;
  readonly replicaStepsPerSecond: number;
  /** 10⁹ floating-point operations per second, counted by the graph, see `floatingPointOperations`. */
  readonly gflops: number;
  /** `gflops` over twice the multiply-adds per second measured in the same run; null on the host. */
  readonly fractionOfPeak: number | null;
  readonly adapter: string;
  /** Of the timed repeats together. */
  readonly seconds: number;
  /** Quartiles of the repeats' replica-steps per second. */
  readonly spread: readonly [lower: number, upper: number];
  readonly repeats: number;
  /**
   * vec4f of data loaded per second over those measured in the same run, from addresses of each
   * invocation's own; null where a schedule's loads are shared and not counted.
   */
  readonly fractionOfLoadPeak: number | null;
  /** Extra time beside plain SGD without observables, as a share; only where a workload differs. */
  readonly overhead?: number;
  /** Of the tuner's choice: the best candidate's rate over its own, seconds of tuning, of asking again. */
  readonly tuner?: {
    readonly ratio: number;
    readonly coldSeconds: number;
    readonly warmSeconds: number;
  };
  /** Of a search: seconds of one on the device and of the loop, and the median of their ratios. */
  readonly search?: {
    readonly seconds: number;
    readonly loopSeconds: number;
    readonly ratio: number;
  };
}

export interface BenchProgress {
  readonly phase: string;
  readonly fraction: number;
  readonly replicaStepsPerSecond: number;
}

export interface BenchOptions {
  readonly workloads: readonly (Workload | TunerWorkload | SearchWorkload | MatmulWorkload)[];
  readonly device: Device;
  readonly onProgress?: (progress: BenchProgress) => void;
  /** Hears of the adapter's roofline before the first workload. */
  readonly onRoofline?: (roofline: Roofline) => void;
  readonly signal?: AbortSignal;
  /** Instead of the schedule that each workload's plan chooses. */
  readonly schedule?: Schedule;
  /** Shorter measurements, for tests. */
  readonly measurement?: Pick<MeasureOptions, "seconds" | "repeats">;
  readonly roofline?: RooflineOptions;
}

function makeRow(
  workload: Workload,
  { schedule, rates, seconds, overhead, dataLoads }: Measurement,
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
    fractionOfLoadPeak:
      dataLoads === null
        ? null
        : (dataLoads * replicaStepsPerSecond) / roofline.vectorLoadsPerSecond,
    ...(overhead !== null && { overhead }),
  };
}

/** A row for each candidate; that of the choice says what the tuner came to. */
function tunerRows(
  workload: Workload,
  { candidates, ratio, coldSeconds, warmSeconds }: TunerMeasurement,
  roofline: Roofline,
  adapter: string,
): BenchRow[] {
  return candidates.map(({ setting, isChosen, rates, seconds }) => ({
    ...makeRow(
      workload,
      { schedule: setting, rates, seconds, overhead: null, dataLoads: null },
      roofline,
      adapter,
    ),
    ...(isChosen && { tuner: { ratio, coldSeconds, warmSeconds } }),
  }));
}

/** The search, and the loop over all pairs it is compared with. */
function searchRows(
  { id, search }: SearchWorkload,
  measured: SearchMeasurement,
  roofline: Roofline,
  adapter: string,
): BenchRow[] {
  const { points, dimensions, neighbors } = search;
  // A difference, a square, a sum for each coordinate of each pair.
  const operations = 3 * points ** 2 * dimensions;
  const row = (seconds: readonly number[]): Omit<BenchRow, "schedule" | "fractionOfPeak"> => {
    const rates = seconds.map((one) => points / one);
    return {
      workload: id,
      replicas: points,
      params: dimensions,
      batchSize: neighbors,
      replicaStepsPerSecond: median(rates),
      gflops: operations / median(seconds) / 1e9,
      adapter,
      seconds: seconds.reduce((sum, one) => sum + one, 0),
      spread: [quantile(rates, 0.25), quantile(rates, 0.75)],
      repeats: seconds.length,
      fractionOfLoadPeak: null,
    };
  };
  const device = row(measured.search);
  const peak = roofline.multiplyAddsPerSecond;
  const times = {
    seconds: median(measured.search),
    loopSeconds: median(measured.loop),
    ratio: measured.ratio,
  };
  return [
    {
      ...device,
      schedule: "search",
      fractionOfPeak: (device.gflops * 1e9) / (2 * peak),
      search: times,
    },
    { ...row(measured.loop), schedule: "loop", fractionOfPeak: null, adapter: "one core, float64" },
  ];
}

/** A row for each tile that was timed, the default first. */
const matmulRows = (
  { id, matmul: { m, n, k, matrices } }: MatmulWorkload,
  measured: readonly MatmulMeasurement[],
  roofline: Roofline,
  adapter: string,
): BenchRow[] =>
  measured.map(({ tile, seconds, total }) => {
    const rates = seconds.map((one) => matrices / one);
    const perSecond = 2 * m * n * k * median(rates);
    return {
      workload: id,
      schedule: tile,
      replicas: matrices,
      params: m * n,
      batchSize: k,
      replicaStepsPerSecond: median(rates),
      gflops: perSecond / 1e9,
      fractionOfPeak: perSecond / (2 * roofline.multiplyAddsPerSecond),
      adapter,
      seconds: total,
      spread: [quantile(rates, 0.25), quantile(rates, 0.75)],
      repeats: seconds.length,
      fractionOfLoadPeak: null,
    };
  });

/**
 * Measures workloads on a device, in the order given.
 *
 * Throws when a workload does not train, a search finds other neighbors than the loop, or a product or a
 * kernel of the roofline is wrong.
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
    const settings: MeasureOptions = {
      ...options.measurement,
      ...(signal && { signal }),
      ...(options.schedule && { schedule: options.schedule }),
      onRepeat: (done, of, rate) => tell(workload.id, i + 1 + done / of, rate),
    };
    const { adapter } = device.info;
    if ("search" in workload) {
      const measured = await measureSearch(device, workload, settings);
      rows.push(...searchRows(workload, measured, roofline, adapter));
    } else if ("tuner" in workload) {
      const measured = await measureTuner(device, workload, settings);
      rows.push(...tunerRows(workload, measured, roofline, adapter));
    } else if ("matmul" in workload) {
      const measured = await measureMatmul(device, workload, settings);
      rows.push(...matmulRows(workload, measured, roofline, adapter));
    } else {
      rows.push(makeRow(workload, await measure(device, workload, settings), roofline, adapter));
    }
  }
  return rows;
}
