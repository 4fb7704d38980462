/**
 * Entropy production that was summed on the device (`entropyProduction` of the engine), as the records
 * that the estimators of the fluctuation theorems take: `mean`, `integralFluctuation`,
 * `detailedFluctuation`.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { EntropyProductionRecord, Field, MomentsRecord } from "../engine/record.ts";
import { momentColumns } from "./coordinates.ts";
import type { EventCounts } from "./detailedFluctuation.ts";
import type { Estimate } from "./estimate.ts";
import { DEVIATION, SIGMA } from "./fluctuationTheorem.ts";
import { checkIndependent } from "./groups.ts";
import { jackknife } from "./jackknife.ts";

/** Which events: sums of how many consecutive σ; the condition's index, default 0. */
export interface EventChoice {
  readonly condition?: number;
  /** Default 1. */
  readonly window?: number;
}

/**
 * Averages of σ and e^{−σ} − 1 over the events of one length, as moments of the coordinates `SIGMA` and
 * exp(-sigma)-1: give them to `mean(…, { i: SIGMA })`, nats per event, and `integralFluctuation`.
 *
 * @throws ArgumentError for a length that was not observed.
 * @example integralFluctuation(entropyMoments(record.sigma, { window: 10 }))
 */
export function entropyMoments(
  record: EntropyProductionRecord,
  { window = 1 }: Pick<EventChoice, "window"> = {},
): MomentsRecord {
  const index = record.windows.indexOf(window);
  if (index < 0) {
    throw new ArgumentError(
      `entropyMoments: sums of ${window} σ were not observed, those of ${record.windows.join(", ")} ` +
        "were; ask for one of them.",
    );
  }
  const [condition, replica, windows] = record.first.axes;
  const coordinates = [SIGMA, DEVIATION];
  const names = { name: "coordinate", length: 2, values: coordinates };
  const lag = { name: "lag", length: 1, values: [0], unit: "steps" };
  const lanes = condition!.length * replica!.length;
  const one = (field: Field, size: number): Float64Array => {
    const data = new Float64Array(lanes * size);
    for (let lane = 0; lane < lanes; lane += 1) {
      const from = (lane * windows!.length + index) * size;
      data.set(field.data.subarray(from, from + size), lane * size);
    }
    return data;
  };
  const axes = [condition!, replica!, lag, names];
  const first: Field = { axes, data: one(record.first, 2), unit: "1" };
  const second = one(record.second, 4);
  const reference = new Float64Array(2 * condition!.length);
  return {
    kind: "moments",
    ...(record.groupSize !== undefined && { groupSize: record.groupSize }),
    coordinates,
    every: record.every,
    lags: [0],
    counts: [record.counts[index]!],
    reference: { axes: [condition!, names], data: reference, unit: "1" },
    first,
    firstEnd: first,
    second: { axes: [...axes, { ...names, name: "coordinate'" }], data: second, unit: "1" },
  };
}

/**
 * Counts of events by bin of |σ|, by groups of replicas that are not empty, for `detailedFluctuation`.
 *
 * @throws ArgumentError for a length without a histogram, or a condition that is not there.
 * @example detailedFluctuation(entropyEvents(record.sigma))
 */
export function entropyEvents(
  record: EntropyProductionRecord,
  { condition = 0, window = 1 }: EventChoice = {},
): EventCounts {
  checkIndependent("entropyEvents", record);
  const histogram = record.histograms[`window${window}`];
  if (!histogram || !(condition < histogram.width.data.length)) {
    const there = Object.values(record.histograms).map((one) => one.window);
    throw new ArgumentError(
      `entropyEvents: no histogram of sums of ${window} σ for condition ${condition}; there are those ` +
        `of ${there.join(", ")} for ${histogram?.width.data.length ?? 0} conditions.`,
    );
  }
  const { positive, negative, weighted, beyond, width } = histogram;
  const [, group, bin] = positive.axes;
  const [groups, bins] = [group!.length, bin!.length];
  const events = (g: number): number => {
    const from = (condition * groups + g) * bins;
    const counted = [positive, negative].flatMap(({ data }) => [
      ...data.subarray(from, from + bins),
    ]);
    return counted.reduce((sum, n) => sum + n, beyond.data[condition * groups + g]!);
  };
  const filled = Array.from({ length: groups }, (_, g) => g).filter((g) => events(g) > 0);
  const pick = ({ data }: Field): Float64Array => {
    const chosen = new Float64Array(filled.length * bins);
    filled.forEach((g, k) => {
      const from = (condition * groups + g) * bins;
      chosen.set(data.subarray(from, from + bins), k * bins);
    });
    return chosen;
  };
  return {
    ...{ groups: filled.length, bins, width: width.data[condition]! },
    ...{ positive: pick(positive), negative: pick(negative), weighted: pick(weighted) },
  };
}

/**
 * Var σ/(2⟨σ⟩) of the events of one length: 1 where σ is normal and obeys the integral theorem.
 *
 * Error: bias-corrected jackknife over replicas; no estimate where ⟨σ⟩ is zero within its error.
 *
 * @throws ArgumentError as `entropyMoments` does; RefusalError when all replicas froze.
 * @see arXiv 2306.03521
 */
export function halfVarianceRatio(
  record: EntropyProductionRecord,
  { condition = 0, window = 1 }: EventChoice = {},
): Estimate {
  const moments = entropyMoments(record, { window });
  const { replicas, first, second } = momentColumns("halfVarianceRatio", moments, condition, 0);
  const data = new Float64Array(2 * replicas);
  for (let r = 0; r < replicas; r += 1) data.set([first(r, 0), second(r, 0, 0)], 2 * r);
  const ratio = (m: Float64Array): number => (m[1]! - m[0]! * m[0]!) / (2 * m[0]!);
  return jackknife({ data, replicas, k: 2 }, ratio, { biasCorrected: true });
}
