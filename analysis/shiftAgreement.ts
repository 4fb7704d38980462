/**
 * A mean vector beside one of theory: its component along the prediction, as a share of it.
 *
 *   (⟨z⟩ · e)/(e · e)
 */
import { ArgumentError } from "../engine/errors.ts";
import type { MomentsRecord } from "../engine/record.ts";
import type { Estimate } from "./estimate.ts";
import { replicaMoments } from "./moments.ts";
import { replicaMean } from "./replicas.ts";

/**
 * Share of the predicted displacement `expected`, [coordinate], that the mean of a record has.
 *
 * Error: scatter of the replicas' time averages.
 *
 * @throws ArgumentError when the vector does not fit the coordinates or is zero; RefusalError when all
 *   replicas froze.
 * @example shiftAgreement(record.moments, [1e-4, -2e-4])
 */
export function shiftAgreement(
  record: MomentsRecord,
  expected: readonly number[],
  { condition = 0 }: { readonly condition?: number } = {},
): Estimate {
  const power = expected.reduce((sum, e) => sum + e * e, 0);
  if (expected.length !== record.coordinates.length || !(power > 0)) {
    throw new ArgumentError(
      `shiftAgreement: a displacement of ${expected.length} numbers and length ${Math.sqrt(power)} for ` +
        `${record.coordinates.length} coordinates; give one above 0 for each.`,
    );
  }
  const columns = expected.map((_, i) => replicaMoments(record, { condition, i }));
  const share = columns[0]!.map((_, r) =>
    columns.reduce((sum, column, i) => sum + (column[r]! * expected[i]!) / power, 0),
  );
  return replicaMean(share);
}
