/**
 * The bench runs: rows have the contract's keys and hang together, and what does not train is
 * refused. Times here are far too short to mean anything and no test looks at them.
 */
import { expect, test } from "vitest";
import { measureCostGrowth } from "../../bench/costGrowth.ts";
import { parameterSeries, replicaSeries } from "../../bench/costWorkloads.ts";
import { measure } from "../../bench/measure.ts";
import { neighborWorkloads } from "../../bench/neighborWorkloads.ts";
import { measureRoofline, type Roofline } from "../../bench/roofline.ts";
import { RATES } from "../../bench/rooflineKernels.ts";
import { runBench } from "../../bench/runBench.ts";
import type { SearchWorkload, Workload } from "../../bench/workload.ts";
import { workloads } from "../../bench/workloads.ts";
import { floatingPointOperations } from "../../engine/plan/floatingPointOperations.ts";
import { describeWithDevice } from "../gpu.ts";

const SHORT = { seconds: 0.02, repeats: 3 };

const small = (id: string): Workload => {
  const found = workloads.find((workload) => workload.id === id)!;
  return { ...found, replicas: Math.min(found.replicas, 64) };
};

describeWithDevice("bench", "software", (device) => {
  test("rows carry the contract's keys, in order, and fractions of the measured peak", async () => {
    const seen: Roofline[] = [];
    const phases = new Set<string>();
    const rows = await runBench({
      workloads: [small("w1"), small("w2")],
      device: device(),
      measurement: SHORT,
      roofline: { seconds: 0.005, repeats: 2 },
      onRoofline: (roofline) => seen.push(roofline),
      onProgress: ({ phase }) => phases.add(phase),
    });
    expect(rows.map(({ workload }) => workload)).toEqual(["w1", "w2"]);
    expect([...phases]).toEqual(["roofline", "w1", "w2"]);
    for (const [i, row] of rows.entries()) {
      expect(Object.keys(row).join(" ")).toBe(
        "workload schedule replicas params batchSize replicaStepsPerSecond gflops fractionOfPeak " +
          "adapter seconds spread repeats fractionOfLoadPeak",
      );
      const operations = row.batchSize * floatingPointOperations(small(row.workload).model);
      expect(row.gflops).toBeCloseTo((operations * row.replicaStepsPerSecond) / 1e9, 9);
      const peak = 2 * seen[0]!.multiplyAddsPerSecond;
      expect(row.fractionOfPeak).toBeCloseTo((row.gflops * 1e9) / peak, 9);
      // Rows of data: 8 inputs and a target, 2 and a target.
      const loads = row.batchSize * [3, 1][i]! * row.replicaStepsPerSecond;
      expect(row.fractionOfLoadPeak).toBeCloseTo(loads / seen[0]!.vectorLoadsPerSecond, 9);
      expect(row.seconds).toBeGreaterThanOrEqual(SHORT.seconds * SHORT.repeats);
      expect(row.spread[0]).toBeLessThanOrEqual(row.replicaStepsPerSecond);
      expect(row.spread[1]).toBeGreaterThanOrEqual(row.replicaStepsPerSecond);
      expect([row.schedule, row.replicas]).toEqual(["thread", 64]);
      expect(row.params).toBe([8, 129][i]);
    }
  });

  test("a search has a row for the device and one for the loop, and must find what it finds", async () => {
    const [two] = neighborWorkloads;
    const few: SearchWorkload = { ...two!, search: { ...two!.search, points: 300 } };
    const [search, loop, ...more] = await runBench({
      workloads: [few],
      device: device(),
      measurement: SHORT,
      roofline: { seconds: 0.005, repeats: 2 },
    });
    expect(more).toEqual([]);
    expect([search!.schedule, loop!.schedule]).toEqual(["search", "loop"]);
    expect([search!.replicas, search!.params, search!.batchSize]).toEqual([300, 2, 4]);
    for (const row of [search!, loop!]) {
      const seconds = 300 / row.replicaStepsPerSecond;
      expect(row.gflops).toBeCloseTo((3 * 300 ** 2 * 2) / seconds / 1e9, 9);
      expect(row.repeats).toBe(SHORT.repeats);
    }
    expect([loop!.fractionOfPeak, loop!.search]).toEqual([null, undefined]);
    expect(search!.search!.seconds).toBeCloseTo(300 / search!.replicaStepsPerSecond, 12);
    expect(search!.search!.ratio).toBeGreaterThan(0);
  });

  test("observing is timed in turn with not observing", async () => {
    const turns: number[] = [];
    const { overhead, rates } = await measure(device(), small("w1-observed"), {
      ...SHORT,
      onRepeat: (done, of) => turns.push(done / of),
    });
    expect(turns).toHaveLength(2 * SHORT.repeats);
    expect(rates).toHaveLength(SHORT.repeats);
    expect(Number.isFinite(overhead)).toBe(true);
  });

  test("cost growth has a point a workload, or why not, and stops when its time is spent", async () => {
    const [few, more] = replicaSeries();
    const large = parameterSeries()[5]!;
    const options = {
      device: device(),
      measurement: SHORT,
      roofline: { seconds: 0.005, repeats: 2 },
      schedule: "thread" as const,
      workloads: { replicas: [few!, more!], parameters: [large] },
    };
    const { points, multiplyAddsPerSecond } = await measureCostGrowth(options);
    expect(points.map(({ series, replicas }) => [series, replicas])).toEqual([
      ["replicas", 100],
      ["parameters", 64],
      ["replicas", 316],
    ]);
    expect(points.map(({ schedule }) => schedule)).toEqual(["thread", null, "thread"]);
    expect(points[1]!.skipped).toMatch(
      /^thread schedule: 54-56-1 tanh network has 3137 parameters/,
    );
    expect(points[1]!.secondsPerReplicaStep).toBeNull();
    const operations = 16 * floatingPointOperations(few!.model);
    expect(points[0]!.secondsAtPeak).toBeCloseTo(operations / (2 * multiplyAddsPerSecond), 15);
    expect(points[0]!.secondsPerReplicaStep).toBeGreaterThan(0);
    const late = await measureCostGrowth({ ...options, budgetSeconds: 0 });
    expect(late.points.map(({ skipped }) => skipped)).toEqual(
      Array(3).fill("the 0 s of the measurement were spent"),
    );
  });

  test("a workload that does not learn is not timed", async () => {
    const idle = { ...small("w1"), learningRate: 0 };
    await expect(measure(device(), idle, SHORT)).rejects.toThrow(/bench\(w1\): the mean loss went/);
    const wild = { ...small("w1"), learningRate: 1 };
    await expect(measure(device(), wild, SHORT)).rejects.toThrow(/replicas left/);
  });

  test("the roofline's kernels compute what they should, on this adapter", async () => {
    const roofline = await measureRoofline(device(), { seconds: 0.005, repeats: 2 });
    for (const [name, value] of Object.entries(roofline)) {
      expect(Number.isFinite(value), name).toBe(true);
    }
    for (const [name, value] of Object.entries(roofline)) {
      if (name !== "submitSeconds") expect(value, name).toBeGreaterThan(0);
    }
    const wrong = { ...RATES.barriersPerSecond, expected: () => 1 };
    await expect(
      measureRoofline(device(), { kernels: { barriersPerSecond: wrong } }),
    ).rejects.toThrow(/bench\/barriers: lane 0 made \d+, not 1/);
  });
});
