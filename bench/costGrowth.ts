/**
 * How the cost grows: time per replica-step against replicas and against parameters, one point after the
 * other until the time is spent, with the schedule that the plan chose for each.
 *
 * Points of both series take turns from small to large, so that a slow adapter leaves out the largest of
 * each. A point that does not fit is skipped with the reason; none is estimated.
 */
import { type Device, ThermogradError } from "../engine/index.ts";
import { floatingPointOperations } from "../engine/plan/floatingPointOperations.ts";

import { parameterSeries, replicaSeries } from "./costWorkloads.ts";
import { type MeasureOptions, measure, quantile } from "./measure.ts";
import { measureRoofline, type RooflineOptions } from "./roofline.ts";
import type { BenchProgress } from "./runBench.ts";
import type { Schedule, Workload } from "./workload.ts";

export type Series = "replicas" | "parameters";

export interface CostPoint {
  readonly series: Series;
  readonly model: string;
  readonly replicas: number;
  readonly params: number;
  readonly batchSize: number;
  /** null where the point was skipped. */
  readonly schedule: string | null;
  /** Median seconds per replica-step, and its quartiles; null where the point was skipped. */
  readonly secondsPerReplicaStep: number | null;
  readonly spread: readonly [lower: number, upper: number] | null;
  /** Seconds that the counted operations take at the measured peak of multiply-adds. */
  readonly secondsAtPeak: number;
  /** Why there is no time; null where there is one. */
  readonly skipped: string | null;
}

export interface CostGrowth {
  readonly adapter: string;
  readonly driver: string;
  /** Multiply-adds per second measured before the first point. */
  readonly multiplyAddsPerSecond: number;
  readonly seconds: number;
  readonly points: readonly CostPoint[];
}

export interface CostOptions {
  readonly device: Device;
  /** No point is begun later than this many seconds after the first; 180 unless said otherwise. */
  readonly budgetSeconds?: number;
  readonly measurement?: Pick<MeasureOptions, "seconds" | "repeats">;
  readonly roofline?: RooflineOptions;
  /** Instead of the schedule that the plan chooses. */
  readonly schedule?: Schedule;
  readonly workloads?: Readonly<Record<Series, readonly Workload[]>>;
  readonly onProgress?: (progress: BenchProgress) => void;
  readonly signal?: AbortSignal;
}

const BUDGET = 180;
const MEASUREMENT = { seconds: 0.3, repeats: 3 };
/** Steps of a call over very many replicas: in fewer, loading and storing them would be what is timed. */
const LEAST_STEPS = 32;

interface Todo {
  readonly series: Series;
  readonly workload: Workload;
}

/** Both series in turn, each from its smallest. */
function inTurn(workloads: Readonly<Record<Series, readonly Workload[]>>): Todo[] {
  const longest = Math.max(workloads.replicas.length, workloads.parameters.length);
  const series: readonly Series[] = ["replicas", "parameters"];
  return Array.from({ length: longest }, (_, i) => i).flatMap((i) =>
    series.flatMap((name) => {
      const workload = workloads[name][i];
      return workload === undefined ? [] : [{ series: name, workload }];
    }),
  );
}

type Timed = Pick<CostPoint, "schedule" | "secondsPerReplicaStep" | "spread" | "skipped">;

const skip = (reason: string): Timed => ({
  schedule: null,
  secondsPerReplicaStep: null,
  spread: null,
  skipped: reason,
});

/** A point's time, or the reason why the engine refuses it. Anything else is thrown on. */
async function timePoint(
  device: Device,
  workload: Workload,
  options: MeasureOptions,
): Promise<Timed> {
  try {
    const { schedule, rates } = await measure(device, workload, options);
    const seconds = rates.map((rate) => 1 / rate);
    const [lower, middle, upper] = [0.25, 0.5, 0.75].map((p) => quantile(seconds, p));
    return {
      schedule,
      secondsPerReplicaStep: middle!,
      spread: [lower!, upper!],
      skipped: null,
    };
  } catch (error) {
    if (error instanceof ThermogradError && !options.signal?.aborted) return skip(error.message);
    throw error;
  }
}

/**
 * Measures both series.
 *
 * Throws when a point trains wrong (its loss does not fall) and when the signal is aborted.
 *
 * @example
 * const growth = await measureCostGrowth({ device, budgetSeconds: 60 });
 */
export async function measureCostGrowth(options: CostOptions): Promise<CostGrowth> {
  const { device, budgetSeconds = BUDGET, onProgress, signal, schedule } = options;
  const { workloads = { replicas: replicaSeries(), parameters: parameterSeries() } } = options;
  const todo = inTurn(workloads);
  const tell = (phase: string, done: number, rate: number): void =>
    onProgress?.({ phase, fraction: done / (todo.length + 1), replicaStepsPerSecond: rate });
  tell("roofline", 0, 0);
  const { multiplyAddsPerSecond } = await measureRoofline(device, options.roofline);
  const begun = performance.now();
  const elapsed = (): number => (performance.now() - begun) / 1000;
  const points: CostPoint[] = [];
  for (const [i, { series, workload }] of todo.entries()) {
    signal?.throwIfAborted();
    tell(workload.id, i + 1, 0);
    const { model, replicas, batchSize } = workload;
    const operations = batchSize * floatingPointOperations(model);
    const timed =
      elapsed() >= budgetSeconds
        ? skip(`the ${budgetSeconds} s of the measurement were spent`)
        : await timePoint(device, workload, {
            ...MEASUREMENT,
            leastSteps: series === "replicas" ? LEAST_STEPS : 1,
            ...options.measurement,
            ...(signal && { signal }),
            ...(schedule && { schedule }),
            onRepeat: (done, of, rate) => tell(workload.id, i + 1 + done / of, rate),
          });
    points.push({
      series,
      model: model.name,
      replicas,
      params: model.parameterCount,
      batchSize,
      ...timed,
      secondsAtPeak: operations / (2 * multiplyAddsPerSecond),
    });
  }
  const { adapter, driver } = device.info;
  return { adapter, driver, multiplyAddsPerSecond, seconds: elapsed(), points };
}
