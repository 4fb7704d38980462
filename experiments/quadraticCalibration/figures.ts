/** Figures of card 1A: energy and entropy along the ladder, temperatures, free energies. */
import {
  finiteDifferenceTemperature,
  freeEnergyInterval,
  type LadderPoint,
} from "../../analysis/index.ts";
import { RefusalError } from "../../engine/errors.ts";
import {
  type QuadraticCalibration,
  quadraticCalibration as theory,
} from "../../models/theory/index.ts";
import type { Figure, Mark } from "../experiment.ts";
import { logMean, type Rung } from "./quantities.ts";

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
  const ratios = (kind: "gaussian" | "neighbors" | "graph") =>
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
  const graph = ratios("graph");
  return {
    id: "temperature",
    title: "Temperature over that of the continuous theory",
    caption:
      "ΔU/ΔS of consecutive rungs over η s²/2 at their logarithmic mean rate, where the continuous " +
      "theory has 1 throughout: stiff modes are hotter by 2/(2 − ηh). Between rungs the temperature " +
      "turns with the rate, so that their exact ΔU/ΔS lies off dU/dS.",
    x: { label: "η s²/2", unit: "loss", scale: "log" },
    y: { label: "T / (η s²/2)" },
    marks: [
      line(
        "exact dU/dS",
        curve.map(([, { temperature, continuousTemperature: naive }]) => [
          naive,
          temperature / naive,
        ]),
      ),
      line("continuous theory", [
        [heat * curve[0]![0], 1],
        [heat * curve.at(-1)![0], 1],
      ]),
      line("exact ΔU/ΔS", exactRatios(rungs, heat)),
      points("T1, Gaussian entropy", ratios("gaussian")),
      ...(neighbors.length > 0 ? [points("T1, nearest-neighbor entropy", neighbors)] : []),
      ...(graph.length > 0 ? [points("T1, graph entropy", graph)] : []),
    ],
  };
}

/** Exact T1 of consecutive rungs over η s²/2 at their logarithmic mean rate. */
const exactRatios = (rungs: readonly Rung[], heat: number): [number, number][] =>
  rungs.slice(1).map((b, i) => {
    const a = rungs[i]!;
    const naive = heat * logMean(a.learningRate, b.learningRate);
    const slope = (b.exact.energy - a.exact.energy) / (b.exact.entropy - a.exact.entropy);
    return [naive, slope / naive];
  });

/** null where the estimator declined: the quantity says why. */
function attempt<T>(make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof RefusalError) return null;
    throw error;
  }
}

/** Free energies are shown up to this much above that of the rung, in units of T. */
const SHOWN = 4;

/** Every inner rung with a free-energy interval: F_i over the ladder has its minimum at η_i. */
function freeEnergyFigure(rungs: readonly Rung[], curve: Curve): Figure {
  const known = rungs.filter(({ gaussian }) => gaussian !== null);
  const ladder = known.map(({ gaussian }) => gaussian!);
  const marks = known.flatMap((rung, i): Mark[] => {
    const T = attempt(() => freeEnergyInterval(ladder, i).temperature.value);
    if (T === null || !(T > 0)) return [];
    const measuredAbove = known.flatMap((other, j) => {
      const { value, standardError } = freeEnergyAbove(ladder[j]!, ladder[i]!, T);
      return value > SHOWN ? [] : [{ x: other.learningRate, value, standardError }];
    });
    return [
      line(`exact, η = ${rung.learningRate}`, exactFreeEnergies(rung, curve)),
      points(`η = ${rung.learningRate}`, measuredAbove),
    ];
  });
  return {
    id: "free-energy",
    title: "Each rung minimizes its own free energy",
    caption:
      "U − T_i S over the ladder at the measured temperature T_i of each inner rung, above its value " +
      `at that rung and in units of T_i, up to ${SHOWN}: the minimum lies at the rung itself.`,
    x: ETA,
    y: { label: "(F − F at the rung)/T", unit: "nats" },
    marks,
  };
}

/** (F(point) − F(own))/T = ΔU/T − ΔS; rungs are independent, U and S of a rung are not. */
function freeEnergyAbove(
  point: LadderPoint,
  own: LadderPoint,
  T: number,
): { value: number; standardError: number } {
  if (point === own) return { value: 0, standardError: 0 };
  const value =
    (point.energy.value - own.energy.value) / T - (point.entropy.value - own.entropy.value);
  const variance = [point, own].reduce(
    (sum, { energy, entropy, covariance }) =>
      sum + (energy.standardError / T) ** 2 - (2 * covariance) / T + entropy.standardError ** 2,
    0,
  );
  return { value, standardError: Math.sqrt(Math.max(0, variance)) };
}

function exactFreeEnergies({ exact }: Rung, curve: Curve): [number, number][] {
  const above = (at: QuadraticCalibration): number =>
    (at.energy - exact.energy) / exact.temperature - (at.entropy - exact.entropy);
  return curve.flatMap(([eta, at]) => {
    const value = above(at);
    return value > SHOWN ? [] : [[eta, value] as [number, number]];
  });
}
