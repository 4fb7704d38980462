/**
 * The mean over independent replicas: the plain error bar everything else is measured against.
 *
 * Replicas are independent by construction, so no correlation enters; time has been averaged
 * within each replica before. Left out: weights.
 */
import { type Estimate, noEstimate } from "./estimate.ts";
import { refuse } from "./refusal.ts";

/**
 * Mean and standard error of one number per replica.
 *
 * x̄ = Σ x_r / R, standardError = √(Σ (x_r − x̄)²/(R(R−1))); values [replica].
 *
 * Non-finite values are replicas that froze or diverged: they are left out, counted in a warning,
 * and the mean is then that of the survivors. With one replica left the standard error is NaN and
 * a warning says so (a NaN error never agrees with a prediction).
 *
 * @throws RefusalError when no finite value is left.
 * @example replicaMean([1, 2, 3]) // value 2, standardError 0.577
 */
export function replicaMean(values: ArrayLike<number>): Estimate {
  let n = 0;
  let sum = 0;
  for (let r = 0; r < values.length; r++) {
    if (Number.isFinite(values[r]!)) {
      n++;
      sum += values[r]!;
    }
  }
  const method = `mean over ${n} replicas`;
  if (n === 0) {
    refuse(
      `replicaMean: none of ${values.length} replicas has a finite value (frozen or diverged); ` +
        "lower learningRate.",
      noEstimate(method),
    );
  }
  const value = sum / n;
  let squares = 0;
  for (let r = 0; r < values.length; r++) {
    if (Number.isFinite(values[r]!)) squares += (values[r]! - value) ** 2;
  }
  return {
    value,
    standardError: n > 1 ? Math.sqrt(squares / (n - 1) / n) : Number.NaN,
    n,
    method,
    warnings: replicaWarnings(values.length - n, values.length),
  };
}

/** What must be said when `dropped` of `replicas` had no finite value, or one is left. */
export function replicaWarnings(dropped: number, replicas: number): string[] {
  const warnings: string[] = [];
  if (dropped > 0) {
    warnings.push(
      `${dropped} of ${replicas} replicas dropped (frozen or diverged); the estimate is that of ` +
        "the survivors",
    );
  }
  if (replicas - dropped === 1) warnings.push("one replica: no standard error without time blocks");
  return warnings;
}
