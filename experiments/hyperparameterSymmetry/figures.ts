/** The picture of card B5: variances over those of the continuous theory, against the batch size. */
import { heavyBallMode } from "../../models/theory/index.ts";
import type { Figure, Mark, Quantity } from "../experiment.ts";
import { predictionOf } from "../outcome.ts";
import { continuous, memberOf, type Parameters, type Planned } from "./settings.ts";

/** Variances over those of the continuous theory, against the batch size. */
export function symmetryFigure(
  p: Parameters,
  planned: readonly Planned[],
  quantities: readonly Quantity[],
): Figure {
  const sizes = planned.map(({ member }) => member.batchSize);
  const [low, high] = [Math.min(...sizes) / 1.5, Math.max(...sizes) * 1.5];
  const grid = Array.from({ length: 61 }, (_, i) => low * (high / low) ** (i / 60));
  const points = grid.flatMap((size) => {
    const { exact } = predictionOf(() => {
      const member = memberOf(p, p.batchSize / size);
      const mode = { ...member, curvature: p.curvature, weightDecay: p.weightDecay };
      return heavyBallMode(mode).positionVariance / continuous(p, member).position;
    });
    return exact === null ? [] : [[size, exact] as const];
  });
  const measured = (label: string): Mark => {
    const shown = quantities.filter(
      ({ name, estimate }) =>
        name === `${label} over continuous theory` && Number.isFinite(estimate.value),
    );
    return {
      kind: "points",
      label,
      role: "measured",
      x: shown.map(({ condition }) => condition.batchSize as number),
      y: shown.map(({ estimate }) => estimate.value),
      standardError: shown.map(({ estimate }) => estimate.standardError),
    };
  };
  return {
    id: "symmetry",
    title: "Finite steps break the symmetry",
    caption:
      "Variances over those of the continuous theory, which are the same at all batch sizes once learning " +
      "rate and momentum follow. The exact ratio, (1 + β')/(1 + β' − η'k/2), is that of var(v) as well.",
    x: { label: "batch size S'", unit: "samples", scale: "log" },
    y: { label: "variance / continuous" },
    marks: [
      { kind: "line", label: "continuous", role: "theory", x: [low, high], y: [1, 1] },
      {
        kind: "line",
        label: "exact",
        role: "theory",
        x: points.map(([x]) => x),
        y: points.map(([, y]) => y),
      },
      measured("var(theta)"),
    ],
  };
}
