/** Figures of card 3B: the decay rate against the learning rate, and one trajectory of I. */
import { imbalanceDecay as theory } from "../../models/theory/index.ts";
import type { Figure, Mark, Quantity } from "../experiment.ts";
import { predictionOf } from "../outcome.ts";
import type { ImbalanceStep } from "./identity.ts";
import type { ImbalanceParameters } from "./settings.ts";

const points = (
  label: string,
  quantities: readonly Quantity[],
  x: (q: Quantity) => number,
): Mark => {
  const shown = quantities.filter(({ estimate }) => Number.isFinite(estimate.value));
  return {
    kind: "points",
    label,
    role: "measured",
    x: shown.map(x),
    y: shown.map(({ estimate }) => estimate.value),
    standardError: shown.map(({ estimate }) => estimate.standardError),
  };
};

export function decayFigure(p: ImbalanceParameters, quantities: readonly Quantity[]): Figure {
  const highest = 1.1 * Math.max(...p.learningRates);
  const grid = Array.from({ length: 61 }, (_, i) => (highest * (i + 0.01)) / 60);
  const curve = grid.flatMap((learningRate) => {
    const { exact } = predictionOf(() => theory({ ...p, noise: p.labelNoise, learningRate }));
    return exact ? [[learningRate, exact.rate / exact.continuousRate] as const] : [];
  });
  const ratios = quantities.filter(({ name }) => name === "rate / (-4 s² eta²)");
  const limit = quantities.filter(({ name }) => name.endsWith("extrapolated"));
  return {
    id: "decay-rate",
    title: "Decay of the imbalance",
    caption:
      "Rate of ln|u² − w²| a step over −4s²η², the law of balance in continuous time. The curve adds " +
      "the fluctuations of v = uw.",
    x: { label: "learning rate η", unit: "θ²/loss" },
    y: { label: "rate / (−4s²η²)" },
    marks: [
      { kind: "line", label: "continuous", role: "theory", x: [0, highest], y: [1, 1] },
      {
        kind: "line",
        label: "with Var v",
        role: "theory",
        x: curve.map(([x]) => x),
        y: curve.map(([, y]) => y),
      },
      points("measured", ratios, ({ condition }) => condition.learningRate as number),
      ...(limit.length > 0 ? [points("extrapolated", limit, () => 0)] : []),
    ],
  };
}

export function imbalanceFigure({ imbalance, product }: ImbalanceStep): Figure {
  const line = (label: string, role: Mark["role"], y: readonly number[]): Mark => ({
    kind: "line",
    label,
    role,
    x: y.map((_, i) => i),
    y,
  });
  return {
    id: "imbalance",
    title: "Imbalance of one replica, step by step",
    caption: "Each step multiplies it by 1 − η²a², with a read off that step's gradient.",
    x: { label: "step" },
    y: { label: "u² − w²", unit: "θ²" },
    marks: [
      line("measured", "measured", imbalance),
      line("product of 1 − η²a²", "theory", product),
    ],
  };
}
