/**
 * The float64 twin of `displacement`: what one replica adds to it, from its path.
 */
import { type DisplacementSpec, originPeriod } from "./displacement.ts";

export interface ReferenceDisplacement {
  /** Pairs and Σ |z_{t+lag} − z_t|², [lag]. */
  readonly counts: readonly number[];
  readonly sums: readonly number[];
  /** Σ |z_{t+1} − z_t|² over all steps but the one after the last record. */
  readonly local: number;
}

/** `path` is [record][k], one record a step, from where observing began; z in the order of `of`. */
export function referenceDisplacement(
  spec: DisplacementSpec,
  path: readonly ArrayLike<number>[],
): ReferenceDisplacement {
  const square = (from: number, to: number): number => {
    let sum = 0;
    for (let k = 0; k < path[from]!.length; k += 1) sum += (path[to]![k]! - path[from]![k]!) ** 2;
    return sum;
  };
  const counts = spec.lags.map(() => 0);
  const sums = spec.lags.map(() => 0);
  for (let origin = 0; origin < spec.origins; origin += 1) {
    for (let t = origin * spec.spacing; t < path.length; t += originPeriod(spec)) {
      spec.lags.forEach((lag, l) => {
        if (t + lag >= path.length) return;
        counts[l]! += 1;
        sums[l]! += square(t, t + lag);
      });
    }
  }
  let local = 0;
  for (let t = 1; t < path.length; t += 1) local += square(t - 1, t);
  return { counts, sums, local };
}
