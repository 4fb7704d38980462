/** The figure of an experiment that compares a few numbers with exact ones: their ratios. */
import type { Figure, Quantity } from "./experiment.ts";

/** One point a quantity, measured over predicted; quantities with no or zero prediction are left out. */
export function comparison(quantities: readonly Quantity[], caption: string): Figure {
  const shown = quantities.filter(({ predicted }) => predicted !== null && predicted !== 0);
  const x = shown.map((_, k) => k + 1);
  return {
    id: "comparison",
    title: "Measured over exact",
    caption: `${caption} Bars are one standard error, from the scatter of the replicas.`,
    x: { label: "quantity", ticks: shown.map(({ name }, k) => ({ at: k + 1, label: name })) },
    y: { label: "measured / exact" },
    marks: [
      {
        kind: "line",
        label: "exact",
        role: "theory",
        x: [0.5, x.length + 0.5],
        y: [1, 1],
      },
      {
        kind: "points",
        label: "measured",
        role: "measured",
        x,
        y: shown.map(({ estimate, predicted }) => estimate.value / predicted!),
        standardError: shown.map(({ estimate, predicted }) =>
          Math.abs(estimate.standardError / predicted!),
        ),
      },
    ],
  };
}
