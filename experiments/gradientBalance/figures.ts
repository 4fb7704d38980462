/** Figures of card 2C: the layers' ratio against the learning rate, the sharpness against the ratio. */
import { gradientBalance as theory } from "../../models/theory/index.ts";
import type { Figure, Mark, Quantity } from "../experiment.ts";
import type { BalanceParameters } from "./settings.ts";

const netOf = (p: BalanceParameters, i: number) => ({
  ...p,
  labelNoise: p.labelNoise[i]!,
  otherNoise: p.otherNoise[i]!,
});

const ofPair = (p: BalanceParameters, quantities: readonly Quantity[], i: number) =>
  quantities.filter(
    ({ condition, estimate }) =>
      condition.labelNoise === p.labelNoise[i] &&
      condition.otherNoise === p.otherNoise[i] &&
      Number.isFinite(estimate.value),
  );

const label = (p: BalanceParameters, i: number): string =>
  `noise ${p.labelNoise[i]}, others ${p.otherNoise[i]}`;

/** Ratios over their limit, with the first order's lines. */
export function ratioFigure(p: BalanceParameters, quantities: readonly Quantity[]): Figure {
  const highest = 1.05 * Math.max(...p.learningRates);
  const marks = p.labelNoise.flatMap((_, i): Mark[] => {
    const { ratio } = theory(netOf(p, i));
    const shown = ofPair(p, quantities, i).filter(({ name }) => name.startsWith("|w|²/|u|²"));
    return [
      {
        kind: "line",
        label: `first order, ${label(p, i)}`,
        role: "theory",
        x: [0, highest],
        y: [1, 1 + (ratio.slope * highest) / ratio.value],
      },
      {
        kind: "points",
        label: label(p, i),
        role: "measured",
        x: shown.map(({ condition }) => Number(condition.learningRate)),
        y: shown.map(({ estimate }) => estimate.value / ratio.value),
        standardError: shown.map(({ estimate }) => estimate.standardError / ratio.value),
      },
    ];
  });
  return {
    id: "ratio",
    title: "Balance of the layers",
    caption:
      "|w|²/|u|² over its value where small steps balance the gradients. Points at 0 are extrapolated " +
      "linearly; lines are the theory's first order.",
    x: { label: "learning rate η", unit: "θ²/loss" },
    y: { label: "|w|²/|u|², over limit" },
    marks,
  };
}

/** Trace of the Hessian on the valley uw = c, and where noise goes on it. */
export function sharpnessFigure(p: BalanceParameters, quantities: readonly Quantity[]): Figure {
  const c = p.signal;
  const trace = (q: number): number => 2 * c * (p.inputs * Math.sqrt(q) + p.outputs / Math.sqrt(q));
  const pairs = p.labelNoise.map((_, i) => {
    const shown = ofPair(p, quantities, i);
    const find = (name: string): readonly Quantity[] => shown.filter((q) => q.name === name);
    return { ratios: find("|w|²/|u|²"), traces: find("tr H"), i };
  });
  const all = pairs.flatMap(({ ratios }) => ratios.map(({ estimate }) => estimate.value));
  const flattest = p.outputs / p.inputs;
  const [low, high] = [Math.min(...all, flattest) / 2, Math.max(...all, flattest) * 2];
  const grid = Array.from({ length: 81 }, (_, k) => low * (high / low) ** (k / 80));
  return {
    id: "sharpness",
    title: "Sharpness that noise selects",
    caption:
      "Every ratio of the layers has the same loss. The line is the Hessian's trace there, least at " +
      "d_y/d_x; points are stationary states of SGD.",
    x: { label: "|w|²/|u|²", scale: "log" },
    y: { label: "trace of the Hessian", unit: "loss/θ²" },
    marks: [
      { kind: "line", label: "zero residual", role: "theory", x: grid, y: grid.map(trace) },
      ...pairs.map(
        ({ ratios, traces, i }): Mark => ({
          kind: "points",
          label: label(p, i),
          role: "measured",
          x: ratios.map(({ estimate }) => estimate.value),
          y: traces.map(({ estimate }) => estimate.value),
          standardError: traces.map(({ estimate }) => estimate.standardError),
        }),
      ),
    ],
  };
}
