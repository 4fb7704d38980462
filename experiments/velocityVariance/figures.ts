/** The picture of card B6. */
import type { Figure, Mark, Quantity } from "../experiment.ts";
import type { Measured } from "./quantities.ts";

/** ⟨|v|²⟩ over the law, against the effective rate. */
export function rateFigure(measured: readonly Measured[], limits: readonly Quantity[]): Figure {
  const shown = measured.filter(
    ({ law, estimate }) => law !== null && Number.isFinite(estimate.value),
  );
  const highest = 1.1 * Math.max(...measured.map(({ effectiveRate }) => effectiveRate));
  const points = [...new Set(shown.map(({ momentum }) => momentum))].map((momentum): Mark => {
    const these = shown.filter((one) => one.momentum === momentum);
    const law = these[0]!.law!.smallRate;
    const limit = limits.filter(({ condition }) => condition.momentum === momentum);
    const estimates = [...these.map(({ estimate }) => estimate), ...limit.map((q) => q.estimate)];
    return {
      kind: "points",
      label: `momentum ${momentum}`,
      role: "measured",
      x: [...these.map(({ effectiveRate }) => effectiveRate), ...limit.map(() => 0)],
      y: estimates.map(({ value }) => value / law),
      standardError: estimates.map(({ standardError }) => standardError / law),
    };
  });
  return {
    id: "velocity",
    title: "Velocity of a network at its minimum",
    caption:
      "Mean square of the velocity over that of small rates, tr Σ/(1 − β²) with the gradient noise Σ at " +
      "the minimum. Points at 0 are extrapolated linearly.",
    x: { label: "effective rate η/(1 − β)", unit: "θ²/loss" },
    y: { label: "⟨|v|²⟩ (1 − β²)/tr Σ" },
    marks: [
      { kind: "line", label: "small rates", role: "theory", x: [0, highest], y: [1, 1] },
      ...points,
    ],
  };
}
