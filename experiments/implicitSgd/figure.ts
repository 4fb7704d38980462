/** The picture of card 4E: variances of both rules against ηk, with the continuous theory. */
import type { Figure, Quantity } from "../experiment.ts";
import { type ImplicitSettings, RULES, type Rule } from "./settings.ts";

/** Variances against ηk, with the continuous theory that both miss. */
export function varianceFigure(
  p: ImplicitSettings,
  quantities: readonly Quantity[],
  steps: number,
): Figure {
  const k = p.curvature + p.weightDecay;
  const at = p.learningRates.map((rate) => rate * k);
  const [from, to] = [Math.min(0.1, ...at) / 2, Math.max(2, ...at) * 2];
  const grid = Array.from({ length: 161 }, (_, i) => from * (to / from) ** (i / 160));
  const unit = p.noise ** 2 / k ** 2;
  const line = (label: string, x: readonly number[], y: (x: number) => number) => ({
    kind: "line" as const,
    role: "theory" as const,
    label,
    x,
    y: x.map((value) => unit * y(value)),
  });
  // Up to the measured point that is nearest to the pole, or a little below it.
  const gap = Math.min(0.05, ...at.filter((x) => x < 2).map((x) => 2 - x));
  const toPole = Array.from({ length: 41 }, (_, i) => 2 - 0.5 * (gap / 0.5) ** (i / 40));
  const below = [...grid.filter((x) => x < 1.5), ...toPole];
  const shownOf = (rule: Rule) =>
    quantities
      .filter(({ name, predicted }) => name.endsWith(rule) && predicted !== null)
      .filter(({ estimate }) => Number.isFinite(estimate.value))
      .map((quantity) => ({ ...quantity, x: Number(quantity.condition.learningRate) * k }))
      .sort((a, b) => a.x - b.x);
  const points = (rule: Rule) => ({
    kind: "points" as const,
    role: "measured" as const,
    label: rule,
    x: shownOf(rule).map(({ x }) => x),
    y: shownOf(rule).map(({ estimate }) => estimate.value),
    standardError: shownOf(rule).map(({ estimate }) => estimate.standardError),
  });
  // With a quartic term the exact values are known at the measured rates alone.
  const joined = (rule: Rule) => ({
    kind: "line" as const,
    role: "theory" as const,
    label: `${rule}, exact`,
    x: shownOf(rule).map(({ x }) => x),
    y: shownOf(rule).map(({ predicted }) => predicted!),
  });
  const law = p.quartic > 0 ? "quadratic" : "exact";
  return {
    id: "variance",
    title: "Stationary variance of implicit and explicit SGD",
    caption:
      `Curvature ${p.curvature}${p.quartic > 0 ? `, quartic term ${p.quartic}` : ""}, noise ` +
      `${p.noise}, ${p.replicas} replicas observed for ${steps} steps. ` +
      "The explicit variance has its pole at 2; the continuous theory knows neither. Bars are one " +
      "standard error.",
    x: { label: "learning rate × curvature", scale: "log" },
    y: { label: "variance of θ", unit: "θ²", scale: "log" },
    marks: [
      line(`implicit, ${law}`, grid, (x) => x / (2 + x)),
      line(`explicit, ${law}`, below, (x) => x / (2 - x)),
      line("continuous, quadratic", grid, (x) => x / 2),
      ...(p.quartic > 0 ? RULES.map(joined).filter(({ x }) => x.length > 1) : []),
      ...RULES.map(points).filter(({ x }) => x.length > 0),
    ],
  };
}
