/**
 * Fields of bytes against the same numbers as floats: the same trajectories, in every schedule and for
 * rows that are written out, filled into arrays, and copied in a loop.
 *
 * Decoding is exact, so what differs is at most how a compiler fuses products with sums: 2⁻²⁴ an
 * operation, 20 steps of up to 300 operations in a chain each, √6000 · 6e-8 = 5e-6 as a random walk.
 */
import { expect, test } from "vitest";
import { createEnsemble, defineModel, type Execution, op, sgd } from "../../engine/index.ts";
import { gaussian } from "../../engine/initial.ts";
import type { FieldShape } from "../../engine/model.ts";
import type { DataSource } from "../../engine/wgsl/row.ts";
import { describeWithDevice } from "../gpu.ts";

const CLOSE = 5e-6;

/** Bytes [n] beside floats and a label; a bounded score, so that steps do not blow up. */
const model = (n: number, asBytes: boolean) => {
  const x: FieldShape = asBytes ? { bytes: [n] } : [n];
  return defineModel({
    params: { w: [n], v: [5] },
    sample: { t: [], x, z: [5], digit: { labels: 3 } },
    loss: ({ w, v }, { t, x: pixels, z, digit }) => {
      const scaled = op.scale(op.sub(pixels!, 128), 1 / 128);
      const score = op.add(op.dot(w, scaled), op.dot(v, z));
      return op.square(op.sub(op.tanh(score), op.add(t, op.scale(digit, 0.1))));
    },
    metrics: { brightest: (_, { x: pixels }) => op.maxOf(pixels!) },
  });
};

const SAMPLES = 24;

function data(n: number): DataSource {
  const wave = (count: number, f: (i: number) => number) =>
    Float64Array.from({ length: count }, (_, i) => f(Math.sin(12.9898 * (i + 1)) / 2 + 0.5));
  const byte = (u: number): number => Math.min(255, Math.floor(256 * u));
  return {
    name: "waves",
    samples: SAMPLES,
    fields: {
      t: { data: wave(SAMPLES, (u) => u), shape: [] },
      x: { data: wave(n * SAMPLES, byte), shape: [n] },
      z: { data: wave(5 * SAMPLES, (u) => u - 0.5), shape: [5] },
      digit: { data: wave(SAMPLES, (u) => Math.floor(2.99 * u)), shape: [] },
    },
  };
}

describeWithDevice("fields of bytes", "software", (device) => {
  const trained = async (n: number, asBytes: boolean, execution: Execution, source = data(n)) => {
    await using ensemble = await createEnsemble(device(), {
      model: model(n, asBytes),
      data: source,
      update: sgd({ learningRate: 0.05, momentum: 0.5, batchSize: 4 }),
      sampling: "reshuffled",
      replicas: 3,
      seed: 5,
      initial: gaussian({ standardDeviation: 0.1 }),
      execution,
    });
    await ensemble.advance({ steps: 20 });
    const { theta } = await ensemble.state();
    return { theta: theta.data, brightest: (await ensemble.evaluate({ of: ["brightest"] })).data };
  };

  const apart = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
    const scale = Math.max(...Array.from(a, Math.abs));
    return Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!))) / scale;
  };

  test.each([
    ["written out", 7, {}],
    ["in an array that a loop reads", 14, { unroll: 0 }],
    ["in a row that is copied", 151, {}],
    ["in a row that is copied, and a loop reads", 151, { unroll: 0 }],
    ["one replica a workgroup", 14, { schedule: "workgroup" }],
    ["one replica a workgroup, a long row", 151, { schedule: "workgroup" }],
    ["batched", 14, { schedule: "batched" }],
    ["batched, a long row", 151, { schedule: "batched" }],
  ] as const)("are the same numbers: %s", async (_, n, execution) => {
    const floats = await trained(n, false, execution);
    const bytes = await trained(n, true, execution);
    expect(apart(floats.theta, bytes.theta)).toBeLessThan(CLOSE);
    expect([...bytes.brightest]).toEqual([...floats.brightest]);
    // Negative control: one pixel off by one is another trajectory.
    const source = data(n);
    const x = Float64Array.from(source.fields.x!.data, (value, i) => (i % n === n - 1 ? 7 : value));
    const changed = { ...source, fields: { ...source.fields, x: { data: x, shape: [n] } } };
    const other = await trained(n, true, execution, changed);
    expect(apart(floats.theta, other.theta)).toBeGreaterThan(1e3 * CLOSE);
  });
});
