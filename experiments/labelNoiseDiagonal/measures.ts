/** Moments of v = u_0 … u_D of a diagonal net from the recorded factors, beside the claims (card 3A). */
import { type Estimate, jackknife, replicaMean } from "../../analysis/index.ts";
import type { RunInfo, SeriesRecord } from "../../engine/record.ts";
import type { Quantity } from "../experiment.ts";
import { estimateOf } from "../outcome.ts";
import { F32 } from "../systematic.ts";
import type { Claim, LabelNoiseParameters, Moment } from "./theory.ts";

export interface MeasuredNet {
  readonly p: LabelNoiseParameters;
  readonly claims: readonly Claim[];
  readonly burnIn: number;
  readonly steps: number;
  readonly record: SeriesRecord;
  readonly run: RunInfo;
}

/** Time averages of a condition, per replica: ⟨v − c⟩, ⟨(v − c)²⟩ and the share of v < 0. */
interface Averages {
  readonly replicas: number;
  readonly center: number;
  /** [replica, (first, second)] */
  readonly data: Float64Array;
  readonly negative: Float64Array;
}

/** The product of all factors in float64, averaged over the records; NaN for replicas that froze. */
export function averagesOf(record: SeriesRecord, condition: number, center: number): Averages {
  const [factors, conditions, replicas, times] = record.values.axes.map((axis) => axis.length) as [
    number,
    number,
    number,
    number,
  ];
  const { data: values } = record.values;
  const data = new Float64Array(2 * replicas);
  const negative = new Float64Array(replicas);
  for (let r = 0; r < replicas; r += 1) {
    for (let t = 0; t < times; t += 1) {
      let v = 1;
      for (let k = 0; k < factors; k += 1) {
        v *= values[((k * conditions + condition) * replicas + r) * times + t]!;
      }
      data[2 * r]! += (v - center) / times;
      data[2 * r + 1]! += (v - center) ** 2 / times;
      negative[r]! += (v < 0 ? 1 : 0) / times;
    }
    if (!Number.isFinite(data[2 * r]!)) negative[r] = Number.NaN;
  }
  return { replicas, center, data, negative };
}

const meanOf = ({ data, replicas, center }: Averages): Estimate => {
  const estimate = replicaMean(Float64Array.from({ length: replicas }, (_, r) => data[2 * r]!));
  return { ...estimate, value: estimate.value + center };
};

const varianceOf = ({ data, replicas }: Averages): Estimate =>
  jackknife({ data, replicas, k: 2 }, (m) => m[1]! - m[0]! ** 2, { biasCorrected: true });

/**
 * What is left of the start after the burn-in, at most: from v = k the distance of its moment times
 * e^{−t/τ}; from draws of the continuous law the correction that has not come about yet.
 */
function startBias({ p, burnIn }: MeasuredNet, claim: Claim, moment: Moment, atStart: number) {
  const left = claim.relaxation ? Math.exp(-burnIn / claim.relaxation) : 0;
  const distance =
    p.start === "law" && claim.law
      ? moment.corrected - moment.continuous
      : moment.corrected - atStart;
  return Math.abs(distance) * left;
}

export function momentQuantities(measured: MeasuredNet): {
  quantities: Quantity[];
  warnings: string[];
} {
  const warnings: string[] = [];
  const quantities = measured.claims.flatMap((claim, c) => {
    const escaped = escapes(measured.run, c);
    if (escaped > 0 && claim.mean) {
      warnings.push(
        `no prediction at learning rate ${claim.learningRate}: ${escaped} of ` +
          `${measured.p.replicas} replicas escaped, so that the law is not stationary; lower ` +
          "learningRates or labelNoise.",
      );
    }
    return ofCondition(measured, escaped > 0 ? { ...claim, mean: null, variance: null } : claim, c);
  });
  return { quantities, warnings };
}

/** Replicas of a condition that froze. */
function escapes({ frozen, replicas }: RunInfo, condition: number): number {
  const { count } = replicas;
  return frozen.subarray(condition * count, (condition + 1) * count).filter((step) => step >= 0)
    .length;
}

/** Shares of all replicas without one in the other sector. */
function negativeQuantity({ p }: MeasuredNet, claim: Claim, averages: Averages): Quantity {
  return {
    name: "share of v < 0",
    condition: { learningRate: claim.learningRate },
    estimate: estimateOf(() => replicaMean(averages.negative)),
    unit: "1",
    // With one factor, nothing keeps v > 0; with more, v = 0 is never crossed.
    predicted: p.depth > 0 && claim.mean ? 0 : null,
    systematic: 0,
  };
}

function ofCondition(measured: MeasuredNet, claim: Claim, c: number): Quantity[] {
  const { p, record } = measured;
  const averages = averagesOf(record, c, claim.mean?.continuous ?? 0);
  const claims = (
    name: string,
    unit: string,
    estimator: () => Estimate,
    moment: Moment | null,
    atStart: number,
  ): Quantity[] => {
    const estimate = estimateOf(estimator);
    const bias = moment
      ? moment.remainder + startBias(measured, claim, moment, atStart) + F32 * moment.corrected
      : 0;
    const quantity = (label: string, predicted: number | null, systematic: number): Quantity => ({
      name: label,
      condition: { learningRate: claim.learningRate },
      estimate,
      unit,
      predicted,
      systematic,
    });
    if (!moment) return [quantity(name, null, 0)];
    const correction = Math.abs(moment.corrected - moment.continuous);
    return [
      quantity(name, moment.corrected, bias),
      quantity(`${name}, continuous law`, moment.continuous, bias + correction),
    ];
  };
  return [
    ...claims("mean(v)", "v", () => meanOf(averages), claim.mean, p.slope),
    ...claims("var(v)", "v²", () => varianceOf(averages), claim.variance, 0),
    negativeQuantity(measured, claim, averages),
  ];
}
