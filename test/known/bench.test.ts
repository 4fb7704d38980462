/** The bench: data of the peers, counted operations, table. Nothing is timed here. */
import { describe, expect, test } from "vitest";
import { parameterSeries, replicaSeries } from "../../bench/costWorkloads.ts";
import { hostLoss } from "../../bench/hostLoss.ts";
import { overheadOf, quantile } from "../../bench/measure.ts";
import { checkSearch } from "../../bench/measureSearch.ts";
import { neighborLoop } from "../../bench/neighborLoop.ts";
import { neighborWorkloads } from "../../bench/neighborWorkloads.ts";
import type { BenchRow } from "../../bench/runBench.ts";
import { printBench } from "../../bench/table.ts";
import type { Workload } from "../../bench/workload.ts";
import { workloads } from "../../bench/workloads.ts";
import { defineModel, op } from "../../engine/index.ts";
import { floatingPointOperations } from "../../engine/plan/floatingPointOperations.ts";
import { compileReference } from "../../engine/reference.ts";
import { bruteNeighbors } from "../bruteNeighbors.ts";

const workload = (id: string): Workload => workloads.find((one) => one.id === id)!;

/** Samples that the peers' ruler looks at. */
const RULED = 256;

/** Mean of the loss over replicas and the first samples, in float64. */
function meanLoss({ model, replicas, start }: Workload, samples = RULED): number {
  const { data, theta } = start(replicas);
  const run = compileReference([model.loss]);
  const fields = Object.entries(data.fields).map(
    ([name, field]) => [name, Float64Array.from(field.data), data.fields[name]!.shape] as const,
  );
  let sum = 0;
  for (let r = 0; r < replicas; r += 1) {
    const at = r * model.parameterCount;
    const params = Object.fromEntries(
      model.params.map(({ name, offset, size }) => [
        name,
        Float64Array.from(theta.subarray(at + offset, at + offset + size)),
      ]),
    );
    for (let i = 0; i < samples; i += 1) {
      const sample = Object.fromEntries(
        fields.map(([name, values, shape]) => {
          const width = shape[0] ?? 1;
          return [name, values.subarray(i * width, (i + 1) * width)];
        }),
      );
      sum += run({ params, sample })[0]![0]!;
    }
  }
  return sum / (replicas * samples);
}

describe("workloads", () => {
  // Printed by the script that wrote the data files all peers of the comparison read (JavaScript,
  // float64, its own loss): the same numbers only if data and weights are the same ones.
  test.each([
    ["w1", 20.951172412860064],
    ["w2", 1.1659897542168378],
    ["w3", 2.7403081738079376],
  ])("%s starts where the peers start", (id, loss) => {
    expect(Math.abs(meanLoss(workload(id)) / loss - 1)).toBeLessThan(1e-12);
  });

  test("larger ensembles of W1 begin with the same replicas", () => {
    const few = workload("w1").start(4);
    const many = workload("w1x64").start(8);
    expect(many.theta.subarray(0, 32)).toEqual(few.theta);
    expect(many.data.fields.y!.data).toEqual(few.data.fields.y!.data);
  });

  test("standard ones are w1 and w2; sizes are those of the comparison", () => {
    expect(workloads.filter(({ extra }) => !extra).map(({ id }) => id)).toEqual(["w1", "w2"]);
    const plain = workloads.filter(({ group }) => group === undefined);
    const sizes = plain.map((w) => [w.id, w.replicas, w.batchSize, w.model.parameterCount]);
    expect(sizes).toEqual([
      ["w1", 1024, 8, 8],
      ["w2", 256, 16, 129],
      ["w1x64", 65536, 8, 8],
      ["w2x64", 16384, 16, 129],
      ["w1-million", 1_000_000, 8, 8],
      ["w1-observed", 1024, 8, 8],
      ["w3", 16, 32, 50890],
      ["w3x64", 1024, 32, 50890],
      ["conv", 16, 32, 5386],
    ]);
  });

  test("every observable is timed on w1 and w2", () => {
    const observed = (of: string): string[] =>
      workloads
        .filter(({ id, group }) => group === "observables" && id.startsWith(`${of}-`))
        .map(({ id }) => id.slice(3));
    expect(observed("w1")).toEqual(observed("w2"));
    expect(observed("w1")).toEqual(expect.arrayContaining(["default", "flux", "production"]));
  });

  test("every rule runs on w1 and w2", () => {
    const rules = (of: string): string[] =>
      workloads
        .filter(({ id, group }) => group === "rules" && id.startsWith(`${of}-`))
        .map(({ id }) => id.slice(3));
    expect(rules("w1")).toEqual(rules("w2"));
    expect(rules("w1")).toEqual(expect.arrayContaining(["momentum", "adam", "langevin", "ubu"]));
  });
});

describe("floatingPointOperations", () => {
  // w·x: 2·8; − y: 1; square: 1; 2e: 1; (2e) x: 8; into the minibatch's gradient: 8; loss: 1.
  test("of W1 is 36 a sample", () => {
    expect(floatingPointOperations(workload("w1").model)).toBe(16 + 1 + 1 + 1 + 8 + 8 + 1);
  });

  // Forward: W x 2·64, + b 32, tanh 32, a·h 2·32, + c 1, − y 1, square 1.
  // Backward: d = 2e 1; ∂a = d h 32; ∂h = d a 32; 1 − h² 2·32, times ∂h 32; ∂W 64; ∂b, ∂c nothing.
  // Into the minibatch's: 129 + 1.
  test("of W2 is counted by hand", () => {
    const forward = 128 + 32 + 32 + 64 + 1 + 1 + 1;
    const backward = 1 + 32 + 32 + 64 + 32 + 64;
    expect(floatingPointOperations(workload("w2").model)).toBe(forward + backward + 130);
  });

  test("what only moves numbers counts nothing", () => {
    const model = (loss: Parameters<typeof defineModel>[0]["loss"]) =>
      floatingPointOperations(defineModel({ params: { A: [2, 3] }, sample: {}, loss }));
    const sum = model(({ A }) => op.sum(op.square(A!)));
    expect(model(({ A }) => op.sum(op.square(op.transpose(A!))))).toBe(sum);
    // squares 6, their sum 6, gradient 2A 6, into the minibatch's 6 + 1
    expect(sum).toBe(25);
  });
});

describe("statistics of repeats", () => {
  test("quantiles are R-7's", () => {
    // R: quantile(c(3, 1, 4, 1, 5), c(0, .25, .5, .75, 1)) is 1 1 3 4 5; of c(1, 2, 4): .25 is 1.5.
    expect([0, 0.25, 0.5, 0.75, 1].map((p) => quantile([3, 1, 4, 1, 5], p))).toEqual([
      1, 1, 3, 4, 5,
    ]);
    expect(quantile([4, 1, 2], 0.25)).toBe(1.5);
  });

  test("overhead pairs repeats: a machine that slows down in between does not show", () => {
    expect(overheadOf([1, 2, 4], [1.03, 2.06, 4.12])).toBeCloseTo(0.03, 12);
  });
});

test("the table shows spread, and the cost of observing where there is one", () => {
  const row: BenchRow = {
    workload: "w1",
    schedule: "thread",
    replicas: 1024,
    params: 8,
    batchSize: 8,
    replicaStepsPerSecond: 2e6,
    gflops: 0.576,
    fractionOfPeak: 0.0222,
    adapter: "null",
    seconds: 2.5,
    spread: [1.98e6, 2.01e6],
    repeats: 5,
    fractionOfLoadPeak: 0.71,
  };
  const plain = printBench([row]);
  expect(plain).toContain("2 M  −1.0 … +0.5 %    0.576        2.2 %          71 %");
  expect(plain).not.toContain("observing");
  expect(printBench([row, { ...row, overhead: 0.031 }])).toContain("× 1.03");
});

describe("cost growth", () => {
  test("series go over four and five decades, and every network's loss is the reference's to judge", () => {
    expect(replicaSeries().map(({ replicas }) => replicas)).toEqual([
      1e2, 316, 1e3, 3162, 1e4, 31_623, 1e5, 316_228, 1e6,
    ]);
    const counts = parameterSeries().map(({ model }) => model.parameterCount);
    counts.forEach((count, i) => {
      expect(Math.abs(Math.log10(count) - (1 + i / 2))).toBeLessThan(0.06);
    });
    const { model, start } = parameterSeries()[2]!;
    const { data, theta } = start(64);
    const ruled: Workload = { ...workload("w2"), model, replicas: 8, start };
    const exact = meanLoss({ ...ruled, start: () => ({ data, theta }) }, 64);
    expect(Math.abs(hostLoss(model, data, theta) / exact - 1)).toBeLessThan(1e-12);
  });
});

describe("neighbor searches", () => {
  test("the loop they are measured against finds the neighbors", () => {
    for (const d of [1, 4, 7]) {
      const points = neighborWorkloads[0]!.start(d * 30).subarray(0, d * 60);
      const all = bruteNeighbors(points, d, 3);
      const { squares, indices } = neighborLoop(points, d, 3, [20, 30]);
      expect(indices).toEqual(all.indices.slice(60, 90));
      squares.forEach((square, i) => {
        expect(Math.abs(square / all.squares[60 + i]! - 1)).toBeLessThan(1e-14);
      });
    }
  });

  test("one that finds others is not timed", () => {
    const expected = { squares: Float64Array.of(1, 2), indices: Uint32Array.of(5, 7) };
    const found = { squares: Float64Array.of(1, 2, 3), indices: Uint32Array.of(5, 7, 9) };
    expect(() => checkSearch("few", found, expected)).not.toThrow();
    const other = { ...found, indices: Uint32Array.of(5, 8, 9) };
    expect(() => checkSearch("few", other, expected)).toThrow(
      "bench(few): neighbor 1 is point 8 at 2 on the device, point 7 at 2 in the loop.",
    );
    const far = { ...found, squares: Float64Array.of(1, 2 + 1e-10, 3) };
    expect(() => checkSearch("few", far, expected)).toThrow("neighbor 1");
  });

  test("sizes are those of the requirement; times stand in a table of their own", () => {
    const sizes = neighborWorkloads.map(({ search }) => [search.points, search.dimensions]);
    expect(sizes).toEqual([2, 10, 100].map((d) => [10_000, d]));
    const row: BenchRow = {
      workload: "neighbors-10d",
      schedule: "search",
      replicas: 10_000,
      params: 10,
      batchSize: 4,
      replicaStepsPerSecond: 4e4,
      gflops: 12,
      fractionOfPeak: 0.3,
      adapter: "null",
      seconds: 1.25,
      spread: [3.96e4, 4.02e4],
      repeats: 5,
      fractionOfLoadPeak: null,
      search: { seconds: 0.25, loopSeconds: 1.5, ratio: 6.02 },
    };
    const { search: _, ...loop } = { ...row, schedule: "loop" };
    const table = printBench([row, loop]);
    expect(table).toContain("250 ms  −1.0 … +0.5 %                 1500 ms   6.02");
    expect(table.trimEnd().split("\n")).toHaveLength(3);
    const both = printBench([{ ...loop, workload: "w1" }, row]);
    expect(both).toContain("replica-steps/s");
    expect(both).toContain("float64 loop, one core");
  });
});
