/**
 * Card 2E: weight decay against the balance of noise. In the stationary state of a linear bottleneck
 * what decay takes of |w|² − |u|² in a step is exactly what the gradients add:
 *   (1 − (1 − ηλ)²)(E|w|² − E|u|²) = η²(E|g_w|² − E|g_u|²),   g without the decay, λ = 2γ.
 *
 * From G = g + λθ and w·g_w = u·g_u: |g_w|² − |g_u|² = |G_w|² − |G_u|² − λ²(|w|² − |u|²).
 */
import { z } from "zod";
import { type Estimate, ratioOfMeans, replicaMean } from "../analysis/index.ts";
import type { RunRecord } from "../engine/record.ts";
import { onlineData } from "../engine/wgsl/row.ts";
import { decayedRatio, gradientBalance as theory } from "../models/theory/index.ts";
import {
  type BottleneckRun,
  type BottleneckSquares,
  bottleneckRun,
  bottleneckSetup,
  bottleneckWork,
  roundingDrift,
} from "./bottleneckRuns.ts";
import type { Experiment, Figure, Mark, Quantity } from "./experiment.ts";
import { divergenceWarnings, estimateOf } from "./outcome.ts";
import { duration, durations, refuseRepeats, replicas } from "./parameters.ts";
import { Stages } from "./stages.ts";
import { F32_BLOCK_SUM } from "./systematic.ts";

const parameters = z.object({
  inputs: z.number().int().min(1).max(16).default(4).describe("d_x, dimensions of x"),
  outputs: z.number().int().min(2).max(16).default(4).describe("d_y, dimensions of y"),
  signal: z.number().positive().default(1).describe("c, of y_0 against x_0 [uw]"),
  labelNoise: z.number().positive().default(0.1).describe("s, noise on y_0 [y]"),
  otherNoise: z.number().positive().default(0.5).describe("s', noise on the other outputs [y]"),
  weightDecay: z
    .number()
    .positive()
    .default(0.01)
    .describe("λ, adds λθ to the gradient; γ of the paper is λ/2 [loss/θ²]"),
  learningRates: z
    .array(z.number().positive())
    .min(1)
    .max(8)
    .default([0.004, 0.008, 0.016])
    .describe("η [θ²/loss]"),
  replicas: replicas(256),
  steps: duration("observed steps, 12 relaxation times"),
  burnIn: duration("steps before observing, 8 relaxation times"),
});

type Parameters = z.infer<typeof parameters>;

const netOf = (p: Parameters) => ({
  inputs: p.inputs,
  outputs: p.outputs,
  signal: p.signal,
  labelNoise: p.labelNoise,
  otherNoise: p.otherNoise,
});

function plan(p: Parameters): BottleneckRun[] {
  const { learningRates: rates } = p;
  refuseRepeats("learningRates", rates);
  const net = netOf(p);
  return rates.map((learningRate, i): BottleneckRun => {
    // Decay takes 2ηλ of the difference a step, and noise pulls towards its own balance.
    const rate = 2 * learningRate * p.weightDecay + theory(net).relaxation * learningRate ** 2;
    const lengths = durations(
      {
        burnIn: p.burnIn === "auto" ? Math.max(1000, Math.ceil(8 / rate)) : p.burnIn,
        steps: p.steps === "auto" ? Math.max(2000, Math.ceil(12 / rate)) : p.steps,
      },
      1 / rate,
      { burnIn: 0, steps: 1 },
    );
    return {
      label: `learning rate ${learningRate}`,
      net,
      learningRate,
      weightDecay: p.weightDecay,
      ratio: decayedRatio(net, learningRate, p.weightDecay),
      replicas: { first: i * p.replicas, count: p.replicas },
      // Every step, so that decay and gradients telescope.
      thetaEvery: 1,
      ...lengths,
    };
  });
}

export const decayBalance: Experiment<typeof parameters> = {
  id: "decay-balance",
  title: "Weight decay against gradient noise",
  card: "2E",
  sources: ["Neural Thermodynamics I, arXiv 2505.12387"],
  summary:
    "The linear bottleneck with weight decay, whose layers noise makes unequal and decay equal. In the " +
    "stationary state the two balance exactly, at any learning rate: the difference of the layers' " +
    "squared norms, times the share that decay takes, is η² times that of their squared gradients.",
  parameters,
  quick: { replicas: 128, steps: 20_000, burnIn: 20_000 },
  explain: (p) => {
    const { model, ...setting } = bottleneckSetup(plan(p)[0]!);
    return [{ model, ...setting, replicas: p.replicas, samples: onlineData.samples }];
  },
  async run(p, context) {
    const runs = plan(p);
    const total = runs.reduce((sum, { burnIn, steps }) => sum + burnIn + steps, 0);
    const work = bottleneckWork(netOf(p));
    const stages = await Stages.open(context, total * p.replicas * work);
    const quantities: Quantity[] = [];
    const records: Record<string, RunRecord> = {};
    const warnings: string[] = [];
    for (const [i, run] of runs.entries()) {
      const { squares, record } = await bottleneckRun(run, stages, context);
      quantities.push(...quantitiesOf(run, squares));
      records[`run${i}`] = record;
      warnings.push(...collapseWarning(run, squares));
      warnings.push(...divergenceWarnings(record.run).map((text) => `${run.label}: ${text}`));
    }
    return { quantities, warnings, figures: [ratioFigure(p, quantities)], records };
  },
};

/** Changes of |w|² − |u|² in a step, per replica: by decay, by gradients, and what is left of both. */
function balanceOf(
  { learningRate: eta, weightDecay: lambda, steps }: BottleneckRun,
  squares: BottleneckSquares,
) {
  const lost = 1 - (1 - eta * lambda) ** 2;
  const difference = squares.w.map((w, r) => w - squares.u[r]!);
  return {
    decay: difference.map((value) => lost * value),
    gradients: squares.gradientW.map(
      (w, r) => eta ** 2 * (w - squares.gradientU[r]! - lambda ** 2 * difference[r]!),
    ),
    // `before` and `after` are of |u|² − |w|².
    change: squares.after.map((value, r) => (squares.before[r]! - value) / steps),
  };
}

function quantitiesOf(run: BottleneckRun, squares: BottleneckSquares): Quantity[] {
  const condition = { learningRate: run.learningRate };
  const { decay, gradients, change } = balanceOf(run, squares);
  const ratio = estimateOf(() => ratioOfMeans(decay, gradients));
  const exact = estimateOf(() =>
    ratioOfMeans(
      decay.map((value, r) => value + change[r]!),
      gradients,
    ),
  );
  const taken = estimateOf(() => replicaMean(decay));
  const moved = estimateOf(() => replicaMean(change));
  const layers = estimateOf(() => ratioOfMeans(squares.w, squares.u));
  const size = estimateOf(() => replicaMean(squares.w.map((w, r) => w + squares.u[r]!))).value;
  const finite = Number.isFinite(ratio.value) && !hasCollapsed(run, squares);
  // Sums in float32 blocks of |θ|² and |g|², whose differences are what is compared.
  const noise = estimateOf(() =>
    replicaMean(squares.gradientW.map((w, r) => w + squares.gradientU[r]!)),
  ).value;
  const sums =
    (F32_BLOCK_SUM *
      (2 * run.learningRate * run.weightDecay * size + run.learningRate ** 2 * noise)) /
    Math.abs(taken.value);
  const rounding = roundingDrift(size, run.steps, squares.u.length) / Math.abs(taken.value);
  const quantity = (
    name: string,
    estimate: Estimate,
    unit: string,
    predicted: number | null,
    systematic: number,
  ): Quantity => ({
    name,
    condition,
    estimate,
    unit,
    predicted: finite ? predicted : null,
    systematic: finite && predicted !== null ? systematic : 0,
  });
  return [
    quantity("decay / gradients", ratio, "1", 1, sums + Math.abs(moved.value / taken.value)),
    quantity("decay / gradients, telescoped", exact, "1", 1, sums + rounding),
    quantity("decay of |w|² - |u|² a step", taken, "θ²", null, 0),
    quantity("|w|²/|u|²", layers, "1", null, 0),
  ];
}

/** Decay that beats the signal leads to u = w = 0, where nothing is left to balance. */
const hasCollapsed = ({ net }: BottleneckRun, { u, w }: BottleneckSquares): boolean =>
  Math.max(...u.map((value, r) => value + w[r]!)) < 1e-6 * net.signal;

function collapseWarning(run: BottleneckRun, squares: BottleneckSquares): string[] {
  if (!hasCollapsed(run, squares)) return [];
  return [
    `no prediction at ${run.label}: weight decay ${run.weightDecay} has taken u and w to 0, as it does ` +
      `from 2 signal = ${2 * run.net.signal} on at the latest; lower weightDecay.`,
  ];
}

/** |w|²/|u|² against the learning rate, between decay alone and noise alone. */
function ratioFigure(p: Parameters, quantities: readonly Quantity[]): Figure {
  const net = netOf(p);
  const highest = 1.2 * Math.max(...p.learningRates);
  const x = Array.from({ length: 61 }, (_, i) => (highest * i) / 60);
  const shown = quantities.filter(
    ({ name, estimate }) => name === "|w|²/|u|²" && Number.isFinite(estimate.value),
  );
  const line = (label: string, y: (rate: number) => number): Mark => ({
    kind: "line",
    label,
    role: "theory",
    x,
    y: x.map(y),
  });
  return {
    id: "ratio",
    title: "Layers between weight decay and noise",
    caption:
      "Weight decay alone makes the layers equal, noise alone drives |w|²/|u|² to " +
      `${theory(net).ratio.value.toPrecision(3)}. The line is the leading order in η and λ.`,
    x: { label: "learning rate η", unit: "θ²/loss" },
    y: { label: "|w|²/|u|²" },
    marks: [
      line("leading order", (rate) => decayedRatio(net, rate, p.weightDecay)),
      line("decay alone", () => 1),
      {
        kind: "points",
        label: "measured",
        role: "measured",
        x: shown.map(({ condition }) => condition.learningRate as number),
        y: shown.map(({ estimate }) => estimate.value),
        standardError: shown.map(({ estimate }) => estimate.standardError),
      },
    ],
  };
}
