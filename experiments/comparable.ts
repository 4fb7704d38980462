/** What an error bar, and a burn-in, must be before a measurement is held against a prediction. */
import type { Quantity } from "./experiment.ts";

/** Fewer replicas know their own scatter too badly: 4 errors of 19 degrees of freedom are 1 in 1300. */
export const COMPARABLE = 20;

/** Share of the start in second moments above which a state is not called stationary. */
const UNSETTLED = 0.01;

export const withoutPrediction = (quantity: Quantity): Quantity => ({
  ...quantity,
  predicted: null,
  systematic: 0,
});

/**
 * The same measurements; those whose standard error too few replicas are behind are without
 * predictions, and a warning says so. What needs no error (standardError 0) keeps its prediction.
 *
 * `replicas` where it is not the `n` of the estimates; `least` where an estimator asks for more.
 */
export function comparable(
  quantities: readonly Quantity[],
  { replicas, least = COMPARABLE }: { readonly replicas?: number; readonly least?: number } = {},
): { quantities: Quantity[]; warnings: string[] } {
  const count = ({ estimate: { n } }: Quantity): number => replicas ?? n;
  const isDoubtful = (one: Quantity): boolean =>
    one.predicted !== null && one.estimate.standardError !== 0 && count(one) < least;
  const doubtful = quantities.filter(isDoubtful);
  if (doubtful.length === 0) return { quantities: [...quantities], warnings: [] };
  const fewest = Math.min(...doubtful.map(count));
  const warning =
    `no predictions: ${fewest} replica${fewest === 1 ? " says" : "s say"} too little of their own scatter for a comparison; use at ` +
    `least ${least}`;
  return {
    quantities: quantities.map((one) => (isDoubtful(one) ? withoutPrediction(one) : one)),
    warnings: [warning],
  };
}

/** Why a state is not stationary after `burnIn` steps, `left` the share of the start; null if it is. */
export function unsettled(left: number, burnIn: number): string | null {
  if (!(left > UNSETTLED)) return null;
  return (
    `no prediction: after burnIn = ${burnIn} steps ${(100 * left).toFixed(left < 0.1 ? 1 : 0)} % of the start are left ` +
    "in second moments, the state is not stationary; raise burnIn, or leave it auto"
  );
}
