/**
 * A mean vector beside one of theory: its component along the prediction, and its distance from it, as
 * shares of the prediction's length.
 *
 *   (⟨z⟩ · e)/(e · e),   |⟨z⟩ − e|/|e|
 */
import { ArgumentError } from "../engine/errors.ts";
import type { MomentsRecord } from "../engine/record.ts";
import type { Estimate } from "./estimate.ts";
import { jackknife } from "./jackknife.ts";
import { replicaMoments } from "./moments.ts";
import { replicaMean } from "./replicas.ts";

interface Choice {
  /** Index of the condition, default 0. */
  readonly condition?: number;
}

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
  { condition = 0 }: Choice = {},
): Estimate {
  const { columns, power } = meanColumns("shiftAgreement", record, expected, condition);
  const share = columns[0]!.map((_, r) =>
    columns.reduce((sum, column, i) => sum + (column[r]! * expected[i]!) / power, 0),
  );
  return replicaMean(share);
}

/**
 * Distance of the mean from the predicted displacement, over the length of that.
 *
 * Error: bias-corrected jackknife over replicas. Positive by definition: where there is no distance it is
 * about the square root of the number of coordinates times its error.
 *
 * @throws as `shiftAgreement`.
 * @example shiftDistance(record.moments, [1e-4, -2e-4])
 */
export function shiftDistance(
  record: MomentsRecord,
  expected: readonly number[],
  { condition = 0 }: Choice = {},
): Estimate {
  const { columns, power } = meanColumns("shiftDistance", record, expected, condition);
  const k = columns.length;
  const replicas = columns[0]!.length;
  const data = Float64Array.from(
    { length: replicas * k },
    (_, n) => columns[n % k]![Math.floor(n / k)]!,
  );
  const distance = (m: Float64Array): number =>
    Math.hypot(...m.map((value, i) => value - expected[i]!)) / Math.sqrt(power);
  return jackknife({ data, replicas, k }, distance, { biasCorrected: true });
}

function meanColumns(
  where: string,
  record: MomentsRecord,
  expected: readonly number[],
  condition: number,
): { columns: Float64Array[]; power: number } {
  const power = expected.reduce((sum, e) => sum + e * e, 0);
  if (expected.length !== record.coordinates.length || !(power > 0)) {
    throw new ArgumentError(
      `${where}: a displacement of ${expected.length} numbers and length ${Math.sqrt(power)} for ` +
        `${record.coordinates.length} coordinates; give one above 0 for each.`,
    );
  }
  return { columns: expected.map((_, i) => replicaMoments(record, { condition, i })), power };
}
