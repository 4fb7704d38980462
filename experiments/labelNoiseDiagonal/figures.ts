/** Figures of card 3A: mean and variance of v against the temperature, and the collapse rate. */
import {
  balanceLaw,
  collapseRate,
  criticalTemperature,
  labelNoiseMoments,
} from "../../models/theory/index.ts";
import type { Figure, Mark, Quantity } from "../experiment.ts";
import type { LabelNoiseParameters } from "./theory.ts";

const range = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));

/** Continuous mean and variance of a net, 0 where it collapses. */
function continuous(p: LabelNoiseParameters, depth: number, temperature: number) {
  if (depth === 0) return { mean: p.slope, variance: temperature * p.labelNoise ** 2 };
  const data = labelNoiseMoments(p.slope, p.labelNoise);
  if (temperature >= criticalTemperature(depth, data)) return { mean: 0, variance: 0 };
  return balanceLaw({ depth, temperature, data });
}

function measured(p: LabelNoiseParameters, quantities: readonly Quantity[], name: string): Mark {
  const shown = quantities.filter(
    (quantity) => quantity.name === name && Number.isFinite(quantity.estimate.value),
  );
  return {
    kind: "points",
    label: `measured, D = ${p.depth}`,
    role: "measured",
    x: shown.map(({ condition }) => condition.learningRate as number),
    y: shown.map(({ estimate }) => estimate.value),
    standardError: shown.map(({ estimate }) => estimate.standardError),
  };
}

export function momentFigures(p: LabelNoiseParameters, quantities: readonly Quantity[]): Figure[] {
  const highest = 1.15 * Math.max(...p.learningRates);
  const critical = criticalTemperature(1, labelNoiseMoments(p.slope, p.labelNoise));
  const grid = [...range(highest / 400, highest, 80), critical]
    .filter((T) => T <= highest)
    .sort((a, b) => a - b);
  const depths = [...new Set([p.depth, 0, 1, 2, 3])];
  const figure = (
    id: string,
    title: string,
    caption: string,
    label: string,
    unit: string,
    of: "mean" | "variance",
  ): Figure => {
    const curves = depths
      // Without a factor more the variance grows without bound and would hide the others.
      .filter((depth) => of === "mean" || depth > 0 || p.depth === 0)
      .sort((a, b) => a - b)
      .map(
        (depth): Mark => ({
          kind: "line",
          label: `continuous, D = ${depth}`,
          role: "theory",
          x: grid,
          y: grid.map((T) => continuous(p, depth, T)[of]),
        }),
      );
    const points = measured(p, quantities, of === "mean" ? "mean(v)" : "var(v)");
    return {
      id,
      title,
      caption,
      x: { label: "temperature T = η", unit: "θ²/loss" },
      y: { label, unit },
      marks: [...curves, points],
    };
  };
  return [
    figure(
      "mean",
      "Mean of v against the temperature",
      "Nets of D + 1 factors on the same labels. Two factors (D = 1) lose their mean linearly and " +
        `collapse above T_c = k/s² = ${critical.toPrecision(3)}; more shrink smoothly, one keeps k.`,
      "mean of v",
      "v",
      "mean",
    ),
    figure(
      "variance",
      "Variance of v against the temperature",
      "With two factors it is largest at half the critical temperature: beyond, more noise means " +
        "smaller fluctuations.",
      "variance of v",
      "v²",
      "variance",
    ),
  ];
}

export function collapseFigure(p: LabelNoiseParameters, quantities: readonly Quantity[]): Figure {
  const highest = 1.15 * Math.max(...p.learningRates);
  const grid = range(highest / 400, highest, 80);
  const curve = (label: string, y: (rate: number) => number): Mark => ({
    kind: "line",
    label,
    role: "theory",
    x: grid,
    y: grid.map(y),
  });
  const exact = (learningRate: number): number =>
    collapseRate({ learningRate, slope: p.slope, noise: p.labelNoise, noiseLaw: p.noiseLaw }) /
    learningRate;
  return {
    id: "collapse",
    title: "Growth of ln v at v = 0",
    caption:
      "Two factors started next to zero: they leave it below the critical temperature and fall into it above.",
    x: { label: "temperature T = η", unit: "θ²/loss" },
    y: { label: "d ln v/dt", unit: "1/(η steps)" },
    marks: [
      curve("exact", exact),
      curve("continuous, 4(k − Ts²)", (T) => 4 * (p.slope - T * p.labelNoise ** 2)),
      measured(p, quantities, "d ln v/dt at v = 0"),
    ],
  };
}
