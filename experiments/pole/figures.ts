/** Figures of a ladder about a pole (cards 1C, 1F): energy, entropy, free energies, temperatures. */
import {
  finiteDifferenceTemperature,
  freeEnergies,
  logarithmicMean,
} from "../../analysis/index.ts";
import { RefusalError } from "../../engine/errors.ts";
import { type PoleMoments, poleMoments, poleNoise } from "../../models/theory/index.ts";
import type { Figure, Mark } from "../experiment.ts";
import { predictionOf } from "../outcome.ts";
import { expectedPoint, isResolved, type PoleRung } from "./quantities.ts";

export type Point = readonly [x: number, y: number];

export interface MeasuredPoint {
  readonly x: number;
  readonly value: number;
  readonly standardError: number;
}

export const ETA = { label: "learning rate", unit: "1/loss", scale: "log" } as const;

export const line = (label: string, points: readonly Point[]): Mark => ({
  kind: "line",
  label,
  role: "theory",
  x: points.map(([x]) => x),
  y: points.map(([, y]) => y),
});

export const measured = (label: string, points: readonly MeasuredPoint[]): Mark => ({
  kind: "points",
  label,
  role: "measured",
  x: points.map(({ x }) => x),
  y: points.map(({ value }) => value),
  standardError: points.map(({ standardError }) => standardError),
});

/** Measured and exact rungs with their small-rate temperature slope. */
interface Ladder {
  readonly rungs: readonly PoleRung[];
  readonly curve: readonly (readonly [rate: number, exact: PoleMoments])[];
}

/** Rates between the rungs where the exact law is cheap: in few dimensions. */
function curveOf(rungs: readonly PoleRung[]): Ladder["curve"] {
  const own = rungs.flatMap(({ run, exact }) =>
    exact ? [[run.learningRate, exact] as const] : [],
  );
  const [first] = rungs;
  if (own.length < 2 || first!.run.frame.eigenvalues.length > 3) return own;
  const [from, to] = [own[0]![0], own.at(-1)![0]];
  return Array.from({ length: 40 }, (_, i) => from * (to / from) ** (i / 39)).flatMap((rate) => {
    const { exact } = predictionOf(() => poleMoments(first!.run.frame, rate));
    return exact ? [[rate, exact] as const] : [];
  });
}

export function poleFigures(rungs: readonly PoleRung[]): Figure[] {
  const ladder = { rungs, curve: curveOf(rungs) };
  const known = rungs.filter(isResolved);
  return [
    excessFigure(ladder),
    ...(rungs.some(({ point }) => Number.isFinite(point.entropy.value))
      ? [entropyFigure(ladder)]
      : []),
    ...(known.length >= 3 ? [freeEnergyFigure(ladder, known)] : []),
    ...(rungs.length > 1 ? [temperatureFigure(ladder, known)] : []),
  ];
}

function excessFigure({ rungs, curve }: Ladder): Figure {
  const { noise, minimum } = poleNoise(rungs[0]!.run.frame);
  return {
    id: "excess",
    title: "Mean loss above its minimum, over that of small rates",
    caption:
      `(U − U₀)/(η tr C/4), U₀ = ${minimum.toPrecision(5)}, tr C = ${noise.toPrecision(5)} at the ` +
      "minimum. Exact: stationary moments of the discrete steps. Bars are one standard error.",
    x: ETA,
    y: { label: "(U - U₀) / (η tr C / 4)" },
    marks: [
      line(
        "exact",
        curve.map(([rate, { excess }]) => [rate, (4 * excess) / (rate * noise)]),
      ),
      line(
        "small rates",
        [rungs[0]!, rungs.at(-1)!].map(({ run }) => [run.learningRate, 1]),
      ),
      measured(
        "measured",
        rungs.map(({ run, point: { energy } }) => ({
          x: run.learningRate,
          value: (4 * energy.value) / (run.learningRate * noise),
          standardError: (4 * energy.standardError) / (run.learningRate * noise),
        })),
      ),
    ],
  };
}

const entropies = (rungs: readonly PoleRung[]): MeasuredPoint[] =>
  rungs.flatMap(({ run, point: { entropy } }) =>
    Number.isFinite(entropy.value) ? [{ ...entropy, x: run.learningRate }] : [],
  );

function entropyFigure({ rungs, curve }: Ladder): Figure {
  const known = rungs.filter(isResolved);
  const doubtful = entropies(rungs.filter((rung) => !isResolved(rung)));
  return {
    id: "entropy",
    title: "Entropy along the ladder",
    caption:
      "With respect to area, by nearest neighbors. Where the law is a fractal of few samples' maps, " +
      "distances to neighbors measure no density: those points are no entropies.",
    x: ETA,
    y: { label: "entropy S", unit: "nats" },
    marks: [
      line(
        "expansion about a Gaussian",
        curve.flatMap(([rate, { entropy, errors }]) =>
          errors.entropy < 0.1 ? [[rate, entropy]] : [],
        ),
      ),
      measured("measured", entropies(known)),
      ...(doubtful.length > 0 ? [measured("not a density", doubtful)] : []),
    ],
  };
}

/** Free energies are shown up to so many T above the rung's own. */
const SHOWN = 4;
const MOST_CURVES = 5;

/** F_i − F_i(η_i) in units of T_i: each is lowest at its own rate. */
function freeEnergyFigure({ curve }: Ladder, known: readonly PoleRung[]): Figure {
  const points = known.map(({ point }) => point);
  const settled = curve.filter(([, { errors }]) => errors.entropy < 0.1);
  const inner = known.slice(1, -1);
  const stride = Math.ceil(inner.length / MOST_CURVES);
  const chosen = inner.filter((_, i) => i % stride === 0);
  const marks = chosen.flatMap((own): Mark[] => {
    const T = own.noiseTemperature.value;
    const zero = freeEnergies([own.point], T)[0]!.value;
    const exactZero = own.exact!.excess - T * own.exact!.entropy;
    const found = freeEnergies(points, T).flatMap(({ value, standardError }, j) => {
      const height = (value - zero) / T;
      const x = known[j]!.run.learningRate;
      return height > SHOWN ? [] : [{ x, value: height, standardError: standardError / T }];
    });
    const exact = settled.flatMap(([rate, { excess, entropy }]): Point[] => {
      const height = (excess - T * entropy - exactZero) / T;
      return height > SHOWN ? [] : [[rate, height]];
    });
    return [measured(`T of η = ${own.run.learningRate}`, found), line("exact", exact)];
  });
  return {
    id: "free-energy",
    title: "Free energies of the ladder, each lowest at its own learning rate",
    caption:
      "F = U − T S of all rungs at the temperature T = η tr C/2m of one of them, less that rung's, over T. " +
      "T is from gradient noise alone.",
    x: ETA,
    y: { label: "(F(η) − F(ηᵢ)) / Tᵢ" },
    marks: [
      line("zero", [
        [known[0]!.run.learningRate, 0],
        [known.at(-1)!.run.learningRate, 0],
      ]),
      ...marks,
    ],
  };
}

function temperatureFigure({ rungs, curve }: Ladder, known: readonly PoleRung[]): Figure {
  const { temperatureSlope: slope, dimensions: m } = poleNoise(rungs[0]!.run.frame);
  const pairs = known.slice(1).flatMap((b, i): { found: MeasuredPoint; exact: Point }[] => {
    const a = known[i]!;
    const x = logarithmicMean(a.run.learningRate, b.run.learningRate);
    try {
      const { value, standardError } = finiteDifferenceTemperature(a.point, b.point);
      const exact = finiteDifferenceTemperature(expectedPoint(a), expectedPoint(b)).value;
      return [
        {
          found: { x, value: value / slope / x, standardError: standardError / slope / x },
          exact: [x, exact / slope / x],
        },
      ];
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      return [];
    }
  });
  const noise = rungs.map(({ run, noiseTemperature: { value, standardError } }) => ({
    x: run.learningRate,
    value: value / slope / run.learningRate,
    standardError: standardError / slope / run.learningRate,
  }));
  return {
    id: "temperature",
    title: "Temperatures over that of small rates",
    caption:
      "ΔU/ΔS of consecutive rungs, drawn at the logarithmic mean of their rates, and η⟨tr C⟩/2m of the noise " +
      "in the stationary state; both over η tr C/2m with tr C at the minimum.",
    x: ETA,
    y: { label: "T / (η tr C(x₀) / 2m)" },
    marks: [
      line(
        "small rates",
        [rungs[0]!, rungs.at(-1)!].map(({ run }) => [run.learningRate, 1]),
      ),
      line(
        "exact ΔU/ΔS",
        pairs.map(({ exact }) => exact),
      ),
      line(
        "exact η⟨tr C⟩/2m",
        curve.map(([rate, { noise }]) => [rate, noise / (2 * m) / slope]),
      ),
      measured(
        "T1 = ΔU/ΔS",
        pairs.map(({ found }) => found),
      ),
      measured("η⟨tr C⟩/2m", noise),
    ],
  };
}
