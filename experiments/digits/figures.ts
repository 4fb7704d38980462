/** The pictures of the digits experiment. */
import type { Estimate } from "../../analysis/index.ts";
import type { SeriesRecord } from "../../engine/record.ts";
import type { Figure, Mark } from "../experiment.ts";
import type { ClassifierResult } from "./measures.ts";

/** Points of a loss curve: enough for the eye, few enough for a page. */
const POINTS = 60;

/** Replica mean of `loss` over bins of time that grow geometrically, burn-in and observation. */
function lossCurve(
  records: readonly SeriesRecord[],
  condition: number,
): { x: number[]; y: number[] } {
  const steps: number[] = [];
  const means: number[] = [];
  for (const record of records) {
    const [, conditions, replicas, times] = record.values.axes.map(({ length }) => length) as [
      number,
      number,
      number,
      number,
    ];
    const q = record.quantities.indexOf("loss");
    for (let t = 0; t < times; t += 1) {
      let sum = 0;
      let alive = 0;
      for (let r = 0; r < replicas; r += 1) {
        const value =
          record.values.data[((q * conditions + condition) * replicas + r) * times + t]!;
        if (!Number.isFinite(value)) continue;
        sum += value;
        alive += 1;
      }
      if (alive === 0) continue;
      steps.push(record.steps[t]!);
      means.push(sum / alive);
    }
  }
  return binned(steps, means);
}

function binned(steps: readonly number[], values: readonly number[]): { x: number[]; y: number[] } {
  const x: number[] = [];
  const y: number[] = [];
  const last = steps.length;
  for (let bin = 0; bin < POINTS; bin += 1) {
    const from = Math.floor(last ** (bin / POINTS)) - (bin === 0 ? 1 : 0);
    const to = Math.min(last, Math.floor(last ** ((bin + 1) / POINTS)));
    if (to <= from) continue;
    const count = to - from;
    // Steps are counted from 1 on a logarithmic axis.
    x.push(1 + steps.slice(from, to).reduce((sum, s) => sum + s, 0) / count);
    y.push(values.slice(from, to).reduce((sum, v) => sum + v, 0) / count);
  }
  return { x, y };
}

export function lossFigure({ name, rates, burnIn, observed }: ClassifierResult): Figure {
  return {
    id: `loss-${name}`,
    title: `Loss against time, ${name}`,
    caption:
      "Minibatch loss, mean over the replicas, in geometrically growing bins of time; one curve for " +
      "each learning rate. Weight decay is not included in the loss.",
    x: { label: "SGD step (from 1)", scale: "log" },
    y: { label: "loss", unit: "nats", scale: "log" },
    marks: rates.map(
      (rate, c): Mark => ({
        kind: "line",
        label: `η = ${rate}`,
        role: "measured",
        ...lossCurve(burnIn ? [burnIn, observed] : [observed], c),
      }),
    ),
  };
}

const points = (label: string, x: readonly number[], estimates: readonly Estimate[]): Mark => ({
  kind: "points",
  label,
  role: "measured",
  x,
  y: estimates.map(({ value }) => value),
  standardError: estimates.map(({ standardError }) => standardError),
});

export const stationaryLossFigure = (results: readonly ClassifierResult[]): Figure => ({
  id: "stationary-loss",
  title: "Stationary loss against learning rate",
  caption:
    "Time average of the minibatch loss after burn-in; bars are one standard error from the replicas.",
  x: { label: "learning rate η", unit: "θ²/loss", scale: "log" },
  y: { label: "stationary loss", unit: "nats" },
  marks: results.map(({ name, rates, loss }) => points(name, rates, loss)),
});

export function ratioFigure(results: readonly ClassifierResult[]): Figure {
  const rates = results.flatMap((result) => result.rates);
  return {
    id: "fdr-ratio",
    title: "Fluctuation-dissipation ratio",
    caption:
      "⟨θ·G⟩ over (η/2)⟨|G|²⟩, 1 in any stationary state; bars are one standard error, from a " +
      "jackknife over the replicas.",
    x: { label: "learning rate η", unit: "θ²/loss", scale: "log" },
    y: { label: "⟨θ·G⟩ / (η/2)⟨|G|²⟩" },
    marks: [
      {
        kind: "line",
        label: "stationary state",
        role: "theory",
        x: [Math.min(...rates) / 1.3, Math.max(...rates) * 1.3],
        y: [1, 1],
      },
      ...results.map(({ name, rates: x, ratio }) => points(name, x, ratio)),
    ],
  };
}

export const accuracyFigure = (results: readonly ClassifierResult[]): Figure => ({
  id: "accuracy",
  title: "Accuracy against learning rate",
  caption:
    "Share of digits classified correctly by the last iterate; bars are one standard error from the replicas.",
  x: { label: "learning rate η", unit: "θ²/loss", scale: "log" },
  y: { label: "accuracy" },
  marks: results.flatMap(({ name, rates, trainAccuracy, testAccuracy }) => [
    points(`${name}, train`, rates, trainAccuracy),
    points(`${name}, test`, rates, testAccuracy),
  ]),
});
