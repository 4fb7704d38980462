/** Means, quantiles and tail exponents of v = uw at one temperature (card 3C), from recorded states. */
import {
  type PooledSamples,
  pooledSamples,
  ratioOfMeans,
  replicaMean,
  tailExponent,
  weightedQuantile,
} from "../../analysis/index.ts";
import type { RunInfo, SeriesRecord } from "../../engine/record.ts";
import { clockRate, gaussianDataMoments } from "../../models/theory/index.ts";
import type { Quantity } from "../experiment.ts";
import { estimateOf } from "../outcome.ts";
import { type Claim, hillPrediction, meanPrediction, quantilePrediction } from "./claims.ts";
import type { HeavyTailSettings } from "./settings.ts";

/** The states of one condition and how long each lasted. */
export interface Draws {
  /** v, [replica, time]; NaN from where a replica escaped. */
  readonly values: Float64Array;
  /** h, [replica, time]. */
  readonly weights: Float64Array;
  readonly pooled: PooledSamples;
  readonly escaped: number;
}

export interface Measured {
  readonly claim: Claim;
  readonly draws: Draws;
}

/** v in place of the factors: half the numbers of a block's record. */
export function productRecord(record: SeriesRecord): SeriesRecord {
  const [pair, ...axes] = record.values.axes;
  const { data } = record.values;
  const half = data.length / pair!.length;
  const product = data.slice(0, half);
  for (let i = 0; i < half; i += 1) product[i] = data[i]! * data[half + i]!;
  const quantity = { name: pair!.name, length: 1, values: ["v"] };
  return {
    ...record,
    quantities: ["v"],
    values: { axes: [quantity, ...axes], data: product, unit: "v" },
  };
}

export function drawsOf(
  p: HeavyTailSettings,
  record: SeriesRecord,
  run: RunInfo,
  condition: number,
): Draws {
  const count = record.values.data.length / p.temperatures.length;
  const values = Float64Array.from(
    record.values.data.subarray(condition * count, (condition + 1) * count),
  );
  const data = gaussianDataMoments(p.slope, p.labelNoise);
  const weights = values.map((v) => clockRate(p.clock, data, v));
  const frozen = run.frozen.subarray(condition * p.replicas, (condition + 1) * p.replicas);
  frozen.forEach((step, r) => {
    if (step >= 0)
      values.fill(Number.NaN, (r * count) / p.replicas, ((r + 1) * count) / p.replicas);
  });
  return {
    values,
    weights,
    pooled: pooledSamples({ values, weights, replicas: p.replicas }),
    escaped: frozen.filter((step) => step >= 0).length,
  };
}

/** Per replica the sums Σ h v and Σ h, whose ratio is the mean. */
function weightedSums({ values, weights }: Draws, replicas: number): [Float64Array, Float64Array] {
  const first = new Float64Array(replicas);
  const total = new Float64Array(replicas);
  const times = values.length / replicas;
  values.forEach((v, i) => {
    first[Math.floor(i / times)]! += weights[i]! * v;
    total[Math.floor(i / times)]! += weights[i]!;
  });
  return [first, total];
}

export const quantileName = (p: number): string =>
  `q${p < 0.1 ? "0" : ""}${Number((100 * p).toPrecision(6))}(v)`;

export const hillName = (fraction: number): string =>
  `Hill exponent, top ${Number((100 * fraction).toPrecision(3))} %`;

/** Shifts by the steps that are too large for a claim, in one warning. */
function shiftWarning(
  p: HeavyTailSettings,
  lost: readonly (readonly [string, number])[],
): string[] {
  if (lost.length === 0) return [];
  const [name, shift] = lost.reduce((worst, one) => (one[1] > worst[1] ? one : worst));
  const size = Number.isFinite(shift) ? `by ${(100 * shift).toPrecision(2)} %` : "altogether";
  return [
    `no prediction of ${lost.map(([one]) => one).join(", ")}: steps of timeStep ${p.timeStep} may shift ${name} ` +
      `${size}, beyond the tolerance; lower timeStep` +
      (p.clock === "uniform" ? ", or use the adapted clock" : ""),
  ];
}

export function measuredQuantities(
  p: HeavyTailSettings,
  { claim, draws }: Measured,
): { quantities: Quantity[]; warnings: string[] } {
  const { temperature } = claim;
  const lost: [string, number][] = [];
  // Replicas that escaped are missing among the large v, and no formula says how many states of them.
  const claimed = draws.escaped > 0 ? { ...claim, holds: false } : claim;
  const quantity = (
    name: string,
    unit: string,
    estimate: Quantity["estimate"],
    found: ReturnType<typeof meanPrediction>,
  ): Quantity => {
    if (claimed.holds && found.predicted === null) lost.push([name, found.shift]);
    const { predicted, systematic } = found;
    return { name, condition: { temperature }, estimate, unit, predicted, systematic };
  };
  const [first, total] = weightedSums(draws, p.replicas);
  const { pooled } = draws;
  const quantities = [
    quantity(
      "mean(v)",
      "v",
      estimateOf(() => ratioOfMeans(first, total)),
      meanPrediction(claimed),
    ),
    ...p.quantiles.map((share) => {
      const estimate = estimateOf(() => weightedQuantile(pooled, share));
      return quantity(quantileName(share), "v", estimate, quantilePrediction(claimed, share));
    }),
    ...p.fractions.map((fraction) => {
      const estimate = estimateOf(() => tailExponent(pooled, fraction));
      return quantity(hillName(fraction), "1", estimate, hillPrediction(claimed, fraction));
    }),
    escapedQuantity(p, claim, draws),
  ];
  return {
    quantities: quantities.map(withoutRefused),
    warnings: [
      ...shiftWarning(p, lost).map((text) => `temperature ${temperature}: ${text}.`),
      ...(draws.escaped > 0 && claim.holds
        ? [
            `temperature ${temperature}: no prediction: ${draws.escaped} of ${p.replicas} replicas escaped beyond ` +
              `|v| = ${p.escape} and are left out, so that large v are missing; use the adapted clock, or lower timeStep.`,
          ]
        : []),
    ],
  };
}

/** An estimator that refused is held against nothing. */
const withoutRefused = (quantity: Quantity): Quantity =>
  quantity.estimate.warnings.some((text) => /^(?:weightedQuantile|tailExponent):/.test(text))
    ? { ...quantity, predicted: null, systematic: 0 }
    : quantity;

const escapedQuantity = (p: HeavyTailSettings, claim: Claim, { escaped }: Draws): Quantity => ({
  name: "escaped share",
  condition: { temperature: claim.temperature },
  estimate: replicaMean(Float64Array.from({ length: p.replicas }, (_, r) => (r < escaped ? 1 : 0))),
  unit: "1",
  // The adapted clock's noise is bounded, which keeps v where it has a law; the uniform one's escapes, and
  // those of long steps, have no theory.
  predicted: p.clock === "adapted" && claim.holds && claim.stepSize < 1 ? 0 : null,
  systematic: 0,
});
