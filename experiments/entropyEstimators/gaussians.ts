/** Samples of Gaussians: nearest-neighbor entropies (E4) and log-determinants (E5). */
import {
  gaussianEntropy,
  logDeterminantBias,
  nearestNeighborEntropy,
  nearestNeighborValue,
  type ReplicaSamples,
  shrunkEntropy,
} from "../../analysis/index.ts";
import { untied } from "./laws.ts";
import type { Settings } from "./settings.ts";
import { HALF_LN_2PIE, sayingsOf, searchWork, type Task, withDistances } from "./task.ts";

/** Beyond, halves of the samples say nothing that a plain estimate does not. */
const MOST_EXTRAPOLATED = 5;

/** Dimensions to draw for samples of so many: on a line, two numbers make one. */
const drawn = (dimensions: number): number => Math.max(2, dimensions);

/** Pairs made one number where there is one dimension. */
const onLine = (z: Float64Array, dimensions: number): Float64Array =>
  dimensions > 1
    ? z
    : Float64Array.from({ length: z.length / 2 }, (_, r) => untied(z[2 * r]!, z[2 * r + 1]!));

const widthsOf = (d: number, conditionNumber: number): number[] =>
  d === 1 ? [1] : Array.from({ length: d }, (_, i) => conditionNumber ** (i / (2 * (d - 1))));

const gaussianEntropyOf = (d: number, conditionNumber: number): number =>
  d * HALF_LN_2PIE + widthsOf(d, conditionNumber).reduce((sum, width) => sum + Math.log(width), 0);

/** Standard deviations, in equal ratios, and reflected so that coordinates are correlated. */
function stretched(z: Float64Array, d: number, conditionNumber: number): Float64Array {
  if (conditionNumber === 1 || d === 1) return z;
  const widths = widthsOf(d, conditionNumber);
  const x = z.map((value, i) => value * widths[i % d]!);
  // x − 2 v (v·x), v = (1, …, 1)/√d: a rotation up to a sign.
  for (let at = 0; at < x.length; at += d) {
    const row = x.subarray(at, at + d);
    const mean = row.reduce((sum, value) => sum + value, 0) / d;
    for (let i = 0; i < d; i++) row[i]! -= 2 * mean;
  }
  return x;
}

const samplesOf = (p: Settings, z: Float64Array, d: number): ReplicaSamples => {
  const data = stretched(z, d, p.conditionNumber);
  return { data, replicas: data.length / d, k: d };
};

export function neighborTask(p: Settings, dimensions: number, samples: number): Task {
  const exact = gaussianEntropyOf(dimensions, p.conditionNumber);
  const extrapolated = dimensions <= MOST_EXTRAPOLATED;
  const { neighbors, repeats } = p;
  const of = { condition: { dimension: dimensions, samples }, dimensions, samples };
  const given = (z: Float64Array) => samplesOf(p, onLine(z, dimensions), dimensions);
  return {
    label: `neighbors, ${samples} samples in ${dimensions} dimensions`,
    drawn: drawn(dimensions),
    samples,
    repeats,
    work: (extrapolated ? 3 : 1) * searchWork(samples, dimensions),
    measured: [
      { estimator: "neighbors", ...of },
      ...(extrapolated ? [{ estimator: "extrapolated", ...of } as const] : []),
    ],
    misses: async (z, device) => {
      const cloud = given(z);
      const options = await withDistances(device, cloud, { neighbors });
      const plain = nearestNeighborValue(cloud, options) - exact;
      if (!extrapolated) return [plain];
      return [plain, nearestNeighborValue(cloud, { ...options, extrapolate: true }) - exact];
    },
    sayings: (z, device) =>
      sayingsOf(async () => {
        const cloud = given(z);
        return nearestNeighborEntropy(cloud, await withDistances(device, cloud, { neighbors }));
      }),
  };
}

export function covarianceTask(p: Settings, dimensions: number, samples: number): Task {
  const exact = gaussianEntropyOf(dimensions, p.conditionNumber);
  const isSingular = samples <= dimensions;
  const isShrunk = samples < 5 * dimensions && dimensions > 1 && samples >= 4;
  const bias = isSingular ? Number.NaN : logDeterminantBias(dimensions, samples);
  const of = { condition: { dimension: dimensions, samples }, dimensions, samples };
  return {
    label: `covariance, ${samples} samples in ${dimensions} dimensions`,
    drawn: dimensions,
    samples,
    repeats: p.covarianceRepeats,
    work: 4 * samples * dimensions ** 2 * (isShrunk ? 33 : 1),
    measured: [
      ...(isSingular ? [] : [{ estimator: "log-det", ...of } as const]),
      ...(isShrunk ? [{ estimator: "shrunk", ...of } as const] : []),
    ],
    misses: (z) => {
      const cloud = samplesOf(p, z, dimensions);
      // What the correction adds is taken off again: the bias itself is measured.
      const raw = () => gaussianEntropy(cloud, { quiet: true }).value + bias - exact;
      return [
        ...(isSingular ? [] : [raw()]),
        ...(isShrunk ? [shrunkEntropy(cloud).value - exact] : []),
      ];
    },
    sayings: (z) => sayingsOf(async () => gaussianEntropy(samplesOf(p, z, dimensions))),
  };
}
