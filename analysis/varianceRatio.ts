/** The ratio of two coordinates' variances, as isotropy is tested by. */

import { ArgumentError } from "../engine/errors.ts";
import type { MomentsRecord } from "../engine/record.ts";
import { coordinateIndex, lagIndex, momentColumns } from "./coordinates.ts";
import type { Estimate } from "./estimate.ts";
import { jackknife } from "./jackknife.ts";
import type { MeanChoice } from "./moments.ts";

/** A coordinate of a record; both records of a ratio are of the same replicas. */
export interface VarianceChoice extends MeanChoice {
  readonly record: MomentsRecord;
}

/** Reads ⟨z²⟩ and ⟨z⟩ about the reference point, per replica. */
function columnsOf({ record, condition = 0, i }: VarianceChoice) {
  const lag = lagIndex("varianceRatio", record, 0);
  const columns = momentColumns("varianceRatio", record, condition, lag);
  const index = coordinateIndex("varianceRatio", record, i);
  return {
    replicas: columns.replicas,
    read: (r: number) => [columns.second(r, index, index), columns.first(r, index)],
  };
}

/**
 * Var(z_a)/Var(z_b) in the stationary state, Var z = ⟨z²⟩ − ⟨z⟩²; needs lag 0 in the records.
 *
 * Error: jackknife over replicas, pairing the coordinates of each; the bias that remains is O(1/R²),
 * after the jackknife's correction. Not covered: a variance in the denominator compatible with zero.
 *
 * @throws ArgumentError when lag 0, the condition or a coordinate is not in a record, or the records
 *   have different replicas; RefusalError when all replicas froze.
 * @example
 * const { moments } = record;
 * varianceRatio({ record: moments, i: "theta[0]" }, { record: moments, i: "theta[1]" });
 */
export function varianceRatio(numerator: VarianceChoice, denominator: VarianceChoice): Estimate {
  const [a, b] = [columnsOf(numerator), columnsOf(denominator)];
  const { replicas } = a;
  if (b.replicas !== replicas) {
    throw new ArgumentError(
      `varianceRatio: ${replicas} replicas over ${b.replicas}; give records of the same replicas.`,
    );
  }
  const data = new Float64Array(4 * replicas);
  for (let r = 0; r < replicas; r++) data.set([...a.read(r), ...b.read(r)], 4 * r);
  return jackknife({ data, replicas, k: 4 }, (m) => (m[0]! - m[1]! ** 2) / (m[2]! - m[3]! ** 2), {
    biasCorrected: true,
  });
}
