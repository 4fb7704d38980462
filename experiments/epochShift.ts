/**
 * Card A3: the mean of w at the ends of epochs is displaced from the minimum when samples are
 * reshuffled, by an exactly known amount; independent batches leave it at the minimum.
 */
import { z } from "zod";
import { mean } from "../analysis/index.ts";
import { curvatureToy } from "../models/epochToy.ts";
import { epochShift as theory } from "../models/theory/index.ts";
import { explainCycles, observeCycleEnds } from "./cycleEnds.ts";
import type { Experiment, Figure, Quantity } from "./experiment.ts";
import { divergenceWarnings, estimateOf, predictionOf } from "./outcome.ts";
import { duration, learningRate, replicas, sampling } from "./parameters.ts";

const parameters = z.object({
  learningRate: learningRate(0.05),
  sampling: sampling("reshuffled"),
  batchSize: z.number().int().min(1).default(1).describe("m, samples in a minibatch [samples]"),
  replicas: replicas(20_000),
  steps: duration("observed steps"),
  burnIn: duration("steps before observing"),
});

export const epochShift: Experiment<typeof parameters> = {
  id: "epoch-shift",
  title: "Effective loss of reshuffled epochs",
  card: "A3",
  sources: ["Machine learning in and out of equilibrium, arXiv 2306.03521"],
  summary:
    "Eight quadratic samples of unequal curvature, batches cut from a fresh permutation in each " +
    "epoch. The order-η correlation of the batches adds (η/4) tr Σ_B to the effective loss and " +
    "moves the mean of w; the exact displacement is known for every sampling law.",
  parameters,
  quick: { replicas: 4000 },
  explain: (p) => explainCycles(p, curvatureToy().samples),
  async run(p, context) {
    const toy = curvatureToy();
    const curvatures = Float64Array.from(toy.fields.curvature!.data);
    const centers = Float64Array.from(toy.fields.center!.data);
    const problem = { ...p, curvatures, centers };
    const { exact, warnings } = predictionOf(() => theory(problem));
    const minimum = weightedMean(centers, curvatures);
    const ends = await observeCycleEnds(problem, minimum, context);
    // u = w − minimum, so its mean is the shift.
    const shift: Quantity = {
      name: "shift",
      condition: {},
      estimate: estimateOf(() => mean(ends.record, { i: "u" })),
      unit: "w",
      predicted: exact?.shift ?? null,
      systematic: ends.rounding + Math.sqrt(ends.transient) * Math.abs(exact?.shift ?? 0),
    };
    return {
      quantities: [shift],
      warnings: [...warnings, ...divergenceWarnings(ends.run.run)],
      figures: [figure(problem, shift, ends.steps)],
      records: { cycles: ends.run },
    };
  },
};

/** Minimum of the mean loss, Σ a_i c_i / Σ a_i. */
function weightedMean(centers: Float64Array, curvatures: Float64Array): number {
  let sum = 0;
  let weight = 0;
  centers.forEach((center, i) => {
    sum += curvatures[i]! * center;
    weight += curvatures[i]!;
  });
  return sum / weight;
}

/** Exact shift against learning rate, with the measured point on it. */
function figure(problem: Parameters<typeof theory>[0], shift: Quantity, steps: number): Figure {
  const rates = Array.from({ length: 41 }, (_, i) => problem.learningRate * (i + 1) * (1.5 / 41));
  const curve = (pick: (rate: number) => number | null): { x: number[]; y: number[] } => {
    const points = rates
      .map((rate) => [rate, pick(rate)] as const)
      .filter((point): point is readonly [number, number] => point[1] !== null);
    return { x: points.map(([x]) => x), y: points.map(([, y]) => y) };
  };
  // Beyond the stable range there is no stationary mean to draw.
  const at = (rate: number) => predictionOf(() => theory({ ...problem, learningRate: rate })).exact;
  return {
    id: "shift",
    title: "Displacement of the mean from the minimum",
    caption:
      `Mean of w at cycle ends under ${problem.sampling} batches of ${problem.batchSize}, observed ` +
      `for ${steps} steps. The effective loss is the leading order in the learning rate.`,
    x: { label: "learning rate", unit: "θ²/loss" },
    y: { label: "shift of the mean", unit: "w" },
    marks: [
      { kind: "line", label: "exact", role: "theory", ...curve((r) => at(r)?.shift ?? null) },
      {
        kind: "line",
        label: "effective loss",
        role: "theory",
        ...curve((r) => at(r)?.effectiveLossShift ?? null),
      },
      {
        kind: "points",
        label: "measured",
        role: "measured",
        x: [problem.learningRate],
        y: [shift.estimate.value],
        standardError: [shift.estimate.standardError],
      },
    ],
  };
}
