/** Ratios of ensemble means, as fluctuation-dissipation relations are tested by. */
import { ArgumentError } from "../engine/errors.ts";
import type { Estimate } from "./estimate.ts";
import { jackknife } from "./jackknife.ts";

/**
 * ⟨a⟩/⟨b⟩ with jackknife error and bias correction, from paired values of the same replicas.
 *
 * `a` and `b` [replica] may be correlated: pairing is what makes the error of a ratio small.
 * A pair in which either is not finite is left out and counted.
 *
 * Error: scatter between replicas, leading order in 1/R; remaining bias O(1/R²). Not covered: a
 * denominator compatible with zero, for which a warning is given (|⟨b⟩| < 4 of its errors).
 *
 * @throws ArgumentError when the lengths differ; RefusalError when no pair is finite.
 * @example ratioOfMeans(replicaTimeMeans(left), replicaTimeMeans(right))
 */
export function ratioOfMeans(a: ArrayLike<number>, b: ArrayLike<number>): Estimate {
  if (a.length !== b.length) {
    throw new ArgumentError(
      `ratioOfMeans: ${a.length} values over ${b.length}; give one of each per replica.`,
    );
  }
  const replicas = a.length;
  const data = new Float64Array(2 * replicas);
  for (let r = 0; r < replicas; r++) {
    data[2 * r] = a[r]!;
    data[2 * r + 1] = b[r]!;
  }
  const samples = { data, replicas, k: 2 };
  const ratio = jackknife(samples, (means) => means[0]! / means[1]!, { biasCorrected: true });
  const denominator = jackknife(samples, (means) => means[1]!);
  if (Math.abs(denominator.value) >= 4 * denominator.standardError) return ratio;
  const warning =
    `the denominator ${denominator.value} ± ${denominator.standardError} is compatible with zero; ` +
    "the ratio has no finite error";
  return { ...ratio, warnings: [...ratio.warnings, warning] };
}
