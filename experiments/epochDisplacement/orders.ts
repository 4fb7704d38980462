/** How the exact mean displacement differs from the effective loss, with all its terms and without one. */
import {
  type EffectiveDrift,
  type EpochProblem,
  effectiveDrift,
  epochSeries,
  meanEpochDisplacement,
} from "../../models/theory/index.ts";
import { exactly } from "../exactly.ts";
import type { Quantity } from "../experiment.ts";
import {
  AMPLIFICATION,
  localOrders,
  type SmallRateLimit,
  smallRateLimit,
} from "../smallRateLimit.ts";

/** Terms of the effective loss by the names of the quantities. */
const TERMS = { L: "loss", "tr Sigma_B": "covariance", "|grad L|²": "gradient" } as const;
export type Term = keyof typeof TERMS;

/** Card A3b has no tolerance for the order; 2A's, of the same kind. */
const OPEN_ORDER = 0.1;
/** Share of the constant err/η³ that its extrapolation may leave open. */
const OPEN_SHARE = 0.05;

export interface Ladder {
  /** The term left out; null for none. */
  readonly without: Term | null;
  /** The order that is left. */
  readonly order: number;
  readonly rates: readonly number[];
  /** |mean displacement − effective loss|, with its sign, [rate]. */
  readonly errors: readonly number[];
  readonly limit: SmallRateLimit;
}

const value = (drift: EffectiveDrift, eta: number, without: Term | null): number => {
  const part = (term: Term, factor: number): number =>
    term === without ? 0 : factor * drift[TERMS[term]];
  return part("L", eta) + part("tr Sigma_B", eta ** 2) + part("|grad L|²", eta ** 2);
};

/**
 * Rounding of the exact average: M steps and the sum over orders, 2⁻⁵² each, of a displacement of size
 * ηM|g|; a factor 4 for terms that cancel.
 */
const rounding = (drift: EffectiveDrift, eta: number, problem: EpochProblem): number =>
  8 * Number.EPSILON * (eta * Math.abs(drift.loss) + eta * sizeOf(problem));

/** Sum over the samples of the parts of their gradients, without cancelation. */
export function sizeOf({ samples, w }: EpochProblem): number {
  const { curvatures, centers, tilts } = samples;
  return curvatures.reduce(
    (sum, a, i) => sum + a * (Math.abs(w) + Math.abs(centers[i]!)) + Math.abs(tilts[i]!) * w * w,
    0,
  );
}

/** Errors on the ladder with all terms, then without each of them. */
export function ladders(problem: EpochProblem, rates: readonly number[]): Ladder[] {
  const drift = effectiveDrift(problem, "reshuffled");
  const exact = rates.map((eta) => meanEpochDisplacement(problem, eta, "reshuffled"));
  return [null, ...(Object.keys(TERMS) as Term[])].map((without): Ladder => {
    const errors = rates.map((eta, k) => exact[k]! - value(drift, eta, without));
    const { value: limit, bound } = smallRateLimit(
      rates.slice(0, -1),
      localOrders(errors.map(Math.abs)),
    );
    const smallest = rates.at(-1)!;
    const share = rounding(drift, smallest, problem) / Math.abs(errors.at(-1)!);
    return {
      without,
      order: without === null ? 3 : without === "L" ? 1 : 2,
      rates,
      errors,
      limit: { value: limit, bound: bound + (AMPLIFICATION * share) / Math.LN2 },
    };
  });
}

const exactQuantity = (
  name: string,
  found: number,
  unit: string,
  condition: Quantity["condition"] = {},
): Quantity => ({
  name,
  condition,
  estimate: exactly(found, "mean over all orders of the batches, float64"),
  unit,
  predicted: null,
  systematic: 0,
});

/** Orders, the constant err/η³, and the series' coefficient of η². */
export function orderQuantities(
  problem: EpochProblem,
  found: readonly Ladder[],
): { quantities: Quantity[]; warnings: string[] } {
  const orders = found.map(({ without, order, limit }): Quantity => {
    const isClaimed = limit.bound <= OPEN_ORDER;
    return {
      ...exactQuantity("order of err", limit.value, "1", { without: without ?? "nothing" }),
      predicted: isClaimed ? order : null,
      systematic: isClaimed ? limit.bound : 0,
    };
  });
  const series = epochSeries(problem, 3, "reshuffled");
  const drift = effectiveDrift(problem, "reshuffled");
  const quantities = [...orders, constant(problem, found[0]!, drift, series[3]!)];
  const warnings = quantities
    .filter(({ predicted }) => predicted === null)
    .map(
      ({ name, condition }) =>
        `no prediction of ${name} (${Object.values(condition).join(", ") || "all terms"}): its extrapolation ` +
        "to η = 0 is open beyond the tolerance; lower learningRate if it is large, raise it where rounding " +
        "counts",
    );
  const second: Quantity = {
    ...exactQuantity("coefficient of eta²", series[2]!, "w"),
    predicted: drift.covariance + drift.gradient,
    // Rounding as above, of second-order products of gradients and curvatures.
    systematic: 64 * Number.EPSILON * sizeOf(problem) * curvatureSize(problem),
  };
  return { quantities: [...quantities, second], warnings };
}

const curvatureSize = ({ samples, w }: EpochProblem): number =>
  samples.curvatures.reduce((sum, a, i) => sum + a + Math.abs(2 * samples.tilts[i]! * w), 0);

/** err/η³ at η → 0 beside the third coefficient of the power series. */
function constant(
  problem: EpochProblem,
  { rates, errors }: Ladder,
  drift: EffectiveDrift,
  third: number,
): Quantity {
  const limit = smallRateLimit(
    rates,
    rates.map((eta, k) => errors[k]! / eta ** 3),
  );
  const smallest = rates.at(-1)!;
  const systematic =
    limit.bound + (AMPLIFICATION * rounding(drift, smallest, problem)) / smallest ** 3;
  const isClaimed = systematic <= OPEN_SHARE * Math.abs(third);
  return {
    ...exactQuantity("err/eta³, extrapolated", limit.value, "w"),
    predicted: isClaimed ? third : null,
    systematic: isClaimed ? systematic : 0,
  };
}
