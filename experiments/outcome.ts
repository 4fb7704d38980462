/**
 * What experiments do when the physics says no: theory without a stationary state, replicas that
 * diverged. The run is finished and says so; nothing is thrown away.
 */
import type { Estimate } from "../analysis/index.ts";
import { ArgumentError, RefusalError } from "../engine/errors.ts";
import type { RunInfo } from "../engine/record.ts";
import { divergence } from "../engine/run/divergence.ts";
import { unsolvedSteps } from "../engine/run/unsolved.ts";

/** A prediction, or null with the theory's own words when there is no stationary state. */
export function predictionOf<T>(theory: () => T): { exact: T | null; warnings: string[] } {
  try {
    return { exact: theory(), warnings: [] };
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    return { exact: null, warnings: [`no prediction: ${error.message}`] };
  }
}

/** An estimate, or the one a refusal carries, with the refusal as a warning. */
export function estimateOf(estimator: () => Estimate): Estimate {
  try {
    return estimator();
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    const estimate = error.estimate as Estimate;
    return { ...estimate, warnings: [...estimate.warnings, error.message] };
  }
}

/** Warnings about replicas that left the bounds, and about implicit steps that were not solved. */
export function divergenceWarnings(run: RunInfo): string[] {
  const unsolved = unsolvedSteps(run);
  return [
    ...(run.frozen.some((step) => step >= 0) ? [divergence(run)] : []),
    ...(unsolved === null ? [] : [unsolved]),
  ];
}

/** Share of the start in averages beyond which they are not those of the stationary state. */
export const MAX_LEFT = 0.05;

/** A warning where more than `MAX_LEFT` of the start is left, so that nothing may be predicted. */
export const startWarnings = (burnIn: number, left: number): string[] =>
  left <= MAX_LEFT
    ? []
    : [
        `no prediction: after a burn-in of ${burnIn} steps ${left.toPrecision(2)} of the start is left, ` +
          `more than ${MAX_LEFT}; raise burnIn or leave it to auto.`,
      ];
