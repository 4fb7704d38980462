/**
 * Laws that are not Gaussian: draws from four normal numbers each, entropy, and the balls about their
 * samples, from which the expectation of the estimator follows.
 *
 * (x² + y²)/2 of two normal numbers is exponential, its exp(−·) uniform, the difference of two such
 * numbers Laplace; t = 1 + ln(u + (1 − u)e^{−2κ})/κ is the height of a von Mises–Fisher point on S².
 */
import { logCapArea, type NeighborLaw } from "../../analysis/index.ts";
import { gaussLegendre } from "../../models/theory/gaussLegendre.ts";
import { normalDistribution, vonMisesFisher } from "../../models/theory/index.ts";

export interface Law {
  readonly name: string;
  /** Coordinates of a sample. */
  readonly coordinates: number;
  /** A sample of unit directions on S², else numbers on a line. */
  readonly onSphere: boolean;
  readonly draw: (z: Float64Array) => readonly number[];
  /** In nats. */
  readonly entropy: number;
  readonly balls: NeighborLaw;
}

const exponential = (x: number, y: number): number => (x * x + y * y) / 2;

/**
 * A normal number from two of float32: of thousands on a line some would have equal neighbors, which no
 * density has. The width grows by 2⁻⁴¹ of it.
 */
export const untied = (z: number, other: number): number => z + 2 ** -20 * other;

/** Integration points of a panel. */
const NODES = 12;

interface Line {
  readonly density: (x: number) => number;
  readonly distribution: (x: number) => number;
  /** Ends of panels, ascending: the law's corners are among them. */
  readonly breaks: readonly number[];
}

/** Panels that shrink toward the ends of [from, to], where neighbors lie on one side only. */
function refined(from: number, to: number, atEnd: boolean): number[] {
  const width = to - from;
  const shares = Array.from({ length: 24 }, (_, j) => 0.5 ** (24 - j));
  const left = shares.map((share) => from + (share * width) / 2);
  const right = atEnd ? shares.map((share) => to - (share * width) / 2).reverse() : [];
  const rest = atEnd ? [] : Array.from({ length: 24 }, (_, j) => from + width * (0.5 + j / 48));
  return [...new Set([from, ...left, ...rest, ...right, to])].sort((a, b) => a - b);
}

const even = (from: number, to: number): number[] =>
  Array.from({ length: 41 }, (_, j) => from + ((to - from) * j) / 40);

/** Rules on all panels, and −∫ p ln p by them where no closed form is at hand. */
function onLine({ density, distribution, breaks }: Line): { balls: NeighborLaw; entropy: number } {
  const places: { weight: number; at: number }[] = [];
  for (let i = 0; i + 1 < breaks.length; i++) {
    const { nodes, weights } = gaussLegendre(NODES, breaks[i]!, breaks[i + 1]!);
    nodes.forEach((at, j) => {
      places.push({ at, weight: weights[j]! * density(at) });
    });
  }
  const total = places.reduce((sum, { weight }) => sum + weight, 0);
  const entropy = places.reduce(
    (sum, { weight, at }) => sum - (weight > 0 ? (weight / total) * Math.log(density(at)) : 0),
    0,
  );
  const width = breaks.at(-1)! - breaks[0]!;
  const balls: NeighborLaw = {
    points: places.map(({ weight, at }) => ({
      weight: weight / total,
      inside: (distance) => distribution(at + distance) - distribution(at - distance),
    })),
    logVolume: (distance) => Math.log(2 * distance),
    range: (samples) => [(1e-7 * width) / samples, 1.01 * width],
  };
  return { balls, entropy };
}

const line = (
  name: string,
  draw: (z: Float64Array) => number,
  given: Line,
  entropy?: number,
): Law => {
  const found = onLine(given);
  return {
    name,
    coordinates: 1,
    onSphere: false,
    draw: (z) => [draw(z)],
    entropy: entropy ?? found.entropy,
    balls: found.balls,
  };
};

/** Two Gaussians of width 1, half of the weight each, `separation` apart. */
function mixture(separation: number): Law {
  const a = separation / 2;
  const density = (x: number): number =>
    (Math.exp(-((x - a) ** 2) / 2) + Math.exp(-((x + a) ** 2) / 2)) / Math.sqrt(8 * Math.PI);
  const distribution = (x: number): number =>
    (normalDistribution(x - a) + normalDistribution(x + a)) / 2;
  const breaks = [...even(-a - 9, -a + 9), ...even(a - 9, a + 9)].sort((x, y) => x - y);
  // The sign of the second number chooses.
  const draw = (z: Float64Array): number => untied(z[0]!, z[2]!) + (z[1]! < 0 ? -a : a);
  return line("mixture", draw, { density, distribution, breaks });
}

/** e^{−z} I₀(z), Abramowitz & Stegun 9.8.1 and 9.8.2, to 2·10⁻⁷. */
function scaledBessel(z: number): number {
  if (z < 3.75) {
    const t = (z / 3.75) ** 2;
    const series = [1, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.0360768, 0.0045813];
    return Math.exp(-z) * series.reduceRight((sum, c) => sum * t + c, 0);
  }
  const t = 3.75 / z;
  const series = [
    0.39894228, 0.01328592, 0.00225319, -0.00157565, 0.00916281, -0.02057706, 0.02635537,
    -0.01647633, 0.00392377,
  ];
  return series.reduceRight((sum, c) => sum * t + c, 0) / Math.sqrt(z);
}

const UNIT = gaussLegendre(32, 0, 1);

function sphere(kappa: number): Law {
  const { entropy, logNormalizer } = vonMisesFisher({ dimension: 3, concentration: kappa });
  const peak = Math.exp(logNormalizer + kappa);
  // Beyond this angle less than e⁻⁴⁰ of the density is left.
  const reach = Math.min(Math.PI, 9 / Math.sqrt(kappa));
  const { nodes, weights } = gaussLegendre(80, 0, reach);
  const versine = (angle: number): number => 2 * Math.sin(angle / 2) ** 2;
  /** Probability of the cap of angle φ about a point at polar angle θ: circles of radius u about it. */
  const cap = (theta: number, phi: number): number => {
    const from = Math.max(0, theta - reach);
    const to = Math.min(phi, theta + reach);
    if (to <= from) return 0;
    let sum = 0;
    UNIT.nodes.forEach((share, i) => {
      const u = from + (to - from) * share;
      const crossing = scaledBessel(kappa * Math.sin(theta) * Math.sin(u));
      sum +=
        (to - from) *
        UNIT.weights[i]! *
        Math.sin(u) *
        Math.exp(-kappa * versine(theta - u)) *
        crossing;
    });
    return Math.min(1, 2 * Math.PI * peak * sum);
  };
  const masses = nodes.map(
    (theta, i) => weights[i]! * Math.sin(theta) * Math.exp(-kappa * versine(theta)),
  );
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  return {
    name: "von Mises-Fisher",
    coordinates: 3,
    onSphere: true,
    entropy,
    draw: (z) => {
      const u = Math.exp(-exponential(z[0]!, z[1]!));
      const t = 1 + Math.log(u + (1 - u) * Math.exp(-2 * kappa)) / kappa;
      const radius = Math.sqrt(Math.max(0, 1 - t * t)) / Math.hypot(z[2]!, z[3]!);
      return [radius * z[2]!, radius * z[3]!, t];
    },
    balls: {
      points: Array.from(nodes, (theta, i) => ({
        weight: masses[i]! / total,
        inside: (chord) => cap(theta, 2 * Math.asin(Math.min(1, chord / 2))),
      })),
      logVolume: (chord) => logCapArea(2, chord),
      range: (samples) => [1e-3 / Math.sqrt(samples * Math.max(1, kappa)), 2],
    },
  };
}

/** Uniform, exponential, Laplace, two Gaussians, von Mises–Fisher on S². */
export function laws(separation: number, concentration: number): Law[] {
  return [
    line(
      "uniform",
      (z) => Math.exp(-exponential(z[0]!, z[1]!)),
      {
        density: () => 1,
        distribution: (x) => Math.min(1, Math.max(0, x)),
        breaks: refined(0, 1, true),
      },
      0,
    ),
    line(
      "exponential",
      (z) => exponential(z[0]!, z[1]!),
      {
        density: (x) => Math.exp(-x),
        distribution: (x) => (x > 0 ? -Math.expm1(-x) : 0),
        breaks: refined(0, 40, false),
      },
      1,
    ),
    line(
      "Laplace",
      (z) => exponential(z[0]!, z[1]!) - exponential(z[2]!, z[3]!),
      {
        density: (x) => Math.exp(-Math.abs(x)) / 2,
        distribution: (x) => (x < 0 ? Math.exp(x) / 2 : 1 - Math.exp(-x) / 2),
        breaks: [
          ...refined(0, 40, false)
            .map((x) => -x)
            .reverse(),
          ...refined(0, 40, false),
        ],
      },
      1 + Math.LN2,
    ),
    mixture(separation),
    sphere(concentration),
  ];
}
