/**
 * How many different states the device's orbits hold, and what that does to their error bars.
 *
 * float32 has so few numbers that orbits of a chaotic map run into each other: of N numbers on the
 * attractor some 2N/t can still be visited after t steps (as for a random map; Grebogi, Ott, Yorke,
 * Phys. Rev. A 38, 3688, 1988). Replicas are then not independent, and their scatter is no error bar.
 */
import { type Estimate, replicaMean } from "../analysis/index.ts";
import type { SeriesRecord } from "../engine/record.ts";
import { localExponent } from "../models/index.ts";

/** Records and how many of them count. */
export interface DistinctStates {
  /** Finite records of all replicas. */
  readonly records: number;
  /** Kish's effective number: records² / Σ m², m how often a float32 value of |u| occurs. */
  readonly effective: number;
  /** Variance of a single record. */
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
  const visited = Float32Array.from(values.data.subarray(at, at + replicas! * times!), Math.abs)
    .filter(Number.isFinite)
    .sort();
  let squares = 0;
  for (let first = 0; first < visited.length; ) {
    let next = first;
    while (next < visited.length && visited[next] === visited[first]) next += 1;
    squares += (next - first) ** 2;
    first = next;
  }
  const records = visited.length;
  return {
    records,
    effective: records === 0 ? 0 : records ** 2 / squares,
    variance: {
      exponent: variance(visited, (u) => localExponent(u, eta)),
      product: variance(visited, (u) => u * u),
      square: variance(visited, (u) => u ** 4),
    },
  };
}

function variance(visited: Float32Array, of: (u: number) => number): number {
  let mean = 0;
  let squares = 0;
  visited.forEach((u, i) => {
    const value = of(u);
    const step = value - mean;
    mean += step / (i + 1);
    squares += step * (value - mean);
  });
  return squares / visited.length;
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
