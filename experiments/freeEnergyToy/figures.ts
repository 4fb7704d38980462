/** Figures of cards 1C and 1D together: loss of both regimes, signal-to-noise ratio, decay, growth. */
import { directionExponent, reflectionOrbit, signalBounds } from "../../models/theory/index.ts";
import type { Figure, Mark, Quantity } from "../experiment.ts";
import { predictionOf } from "../outcome.ts";
import {
  ETA,
  line,
  type MeasuredPoint,
  measured,
  type Point,
  poleFigures,
} from "../pole/figures.ts";
import type { PoleRung } from "../pole/quantities.ts";
import type { MeasuredAttractor } from "./attractor.ts";
import { type MeasuredGrowth, planeOf } from "./growth.ts";

export interface ToyResult {
  readonly up: readonly PoleRung[];
  readonly attractors: readonly MeasuredAttractor[];
  readonly growths: readonly MeasuredGrowth[];
}

/** Points of a quantity against the learning rate. */
const pointsOf = (quantities: readonly Quantity[], name: string, regime: string): MeasuredPoint[] =>
  quantities.flatMap((q) =>
    q.name === name &&
    q.condition.regime === regime &&
    typeof q.condition.learningRate === "number" &&
    Number.isFinite(q.estimate.value)
      ? [{ ...q.estimate, x: q.condition.learningRate }]
      : [],
  );

export function toyFigures(result: ToyResult, quantities: readonly Quantity[]): Figure[] {
  const { up, attractors, growths } = result;
  return [
    lossFigure(result, quantities),
    ...(up.length > 0 ? poleFigures(up) : []),
    signalFigure(result, quantities),
    ...(growths.length > 0 ? [growthFigure(growths, quantities)] : []),
    ...(attractors.some(({ decay }) => decay) ? [decayFigure(attractors)] : []),
  ];
}

function lossFigure({ up, attractors }: ToyResult, quantities: readonly Quantity[]): Figure {
  const known = up.filter(({ exact }) => exact !== null);
  const minimum = up[0]?.run.frame.eigenvalues.at(-1) ?? 0;
  const highest = Math.max(1.7, ...attractors.map(({ run }) => run.learningRate));
  const orbit = Array.from({ length: 40 }, (_, i): Point => {
    const rate = 1.001 * (highest / 1.001) ** (i / 39);
    return [rate, reflectionOrbit(rate).loss];
  });
  return {
    id: "loss",
    title: "Mean loss of the two regimes",
    caption:
      "Underparametrized: the loss rises smoothly with the learning rate. Overparametrized: it is zero " +
      "below η = 1, and above it near that of an orbit of reflections, (1 − 1/η)/3, while that holds.",
    x: ETA,
    y: { label: "mean loss U", unit: "loss" },
    marks: [
      ...(known.length > 1
        ? [
            line(
              "UP exact",
              known.map(({ run, exact }) => [run.learningRate, minimum + exact!.excess]),
            ),
          ]
        : []),
      ...(attractors.length > 0 ? [line("OP orbit of reflections", orbit)] : []),
      ...named("UP", pointsOf(quantities, "U", "UP")),
      ...named("OP", pointsOf(quantities, "U", "OP")),
    ],
  };
}

const named = (label: string, points: readonly MeasuredPoint[]): Mark[] =>
  points.length > 0 ? [measured(label, points)] : [];

function signalFigure({ up, growths }: ToyResult, quantities: readonly Quantity[]): Figure {
  const exact = up.flatMap(({ run, exact }): Point[] =>
    exact && exact.errors.signalSquare < 0.1
      ? [[run.learningRate, Math.sqrt(exact.signalSquare)]]
      : [],
  );
  const bounds = growths.length > 0 ? boundsOf(growths) : [];
  return {
    id: "signal-to-noise",
    title: "Signal-to-noise ratio of the minibatch gradient",
    caption:
      "|∇L|/√E|g − ∇L|² of a state, over all samples. Underparametrized, rms: falls as √η, as noise stays at " +
      "the minimum. Overparametrized, mean: gradient and noise vanish together, within fixed bounds.",
    x: ETA,
    y: { label: "signal-to-noise ratio", scale: "log" },
    marks: [
      ...(exact.length > 1 ? [line("UP exact", exact)] : []),
      ...bounds,
      ...named("UP", pointsOf(quantities, "rms SNR", "UP")),
      ...named("OP at the pole", pointsOf(quantities, "mean SNR at the pole", "OP")),
      ...named("OP from the start, η > 1", pointsOf(quantities, "mean SNR", "OP")),
    ],
  };
}

/** Least and largest ratio of any direction. */
function boundsOf(growths: readonly MeasuredGrowth[]): Mark[] {
  const rates = growths.map(({ run }) => run.learningRate);
  const ends = [Math.min(...rates), Math.max(...rates)];
  return signalBounds(growths[0]!.run.frame).map((value) =>
    line(
      "OP bounds",
      ends.map((rate) => [rate, value]),
    ),
  );
}

function growthFigure(growths: readonly MeasuredGrowth[], quantities: readonly Quantity[]): Figure {
  const rates = growths.map(({ run }) => run.learningRate);
  const plane = planeOf(growths[0]!.run.frame);
  const [from, to] = [Math.max(0.03, Math.min(...rates)), Math.max(...rates)];
  const curve = Array.from({ length: 60 }, (_, i) => from * (to / from) ** (i / 59)).flatMap(
    (rate): Point[] => {
      // Next to η = 1 directions forget slowly; the curve is straight there.
      if (Math.abs(rate - 1) < 0.04) return [];
      const { exact } = predictionOf(() => directionExponent(plane, rate));
      return exact ? [[rate, exact.exponent]] : [];
    },
  );
  return {
    id: "growth",
    title: "Overparametrized: growth rate of |y|² next to the minimum",
    caption:
      "Below the critical learning rate, 1, replicas fall into the minimum, above it they leave it. Exact: " +
      "exponent of random products of 1 − 2ηaaᵀ.",
    x: { label: "learning rate", unit: "1/loss" },
    y: { label: "d ln|y|²/dt", unit: "1/step" },
    marks: [
      line("exact", curve),
      line("zero", [
        [from, 0],
        [to, 0],
      ]),
      ...named("measured", pointsOf(quantities, "d ln|y|²/dt at the pole", "OP")),
    ],
  };
}

const MOST_DECAYS = 5;

function decayFigure(attractors: readonly MeasuredAttractor[]): Figure {
  const falling = attractors.filter(({ decay }) => decay !== null);
  const stride = Math.ceil(falling.length / MOST_DECAYS);
  return {
    id: "decay",
    title: "Overparametrized: loss from the start, below the critical rate",
    caption:
      "Mean of ln L over the replicas, against learning rate times steps. Entropy falls with it without end: there " +
      "is no stationary density, and no temperature.",
    x: { label: "η · steps" },
    y: { label: "⟨ln L⟩" },
    marks: falling
      .filter((_, i) => i % stride === 0)
      .map(
        ({ run, decay }): Mark => ({
          ...measured(
            `η = ${run.learningRate}`,
            decay!.steps.map((step, k) => ({ ...decay!.logLoss[k]!, x: step * run.learningRate })),
          ),
          kind: "line",
        }),
      ),
  };
}
