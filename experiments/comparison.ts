/** The figure of an experiment that compares a few numbers with exact ones: their ratios. */
import type { Figure, Mark, Quantity } from "./experiment.ts";

/** Width that the points of one quantity under several conditions are spread over. */
const SPREAD = 0.5;

/**
 * One point a quantity, measured over predicted, in a color for each condition; quantities with no or
 * zero prediction are left out.
 */
export function comparison(quantities: readonly Quantity[], caption: string): Figure {
  const shown = quantities.filter(({ predicted }) => predicted !== null && predicted !== 0);
  const names = [...new Set(shown.map(({ name }) => name))];
  const conditions = [...new Set(shown.map(labelOf))];
  const points = conditions.map((label, c): Mark => {
    const own = shown.filter((quantity) => labelOf(quantity) === label);
    const offset = ((c + 0.5) / conditions.length - 0.5) * SPREAD;
    return {
      kind: "points",
      label,
      role: "measured",
      x: own.map(({ name }) => names.indexOf(name) + 1 + offset),
      y: own.map(({ estimate, predicted }) => estimate.value / predicted!),
      standardError: own.map(({ estimate, predicted }) =>
        Math.abs(estimate.standardError / predicted!),
      ),
    };
  });
  return {
    id: "comparison",
    title: "Measured over exact",
    caption: `${caption} Bars are one standard error, from the scatter of the replicas.`,
    x: { label: "quantity", ticks: names.map((label, k) => ({ at: k + 1, label })) },
    y: { label: "measured / exact" },
    marks: [
      {
        kind: "line",
        label: "exact",
        role: "theory",
        x: [0.5, names.length + 0.5],
        y: [1, 1],
      },
      ...points,
    ],
  };
}

/** The condition in words, `measured` where there is none. */
function labelOf({ condition }: Quantity): string {
  const settings = Object.entries(condition).map(([name, value]) => `${name} ${value}`);
  return settings.length === 0 ? "measured" : settings.join(", ");
}
