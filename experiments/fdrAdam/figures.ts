/** The pictures of the fluctuation-dissipation relation of Adam and AMSGrad. */
import type { Figure, Mark } from "../experiment.ts";
import type { AdamPoint, Optimizer, TimeCourse } from "./measures.ts";

const LABELS: Readonly<Record<Optimizer, string>> = { adam: "Adam", amsgrad: "AMSGrad" };

/** Side by side on a logarithmic axis. */
const OFFSET: Readonly<Record<Optimizer, number>> = { adam: 0.97, amsgrad: 1.03 };

const RULES = ["adam", "amsgrad"] as const;

const byRule = (points: readonly AdamPoint[], optimizer: Optimizer): AdamPoint[] =>
  points
    .filter((point) => point.optimizer === optimizer)
    .sort((a, b) => a.learningRate - b.learningRate);

const RATE_AXIS = { label: "learning rate η", unit: "w", scale: "log" } as const;

/** O_L/O_R against η, measured from c. */
export function ratioFigure(points: readonly AdamPoint[], caption: string): Figure {
  const rates = points.map(({ learningRate }) => learningRate);
  const ends = [Math.min(...rates) / 1.3, Math.max(...rates) * 1.3];
  const measured = RULES.map((optimizer): Mark => {
    const shown = byRule(points, optimizer);
    return {
      kind: "points",
      label: LABELS[optimizer],
      role: "measured",
      x: shown.map(({ learningRate }) => learningRate * OFFSET[optimizer]),
      y: shown.map(({ centered }) => centered.ratio.value),
      standardError: shown.map(({ centered }) => centered.ratio.standardError),
    };
  });
  return {
    id: "ratio",
    title: "Fluctuation over dissipation",
    caption: `${caption} w is measured from the point c the mean step vanishes at. Bars are one standard error.`,
    x: RATE_AXIS,
    y: { label: "⟨(w−c)·u⟩ / (η/2)⟨|u|²⟩" },
    marks: [{ kind: "line", label: "stationary", role: "theory", x: ends, y: [1, 1] }, ...measured],
  };
}

/** Standard errors of the ratio, from c and from 0. */
export function errorFigure(points: readonly AdamPoint[], caption: string): Figure {
  const worst = Math.max(
    ...points
      .map(({ raw, centered }) => raw.ratio.standardError / centered.ratio.standardError)
      .filter(Number.isFinite),
    0,
  );
  const marks = RULES.flatMap((optimizer) => {
    const shown = byRule(points, optimizer);
    return (["centered", "raw"] as const).map(
      (form): Mark => ({
        kind: "points",
        label: `${LABELS[optimizer]}, w from ${form === "centered" ? "c" : "0"}`,
        role: "measured",
        x: shown.map(({ learningRate }) => learningRate * OFFSET[optimizer]),
        y: shown.map((point) => point[form].ratio.standardError),
      }),
    );
  });
  return {
    id: "errors",
    title: "What measuring from the center saves",
    caption: `${caption} Measured from 0, the ratio's error is up to ${worst.toPrecision(2)} times larger.`,
    x: RATE_AXIS,
    y: { label: "standard error of O_L/O_R", scale: "log" },
    marks,
  };
}

/** Cumulative distribution over replicas of O_L over the mean O_R, at the first learning rate. */
export function distributionFigure(points: readonly AdamPoint[], caption: string): Figure {
  const rate = points[0]!.learningRate;
  const marks = points
    .filter(({ learningRate }) => learningRate === rate)
    .flatMap((point) => [
      cumulative(`${LABELS[point.optimizer]}, w from c`, point, point.centeredSides.left),
      cumulative(`${LABELS[point.optimizer]}, w from 0`, point, point.rawSides.left),
    ]);
  return {
    id: "distribution",
    title: "One replica's time average",
    caption: `${caption} η = ${rate}; share of the replicas whose O_L over the mean O_R is below x.`,
    x: { label: "O_L of a replica / ⟨O_R⟩" },
    y: { label: "share of replicas" },
    marks: [
      { kind: "line", label: "stationary mean", role: "theory", x: [1, 1], y: [0, 1] },
      ...marks,
    ],
  };
}

function cumulative(label: string, { centered }: AdamPoint, left: Float64Array): Mark {
  const values = Array.from(left, (value) => value / centered.right.value)
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  const y = values.map((_, k) => (k + 0.5) / values.length);
  return { kind: "line", label, role: "measured", x: values, y };
}

/** O_L and O_R over time, from the start at c; the last point is the observed stretch. */
export function approachFigure(
  courses: readonly TimeCourse[],
  learningRate: number,
  caption: string,
): Figure {
  const x = courses.map(({ first, steps }) => first + steps / 2);
  const marks = RULES.flatMap((optimizer): Mark[] => {
    const of = (side: "left" | "right") =>
      courses.map(({ sides }) => sides.find((one) => one.optimizer === optimizer)!.sides[side]);
    return (["left", "right"] as const).map(
      (side): Mark => ({
        kind: side === "left" ? "points" : "line",
        label: `${LABELS[optimizer]}, ${side === "left" ? "O_L" : "O_R"}`,
        role: "measured",
        x,
        y: of(side).map(({ value }) => value),
        standardError: of(side).map(({ standardError }) => standardError),
      }),
    );
  });
  return {
    id: "approach",
    title: "The two sides meet",
    caption:
      `${caption} η = ${learningRate}, from the start at c: averages over stretches of the burn-in ` +
      "and, last, over the observed steps. Bars and bands are one standard error.",
    x: { label: "step", scale: "log" },
    y: { label: "O_L, O_R", unit: "w²/η" },
    marks,
  };
}
