/** Figures of card 1B: energy over the Gibbs law's, entropy, temperature, and the law of the angle. */
import { finiteDifferenceTemperature } from "../../analysis/index.ts";
import { RefusalError } from "../../engine/errors.ts";
import { type TiltedSphere, tiltedSphere } from "../../models/theory/index.ts";
import type { Figure, Mark } from "../experiment.ts";
import { predictionOf } from "../outcome.ts";
import { type Rung, temperatureOf } from "./quantities.ts";

interface Settings {
  readonly dimension: number;
  readonly noise: number;
  readonly replicas: number;
}

type Curve = readonly (readonly [rate: number, exact: TiltedSphere])[];
type Point = readonly [x: number, y: number];

const CURVE = 16;
const BINS = 40;
const ETA = { label: "learning rate", unit: "1/loss", scale: "log" } as const;

/** Exact laws at the rungs and between them, as far as they are resolved. */
function curveOf(p: Settings, rungs: readonly Rung[]): Curve {
  const from = rungs[0]!.learningRate / 1.3;
  const to = rungs.at(-1)!.learningRate * 1.3;
  const rates = Array.from({ length: CURVE }, (_, i) => from * (to / from) ** (i / (CURVE - 1)));
  return rates.flatMap((learningRate) => {
    const { exact } = predictionOf(() => tiltedSphere({ ...p, learningRate }));
    return exact ? [[learningRate, exact] as const] : [];
  });
}

const line = (label: string, points: readonly Point[]): Mark => ({
  kind: "line",
  label,
  role: "theory",
  x: points.map(([x]) => x),
  y: points.map(([, y]) => y),
});

const measured = (
  points: readonly { x: number; value: number; standardError: number }[],
): Mark => ({
  kind: "points",
  label: "measured",
  role: "measured",
  x: points.map(({ x }) => x),
  y: points.map(({ value }) => value),
  standardError: points.map(({ standardError }) => standardError),
});

export function sphereFigures(p: Settings, rungs: readonly Rung[]): Figure[] {
  const curve = curveOf(p, rungs);
  const known = rungs.filter(({ point }) => Number.isFinite(point.entropy.value));
  const figures = [energyFigure(p, rungs, curve)];
  if (known.length > 0) figures.push(entropyFigure(p, known, curve));
  if (known.length > 1) figures.push(temperatureFigure(p, known));
  figures.push(angleFigure(p, rungs.filter(({ exact }) => exact?.angles).at(-1) ?? rungs.at(-1)!));
  return figures;
}

function energyFigure(p: Settings, rungs: readonly Rung[], curve: Curve): Figure {
  const points = rungs.flatMap(({ learningRate, exact, point: { energy } }) =>
    exact
      ? [
          {
            x: learningRate,
            value: energy.value / exact.gibbs.excess,
            standardError: energy.standardError / exact.gibbs.excess,
          },
        ]
      : [],
  );
  return {
    id: "energy",
    title: "Mean loss over that of the Gibbs law",
    caption:
      `Sphere in ${p.dimension} dimensions, ${p.replicas} replicas a rung; bars are one standard error. ` +
      "The Gibbs law of T = ηs²/2 is the limit of small rates.",
    x: ETA,
    y: { label: "U / U of the Gibbs law" },
    marks: [
      line(
        "exact",
        curve.map(([rate, { excess, gibbs }]) => [rate, excess / gibbs.excess]),
      ),
      line(
        "Gibbs law",
        curve.map(([rate]) => [rate, 1]),
      ),
      measured(points),
    ],
  };
}

/** Entropy of a Gaussian of temperature T in the tangent plane. */
const flatEntropy = ({ dimension }: Settings, temperature: number): number =>
  ((dimension - 1) / 2) * Math.log(2 * Math.PI * Math.E * temperature);

function entropyFigure(p: Settings, rungs: readonly Rung[], curve: Curve): Figure {
  const above = (entropy: number, rate: number): number =>
    entropy - flatEntropy(p, temperatureOf(p, rate));
  return {
    id: "entropy",
    title: "Entropy, less that of a Gaussian in the tangent plane",
    caption:
      "Entropy with respect to area, from spacings of polar angles, less ½(D − 1) ln 2πeT of T = ηs²/2: " +
      "a Gaussian in the plane does not know that the sphere ends.",
    x: ETA,
    y: { label: "S - S of the Gaussian", unit: "nats" },
    marks: [
      line(
        "exact",
        curve.map(([rate, { entropy }]) => [rate, above(entropy, rate)]),
      ),
      line(
        "Gibbs law",
        curve.map(([rate, { gibbs }]) => [rate, above(gibbs.entropy, rate)]),
      ),
      measured(
        rungs.map(({ learningRate, point: { entropy } }) => ({
          x: learningRate,
          value: above(entropy.value, learningRate),
          standardError: entropy.standardError,
        })),
      ),
    ],
  };
}

/** Two rungs as one point: where it is drawn, and (s²/2)(η_b − η_a)/ln(η_b/η_a), T between them. */
function pair(p: Settings, a: Rung, b: Rung): { x: number; temperature: number } {
  const [from, to] = [a.learningRate, b.learningRate];
  const mean = (to - from) / Math.log(to / from);
  return { x: Math.sqrt(from * to), temperature: temperatureOf(p, mean) };
}

function temperatureFigure(p: Settings, rungs: readonly Rung[]): Figure {
  const pairs = rungs.slice(1).map((b, i) => ({ a: rungs[i]!, b, ...pair(p, rungs[i]!, b) }));
  const points = pairs.flatMap(({ a, b, x, temperature }) => {
    try {
      const { value, standardError } = finiteDifferenceTemperature(a.point, b.point);
      return [{ x, value: value / temperature, standardError: standardError / temperature }];
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      return [];
    }
  });
  const slopes = (pick: (exact: TiltedSphere) => { excess: number; entropy: number }): Point[] =>
    pairs.flatMap(({ a, b, x, temperature }): Point[] => {
      if (!a.exact || !b.exact) return [];
      const [from, to] = [pick(a.exact), pick(b.exact)];
      return [[x, (to.excess - from.excess) / (to.entropy - from.entropy) / temperature]];
    });
  return {
    id: "temperature",
    title: "Temperature dU/dS over that of the plane",
    caption:
      "Each point is between two rungs, drawn at the geometric mean of their rates, over " +
      "(s²/2)(η_b − η_a)/ln(η_b/η_a), which is dU/dS of the law of small steps in a plane.",
    x: ETA,
    y: { label: "dU/dS over T" },
    marks: [
      line(
        "exact",
        slopes((exact) => exact),
      ),
      line(
        "Gibbs law",
        slopes(({ gibbs }) => gibbs),
      ),
      measured(points),
    ],
  };
}

/** Density of the polar angle at the largest rate: histogram, exact, Gibbs. */
function angleFigure(p: Settings, rung: Rung): Figure {
  const all = rung.angles.flatMap((snapshot) => [...snapshot]).filter(Number.isFinite);
  const end = all.reduce((most, angle) => Math.max(most, angle), 0);
  const width = end / BINS;
  const counts = new Float64Array(BINS);
  for (const angle of all) counts[Math.min(BINS - 1, Math.floor(angle / width))]! += 1;
  const bins = [...counts].flatMap((count, bin) =>
    count > 0
      ? [
          {
            x: (bin + 0.5) * width,
            value: count / all.length / width,
            standardError: Math.sqrt(count) / all.length / width,
          },
        ]
      : [],
  );
  const { exact } = rung;
  const within = exact?.angles
    ? [...exact.angles.angle].flatMap((angle, i): Point[] =>
        angle <= end ? [[angle, exact.angles!.density[i]!]] : [],
      )
    : [];
  return {
    id: "angle",
    title: `Angle from the minimum at learning rate ${rung.learningRate}`,
    caption:
      `${all.length} angles of ${rung.angles.length} snapshots; bars are √count. The Gibbs law ` +
      "counts the area of the sphere at each angle.",
    x: { label: "polar angle", unit: "rad" },
    y: { label: "density", unit: "1/rad" },
    marks: [
      ...(within.length > 0 ? [line("exact", within)] : []),
      ...(exact ? [line("Gibbs law", gibbsDensity(p, exact, end))] : []),
      measured(bins),
    ],
  };
}

/** exp(κ cos φ) sin^{D−2}φ, normalized on [0, π] by the trapezoid rule, drawn up to `end`. */
function gibbsDensity(p: Settings, { temperature }: TiltedSphere, end: number): Point[] {
  const steps = 4000;
  const density = (angle: number): number =>
    Math.exp((-2 * Math.sin(angle / 2) ** 2) / temperature) * Math.sin(angle) ** (p.dimension - 2);
  let total = 0;
  const drawn: Point[] = [];
  // Nodes are dense where the law is: quadratic in the angle.
  for (let i = 0; i < steps; i += 1) {
    const [a, b] = [Math.PI * (i / steps) ** 2, Math.PI * ((i + 1) / steps) ** 2];
    total += ((density(a) + density(b)) / 2) * (b - a);
  }
  for (let i = 0; i <= 120; i += 1) drawn.push([(end * i) / 120, density((end * i) / 120) / total]);
  return drawn;
}
