/**
 * Card A4: reshuffling cancels the noise of an epoch to leading order, so that the variance at
 * epoch ends falls as η³, where independent batches give η; exact for samples of equal curvature.
 */
import { z } from "zod";
import { covariance } from "../analysis/index.ts";
import { CENTER_TOY_CURVATURE, centerToy } from "../models/epochToy.ts";
import { epochVariance as theory } from "../models/theory/index.ts";
import { explainCycles, observeCycleEnds } from "./cycleEnds.ts";
import type { Experiment, Figure, Quantity } from "./experiment.ts";
import { divergenceWarnings, estimateOf, predictionOf } from "./outcome.ts";
import { duration, learningRate, replicas, sampling } from "./parameters.ts";
import { F32_BLOCK_SUM } from "./systematic.ts";

const parameters = z.object({
  learningRate: learningRate(0.05),
  sampling: sampling("reshuffled"),
  batchSize: z.number().int().min(1).default(1).describe("m, samples in a minibatch [samples]"),
  replicas: replicas(20_000),
  steps: duration("observed steps"),
  burnIn: duration("steps before observing"),
});

export const epochVariance: Experiment<typeof parameters> = {
  id: "epoch-variance",
  title: "Variance at the ends of reshuffled epochs",
  card: "A4",
  sources: ["Machine learning in and out of equilibrium, arXiv 2306.03521"],
  summary:
    "Twelve quadratic samples of equal curvature. Within an epoch every sample is used once, so " +
    "the order-η noise cancels and the variance at epoch ends is of order η³; it is known exactly " +
    "for every sampling law.",
  parameters,
  quick: { replicas: 4000 },
  explain: (p) => explainCycles(p, centerToy().samples),
  async run(p, context) {
    const toy = centerToy();
    const centers = Float64Array.from(toy.fields.center!.data);
    const curvatures = new Float64Array(centers.length).fill(CENTER_TOY_CURVATURE);
    const minimum = centers.reduce((sum, c) => sum + c, 0) / centers.length;
    const { exact, warnings } = predictionOf(() =>
      theory({ ...p, centers, curvature: CENTER_TOY_CURVATURE }),
    );
    const ends = await observeCycleEnds({ ...p, curvatures, centers }, minimum, context);
    const variance: Quantity = {
      name: "var(theta)",
      condition: {},
      estimate: estimateOf(() => covariance(ends.record, { i: "u", j: "u" })),
      unit: "θ²",
      predicted: exact,
      // Rounding adds its own spread δ: 2σδ + δ².
      systematic:
        (F32_BLOCK_SUM + ends.transient) * (exact ?? 0) +
        2 * ends.deviation * ends.rounding +
        ends.rounding ** 2,
    };
    return {
      quantities: [variance],
      warnings: [...warnings, ...divergenceWarnings(ends.run.run)],
      figures: [figure(p, centers, variance)],
      records: { cycles: ends.run },
    };
  },
};

/** Exact variance against learning rate for reshuffled and independent batches, and the measurement. */
function figure(p: z.infer<typeof parameters>, centers: Float64Array, variance: Quantity): Figure {
  const rates = Array.from({ length: 41 }, (_, i) => p.learningRate * 10 ** (i / 20 - 1));
  const stable = rates.filter((rate) => rate * CENTER_TOY_CURVATURE < 1.9);
  const line = (label: string, sampling: typeof p.sampling) => ({
    kind: "line" as const,
    label,
    role: "theory" as const,
    x: stable,
    y: stable.map((rate) =>
      theory({ ...p, sampling, learningRate: rate, centers, curvature: CENTER_TOY_CURVATURE }),
    ),
  });
  const laws = [...new Set([p.sampling, "reshuffled", "withReplacement"] as const)];
  const lines = laws
    .map((law) => line(`exact, ${law}`, law))
    .filter(({ y }) => y.every((value) => value > 0));
  return {
    id: "variance",
    title: "Variance at cycle ends",
    caption:
      `Exact variance against learning rate at batch size ${p.batchSize}, and the measured one ` +
      `under ${p.sampling} batches. Reshuffled epochs: order η³; independent batches: order η.`,
    x: { label: "learning rate", unit: "θ²/loss", scale: "log" },
    y: { label: "variance of θ", unit: "θ²", scale: "log" },
    marks: [
      ...lines,
      ...(variance.estimate.value > 0
        ? [
            {
              kind: "points" as const,
              label: `measured, ${p.sampling}`,
              role: "measured" as const,
              x: [p.learningRate],
              y: [variance.estimate.value],
              standardError: [variance.estimate.standardError],
            },
          ]
        : []),
    ],
  };
}
