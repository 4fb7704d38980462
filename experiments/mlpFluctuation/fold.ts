/**
 * Entropy production of a block of trajectories, made small: averages of σ and e^{−σ} per replica, and
 * counts of events per group of replicas. Raw trajectories of the card's 10⁸ steps are not kept.
 */
import {
  countEvents,
  type EventCounts,
  emptyCounts,
  fluctuationRecord,
  type Rows,
  stepEntropies,
  stretchSums,
} from "../../analysis/index.ts";
import type { Axis, MomentsRecord, RunInfo, SeriesRecord } from "../../engine/record.ts";

export interface FoldOptions {
  /** Q of σ = δᵀ Q (δ' − δ). */
  readonly form: Rows;
  /** What coordinates are displacements from, [coordinate]; 0 unless given. */
  readonly center?: readonly number[];
  /** Steps of the longer sums of σ. */
  readonly length: number;
  /** Width of a bin of |σ|, nats. */
  readonly width: number;
}

/** What a block leaves. */
export interface FoldedBlock {
  readonly [name: string]: MomentsRecord | SeriesRecord | RunInfo;
  readonly moments: MomentsRecord;
  /** σ of single steps, and of stretches. */
  readonly step: MomentsRecord;
  readonly stretch: MomentsRecord;
  /** Counts of single steps by bin: [kind · bin, condition, group, block]. */
  readonly events: SeriesRecord;
  readonly run: RunInfo;
}

const BINS = 40;
/** Independent groups: the detailed theorem's errors are their scatter. */
const GROUPS = 64;
const KINDS = ["positive", "negative", "weighted"] as const;

type Observed = {
  readonly path: SeriesRecord;
  readonly moments: MomentsRecord;
  readonly run: RunInfo;
};

/** Trajectories of one condition; `path` holds every coordinate at every step. */
export function foldEntropies({ path, moments, run }: Observed, options: FoldOptions): FoldedBlock {
  const { form, length, width, center } = options;
  const [, condition, replica, time] = path.values.axes as [Axis, Axis, Axis, Axis];
  const replicas = replica.length;
  const times = time.length;
  const sigmaOf = (lane: number): Float64Array => {
    const trajectory = path.quantities.map((_, q) => {
      const at = (q * replicas + lane) * times;
      const values = path.values.data.subarray(at, at + times);
      return center ? Float64Array.from(values, (x) => x - center[q]!) : values;
    });
    return stepEntropies(trajectory, form);
  };
  const counts = emptyCounts(Math.min(GROUPS, replicas), BINS, width);
  const stretches: Float64Array[] = [];
  const step = fluctuationRecord([condition, replica], (lane) => {
    const sigma = sigmaOf(lane);
    countEvents(counts, Math.floor((lane * counts.groups) / replicas), sigma);
    stretches.push(stretchSums(sigma, length));
    return sigma;
  });
  const stretch = fluctuationRecord([condition, replica], (lane) => stretches[lane]!);
  return { moments, step, stretch, events: recordOf(counts, path, condition), run };
}

function recordOf(counts: EventCounts, path: SeriesRecord, condition: Axis): SeriesRecord {
  const { groups, bins } = counts;
  const quantities = KINDS.flatMap((kind) =>
    Array.from({ length: bins }, (_, b) => `${kind} ${b}`),
  );
  const data = new Float64Array(quantities.length * groups);
  KINDS.forEach((kind, k) => {
    for (let bin = 0; bin < bins; bin += 1) {
      for (let group = 0; group < groups; group += 1) {
        data[(k * bins + bin) * groups + group] = counts[kind][group * bins + bin]!;
      }
    }
  });
  return {
    kind: "series",
    quantities,
    every: 1,
    steps: path.steps.slice(0, 1),
    values: {
      axes: [
        { name: "quantity", length: quantities.length, values: quantities },
        condition,
        { name: "replica", length: groups, values: Array.from({ length: groups }, (_, g) => g) },
        { name: "time", length: 1, unit: "blocks" },
      ],
      data,
      unit: "events",
    },
  };
}

/** The counts of all blocks together. */
export function eventCounts({ values }: SeriesRecord, width: number): EventCounts {
  const [, , group, block] = values.axes as [Axis, Axis, Axis, Axis];
  const counts = emptyCounts(group.length, BINS, width);
  KINDS.forEach((kind, k) => {
    for (let bin = 0; bin < BINS; bin += 1) {
      for (let g = 0; g < group.length; g += 1) {
        const at = ((k * BINS + bin) * group.length + g) * block.length;
        let sum = 0;
        for (let t = 0; t < block.length; t += 1) sum += values.data[at + t]!;
        counts[kind][g * BINS + bin] = sum;
      }
    }
  });
  return counts;
}
