/** What an error bar, and a burn-in, must be before a measurement is held against a prediction. */
import type { Quantity } from "./experiment.ts";

/** Fewer replicas know their own scatter too badly: 4 errors of 19 degrees of freedom are 1 in 1300. */
const COMPARABLE = 20;

/** Share of the start in second moments above which a state is not called stationary. */
const UNSETTLED = 0.01;

export const withoutPrediction = (quantity: Quantity): Quantity => ({
  ...quantity,
  predicted: null,
});

/**
 * The same measurements; where replicas are too few, those with a statistical error are without
 * predictions, and a warning says so.
 */
export function comparable(
  replicas: number,
  quantities: readonly Quantity[],
): { quantities: readonly Quantity[]; warnings: string[] } {
  const isStatistical = ({ estimate, predicted }: Quantity): boolean =>
    predicted !== null && estimate.standardError !== 0;
  if (replicas >= COMPARABLE || !quantities.some(isStatistical))
    return { quantities, warnings: [] };
  const why =
    `no predictions: ${replicas} replicas say too little of their own scatter for a comparison; use ` +
    `at least ${COMPARABLE}`;
  return {
    quantities: quantities.map((one) => (isStatistical(one) ? withoutPrediction(one) : one)),
    warnings: [why],
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
