/**
 * T3, the temperature of a run that is not stationary: T(t) = [U(t+δ) − U(t−δ)]/[S(t+δ) − S(t−δ)].
 *
 * Source: SGD as free energy minimization (arXiv 2505.23489). Both ends come from the same replicas, so
 * errors of U and S are correlated in time: they are taken from blocks of replicas. Left out: entropies
 * along single runs.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { Estimate } from "./estimate.ts";
import type { NearestNeighborEntropy } from "./nearestNeighborEntropy.ts";
import { refuse } from "./refusal.ts";

/** Below this many errors a difference of entropies is no denominator. */
const RESOLVED = 4;

/** The ensemble at one time. */
export interface EnsembleMoment {
  /** Loss of each replica, [replica]. */
  readonly energies: ArrayLike<number>;
  /** Of the states of the same replicas in the same order. */
  readonly entropy: NearestNeighborEntropy;
}

const meanOver = (values: ArrayLike<number>, rows: readonly number[]): number =>
  rows.reduce((sum, row) => sum + values[row]! / rows.length, 0);

/** Standard error of the mean of numbers of equal blocks. */
function blockError(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value / values.length, 0);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length * (values.length - 1)));
}

/**
 * ΔU/ΔS between two times of one ensemble, in units of the loss.
 *
 * Error: scatter over blocks of replicas of ΔU_b − T ΔS_b, divided by ΔS. The bias of the entropy estimator
 * cancels where the law only changes in scale.
 *
 * @throws ArgumentError when the two times are not of the same replicas.
 * @throws RefusalError with the ratio when ΔS is less than 4 of its errors.
 * @see arXiv 2505.23489
 */
export function timeResolvedTemperature(before: EnsembleMoment, after: EnsembleMoment): Estimate {
  const where = "timeResolvedTemperature";
  const [first, second] = [before.entropy.blocks, after.entropy.blocks];
  const same =
    before.energies.length === after.energies.length &&
    first.length === second.length &&
    first.every(({ rows }, b) => rows.every((row, i) => row === second[b]!.rows[i]));
  if (!same) {
    throw new ArgumentError(
      `${where}: ${before.energies.length} and ${after.energies.length} replicas in ${first.length} and ` +
        `${second.length} blocks; give the same replicas at both times, without those that froze.`,
    );
  }
  const rows = first.flatMap((block) => block.rows);
  const gain = meanOver(after.energies, rows) - meanOver(before.energies, rows);
  const rise = after.entropy.value - before.entropy.value;
  const value = gain / rise;
  const gains = first.map(
    (block) => meanOver(after.energies, block.rows) - meanOver(before.energies, block.rows),
  );
  const rises = first.map((block, b) => second[b]!.entropy - block.entropy);
  const estimate: Estimate = {
    value,
    standardError: blockError(gains.map((one, b) => one - value * rises[b]!)) / Math.abs(rise),
    n: rows.length,
    method: `ΔU/ΔS over time, errors from ${first.length} blocks of replicas`,
    warnings: [],
  };
  const riseError = blockError(rises);
  if (Math.abs(rise) >= RESOLVED * riseError) return estimate;
  return refuse(
    `${where}: the entropies differ by ${rise} ± ${riseError}, which is no denominator; take times ` +
      "further apart or add replicas.",
    estimate,
  );
}
