/** Figures of card A2: entropy production over the continuous theory's, and both theorems. */
import { type AdditiveNoiseOptions, additiveNoise } from "../../models/theory/index.ts";
import type { Figure, Mark } from "../experiment.ts";
import { predictionOf } from "../outcome.ts";
import type { Rung } from "./quantities.ts";

interface Settings {
  readonly stretch: number;
  readonly replicas: number;
}

type Problem = Omit<AdditiveNoiseOptions, "learningRate">;

const CURVE = 60;

interface Measured {
  readonly x: number;
  readonly value: number;
  readonly standardError: number;
}

const points = (label: string, values: readonly Measured[]): Mark => ({
  kind: "points",
  label,
  role: "measured",
  x: values.map(({ x }) => x),
  y: values.map(({ value }) => value),
  standardError: values.map(({ standardError }) => standardError),
});

const level = (label: string, y: number, x: readonly [number, number]): Mark => ({
  kind: "line",
  label,
  role: "theory",
  x: [...x],
  y: [y, y],
});

export const additiveFigures = (
  p: Settings,
  problem: Problem,
  rungs: readonly Rung[],
): Figure[] => [
  productionFigure(p, problem, rungs),
  integralFigure(p, rungs),
  detailedFigure(rungs),
];

function productionFigure(p: Settings, problem: Problem, rungs: readonly Rung[]): Figure {
  const from = rungs[0]!.learningRate / 2;
  const to = rungs.at(-1)!.learningRate * 2;
  const curve = Array.from(
    { length: CURVE },
    (_, i) => from * (to / from) ** (i / (CURVE - 1)),
  ).flatMap((learningRate) => {
    const { exact } = predictionOf(() => additiveNoise({ ...problem, learningRate }));
    return exact ? [{ learningRate, exact }] : [];
  });
  const ratio = rungs
    .filter(({ exact }) => exact !== null)
    .map(({ learningRate, results, continuous }) => ({
      x: learningRate,
      value: results.sigma.estimate.value / continuous.entropyProduction,
      standardError: results.sigma.estimate.standardError / continuous.entropyProduction,
    }));
  return {
    id: "entropy-production",
    title: "Entropy production over that of the continuous theory",
    caption: `${p.replicas} replicas a rung; bars are one standard error.`,
    x: { label: "learning rate", unit: "w²/loss", scale: "log" },
    y: { label: "⟨σ⟩ / ⟨σ⟩ of the continuous theory" },
    marks: [
      {
        kind: "line",
        label: "exact",
        role: "theory",
        x: curve.map(({ learningRate }) => learningRate),
        y: curve.map(({ exact }) => exact.entropyProduction / exact.continuous.entropyProduction),
      },
      level("continuous theory", 1, [from, to]),
      points("measured", ratio),
    ],
  };
}

function integralFigure(p: Settings, rungs: readonly Rung[]): Figure {
  const rows = rungs.flatMap(({ learningRate, results }) =>
    [
      { label: `η=${learningRate}, 1 step`, result: results.integralStep },
      { label: `η=${learningRate}, ${p.stretch} steps`, result: results.integralStretch },
    ].filter(({ result }) => result.trusted),
  );
  return {
    id: "integral",
    title: "Integral fluctuation theorem",
    caption: "⟨e^−σ⟩ − 1 in units of its standard error: a bar is one of them.",
    x: {
      label: "trajectories",
      ticks: rows.map(({ label }, i) => ({ at: i + 1, label })),
    },
    y: { label: "⟨e^−σ⟩ − 1", unit: "standard errors" },
    marks: [
      level("theorem", 0, [0.5, rows.length + 0.5]),
      points(
        "measured",
        rows.map(({ result: { estimate } }, i) => ({
          x: i + 1,
          value: (estimate.value - 1) / estimate.standardError,
          standardError: 1,
        })),
      ),
    ],
  };
}

/** Log ratios in bins of |σ|, in units of its typical deviation so that rungs share an axis. */
function detailedFigure(rungs: readonly Rung[]): Figure {
  const marks = rungs.flatMap(({ learningRate, results, exact, continuous }): Mark[] => {
    if (results.detailed === null) return [];
    const scale = Math.sqrt(2 * (exact ?? continuous).entropyProduction);
    const { bins } = results.detailed;
    const found = bins.map(({ sigma, logRatio }) => ({ x: sigma / scale, ...logRatio }));
    return [points(`η=${learningRate}`, found)];
  });
  return {
    id: "detailed",
    title: "Detailed fluctuation theorem",
    caption:
      "ln of the number of positive events over the sum of e^|σ| of the negative ones, by bins of |σ|: 0 " +
      "by the theorem, however wide the bins.",
    x: { label: "|σ| over its typical deviation" },
    y: { label: "ln p(σ)/p(−σ) − |σ|" },
    marks: [level("theorem", 0, [0, 10]), ...marks],
  };
}
