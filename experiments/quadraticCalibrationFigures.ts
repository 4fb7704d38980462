/** Figures of card 1A: energy and entropy along the ladder, temperatures, free energies. */
import { finiteDifferenceTemperature, freeEnergyInterval } from "../analysis/index.ts";
import { RefusalError } from "../engine/errors.ts";
import {
  type QuadraticCalibration,
  quadraticCalibration as theory,
} from "../models/theory/index.ts";
import type { Figure, Mark } from "./experiment.ts";
import { logMean, type Rung } from "./quadraticCalibrationQuantities.ts";

interface Settings {
  readonly curvatures: readonly number[];
  readonly noise: number;
  readonly replicas: number;
}

type Curve = readonly (readonly [eta: number, exact: QuadraticCalibration])[];

const CURVE = 80;

/** Exact states from below the ladder to above it, within the stable range. */
function curveOf(p: Settings, rungs: readonly Rung[]): Curve {
  const limit = 2 / Math.max(...p.curvatures);
  const from = rungs[0]!.learningRate / 1.5;
  const last = rungs.at(-1)!.learningRate;
  // As near to the limit as the last rung, where that is nearer than the margin.
  const to = Math.min(1.5 * last, limit - (limit - last) / 2);
  return Array.from({ length: CURVE }, (_, i) => {
    const learningRate = from * (to / from) ** (i / (CURVE - 1));
    return [learningRate, theory({ ...p, learningRate })] as const;
  });
}

const line = (label: string, points: readonly (readonly [number, number])[]): Mark => ({
  kind: "line",
  label,
  role: "theory",
  x: points.map(([x]) => x),
  y: points.map(([, y]) => y),
});

function points(
  label: string,
  values: readonly { x: number; value: number; standardError: number }[],
): Mark {
  return {
    kind: "points",
    label,
    role: "measured",
    x: values.map(({ x }) => x),
    y: values.map(({ value }) => value),
    standardError: values.map(({ standardError }) => standardError),
  };
}

const ETA = { label: "learning rate", unit: "θ²/loss", scale: "log" } as const;

export function calibrationFigures(p: Settings, rungs: readonly Rung[]): Figure[] {
  const curve = curveOf(p, rungs);
  const both = [energyFigure(p, rungs, curve), entropyFigure(rungs, curve)];
  return rungs.length < 2
    ? both
    : [...both, temperatureFigure(p, rungs, curve), freeEnergyFigure(rungs, curve)];
}

function energyFigure(p: Settings, rungs: readonly Rung[], curve: Curve): Figure {
  const d = p.curvatures.length;
  return {
    id: "energy",
    title: "Stationary loss along the ladder",
    caption:
      `${p.replicas} replicas a rung; bars are one standard error. The continuous theory, ` +
      "U = d η s²/4, is the small-rate limit.",
    x: ETA,
    y: { label: "mean loss U", unit: "loss", scale: "log" },
    marks: [
      line(
        "exact",
        curve.map(([eta, { energy }]) => [eta, energy]),
      ),
      line(
        "continuous theory",
        curve.map(([eta, { continuousTemperature }]) => [eta, (d / 2) * continuousTemperature]),
      ),
      points("measured", measured(rungs, "gaussian", "energy")),
    ],
  };
}

const measured = (
  rungs: readonly Rung[],
  kind: "gaussian" | "neighbors",
  what: "energy" | "entropy",
) =>
  rungs.flatMap((rung) => {
    const point = rung[kind];
    return point ? [{ x: rung.learningRate, ...point[what] }] : [];
  });

function entropyFigure(rungs: readonly Rung[], curve: Curve): Figure {
  const neighbors = measured(rungs, "neighbors", "entropy");
  return {
    id: "entropy",
    title: "Entropy along the ladder",
    caption:
      "From the covariance (Gaussian), and from distances to neighbors in one snapshot of the " +
      "replicas, without a law assumed.",
    x: ETA,
    y: { label: "entropy S", unit: "nats" },
    marks: [
      line(
        "exact",
        curve.map(([eta, { entropy }]) => [eta, entropy]),
      ),
      points("Gaussian", measured(rungs, "gaussian", "entropy")),
      ...(neighbors.length > 0 ? [points("nearest neighbor", neighbors)] : []),
    ],
  };
}

function temperatureFigure(p: Settings, rungs: readonly Rung[], curve: Curve): Figure {
  const heat = p.noise ** 2 / 2;
  const ratios = (kind: "gaussian" | "neighbors") =>
    rungs.slice(1).flatMap((b, i) => {
      const a = rungs[i]!;
      const naive = heat * logMean(a.learningRate, b.learningRate);
      const pair = [a[kind], b[kind]] as const;
      if (pair[0] === null || pair[1] === null) return [];
      const found = attempt(() => finiteDifferenceTemperature(pair[0]!, pair[1]!));
      if (found === null) return [];
      const { value, standardError } = found;
      return [{ x: naive, value: value / naive, standardError: standardError / naive }];
    });
  const neighbors = ratios("neighbors");
  return {
    id: "temperature",
    title: "Temperature over that of the continuous theory",
    caption:
      "ΔU/ΔS of consecutive rungs over η s²/2 at their logarithmic mean rate; the exact line is dU/dS. " +
      "Continuous theory would be 1 throughout: stiff modes are hotter by 2/(2 − ηh).",
    x: { label: "η s²/2", unit: "loss", scale: "log" },
    y: { label: "T / (η s²/2)" },
    marks: [
      line(
        "exact",
        curve.map(([, { temperature, continuousTemperature: naive }]) => [
          naive,
          temperature / naive,
        ]),
      ),
      line("continuous theory", [
        [heat * curve[0]![0], 1],
        [heat * curve.at(-1)![0], 1],
      ]),
      points("T1, Gaussian entropy", ratios("gaussian")),
      ...(neighbors.length > 0 ? [points("T1, nearest-neighbor entropy", neighbors)] : []),
    ],
  };
}

/** null where the estimator declined: the quantity says why. */
function attempt<T>(make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof RefusalError) return null;
    throw error;
  }
}

/** (F_i(η) − F_i(η_i))/T_i = ΔU/T_i − ΔS for every inner rung i: minima at η_i, of value 0. */
function freeEnergyFigure(rungs: readonly Rung[], curve: Curve): Figure {
  const known = rungs.filter(({ gaussian }) => gaussian !== null);
  const ladder = known.map(({ gaussian }) => gaussian!);
  const marks = known.flatMap((rung, i): Mark[] => {
    const own = ladder[i]!;
    const found = attempt(() => freeEnergyInterval(ladder, i).temperature.value);
    if (found === null || !(found > 0)) return [];
    const { energy, entropy, temperature } = rung.exact;
    const above = (U: number, S: number, T: number, from: readonly [number, number]): number =>
      (U - from[0]) / T - (S - from[1]);
    return [
      line(
        `exact, η = ${rung.learningRate}`,
        curve.map(([eta, at]) => [
          eta,
          above(at.energy, at.entropy, temperature, [energy, entropy]),
        ]),
      ),
      points(
        `η = ${rung.learningRate}`,
        known.map((other, j) => {
          const { energy: U, entropy: S } = ladder[j]!;
          const from = [own.energy.value, own.entropy.value] as const;
          // Errors of the differences, the correlation of U and S left out: an upper bound.
          const standardError = j === i ? 0 : Math.hypot(U.standardError / found, S.standardError);
          return {
            x: other.learningRate,
            value: above(U.value, S.value, found, from),
            standardError,
          };
        }),
      ),
    ];
  });
  return {
    id: "free-energy",
    title: "Each rung minimizes its own free energy",
    caption:
      "U − T_i S over the ladder at the measured temperature T_i of each inner rung, above its value " +
      "at that rung and in units of T_i: the minimum lies at the rung itself.",
    x: ETA,
    y: { label: "(F − F at the rung)/T", unit: "nats" },
    marks,
  };
}
