/**
 * How many different states the device's orbits hold, and what that does to their error bars.
 *
 * float32 has so few numbers that orbits of a chaotic map run into each other: of N numbers on the
 * attractor some 2N/t can still be visited after t steps (as for a random map; Grebogi, Ott, Yorke,
 * Phys. Rev. A 38, 3688, 1988). Replicas are then not independent, and their scatter is no error bar.
 */
import { type Estimate, replicaMean } from "../../analysis/index.ts";
import type { SeriesRecord } from "../../engine/record.ts";
import { localExponent } from "../../models/index.ts";
import { CYCLE } from "./settings.ts";

/** Records and how many of them count. */
export interface DistinctStates {
  /** Finite records of all replicas. */
  readonly records: number;
  /** Kish's effective number: records² / Σ m², m how often a float32 value of |u| occurs. */
  readonly effective: number;
  /**
   * What a record adds to the variance of a long mean, CYCLE · Var(mean of CYCLE consecutive records):
   * bands that an orbit visits in turn scatter records, not means.
   */
  readonly variance: Readonly<Record<"exponent" | "product" | "square", number>>;
}

/** The states of one condition; the map is odd, so u and −u count as one. */
export function distinctStates(
  { values }: SeriesRecord,
  condition: number,
  eta: number,
): DistinctStates {
  const [, , replicas, times] = values.axes.map(({ length }) => length);
  const at = condition * replicas! * times!;
  const orbits = values.data.subarray(at, at + replicas! * times!);
  const visited = Float32Array.from(orbits, Math.abs).filter(Number.isFinite).sort();
  let squares = 0;
  for (let first = 0; first < visited.length; ) {
    let next = first;
    while (next < visited.length && visited[next] === visited[first]) next += 1;
    squares += (next - first) ** 2;
    first = next;
  }
  const records = visited.length;
  const stretch = Math.min(CYCLE, times!);
  return {
    records,
    effective: records === 0 ? 0 : records ** 2 / squares,
    variance: {
      exponent: variancePerRecord(orbits, stretch, (u) => localExponent(u, eta)),
      product: variancePerRecord(orbits, stretch, (u) => u * u),
      square: variancePerRecord(orbits, stretch, (u) => u ** 4),
    },
  };
}

/** Orbits stand one after the other, each a multiple of `stretch` long; what escaped is left out. */
function variancePerRecord(
  orbits: ArrayLike<number>,
  stretch: number,
  of: (u: number) => number,
): number {
  let n = 0;
  let mean = 0;
  let squares = 0;
  for (let first = 0; first < orbits.length; first += stretch) {
    let sum = 0;
    for (let t = first; t < first + stretch; t += 1) sum += of(orbits[t]!);
    if (!Number.isFinite(sum)) continue;
    n += 1;
    const step = sum / stretch - mean;
    mean += step / n;
    squares += step * (sum / stretch - mean);
  }
  return n < 2 ? 0 : (stretch * squares) / (n - 1);
}

/**
 * The mean over replicas of a chaotic orbit on the device, with the error its distinct states allow.
 *
 * standardError² = (records/effective) · that of the replicas, at least variance/effective.
 *
 * @throws RefusalError when no replica is left.
 */
export function coalescedMean(
  values: Float64Array,
  key: keyof DistinctStates["variance"],
  { records, effective, variance: of }: DistinctStates,
): Estimate {
  const mean = replicaMean(values);
  const scatter = mean.standardError * Math.sqrt(records / effective);
  return {
    ...mean,
    standardError: Math.max(scatter, Math.sqrt(of[key] / effective)),
    method: `${mean.method}, ${Math.round(effective)} distinct states of ${records} records`,
  };
}
