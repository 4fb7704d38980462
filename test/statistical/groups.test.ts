/**
 * Averages over groups of replicas that interact: what they are, and that their errors are right.
 *
 * x_i = m_g + e_i with m_g ~ N(0, 1/4) of the group and e_i ~ N(0, 1) of the member: Var x = 5/4, the
 * variance of the mean of G groups of N is (1/4 + 1/N)/G. Scores (estimate − exact)/standardError of 300
 * records must have a mean square of 1 within 4 √(2/300). Taken as independent, replicas have errors of
 * √(5/4/(G N)), half of what they are for N = 16, and fail the same assertion.
 */
import { describe, expect, test } from "vitest";
import {
  covariance,
  currentField,
  densityField,
  groupAverages,
  mean,
  timeAverage,
} from "../../analysis/index.ts";
import type {
  DensityRecord,
  FluxRecord,
  MomentsRecord,
  SeriesRecord,
} from "../../engine/record.ts";
import { type Generator, generator } from "../generator.ts";
import { momentsOf, seriesOf } from "../trajectories.ts";

const GROUPS = 40;
const SIZE = 16;
const RECORDS = 300;

/** [replica][time] of one sample each. */
function replicas({ normal }: Generator): Float64Array[] {
  return Array.from({ length: GROUPS }, () => {
    const common = 0.5 * normal();
    return Array.from({ length: SIZE }, () => Float64Array.of(common + normal()));
  }).flat();
}

/** Mean square of the scores over many records. */
function spread(score: (values: Float64Array[]) => number): number {
  const random = generator(11);
  let sum = 0;
  for (let k = 0; k < RECORDS; k += 1) sum += score(replicas(random)) ** 2 / RECORDS;
  return sum;
}

const grouped = <R extends MomentsRecord | SeriesRecord>(record: R, groupSize = SIZE): R => ({
  ...record,
  groupSize,
});

const moments = (values: Float64Array[]) => momentsOf([values], ["x"], [0], [0.1]);
const allowed = 4 * Math.sqrt(2 / RECORDS);

describe("groupAverages", () => {
  test("averages members, and keeps conditions, times and the reference point", () => {
    const of = (x: number) => [Float64Array.of(x, 2 * x), Float64Array.of(x + 2, 4)];
    const series = grouped(
      seriesOf([
        [...of(1), ...of(5)],
        [...of(3), ...of(7)],
      ]),
      2,
    );
    const { values, groupSize } = groupAverages(series);
    expect(groupSize).toBeUndefined();
    expect(values.axes.map(({ length }) => length)).toEqual([1, 2, 2, 2]);
    expect([...values.data]).toEqual([2, 3, 6, 7, 4, 5, 8, 9]);
    const record = grouped(momentsOf([[...of(1), ...of(5)]], ["x"], [0, 1], [1]), 2);
    const averaged = groupAverages(record);
    expect(averaged.reference).toEqual(record.reference);
    // Replicas (1, 2), (3, 4) about 1: ⟨x − 1⟩ = ½, 5/2; ⟨(x − 1)²⟩ = ½, 13/2; lag 1: 0, 2 and 1, 3.
    expect([...averaged.first.data].slice(0, 2)).toEqual([1.5, 1]);
    expect([...averaged.firstEnd.data].slice(0, 2)).toEqual([1.5, 2]);
    expect([...averaged.second.data].slice(0, 2)).toEqual([3.5, 3]);
  });

  test("numbers the groups of a shard as those of the whole", () => {
    const values = Array.from({ length: 4 }, () => Float64Array.of(0));
    const record = grouped(seriesOf([values]), 2);
    const axes = record.values.axes.map((axis) =>
      axis.name === "replica" ? { ...axis, values: [6, 7, 8, 9] } : axis,
    );
    const averaged = groupAverages({ ...record, values: { ...record.values, axes } });
    expect(averaged.values.axes[2]!.values).toEqual([3, 4]);
  });

  test("a frozen group is left out and counted", () => {
    const values = replicas(generator(2));
    values[3]![0] = Number.NaN;
    const estimate = mean(groupAverages(grouped(moments(values))), { i: "x" });
    expect(estimate.n).toBe(GROUPS - 1);
    expect(estimate.warnings.join()).toContain(`1 of ${GROUPS} replicas dropped`);
  });

  test("errors of means and variances are those of groups", () => {
    const score = (values: Float64Array[]): number => {
      const { value, standardError } = mean(groupAverages(grouped(moments(values))), { i: "x" });
      return value / standardError;
    };
    expect(Math.abs(spread(score) - 1)).toBeLessThan(allowed);
    const variance = (values: Float64Array[]): number => {
      const record = groupAverages(grouped(moments(values)));
      const { value, standardError } = covariance(record, { i: "x", j: "x" });
      return (value - 1.25) / standardError;
    };
    expect(Math.abs(spread(variance) - 1)).toBeLessThan(allowed);
    // Negative control: replicas taken as independent.
    const wrong = (values: Float64Array[]): number => {
      const { value, standardError } = mean(moments(values), { i: "x" });
      return value / standardError;
    };
    expect(Math.abs(spread(wrong) - 1)).toBeGreaterThan(allowed);
  });

  test("estimators refuse replicas that interact, and groups of one not", () => {
    const values = replicas(generator(3));
    const ask = (groupSize: number) => mean(grouped(moments(values), groupSize), { i: "x" });
    expect(() => ask(SIZE)).toThrow(/interact in groups of 16.*groupAverages/);
    expect(ask(1).n).toBe(GROUPS * SIZE);
    const grid = { groupSize: SIZE } as unknown as DensityRecord & FluxRecord;
    for (const field of [densityField, currentField]) {
      expect(() => field(grid)).toThrow(/interact in groups of 16.*moments or series/);
    }
    const series = grouped(seriesOf([values]));
    expect(() => timeAverage(series)).toThrow(/groupAverages/);
    expect(timeAverage(groupAverages(series)).n).toBe(GROUPS);
    expect(() => groupAverages(moments(values))).toThrow(/do not interact/);
  });
});
