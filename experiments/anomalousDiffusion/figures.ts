/** The pictures of card B4: mean square displacement against lag, and its local slope. */
import { type ModeDiffusion, modeDiffusion } from "../../models/theory/index.ts";
import type { Figure, Mark } from "../experiment.ts";
import type { Measured } from "./quantities.ts";
import { type Planned, type Settings, short } from "./settings.ts";

/** Lags of the exact curves. */
const FINE = 121;

const ratio = (low: number, high: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => low * (high / low) ** (i / (count - 1)));

export function diffusionFigures(p: Settings, planned: Planned, found: Measured): Figure[] {
  const { lags } = planned;
  const last = lags[lags.length - 1]!;
  const x = last === 1 ? [1, 2] : ratio(1, last, FINE);
  // Between whole steps the formula is a smooth curve where modes are overdamped; whole lags are safe.
  const whole = [...new Set(x.map(Math.round))];
  const exact = planned.exact && modeDiffusion(planned.sum, whole);
  return [
    displacementFigure(p, planned, found, whole, exact),
    ...(found.fit ? [slopeFigure(planned, found, whole, exact)] : []),
  ];
}

const setting = ({ modes, spectrumExponent, noiseExponent, momentum, learningRate }: Settings) =>
  `${modes} modes of curvature i^−${spectrumExponent}, noise ∝ curvature^${noiseExponent}, learning rate ` +
  `${learningRate}, momentum ${momentum}`;

function displacementFigure(
  p: Settings,
  planned: Planned,
  { meanSquare, fit }: Measured,
  x: readonly number[],
  exact: ModeDiffusion | null,
): Figure {
  const shown = planned.lags.flatMap((_, l) => (meanSquare[l]!.value > 0 ? [l] : []));
  const marks: Mark[] = [];
  if (exact) {
    marks.push({ kind: "line", label: "exact", role: "theory", x, y: exact.meanSquare });
    // Shown where it says something.
    if (exact.meanSquare[x.length - 1]! > 0.05 * exact.saturation) {
      const y = [exact.saturation, exact.saturation];
      marks.push({
        kind: "line",
        label: "2 Σ Var θ",
        role: "theory",
        x: [x[0]!, x[x.length - 1]!],
        y,
      });
    }
  }
  marks.push({
    kind: "points",
    label: `measured, ${p.replicas} replicas`,
    role: "measured",
    x: shown.map((l) => planned.lags[l]!),
    y: shown.map((l) => meanSquare[l]!.value),
    standardError: shown.map((l) => meanSquare[l]!.standardError),
  });
  if (fit) marks.push(fittedLine(fit));
  return {
    id: "displacement",
    title: "Anomalous diffusion of a sum of modes",
    caption: `Mean squared displacement at ${setting(p)}. ${slopeWords(planned, fit)}`,
    x: { label: "lag k", unit: "steps", scale: "log" },
    y: { label: "⟨|θ(t+k) − θ(t)|²⟩", unit: "θ²", scale: "log" },
    marks,
  };
}

/** The fitted line over its window, a third above the points so that both are seen. */
function fittedLine({ lags, meanSquare, exponent }: NonNullable<Measured["fit"]>): Mark {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const center = mean(lags.map(Math.log));
  const level = mean(meanSquare.map(({ value }) => Math.log(value))) + Math.log(1.5);
  const ends = [lags[0]!, lags[lags.length - 1]!];
  return {
    kind: "line",
    label: `fitted slope ${exponent.value.toFixed(3)}, shifted up`,
    role: "measured",
    x: ends,
    y: ends.map((lag) => Math.exp(level + exponent.value * (Math.log(lag) - center))),
  };
}

function slopeWords({ asymptotic }: Planned, fit: Measured["fit"]): string {
  const law = asymptotic
    ? `The power law has exponent ${short(asymptotic.exponent)} far inside of lags ` +
      `${short(asymptotic.from)} to ${short(asymptotic.to)}.`
    : "No power law is predicted.";
  if (fit === null) return law;
  const { value, standardError } = fit.exponent;
  const errors = (value - 1) / standardError;
  return (
    `Fitted exponent ${value.toFixed(4)} ± ${standardError.toFixed(4)}, ${Math.abs(errors).toFixed(0)} errors ` +
    `${errors < 0 ? "below" : "above"} ordinary diffusion's 1. ${law}`
  );
}

/** Local slopes d ln⟨|Δθ|²⟩/d ln k. */
function slopeFigure(
  { asymptotic }: Planned,
  { fit }: Measured,
  x: readonly number[],
  exact: ModeDiffusion | null,
): Figure {
  const { localSlopes, lags } = fit!;
  const [low, high] = [lags[0]!, lags[lags.length - 1]!];
  const inside = x.flatMap((lag, i) => (lag >= low && lag < high && i + 1 < x.length ? [i] : []));
  const marks: Mark[] = [];
  if (exact) {
    const y = inside.map(
      (i) =>
        Math.log(exact.meanSquare[i + 1]! / exact.meanSquare[i]!) / Math.log(x[i + 1]! / x[i]!),
    );
    const middles = inside.map((i) => Math.sqrt(x[i]! * x[i + 1]!));
    marks.push({ kind: "line", label: "exact", role: "theory", x: middles, y });
  }
  if (asymptotic) {
    const y = [asymptotic.exponent, asymptotic.exponent];
    marks.push({ kind: "line", label: "power law", role: "theory", x: [low, high], y });
  }
  marks.push({
    kind: "points",
    label: "measured",
    role: "measured",
    x: localSlopes.map(({ lag }) => lag),
    y: localSlopes.map(({ slope }) => slope.value),
    standardError: localSlopes.map(({ slope }) => slope.standardError),
  });
  return {
    id: "local-slope",
    title: "Local exponent",
    caption:
      "Slope of ln⟨|Δθ|²⟩ between neighboring lags of the fitted window; bars are one standard error, by " +
      "bootstrap over replicas. Ordinary diffusion has 1.",
    x: { label: "lag k", unit: "steps", scale: "log" },
    y: { label: "d ln⟨|Δθ|²⟩/d ln k" },
    marks,
  };
}
