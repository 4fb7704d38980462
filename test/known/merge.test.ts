/**
 * Records joined in time and across shards, against joins written by hand and moments computed from
 * the samples they stand for.
 */
import { describe, expect, test } from "vitest";
import type {
  Field,
  MomentsRecord,
  RunInfo,
  SeriesRecord,
  SnapshotRecord,
} from "../../engine/record.ts";
import { merge, mergeShards, recentered } from "../../engine/run/merge.ts";
import { gaussian, mulberry32 } from "../../models/mulberry.ts";
import { relativeError } from "../parity.ts";

const run = (firstStep: number, steps: number, first: number, count: number): RunInfo => ({
  firstStep,
  steps,
  conditions: [{ learningRate: 0.1 }, { learningRate: 0.2 }],
  replicas: { first, count },
  frozen: new Int32Array(2 * count).fill(-1),
  bounds: { theta: 1e6, loss: 1e12 },
  provenance: {
    thermograd: "0",
    adapter: "none",
    software: true,
    seed: 1,
    model: "m",
    sampling: "distinct",
    update: "sgd",
    schedule: "thread",
  },
});

const field = (lengths: Readonly<Record<string, number>>, data: Float64Array): Field => ({
  axes: Object.entries(lengths).map(([name, length]) => ({ name, length })),
  data,
  unit: "",
});

/** A series of two quantities whose value tells where it stands: 1000 c + 100 q + 10 r + t. */
function seriesOf(firstStep: number, times: number, first: number, count: number): SeriesRecord {
  const data = new Float64Array(2 * 2 * count * times);
  for (let i = 0; i < data.length; i += 1) {
    const t = i % times;
    const r = Math.floor(i / times) % count;
    const c = Math.floor(i / times / count) % 2;
    const q = Math.floor(i / times / count / 2);
    data[i] = 1000 * c + 100 * q + 10 * (first + r) + firstStep + t;
  }
  return {
    kind: "series",
    quantities: ["loss", "g.g"],
    every: 1,
    steps: Float64Array.from({ length: times }, (_, t) => firstStep + t),
    values: field({ quantity: 2, condition: 2, replica: count, time: times }, data),
  };
}

const seriesRecord = (firstStep: number, times: number, first: number, count: number) => ({
  a: seriesOf(firstStep, times, first, count),
  run: run(firstStep, times, first, count),
});

describe("in time", () => {
  test("series", () => {
    expect(merge(seriesRecord(5, 3, 2, 4), seriesRecord(8, 6, 2, 4))).toEqual(
      seriesRecord(5, 9, 2, 4),
    );
  });

  test("series recorded every so often keep their step numbers", () => {
    const [a, b] = [seriesRecord(0, 2, 0, 1), seriesRecord(2, 1, 0, 1)];
    const sparse = (record: typeof a, steps: number[], firstStep: number, length: number) => ({
      a: { ...record.a, every: 3, steps: Float64Array.from(steps) },
      run: { ...record.run, firstStep, steps: length },
    });
    const merged = merge(sparse(a, [0, 3], 0, 5), sparse(b, [5], 5, 1));
    expect([...merged.a.steps]).toEqual([0, 3, 5]);
    expect(merged.run.steps).toBe(6);
  });

  test("snapshots", () => {
    const snapshot = (step: number): SnapshotRecord => ({
      kind: "snapshot",
      steps: Float64Array.of(step),
      coordinates: ["w"],
      values: field(
        { time: 1, condition: 2, replica: 1, coordinate: 1 },
        Float64Array.of(step, -step),
      ),
    });
    const merged = merge(
      { s: snapshot(4), run: run(4, 2, 0, 1) },
      { s: snapshot(6), run: run(6, 2, 0, 1) },
    );
    expect([...merged.s.steps]).toEqual([4, 6]);
    expect([...merged.s.values.data]).toEqual([4, -4, 6, -6]);
    expect(merged.s.values.axes.map(({ length }) => length)).toEqual([2, 2, 1, 1]);
  });

  test("a replica frozen in either stretch is frozen", () => {
    const [a, b] = [seriesRecord(0, 2, 0, 2), seriesRecord(2, 2, 0, 2)];
    a.run.frozen.set([-1, 1, -1, -1]);
    b.run.frozen.set([-1, 1, 3, -1]);
    expect([...merge(a, b).run.frozen]).toEqual([-1, 1, 3, -1]);
  });

  test("refuses what does not follow, or is of another ensemble", () => {
    const a = seriesRecord(0, 3, 0, 2);
    expect(() => merge(a, seriesRecord(4, 3, 0, 2))).toThrow(
      "merge: the second Record begins at step 4, the first ends at 3; give stretches that follow",
    );
    const b = seriesRecord(3, 3, 0, 2);
    const seeded = { ...b, run: { ...b.run, provenance: { ...b.run.provenance, seed: 2 } } };
    expect(() => merge(a, seeded)).toThrow("seed is 1 and 2; give Records of one ensemble.");
    expect(() => merge(a, seriesRecord(3, 3, 1, 2))).toThrow("replicas from 0 and from 1");
    const other = { a: { ...b.a, quantities: ["loss", "v.v"] }, run: b.run };
    expect(() => merge(a, other)).toThrow("different ensembles, observables");
    expect(() => merge(a, { run: b.run } as unknown as typeof a)).toThrow("observables");
  });
});

const [K, LAGS] = [2, [0, 3]] as const;

/** Samples z of each replica, [condition · replica][time][coordinate]. */
function samples(seed: number, lanes: number, times: number): Float64Array[][] {
  const uniform = mulberry32(seed);
  return Array.from({ length: lanes }, () =>
    Array.from({ length: times }, () =>
      Float64Array.from({ length: K }, () => 3 + gaussian(uniform)),
    ),
  );
}

/** The moments record that the samples have about a reference, [condition][coordinate]. */
function momentsOf(z: readonly Float64Array[][], reference: number[][]): MomentsRecord {
  const replicas = z.length / 2;
  const times = z[0]!.length;
  const counts = LAGS.map((lag) => Math.max(0, times - lag));
  const first: number[] = [];
  const firstEnd: number[] = [];
  const second: number[] = [];
  z.forEach((lane, l) => {
    const c = reference[Math.floor(l / replicas)]!;
    LAGS.forEach((lag, k) => {
      const mean = (f: (t: number) => number): number => {
        let sum = 0;
        for (let t = 0; t < counts[k]!; t += 1) sum += f(t);
        return counts[k] === 0 ? Number.NaN : sum / counts[k]!;
      };
      for (let i = 0; i < K; i += 1) {
        first.push(mean((t) => lane[t]![i]! - c[i]!));
        firstEnd.push(mean((t) => lane[t + lag]![i]! - c[i]!));
        for (let j = 0; j < K; j += 1) {
          second.push(mean((t) => (lane[t]![i]! - c[i]!) * (lane[t + lag]![j]! - c[j]!)));
        }
      }
    });
  });
  const axes = { condition: 2, replica: replicas, lag: 2, coordinate: K };
  return {
    kind: "moments",
    coordinates: ["u", "v"],
    every: 1,
    lags: LAGS,
    counts,
    reference: field({ condition: 2, coordinate: K }, Float64Array.from(reference.flat())),
    first: field(axes, Float64Array.from(first)),
    firstEnd: field(axes, Float64Array.from(firstEnd)),
    second: field({ ...axes, "coordinate'": K }, Float64Array.from(second)),
  };
}

const REFERENCE = [
  [3, 2.5],
  [3.5, 2],
];
const FIELDS = ["first", "firstEnd", "second"] as const;

describe("moments", () => {
  test("are averaged with their counts as weights, lag by lag", () => {
    // Two stretches of 7 and 12 steps: pairs across the seam are in neither.
    const z = samples(1, 4, 19);
    const [a, b] = [z.map((lane) => lane.slice(0, 7)), z.map((lane) => lane.slice(7))];
    const merged = merge(
      { m: momentsOf(a, REFERENCE), run: run(0, 7, 0, 2) },
      { m: momentsOf(b, REFERENCE), run: run(7, 12, 0, 2) },
    ).m;
    expect(merged.counts).toEqual([19, 4 + 9]);
    const whole = momentsOf(z, REFERENCE);
    for (const name of FIELDS) {
      const lagZero = (record: MomentsRecord): number[] => {
        const inner = name === "second" ? K * K : K;
        return [...record[name].data].filter((_, i) => Math.floor(i / inner) % 2 === 0);
      };
      expect(relativeError(lagZero(merged), lagZero(whole))).toBeLessThan(1e-14);
    }
    // ⟨u_0(t) v(t+3)⟩ of replica 0: the sums of both stretches over 13 pairs.
    let sum = 0;
    for (const lane of [a[0]!, b[0]!]) {
      for (let t = 0; t + 3 < lane.length; t += 1) {
        sum += (lane[t]![0]! - 3) * (lane[t + 3]![1]! - 2.5);
      }
    }
    expect(merged.second.data[K * K + 1]).toBeCloseTo(sum / 13, 13);
  });

  test("a stretch shorter than the lag adds nothing, instead of NaN", () => {
    const z = samples(2, 2, 10);
    const [a, b] = [z.map((lane) => lane.slice(0, 8)), z.map((lane) => lane.slice(8))];
    const long = momentsOf(a, REFERENCE);
    const short = momentsOf(b, REFERENCE);
    expect(short.counts).toEqual([2, 0]);
    for (const order of [0, 1]) {
      const records = order === 0 ? [long, short] : [short, long];
      const merged = merge(
        { m: records[0]!, run: run(0, 8, 0, 1) },
        { m: records[1]!, run: run(8, 2, 0, 1) },
      ).m;
      expect(merged.counts).toEqual([10, 5]);
      expect(merged.second.data.subarray(K * K, 2 * K * K)).toEqual(
        long.second.data.subarray(K * K, 2 * K * K),
      );
    }
  });

  test("about another reference are those computed about it", () => {
    const z = samples(3, 6, 11);
    const other = [
      [2, 4],
      [-1, 0.5],
    ];
    const moved = recentered(momentsOf(z, REFERENCE), momentsOf(z, other).reference);
    for (const name of FIELDS) {
      expect(relativeError(moved[name].data, momentsOf(z, other)[name].data)).toBeLessThan(1e-13);
      // Negative control: they do differ.
      expect(relativeError(moved[name].data, momentsOf(z, REFERENCE)[name].data)).toBeGreaterThan(
        0.1,
      );
    }
  });

  test("refuse to be averaged about different reference points", () => {
    const z = samples(4, 2, 5);
    const a = { m: momentsOf(z, REFERENCE), run: run(0, 5, 0, 1) };
    const b = {
      m: momentsOf(z, [
        [0, 0],
        [0, 0],
      ]),
      run: run(5, 5, 0, 1),
    };
    expect(() => merge(a, b)).toThrow("merge: moments about different reference points");
  });

  test("of shards: the second is taken about the first's reference", () => {
    const z = samples(5, 6, 9);
    // Conditions 0 and 1 of replicas 0, 1, 2: shards {0} and {1, 2}.
    const pick = (replicas: number[]) =>
      [...replicas, ...replicas.map((r) => 3 + r)].map((l) => z[l]!);
    const own = [
      [0, 1],
      [2, 0],
    ];
    const merged = mergeShards(
      { m: momentsOf(pick([0]), REFERENCE), run: run(0, 9, 0, 1) },
      { m: momentsOf(pick([1, 2]), own), run: run(0, 9, 1, 2) },
    ).m;
    const whole = momentsOf(z, REFERENCE);
    expect(merged.counts).toEqual(whole.counts);
    for (const name of FIELDS) {
      expect(merged[name].axes).toEqual(whole[name].axes);
      expect(relativeError(merged[name].data, whole[name].data)).toBeLessThan(1e-13);
    }
  });
});

describe("shards", () => {
  test("series, replica beside replica in every condition", () => {
    const merged = mergeShards(seriesRecord(0, 3, 2, 1), seriesRecord(0, 3, 3, 4));
    expect(merged).toEqual(seriesRecord(0, 3, 2, 5));
  });

  test("replicas that have numbers keep them", () => {
    const numbered = (first: number, count: number) => {
      const record = seriesRecord(0, 2, first, count);
      const axes = record.a.values.axes.map((axis) =>
        axis.name === "replica"
          ? { ...axis, values: Array.from({ length: count }, (_, r) => first + r) }
          : axis,
      );
      return { ...record, a: { ...record.a, values: { ...record.a.values, axes } } };
    };
    expect(mergeShards(numbered(4, 2), numbered(6, 3))).toEqual(numbered(4, 5));
  });

  test("frozen replicas stay in their condition", () => {
    const [a, b] = [seriesRecord(0, 2, 0, 1), seriesRecord(0, 2, 1, 2)];
    a.run.frozen.set([7, -1]);
    b.run.frozen.set([-1, 8, 9, -1]);
    expect([...mergeShards(a, b).run.frozen]).toEqual([7, -1, 8, -1, 9, -1]);
  });

  test("refuse other steps, a gap, another ensemble", () => {
    const a = seriesRecord(0, 3, 0, 2);
    expect(() => mergeShards(a, seriesRecord(0, 3, 3, 2))).toThrow(
      "mergeShards: replicas 0–1 over steps 0+3 and replicas 3–4 over 0+3; give shards of the same",
    );
    expect(() => mergeShards(a, seriesRecord(1, 3, 2, 2))).toThrow("give shards of the same steps");
    const b = seriesRecord(0, 3, 2, 2);
    const other = { ...b, run: { ...b.run, conditions: b.run.conditions.slice(1) } };
    expect(() => mergeShards(a, other)).toThrow("conditions is 2 and 1");
  });
});
