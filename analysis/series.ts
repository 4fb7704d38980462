/**
 * Averages of recorded series: over time within a replica, then over replicas.
 */
import type { Estimate } from "./estimate.ts";
import { replicaMean } from "./replicas.ts";
import { replicaSeries, type SeriesChoice, type SeriesSource } from "./seriesSource.ts";

/**
 * Mean over time and replicas, ⟨x⟩, in the unit of the quantity.
 *
 * Error: from the scatter of time means between replicas, so correlation in time needs no
 * treatment. Not covered: a transient left in the record (see `stationarity`). One replica gives
 * standardError NaN with a warning: use `blockMean`.
 *
 * @throws ArgumentError for a quantity or condition that is not in the record.
 * @throws RefusalError when no replica is finite.
 */
export function timeAverage(source: SeriesSource, choice: SeriesChoice = {}): Estimate {
  const mean = replicaMean(replicaTimeMeans(source, choice));
  return { ...mean, method: `${mean.method} of time averages` };
}

/**
 * Time mean of each replica, [replica]: the input of `ratioOfMeans`.
 *
 * A replica that froze is NaN, so that two quantities of one record keep their pairing.
 * @throws as `timeAverage` does.
 */
export function replicaTimeMeans(source: SeriesSource, choice: SeriesChoice = {}): Float64Array {
  const { series, kept, replicas } = replicaSeries("timeAverage", source, choice);
  const means = new Float64Array(replicas).fill(Number.NaN);
  for (const [i, r] of kept.entries()) means[r] = timeMean(series[i]!);
  return means;
}

function timeMean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let t = 0; t < values.length; t++) sum += values[t]!;
  return sum / values.length;
}
