/**
 * Variances of a member beside exact ones. Standard errors do not cover float32 sums, and what is left of
 * the start: `missingShare` of `heavyBallMoments.ts` bounds it.
 */
import { covariance, type Estimate, scaled } from "../../analysis/index.ts";
import type { MomentsRecord } from "../../engine/record.ts";
import { comparable, unsettled, withoutPrediction } from "../comparable.ts";
import type { Quantity } from "../experiment.ts";
import { missingShare } from "../heavyBallMoments.ts";
import { estimateOf } from "../outcome.ts";
import { F32_BLOCK_SUM } from "../systematic.ts";
import { continuous, type Parameters, type Planned } from "./settings.ts";

/** Ends the names of variances over those of the continuous theory. */
const RATIO = " over continuous theory";

export function quantitiesOf(
  p: Parameters,
  { member, exact, burnIn }: Planned,
  record: MomentsRecord,
): { quantities: Quantity[]; warnings: string[] } {
  const condition = { annealing: member.annealing, batchSize: member.batchSize };
  const mode = { ...member, curvature: p.curvature + p.weightDecay };
  const missing = exact ? missingShare(mode, exact, burnIn) : 0;
  const relative = F32_BLOCK_SUM + missing;
  const theory = continuous(p, member);
  const pair = (
    name: string,
    unit: string,
    coordinate: string,
    value: number | undefined,
    limit: number,
  ): Quantity[] => {
    const estimate: Estimate = estimateOf(() =>
      covariance(record, { i: coordinate, j: coordinate }),
    );
    const predicted = value ?? null;
    const bare = { condition, unit: "1", predicted: null, systematic: 0 };
    return [
      {
        name,
        condition,
        estimate,
        unit,
        predicted,
        systematic: relative * Math.abs(predicted ?? 0),
      },
      {
        ...bare,
        name: `${name}${RATIO}`,
        // Its warnings stand with the variance itself.
        estimate: { ...scaled(estimate, 1 / limit), warnings: [] },
      },
    ];
  };
  const quantities = [
    ...pair("var(theta)", "θ²", "theta", exact?.positionVariance, theory.position),
    ...pair("var(v)", "(θ/η)²", "v.theta", exact?.velocityVariance, theory.velocity),
  ];
  const early = exact && unsettled(missing, burnIn);
  if (early !== null) {
    const warning = `batch ${member.batchSize}: ${early}`;
    return { quantities: quantities.map(withoutPrediction), warnings: [warning] };
  }
  return comparable(quantities, { replicas: p.replicas });
}

/** By how much the continuous theory misses, where there is a stationary state that is measured well. */
export function misses(quantities: readonly Quantity[]): string[] {
  const missed = quantities.flatMap(({ name, condition, estimate }, i) => {
    // The variance itself stands before its ratio.
    if (!name.endsWith(RATIO) || quantities[i - 1]!.predicted === null) return [];
    const deviations = (estimate.value - 1) / estimate.standardError;
    if (!(Math.abs(deviations) > 4)) return [];
    return [
      `${name.slice(0, -RATIO.length)} at batch ${condition.batchSize} ${missWords(estimate.value)} ` +
        `(${Math.abs(deviations).toFixed(0)} errors)`,
    ];
  });
  if (missed.length === 0) return [];
  return [`the continuous theory, one number for all settings, misses ${missed.join(", ")}.`];
}

/** From 2.7 % to a factor of 385. */
const missWords = (ratio: number): string =>
  ratio > 2
    ? `by a factor of ${Number(ratio.toPrecision(3))}`
    : `by ${Number((100 * (ratio - 1)).toPrecision(3))} %`;
