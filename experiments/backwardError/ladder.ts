/** Distances between a step and a flow on a ladder of learning rates, and the order that follows. */
import type { FullData } from "../../engine/referenceFullData.ts";
import {
  AMPLIFICATION,
  localOrders,
  type SmallRateLimit,
  smallRateLimit,
} from "../smallRateLimit.ts";
import {
  CORRECTIONS,
  type Correction,
  descend,
  distance,
  flow,
  MOST_MISSED,
  norm,
  rms,
  TOLERANCE,
} from "./flows.ts";

export interface Ladder {
  readonly correction: Correction;
  /** The predicted order: 3 where the correction is right. */
  readonly order: number;
  readonly rates: readonly number[];
  /** Root mean square over the starts, [rate]. */
  readonly distances: readonly number[];
  /** Local orders, [pair of rates]. */
  readonly orders: readonly number[];
  readonly limit: SmallRateLimit;
}

/**
 * Rounding of the limit. θ' and the flow's end are rounded by a few 2⁻⁵³|θ|, and solved to `TOLERANCE`
 * (1 + |θ_i|) a step: a share δ/e of the smallest distance e, which moves its local order by δ/(e ln 2).
 */
function rounding(theta: readonly Float64Array[], smallest: number): number {
  const size = rms(theta.map(norm)) + Math.sqrt(theta[0]!.length);
  const absolute = (8 * Number.EPSILON + 4 * TOLERANCE) * size;
  return (AMPLIFICATION * absolute) / (smallest * Math.LN2);
}

/** @throws ArgumentError where a flow diverges. */
export async function climb(
  full: FullData,
  starts: readonly Float64Array[],
  rates: readonly number[],
  correction: Correction,
  pause: () => Promise<void>,
): Promise<Ladder> {
  const distances: number[] = [];
  const lengths: number[] = [];
  for (const eta of rates) {
    await pause();
    const steps = starts.map((theta) => descend(full, theta, eta));
    const each = starts.map((theta, r) =>
      distance(steps[r]!, flow(full, theta, eta, CORRECTIONS[correction])),
    );
    distances.push(rms(each));
    lengths.push(rms(starts.map((theta, r) => distance(steps[r]!, theta))));
  }
  const orders = localOrders(distances);
  const { value, bound } = smallRateLimit(rates.slice(0, -1), orders);
  // The largest rate that the limit and its bound rest on.
  const first = rates.length - 5;
  const isSmall = distances[first]! <= MOST_MISSED * lengths[first]!;
  return {
    correction,
    order: correction === "+eta/4" ? 3 : 2,
    rates,
    distances,
    orders,
    limit: { value, bound: isSmall ? bound + rounding(starts, distances.at(-1)!) : Infinity },
  };
}
