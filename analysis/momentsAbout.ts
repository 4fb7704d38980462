/**
 * Raw moments of each replica about a point of one's choice, so that records with other origins can
 * be compared replica by replica. Left out: lags.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { MomentsRecord } from "../engine/record.ts";
import { lagIndex, momentColumns } from "./coordinates.ts";
import type { ReplicaSamples } from "./jackknife.ts";

/** Numbers of first and second moments of d coordinates. */
export const momentCount = (d: number): number => d + (d * (d + 1)) / 2;

/** Pairs i <= j, in the order in which second moments stand. */
export const momentPairs = (d: number): [number, number][] =>
  Array.from({ length: d }, (_, i) => i).flatMap((i) =>
    Array.from({ length: d - i }, (_, k): [number, number] => [i, i + k]),
  );

/**
 * Time averages ⟨z_i − p_i⟩, then ⟨(z_i − p_i)(z_j − p_j)⟩ for i <= j, of every replica, where z are
 * the record's coordinates and p the point, [replica, d + d(d+1)/2].
 *
 * Frozen replicas are NaN. Exact: only the origin is changed.
 *
 * @throws ArgumentError when lag 0 or the condition is not in the record, or the point does not fit.
 */
export function momentsAbout(
  record: MomentsRecord,
  point: readonly number[],
  condition = 0,
): ReplicaSamples {
  const d = record.coordinates.length;
  if (point.length !== d) {
    throw new ArgumentError(
      `momentsAbout: the point has ${point.length} numbers for the ${d} coordinates of the record; ` +
        "give one each.",
    );
  }
  const lag = lagIndex("momentsAbout", record, 0);
  const columns = momentColumns("momentsAbout", record, condition, lag);
  const { replicas } = columns;
  const away = point.map((p, i) => columns.reference(i) - p);
  const pairs = momentPairs(d);
  const k = d + pairs.length;
  const data = new Float64Array(replicas * k);
  for (let r = 0; r < replicas; r++) {
    const first = away.map((_, i) => columns.first(r, i));
    for (let i = 0; i < d; i++) data[r * k + i] = first[i]! + away[i]!;
    for (const [place, [i, j]] of pairs.entries()) {
      const cross = away[i]! * first[j]! + away[j]! * first[i]!;
      data[r * k + d + place] = columns.second(r, i, j) + cross + away[i]! * away[j]!;
    }
  }
  return { data, replicas, k };
}
