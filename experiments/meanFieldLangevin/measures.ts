/** Estimates of card 4B, all with systems as the statistical unit. */
import { type Estimate, groupAverages, jackknife } from "../../analysis/index.ts";
import type { MomentsRecord, SeriesRecord } from "../../engine/record.ts";
import { estimateOf } from "../outcome.ts";

/** What is measured of the law of particles. */
export interface ParticleEstimates {
  readonly mean: Estimate;
  readonly variance: Estimate;
  readonly meanVariance: Estimate;
  /** Var(x − mean); 0 for systems of one particle. */
  readonly relativeVariance: Estimate;
  /** Vm − Vr/N, from Var(mean) and Var(x − mean)/(N − 1); NaN for systems of one particle. */
  readonly finiteSize: Estimate;
}

/** Of one system, about an origin: mean of (x − mean)², the mean, its square; over time as well. */
type SystemNumbers = readonly [within: number, mean: number, square: number];

function estimates(systems: readonly SystemNumbers[], origin: number, particles: number) {
  const data = Float64Array.from(systems.flat());
  const of = (f: (m: ArrayLike<number>) => number): Estimate => {
    const samples = { data, replicas: systems.length, k: 3 };
    const estimate = estimateOf(() => jackknife(samples, f, { biasCorrected: true }));
    return { ...estimate, method: estimate.method.replace("replicas", "systems") };
  };
  const varianceOfMean = (m: ArrayLike<number>): number => m[2]! - m[1]! ** 2;
  const mean = of((m) => m[1]!);
  return {
    mean: { ...mean, value: mean.value + origin },
    variance: of((m) => m[0]! + varianceOfMean(m)),
    meanVariance: of(varianceOfMean),
    relativeVariance: of((m) => m[0]!),
    finiteSize: of((m) => varianceOfMean(m) - m[0]! / (particles - 1)),
  };
}

/** From moments of (x, mean), in this order, over time. */
export function stationaryEstimates(
  record: MomentsRecord,
  condition: number,
  particles: number,
): ParticleEstimates {
  const { first, second, reference } = groupAverages(record);
  const groups = first.axes[1]!.length;
  const systems = Array.from({ length: groups }, (_, g): SystemNumbers => {
    const row = condition * groups + g;
    const [xx, , , mm] = second.data.subarray(4 * row, 4 * row + 4);
    // Both about the same origin, so that ⟨x²⟩ − ⟨mean²⟩ over members is ⟨(x − mean)²⟩.
    return [xx! - mm!, first.data[2 * row + 1]!, mm!];
  });
  return estimates(systems, reference.data[2 * condition + 1]!, particles);
}

/** From the particles at one record of a series of x, across systems; squares are about `origin`. */
export function momentEstimates(
  { values }: SeriesRecord,
  {
    condition,
    time,
    particles,
    origin,
  }: {
    readonly condition: number;
    readonly time: number;
    readonly particles: number;
    readonly origin: number;
  },
): ParticleEstimates {
  const [, , replicas, times] = values.axes.map(({ length }) => length) as [
    number,
    number,
    number,
    number,
  ];
  const at = (replica: number): number =>
    values.data[(condition * replicas + replica) * times + time]! - origin;
  const systems = Array.from({ length: replicas / particles }, (_, g): SystemNumbers => {
    let mean = 0;
    for (let i = 0; i < particles; i += 1) mean += at(g * particles + i) / particles;
    let within = 0;
    for (let i = 0; i < particles; i += 1) {
      within += (at(g * particles + i) - mean) ** 2 / particles;
    }
    return [within, mean, mean ** 2];
  });
  return estimates(systems, origin, particles);
}

/** a − b of independent estimates. */
export const difference = (a: Estimate, b: Estimate): Estimate => ({
  value: a.value - b.value,
  standardError: Math.hypot(a.standardError, b.standardError),
  n: Math.min(a.n, b.n),
  method: `difference of two: ${a.method}`,
  warnings: [...new Set([...a.warnings, ...b.warnings])],
});
