/**
 * Records of a run against the run's own states: moments and series computed again in float64 from
 * snapshots at every step; frozen replicas; means over a data set.
 */
import { expect, test } from "vitest";
import { gaussian } from "../../engine/initial.ts";
import { MOMENTS_BLOCK, moments } from "../../engine/observe/moments.ts";
import type { Projection, Quantity } from "../../engine/observe/quantity.ts";
import { quantityName } from "../../engine/observe/quantity.ts";
import { series } from "../../engine/observe/series.ts";
import { snapshot } from "../../engine/observe/snapshot.ts";
import type { MomentsRecord, SnapshotRecord } from "../../engine/record.ts";
import { compileReference } from "../../engine/reference.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { softmaxClassifier } from "../composites.ts";
import { describeWithDevice } from "../gpu.ts";
import { optionsFor } from "../observed.ts";
import { relativeError, sampleData } from "../parity.ts";

/** Unit roundoff of float32. */
const U = 2 ** -24;

/** Mean and rounding scale of the coordinates of moments, from the states of one replica. */
interface Coordinates {
  /** z_t − c, [time][coordinate] */
  readonly z: readonly Float64Array[];
  /** Error of a device's z: of the subtraction, and of a projection's sum. */
  readonly delta: Float64Array;
}

function coordinatesOf(
  states: readonly Float64Array[],
  of: readonly Quantity[],
  names: readonly string[],
  reference: ArrayLike<number>,
): Coordinates {
  const delta = new Float64Array(of.length);
  const z = states.map((state) =>
    Float64Array.from(of, (quantity, k) => {
      let value = 0;
      let scale = 0;
      if (typeof quantity === "string") {
        value = state[names.indexOf(quantity)]!;
      } else {
        const { vector, velocity = false } = quantity;
        const from = velocity ? vector.length : 0;
        vector.forEach((a, p) => {
          value += a * state[from + p]!;
          scale += Math.abs(a * state[from + p]!);
        });
        // Coefficients are rounded to float32, then `vector.length` products and sums.
        scale *= vector.length + 2;
      }
      const difference = value - reference[k]!;
      delta[k] = Math.max(delta[k]!, U * (scale + 2 * Math.abs(difference)));
      return difference;
    }),
  );
  return { z, delta };
}

/** All moments of a record against float64 means over the states, within float32 rounding. */
function expectMoments(
  record: MomentsRecord,
  { values, coordinates: names }: SnapshotRecord,
  of: readonly Quantity[],
): void {
  const [steps, conditions, replicas, width] = values.axes.map(({ length }) => length) as [
    number,
    number,
    number,
    number,
  ];
  for (let lane = 0; lane < conditions * replicas; lane += 1) {
    const condition = Math.floor(lane / replicas);
    const states = Array.from({ length: steps }, (_, t) => {
      const at = (t * conditions * replicas + lane) * width;
      return Float64Array.from(values.data.subarray(at, at + width));
    });
    const reference = record.reference.data.subarray(condition * of.length);
    const coordinates = coordinatesOf(states, of, names, reference);
    record.lags.forEach((_, l) => {
      expectLag(record, lane, l, coordinates);
    });
  }
}

/** The moments of one replica at lag number `l`. */
function expectLag(
  record: MomentsRecord,
  lane: number,
  l: number,
  { z, delta }: Coordinates,
): void {
  const lag = record.lags[l]!;
  const size = delta.length;
  const origins = z.flatMap((_, t) => (t % record.every === 0 && t + lag < z.length ? [t] : []));
  expect(record.counts[l]).toBe(origins.length);
  const mean = (f: (t: number) => number): number =>
    origins.reduce((sum, t) => sum + f(t), 0) / origins.length;
  // Sequential float32 sums of at most MOMENTS_BLOCK terms.
  const summing = (Math.min(MOMENTS_BLOCK, origins.length) + 2) * U;
  const row = (lane * record.lags.length + l) * size;
  for (let i = 0; i < size; i += 1) {
    const begin = (t: number): number => z[t]![i]!;
    const end = (t: number): number => z[t + lag]![i]!;
    const scale = mean((t) => Math.abs(begin(t)));
    const first = Math.abs(record.first.data[row + i]! - mean(begin));
    expect(first).toBeLessThanOrEqual(summing * scale + delta[i]!);
    const firstEnd = Math.abs(record.firstEnd.data[row + i]! - mean(end));
    expect(firstEnd).toBeLessThanOrEqual(summing * mean((t) => Math.abs(end(t))) + delta[i]!);
    for (let j = 0; j < size; j += 1) {
      const other = (t: number): number => z[t + lag]![j]!;
      const exact = mean((t) => begin(t) * other(t));
      const bound =
        summing * mean((t) => Math.abs(begin(t) * other(t))) +
        delta[i]! * mean((t) => Math.abs(other(t))) +
        delta[j]! * scale;
      const error = Math.abs(record.second.data[(row + i) * size + j]! - exact);
      expect(error, `lag ${lag}, ${i}, ${j}`).toBeLessThanOrEqual(bound);
      // The bound has power: it is far below the moment itself.
      if (i === j && lag === 0) expect(bound).toBeLessThan(0.01 * exact);
    }
  }
}

describeWithDevice("moments", "software", (device) => {
  const direction: Projection = { name: "sum", vector: [1, 1, 1] };
  const kinetic: Projection = { name: "v sum", vector: [0.3, -1.7, 2.1], velocity: true };
  const waves = Array.from({ length: 6 }, (_, p) => Math.fround(Math.cos(3 * p)));
  const many: Quantity[] = [
    ...Array.from({ length: 5 }, (_, i) => `w[${i}]`),
    "b",
    "v.w[0]",
    { name: "p", vector: waves },
    { name: "v p", vector: waves, velocity: true },
  ];
  // Up to 24 sums are written out, more run in loops: both are here.
  const cases: readonly {
    title: string;
    inputs: number;
    momentum: number;
    chosen: readonly Quantity[] | null;
    lags: readonly number[];
  }[] = [
    { title: "2 parameters", inputs: 1, momentum: 0, chosen: null, lags: [3, 1] },
    {
      title: "a coordinate and projections",
      inputs: 2,
      momentum: 0.5,
      chosen: ["w[1]", direction, kinetic],
      lags: [1],
    },
    { title: "3 parameters and velocities", inputs: 2, momentum: 0.5, chosen: null, lags: [3, 1] },
    { title: "6 parameters and velocities", inputs: 5, momentum: 0.5, chosen: null, lags: [1, 3] },
    { title: "9 coordinates, projections", inputs: 5, momentum: 0.5, chosen: many, lags: [5] },
  ];

  test.each(cases)("$title, every 1 and every 4", async ({ inputs, momentum, chosen, lags }) => {
    const options = optionsFor(inputs, momentum);
    const spec = { lags, ...(chosen && { of: chosen }) };
    await using ensemble = await createEnsemble(device(), {
      ...options,
      observables: {
        each: moments({ ...spec, every: 1 }),
        fourth: moments({ ...spec, every: 4 }),
        states: snapshot({ every: 1 }),
      },
    });
    await ensemble.advance({ steps: 40 });
    const start = (await ensemble.state()).theta.data;
    const record = await ensemble.observe({ steps: MOMENTS_BLOCK + 34 }); // more than one block
    if (!chosen) {
      // The origin is the replicas' mean where observing began.
      const count = options.model.parameterCount;
      const pilot = [0, 1, 2].reduce((sum, r) => sum + start[r * count + 1]! / 3, 0);
      expect(record.each.reference.data[1]).toBe(Math.fround(pilot));
    }
    const of = chosen ?? record.states.coordinates;
    for (const own of [record.each, record.fourth]) {
      expect(own.coordinates).toEqual(of.map(quantityName));
      expect(own.lags).toEqual([0, ...[...lags].sort((x, y) => x - y)]);
      expectMoments(own, record.states, of);
    }
  });

  test("numbers that are no coordinates: the loss and its square", async () => {
    await using ensemble = await createEnsemble(device(), {
      ...optionsFor(2, 0),
      observables: {
        moments: moments({ of: ["loss", "theta.theta"] }),
        series: series({ of: ["loss", "theta.theta"] }),
      },
    });
    const steps = 100;
    const record = await ensemble.observe({ steps });
    expect([...record.moments.reference.data]).toEqual([0, 0, 0, 0]);
    for (let lane = 0; lane < 6; lane += 1) {
      const row = (q: number): number[] =>
        Array.from(
          { length: steps },
          (_, t) => record.series.values.data[(q * 6 + lane) * steps + t]!,
        );
      const [loss, square] = [row(0), row(1)];
      const mean = (f: (t: number) => number): number =>
        loss.reduce((sum, _, t) => sum + f(t), 0) / steps;
      const exact = [
        mean((t) => loss[t]! ** 2),
        mean((t) => loss[t]! * square[t]!),
        mean((t) => loss[t]! * square[t]!),
        mean((t) => square[t]! ** 2),
      ];
      const own = record.moments.second.data.subarray(4 * lane, 4 * lane + 4);
      exact.forEach((value, k) => {
        expect(Math.abs(own[k]! - value)).toBeLessThanOrEqual((steps + 2) * U * value);
      });
    }
  });

  test("a lag longer than the observation has no pairs, and says so", async () => {
    await using ensemble = await createEnsemble(device(), {
      ...optionsFor(2, 0),
      observables: { moments: moments({ lags: [20] }) },
    });
    const { moments: record } = await ensemble.observe({ steps: 10 });
    expect(record.counts).toEqual([10, 0]);
    const size = 3;
    record.second.data.forEach((value, i) => {
      expect(Number.isNaN(value)).toBe(Math.floor(i / size ** 2) % 2 === 1);
    });
  });
});

describeWithDevice("series", "software", (device) => {
  test("a window that spans several readbacks", async () => {
    const options = optionsFor(2, 0.5);
    const of = ["loss", "w[0]", "theta.g"];
    await using once = await createEnsemble(device(), {
      ...options,
      observables: { a: series({ of }), b: series({ of, every: 7 }) },
    });
    // Moments bring a readback every MOMENTS_BLOCK steps, which 7 does not divide.
    await using often = await createEnsemble(device(), {
      ...options,
      observables: { a: series({ of }), m: moments(), b: series({ of, every: 7 }) },
    });
    const steps = 3 * MOMENTS_BLOCK + 50;
    const [x, y] = [await once.observe({ steps }), await often.observe({ steps })];
    expect(y.a).toEqual(x.a);
    expect(y.b).toEqual(x.b);
    expect(x.b.steps.length).toBe(Math.ceil(steps / 7));
    expect([...x.a.values.data].every(Number.isFinite)).toBe(true);
    const sevenths = x.a.values.data.filter((_, i) => (i % steps) % 7 === 0);
    expect([...x.b.values.data]).toEqual([...sevenths]);
  });

  test("more lanes than the series of a long window fit", async () => {
    const options = { ...optionsFor(2, 0), sweep: {} };
    const observables = { a: series({ of: ["loss", "w[0]", "w[1]", "b", "theta.theta"] }) };
    const [replicas, steps] = [6000, 300];
    await using whole = await createEnsemble(device(), { ...options, replicas, observables });
    await using shard = await createEnsemble(device(), {
      ...options,
      replicas: { first: 5990, count: 4 },
      observables,
    });
    const all = (await whole.observe({ steps })).a.values.data;
    const part = (await shard.observe({ steps })).a.values.data;
    for (let q = 0; q < 5; q += 1) {
      const from = (q * replicas + 5990) * steps;
      const own = part.subarray(4 * q * steps, 4 * (q + 1) * steps);
      expect(all.slice(from, from + 4 * steps)).toEqual(own.slice());
    }
  });

  test("observing again goes on where the last record ended", async () => {
    await using ensemble = await createEnsemble(device(), {
      ...optionsFor(2, 0),
      observables: { a: series({ of: "loss", every: 3 }), s: snapshot({ every: 5 }) },
    });
    await ensemble.observe({ steps: 10 });
    const second = await ensemble.observe({ steps: 7 });
    expect(second.run.firstStep).toBe(10);
    expect([...second.a.steps]).toEqual([10, 13, 16]);
    expect([...second.s.steps]).toEqual([10, 15]);
    const none = await ensemble.observe({ steps: 0 });
    expect(none.a.values.data.length).toBe(0);
    expect(ensemble.step).toBe(17);
  });

  test("a checkpoint brings pilot means, never another observable's projection", async () => {
    const options = optionsFor(2, 0);
    const projected = (vector: number[]) => ({
      ...options,
      observables: {
        along: series({ of: { name: "along", vector } }),
        m: moments({ of: ["w[0]"] }),
      },
    });
    await using first = await createEnsemble(device(), projected([1, 0, 0]));
    await first.observe({ steps: 5 });
    const from = await first.checkpoint();
    for (const [vector, column] of [
      [[1, 0, 0], 0],
      [[0, 1, 0], 1],
    ] as const) {
      await using next = await createEnsemble(device(), { ...projected([...vector]), from });
      const { theta } = await next.state();
      const { along } = await next.observe({ steps: 1 });
      const expected = Array.from({ length: 6 }, (_, lane) => theta.data[3 * lane + column]!);
      expect([...along.values.data]).toEqual(expected);
    }
  });
});

describeWithDevice("evaluate", "software", (device) => {
  test("means of loss and metrics over the data and over other data", async () => {
    const model = softmaxClassifier(4, 3);
    const [data, other] = [sampleData(model, 30, 1), sampleData(model, 201, 2)];
    await using ensemble = await createEnsemble(device(), {
      model,
      data,
      update: sgd({ learningRate: 0.1, batchSize: 4 }),
      replicas: 37,
      seed: 1,
      initial: gaussian({ standardDeviation: 1 }),
      execution: { lanesPerChunk: 10 },
    });
    await ensemble.advance({ steps: 10 });
    const { theta } = await ensemble.state();
    const run = compileReference([model.loss, model.metrics.accuracy!]);
    for (const source of [data, other]) {
      const field = await ensemble.evaluate({ data: source });
      expect(field.axes.map(({ name }) => name)).toEqual(["quantity", "condition", "replica"]);
      expect(field.axes[0]!.values).toEqual(["loss", "accuracy"]);
      const expected = new Float64Array(2 * 37);
      for (let r = 0; r < 37; r += 1) {
        const own = Float64Array.from(theta.data.subarray(15 * r, 15 * (r + 1)));
        const params = { W: own.subarray(0, 12), b: own.subarray(12) };
        for (let i = 0; i < source.samples; i += 1) {
          const x = Float64Array.from({ length: 4 }, (_, k) => source.fields.x!.data[4 * i + k]!);
          const [loss, accuracy] = run({
            params,
            sample: { x, label: source.fields.label!.data[i]! },
          });
          expected[r]! += loss![0]! / source.samples;
          expected[37 + r]! += accuracy![0]! / source.samples;
        }
      }
      expect(relativeError(field.data.subarray(0, 37), expected.subarray(0, 37))).toBeLessThan(
        2e-5,
      );
      expect(relativeError(field.data.subarray(37), expected.subarray(37))).toBeLessThan(1e-12);
    }
    expect((await ensemble.evaluate()).data).toEqual((await ensemble.evaluate({ data })).data);
  });
});
