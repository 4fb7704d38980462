/**
 * `entropyProduction` against its float64 twin: the events of every replica again from its path, for
 * every chunk, dispatch, shard, window of readback and checkpoint.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { gaussian } from "../../engine/initial.ts";
import { entropyProduction } from "../../engine/observe/entropyProduction.ts";
import { GROUPS } from "../../engine/observe/grid.ts";
import { MOMENTS_BLOCK } from "../../engine/observe/moments.ts";
import {
  referenceEntropyCounts,
  referenceEntropySums,
  referenceEvents,
} from "../../engine/observe/referenceEntropyProduction.ts";
import { snapshot } from "../../engine/observe/snapshot.ts";
import type { EntropyProductionRecord } from "../../engine/record.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { merge, mergeShards } from "../../engine/run/merge.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { quadraticModes } from "../../models/quadraticModes.ts";
import { linearRegression } from "../composites.ts";
import { describeWithDevice } from "../gpu.ts";
import { sampleData } from "../parity.ts";
import { twins } from "../twins.ts";

const model = linearRegression(1);
const [, b] = model.coordinateNames as [string, string];
// More replicas than groups, and a first one that is not of group 0.
const REPLICAS = { first: 5, count: 150 };
const STEPS = 23;
const base = {
  model,
  data: sampleData(model, 12, 9),
  update: sgd({ learningRate: 0.05, gradientNoise: 0.2 }),
  sampling: "reshuffled",
  sweep: { batchSize: [2, 3] },
  replicas: REPLICAS,
  seed: 0xabcdef,
  initial: gaussian({ standardDeviation: 0.5 }),
} satisfies EnsembleOptions;

const SUM = { name: "sum", vector: [1, 1] };
/** A center and form of each condition: not antisymmetric, so that nothing cancels. */
const CENTERS = [
  [0.3, -0.2],
  [0.1, 0.4],
];
const FORMS = [
  [
    [2, -3],
    [4, 1.5],
  ],
  [
    [-1, 2.5],
    [-4, 3],
  ],
];
const all = entropyProduction({
  center: CENTERS,
  form: FORMS,
  windows: [3, 1],
  histograms: [
    { window: 1, width: [0.11, 0.07], bins: 5 },
    { window: 3, width: 0.23, bins: 4 },
  ],
});
const slow = entropyProduction({
  of: [SUM, b],
  center: [0, 0],
  form: FORMS[0]!,
  every: 4,
  windows: [2],
});
const observables = { all, slow };

type Path = readonly (readonly number[])[];

const centerOf = (record: EntropyProductionRecord, c: number) =>
  [...record.center.data.subarray(2 * c, 2 * c + 2)] as number[];

/** Largest error of first and second moments against the twin's, and their largest value. */
function compare(record: EntropyProductionRecord, paths: readonly Path[], replicas: number) {
  let [error, largest] = [0, 0];
  paths.forEach((path, lane) => {
    const c = Math.floor(lane / replicas);
    const form = [0, 1].map((i) => [
      ...record.form.data.subarray(4 * c + 2 * i, 4 * c + 2 * i + 2),
    ]) as number[][];
    const { windows } = record;
    referenceEvents({ center: centerOf(record, c), form, windows }, path).forEach((events, k) => {
      expect(events).toHaveLength(record.counts[k]!);
      const [s, ss, e, ee, se] = referenceEntropySums(events).map((x) => x / events.length);
      const row = lane * windows.length + k;
      const got = [
        ...record.first.data.subarray(2 * row, 2 * row + 2),
        ...record.second.data.subarray(4 * row, 4 * row + 4),
      ];
      [s!, e!, ss!, se!, se!, ee!].forEach((value, i) => {
        error = Math.max(error, Math.abs(value - got[i]!) / Math.max(1, Math.abs(value)));
        largest = Math.max(largest, Math.abs(value));
      });
    });
  });
  return { error, largest };
}

describeWithDevice("entropyProduction", "software", (device) => {
  const observe = async (
    execution: EnsembleOptions["execution"] = {},
    replicas = REPLICAS,
    calls: readonly number[] = [STEPS],
  ) => {
    await using ensemble = await createEnsemble(device(), {
      ...{ ...base, replicas, observables },
      execution: { ...execution },
    });
    let record = await ensemble.observe({ steps: calls[0]! });
    for (const steps of calls.slice(1)) record = merge(record, await ensemble.observe({ steps }));
    return record;
  };
  let whole: Awaited<ReturnType<typeof observe>>;
  const paths: number[][][] = [];
  beforeAll(async () => {
    whole = await observe();
    twins(base, {
      steps: STEPS,
      onStep: (lane, { theta }) => {
        paths[lane] ??= [];
        paths[lane].push([...theta]);
      },
    });
  });
  const slowly = (path: Path): number[][] =>
    path.filter((_, t) => t % 4 === 0).map(([x, y]) => [x! + y!, y!]);

  test("averages are the twin's, of single steps, of sums, and at a longer sampling time", () => {
    // θ of the device is off by float32 roundings of 2e-5 (test/gpu/dynamics.test.ts), times Q.
    const found = compare(whole.all, paths, REPLICAS.count);
    expect(found.error).toBeLessThan(2e-4);
    expect(found.largest).toBeGreaterThan(0.5);
    expect(whole.slow.counts).toEqual([2]);
    expect(compare(whole.slow, paths.map(slowly), REPLICAS.count).error).toBeLessThan(2e-4);
  });

  test("negative controls: a wrong form, center, or order of the coordinates is seen", () => {
    const turned = { ...whole.all.form, data: whole.all.form.data.slice().reverse() };
    const moved = { ...whole.all.center, data: whole.all.center.data.map((c) => c + 0.01) };
    for (const wrong of [{ form: turned }, { center: moved }]) {
      const { error } = compare({ ...whole.all, ...wrong }, paths, REPLICAS.count);
      expect(error).toBeGreaterThan(1e-3);
    }
  });

  test("counts by bin are the twin's, dealt to the groups of the replicas", () => {
    for (const [name, { window, width, ...counts }] of Object.entries(whole.all.histograms)) {
      expect(name).toBe(`window${window}`);
      const bins = counts.positive.axes.at(-1)!.length;
      const expected = new Map(
        ["positive", "negative", "weighted"].map((kind) => [
          kind,
          new Float64Array(2 * GROUPS * bins),
        ]),
      );
      const beyond = new Float64Array(2 * GROUPS);
      // Events within the device's rounding of a bin's edge may be in the next one.
      let doubtful = 0;
      paths.forEach((path, lane) => {
        const c = Math.floor(lane / REPLICAS.count);
        const request = { center: CENTERS[c]!, form: FORMS[c]!, windows: [window] };
        const [events] = referenceEvents(request, path);
        for (const sigma of events!) {
          const place = Math.abs(sigma) / width.data[c]!;
          if (Math.min(Math.abs(place - Math.round(place)), Math.abs(sigma)) < 2e-5) doubtful += 1;
        }
        const own = referenceEntropyCounts(events!, width.data[c]!, bins);
        const group = c * GROUPS + ((REPLICAS.first + (lane % REPLICAS.count)) % GROUPS);
        for (const kind of ["positive", "negative", "weighted"] as const) {
          own[kind].forEach((count, bin) => {
            expected.get(kind)![group * bins + bin]! += count;
          });
        }
        beyond[group]! += own.beyond;
      });
      expect(doubtful).toBeLessThan(8);
      const off = (kind: "positive" | "negative"): number =>
        [...counts[kind].data].reduce(
          (sum, n, i) => sum + Math.abs(n - expected.get(kind)![i]!),
          0,
        );
      for (const kind of ["positive", "negative"] as const) {
        expect(off(kind)).toBeLessThanOrEqual(2 * doubtful);
      }
      const differ = (a: ArrayLike<number>, b: Float64Array): number =>
        b.filter((value, i) => Math.abs(value - a[i]!) > 1e-3).length;
      expect(differ(counts.beyond.data, beyond)).toBeLessThanOrEqual(doubtful);
      expect(beyond.some((n) => n > 0)).toBe(true);
      const weighted = expected.get("weighted")!;
      expect(differ(counts.weighted.data, weighted)).toBeLessThanOrEqual(2 * doubtful);
      expect(weighted.some((sum) => sum > 2)).toBe(true);
    }
  });

  test("do not depend on workgroups, dispatches, chunks", async () => {
    for (const execution of [
      { workgroup: 7 },
      { stepsPerDispatch: 5 },
      { lanesPerChunk: 41, stepsPerDispatch: 4 },
    ]) {
      const other = await observe(execution);
      expect(other.all.first).toEqual(whole.all.first);
      expect(other.all.second).toEqual(whole.all.second);
      expect(other.slow).toEqual(whole.slow);
      for (const [name, { positive, negative, beyond }] of Object.entries(other.all.histograms)) {
        const own = whole.all.histograms[name]!;
        expect([positive, negative, beyond]).toEqual([own.positive, own.negative, own.beyond]);
      }
    }
  });

  test("shards add up to the whole", async () => {
    const parts = [
      await observe({}, { first: 5, count: 70 }),
      await observe({}, { first: 75, count: 1 }),
      await observe({}, { first: 76, count: 79 }),
    ];
    const merged = parts.reduce((one, next) => mergeShards(one, next));
    expect(merged.all.first.data).toEqual(whole.all.first.data);
    expect(merged.all.second.data).toEqual(whole.all.second.data);
    expect(merged.all.histograms.window3!.positive).toEqual(whole.all.histograms.window3!.positive);
  });

  test("stretches are averaged by their events; none is counted between two calls", async () => {
    const calls = [13, STEPS - 13];
    const merged = await observe({}, REPLICAS, calls);
    // 12 and 9 single steps, 4 and 3 sums of three.
    expect(merged.all.counts).toEqual([21, 7]);
    const events = paths.map((path) => [path.slice(0, 13), path.slice(13)]);
    const c = (lane: number): number => Math.floor(lane / REPLICAS.count);
    events.forEach((stretches, lane) => {
      const request = { center: CENTERS[c(lane)]!, form: FORMS[c(lane)]!, windows: [3] };
      const sums = stretches.flatMap((path) => [...referenceEvents(request, path)[0]!]);
      const mean = sums.reduce((sum, one) => sum + one, 0) / sums.length;
      expect(Math.abs(merged.all.first.data[4 * lane + 2]! - mean)).toBeLessThan(2e-4);
    });
    await using other = await createEnsemble(device(), {
      ...base,
      observables: { all: { ...all, form: FORMS[0]! }, slow },
    });
    await other.advance({ steps: STEPS });
    const foreign = await other.observe({ steps: 5 });
    expect(() => merge(whole, foreign)).toThrow("observables is");
  });

  test("several windows of readback and a checkpoint in between", async () => {
    const modes = quadraticModes([1, 0.5]);
    const options = {
      ...modes,
      sampling: "fullBatch" as const,
      update: sgd({ learningRate: 0.3, gradientNoise: 1 }),
      replicas: 3,
      seed: 4,
      observables: {
        sigma: entropyProduction({ center: [0, 0], form: FORMS[1]!, windows: [1, 7] }),
        states: snapshot({ every: 1 }),
      },
    };
    const steps = 2 * MOMENTS_BLOCK + 17;
    await using ensemble = await createEnsemble(device(), options);
    const { sigma, states } = await ensemble.observe({ steps });
    const path = (lane: number): number[][] =>
      Array.from({ length: steps }, (_, t) => [
        ...states.values.data.subarray((t * 3 + lane) * 2, (t * 3 + lane) * 2 + 2),
      ]);
    expect(compare(sigma, [0, 1, 2].map(path), 3).error).toBeLessThan(1e-4);
    const bytes = await ensemble.checkpoint();
    const next = await ensemble.observe({ steps: 40 });
    await using resumed = await createEnsemble(device(), { ...options, from: bytes });
    expect((await resumed.observe({ steps: 40 })).sigma).toEqual(next.sigma);
  });

  test("many coordinates, whose form stays in memory, and replicas that freeze", async () => {
    const curvatures = Array.from({ length: 14 }, (_, k) => 0.2 + 0.1 * k);
    const form = curvatures.map((_, i) => curvatures.map((_, j) => Math.sin(3 * i + 7 * j)));
    const center = curvatures.map((_, i) => 0.1 * i);
    await using ensemble = await createEnsemble(device(), {
      ...quadraticModes(curvatures),
      sampling: "fullBatch",
      update: sgd({ gradientNoise: 0.3 }),
      sweep: { learningRate: [0.2, 9] },
      replicas: 4,
      seed: 6,
      bounds: { theta: 100 },
      observables: {
        sigma: entropyProduction({
          ...{ center, form },
          histograms: [{ window: 1, width: 3, bins: 2 }],
        }),
        states: snapshot({ every: 1 }),
      },
    });
    const { sigma, states, run } = await ensemble.observe({ steps: 30 });
    for (let lane = 0; lane < 4; lane += 1) {
      const path = Array.from({ length: 30 }, (_, t) => [
        ...states.values.data.subarray((t * 8 + lane) * 14, (t * 8 + lane + 1) * 14),
      ]);
      const [events] = referenceEvents({ center, form, windows: [1] }, path);
      const [s, ss] = referenceEntropySums(events!).map((sum) => sum / 29);
      expect(Math.abs(sigma.first.data[2 * lane]! - s!)).toBeLessThan(1e-4);
      expect(Math.abs(sigma.second.data[4 * lane]! - ss!)).toBeLessThan(1e-4 * (1 + ss!));
    }
    expect(run.frozen.slice(4).every((step) => step > 0)).toBe(true);
    expect(sigma.first.data.slice(8).every(Number.isNaN)).toBe(true);
    expect(structuredClone(sigma)).toEqual(sigma);
  });
});

describe("bad input is one sentence", () => {
  const given = { center: [0], form: [[1]] };
  const bins = { window: 1, width: 1, bins: 4 };
  test.each([
    [{ ...given, every: 0 }, "entropyProduction: every is 0"],
    [{ ...given, windows: [0.5] }, "entropyProduction: windows has 0.5; give numbers"],
    [{ ...given, windows: [] }, "entropyProduction: 0 lengths in windows; give 1 to 16."],
    [{ ...given, histograms: [bins, bins] }, "histograms has the length 1 twice"],
    [{ ...given, histograms: [{ ...bins, window: 2 }] }, "histograms has the length 2 twice, or"],
    [{ ...given, histograms: [{ ...bins, bins: 0 }] }, "entropyProduction: 0 bins; use a whole"],
    [{ ...given, histograms: [{ ...bins, width: 30 }] }, "whose bins end below 80 nats"],
  ])("%j", (options, message) => {
    expect(() => entropyProduction(options)).toThrow(message);
  });
});
