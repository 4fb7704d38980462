/** Experiments without a GPU, and a command line whose streams are strings. */

import { z } from "zod";
import { costFigures, printCostGrowth } from "../../bench/costFigures.ts";
import type { CostGrowth, CostPoint } from "../../bench/costGrowth.ts";
import type { Io } from "../../cli/io.ts";
import { main } from "../../cli/main.ts";
import type { Device } from "../../engine/device.ts";
import type { RunRecord } from "../../engine/record.ts";
import type { Experiment, ExperimentResult, Figure } from "../../experiments/experiment.ts";

export const FAKE_DEVICE: Device = {
  gpu: {} as GPUDevice,
  info: {
    adapter: "Fake adapter",
    driver: "fake 1.0",
    software: true,
    source: "system",
    reason: "the only one",
  },
  lost: new Promise<GPUDeviceLostInfo>(() => {}),
  check: () => {},
  destroy: async () => {},
  [Symbol.asyncDispose]: async () => {},
};

export const FIGURE: Figure = {
  id: "variance-against-rate",
  title: "Variance against learning rate",
  caption: "A fake <figure>.",
  x: { label: "learning rate", unit: "θ²/loss", scale: "log" },
  y: { label: "variance", unit: "θ²", scale: "log" },
  marks: [
    { kind: "line", label: "Lyapunov", role: "theory", x: [0.01, 0.1, 1], y: [1e-4, 1e-3, 1e-2] },
    {
      kind: "points",
      label: "batch size 8",
      role: "measured",
      x: [0.01, 0.1, 1],
      y: [1.1e-4, 0.9e-3, 1.05e-2],
      standardError: [1e-5, 1e-4, 1e-3],
    },
  ],
};

/** One series record: 1 quantity, 2 conditions, 3 replicas, 4 times. */
export function seriesRecord(): RunRecord {
  const axes = [
    { name: "quantity", length: 1 },
    { name: "condition", length: 2 },
    { name: "replica", length: 3 },
    { name: "time", length: 4, unit: "steps" },
  ];
  const values = Float64Array.from({ length: 24 }, (_value, i) => i / 8);
  return {
    loss: {
      kind: "series",
      quantities: ["loss"],
      every: 10,
      steps: Float64Array.of(0, 10, 20, 30),
      values: { axes, data: values, unit: "loss" },
    },
    run: {
      firstStep: 0,
      steps: 40,
      conditions: [{ learningRate: 0.1 }, { learningRate: 0.2 }],
      replicas: { first: 0, count: 3 },
      frozen: Int32Array.of(-1, -1, -1, 12, -1, -1),
      bounds: { theta: 1e6, loss: 1e12 },
      provenance: {
        thermograd: "0.1.0",
        adapter: "Fake adapter",
        software: true,
        seed: 1,
        model: "quadratic",
        sampling: "withReplacement",
        update: "sgd",
        schedule: "thread",
      },
    },
  };
}

const parameters = z.object({
  learningRate: z.number().positive().max(2).default(0.1).describe("learning rate η, θ²/loss"),
  batchSizes: z.array(z.number().int().min(1)).min(1).default([8, 16]).describe("batch sizes B"),
  steps: z.number().int().min(1).default(1000).describe("observed SGD steps"),
  law: z.enum(["withReplacement", "distinct"]).default("withReplacement").describe("sampling law"),
  centered: z.boolean().default(true).describe("subtract the mean"),
  offset: z.number().default(0).describe("shift of the estimate, θ²"),
});

type Values = z.infer<typeof parameters>;

/** Estimate = learningRate / 10 + offset against learningRate / 10, error 1e-4. */
export const resultOf = ({ learningRate, offset }: Values): ExperimentResult => ({
  quantities: [
    {
      name: "variance",
      condition: { learningRate },
      estimate: {
        value: learningRate / 10 + offset,
        standardError: 1e-4,
        n: 64,
        method: "mean over 64 replicas",
        warnings: offset === 0 ? [] : ["shifted on purpose"],
      },
      unit: "θ²",
      predicted: learningRate / 10,
      systematic: 1e-5,
    },
    {
      name: "accuracy",
      condition: {},
      estimate: { value: 0.9, standardError: 0.01, n: 64, method: "mean", warnings: [] },
      unit: "1",
      predicted: null,
      systematic: 0,
    },
  ],
  warnings: [],
  figures: [FIGURE],
  records: { main: seriesRecord() },
});

export function fakeExperiment(overrides: Partial<Experiment> = {}): Experiment {
  const experiment: Experiment<typeof parameters> = {
    id: "quadratic",
    title: "Stationary state on a quadratic",
    card: "B1",
    sources: ["arXiv 2107.09133, eq. 12"],
    summary: "Replicas on a quadratic loss, against the discrete Lyapunov equation.",
    parameters,
    quick: { steps: 10 },
    run: async (values) => resultOf(values),
  };
  return { ...(experiment as unknown as Experiment), ...overrides };
}

/** An experiment whose run throws. */
export const failing = (error: unknown): Experiment =>
  fakeExperiment({
    id: "failing",
    run: async () => {
      throw error;
    },
  });

export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Stage {
  readonly experiments?: readonly Experiment[];
  readonly io?: Partial<Io>;
  /** Given a function that acts as Ctrl-C. */
  readonly onStart?: (interrupt: () => void) => void;
}

/** Runs a command line against fakes. */
/** Two points that were timed and one that did not fit. */
export const FAKE_GROWTH: CostGrowth = {
  adapter: "Fake adapter",
  driver: "fake",
  multiplyAddsPerSecond: 1e10,
  seconds: 3,
  points: [
    { series: "replicas", replicas: 100, params: 33, schedule: "thread", time: 1e-6 },
    { series: "replicas", replicas: 1000, params: 33, schedule: "thread", time: 2e-7 },
    { series: "parameters", replicas: 64, params: 321, schedule: "batched", time: 3e-5 },
    { series: "parameters", replicas: 64, params: 993, schedule: null, time: null },
  ].map(({ time, ...point }) => ({
    ...(point as Pick<CostPoint, "series" | "replicas" | "params" | "schedule">),
    model: "network",
    batchSize: 16,
    secondsPerReplicaStep: time,
    spread: time === null ? null : ([0.9 * time, 1.2 * time] as const),
    secondsAtPeak: 1e-8,
    skipped: time === null ? "too large for the fake" : null,
  })),
};

export async function command(argv: readonly string[], stage: Stage = {}): Promise<Answer> {
  const written = { stdout: "", stderr: "" };
  const handlers = new Set<() => void>();
  const io: Io = {
    experiments: async () => stage.experiments ?? [fakeExperiment()],
    openDevice: async () => FAKE_DEVICE,
    describeDevices: async () => ({ adapters: ["Fake adapter"] }),
    explain: async () => ({
      names: ["quadratic"],
      explain: async (name, { setting, openDevice }) =>
        `graph of ${name} ${setting.schedule ?? "by choice"}${openDevice ? "" : " unmeasured"}`,
    }),
    bench: async () => ({
      workloads: [],
      runBench: async () => [],
      printBench: () => "",
      printRoofline: () => "",
      measureCostGrowth: async () => FAKE_GROWTH,
      costFigures,
      printCostGrowth,
    }),
    stdout: {
      write: (text) => {
        written.stdout += text;
      },
    },
    stderr: {
      write: (text) => {
        written.stderr += text;
      },
    },
    isTTY: false,
    env: {},
    cwd: process.cwd(),
    onInterrupt: (handler) => {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    exit: () => {},
    ...stage.io,
  };
  stage.onStart?.(() => {
    for (const handler of handlers) handler();
  });
  const code = await main(argv, io);
  return { code, ...written };
}
