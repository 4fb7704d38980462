/**
 * Records of replicas that interact, averaged over each group: the statistical unit is the group.
 *
 * Time averages of members of one group are correlated, so that errors from their scatter are wrong;
 * groups are independent. Averages over members of first and second moments and of series are again
 * such Records, whose `replica` axis counts groups: every estimator takes them. What is nonlinear in a
 * member's own average (a variance of time averages, a median) is then that of groups.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { Field, MomentsRecord, SeriesRecord } from "../engine/record.ts";

/** @throws ArgumentError for a record whose replicas interact, in groups of more than one. */
export function checkIndependent(
  where: string,
  record: { readonly groupSize?: number },
  remedy = "give groupAverages(record), whose errors are those of groups",
): void {
  const { groupSize = 1 } = record;
  if (groupSize === 1) return;
  throw new ArgumentError(
    `${where}: replicas of the record interact in groups of ${groupSize} and are not independent; ` +
      `${remedy}.`,
  );
}

/** The same for grids, whose errors come from groups of replicas that members of a system share out. */
export const checkIndependentGrid = (
  where: string,
  record: { readonly groupSize?: number },
): void =>
  checkIndependent(where, record, "observe moments or series, which can be averaged over groups");

/** A field with its replica axis cut into groups and averaged over the members of each. */
function averaged(field: Field, groupSize: number): Field {
  const axis = field.axes.findIndex(({ name }) => name === "replica");
  const { values, ...replicas } = field.axes[axis]!;
  const length = replicas.length / groupSize;
  const inner = field.axes.slice(axis + 1).reduce((size, { length: n }) => size * n, 1);
  const data = new Float64Array(field.data.length / groupSize);
  for (let i = 0; i < field.data.length; i++) {
    // Outer axes and groups count together: members follow each other.
    const group = Math.floor(i / (inner * groupSize));
    data[group * inner + (i % inner)]! += field.data[i]! / groupSize;
  }
  const first = values === undefined ? 0 : (values[0] as number) / groupSize;
  const named = first > 0 && { values: Array.from({ length }, (_, g) => first + g) };
  const axes = field.axes.map((one, i) => (i === axis ? { ...replicas, length, ...named } : one));
  return { ...field, axes, data };
}

/**
 * The record with groups in place of replicas: x̄_g = (1/N) Σ_{i in g} x_i of every entry.
 *
 * Moments: ⟨z⟩ and ⟨z z'⟩ over time and members, the reference point kept, so that `covariance` is the
 * variance of a single member over all groups. A group that froze is NaN. Error: float64 rounding.
 *
 * @throws ArgumentError for a record of replicas that do not interact.
 * @example covariance(groupAverages(record.moments), { i: "x", j: "x" })
 */
export function groupAverages<R extends MomentsRecord | SeriesRecord>(record: R): R {
  const { groupSize, ...rest } = record;
  if (groupSize === undefined) {
    throw new ArgumentError(
      "groupAverages: replicas of the record do not interact and are independent as they are; give " +
        "the record itself to estimators.",
    );
  }
  if (record.kind === "series") {
    return { ...rest, values: averaged(record.values, groupSize) } as unknown as R;
  }
  const { first, firstEnd, second } = record;
  return {
    ...rest,
    first: averaged(first, groupSize),
    firstEnd: averaged(firstEnd, groupSize),
    second: averaged(second, groupSize),
  } as unknown as R;
}
