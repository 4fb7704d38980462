/**
 * Projected SGD on the sphere S^{D−1} with the loss L = 1 + μ·x, |μ| = 1, and isotropic Gaussian
 * gradient noise s, exact at any learning rate.
 *
 *   x' = y/|y|,  y = x − η P_x(μ + sξ)
 *
 * Given x, y is Gaussian in the tangent plane, so x' is distributed by the gnomonic map of that plane
 * to the sphere, whose density is N(z; −ηP_xμ, η²s²) (1 + |z|²)^{D/2} per area, z = x'/(x·x') − x.
 * Integrated over the azimuth α about μ this is the transition density of the polar angle
 * φ (cos φ = −μ·x), a Markov chain in one dimension; its stationary density is found on
 * Gauss–Legendre nodes (Nyström's method). For η → 0 at fixed T = ηs²/2 it becomes the Gibbs law
 * exp(−L/T), which is von Mises–Fisher with κ = 1/T.
 *
 * Setting: SGD as free energy minimization, arXiv 2505.23489 (card 1B). Left out: losses that are not
 * linear, noise that depends on x.
 */
import { ArgumentError } from "../../engine/errors.ts";
import { gaussLegendre, type Quadrature } from "./gaussLegendre.ts";
import { stationaryDistribution } from "./stationaryDistribution.ts";
import {
  largestAngle,
  logSphereArea,
  requireDimension,
  type VonMisesFisher,
  vonMisesFisher,
} from "./vonMisesFisher.ts";

export interface TiltedSphereOptions {
  /** D, of the space the sphere is in, 2 to 100. */
  readonly dimension: number;
  /** η > 0. */
  readonly learningRate: number;
  /** s > 0, standard deviation of each tangential component of the gradient. */
  readonly noise: number;
}

export interface TiltedSphere {
  /** ⟨L⟩ = ⟨1 − cos φ⟩. */
  readonly excess: number;
  /** −∫ p ln p over the sphere, in nats. */
  readonly entropy: number;
  /** T = ηs²/2 of the Gibbs law. */
  readonly temperature: number;
  /** The Gibbs law exp(−L/T). */
  readonly gibbs: VonMisesFisher;
  /**
   * Density of the polar angle at ascending nodes; null where the law is extrapolated from a larger
   * rate (file: `SMALL_RATE`).
   */
  readonly angles: { readonly angle: Float64Array; readonly density: Float64Array } | null;
}

/** Widest spacing of nodes in units of the kernel's width; a Gaussian is then summed to 1e-9. */
const SPACING = 0.8;
const MOST_NODES = 520;
/** Mass that the nodes may lose in a step. */
const LEAK = 1e-7;
/**
 * Below it the kernel is so narrow that the nodes would be too many. The deviation from the Gibbs law
 * of the same T is η times a function of T, plus O(η²) (weak error expansion, D. Talay and L. Tubaro,
 * Stoch. Anal. Appl. 8, 483 (1990)), so it is scaled down from this rate: error O(η · SMALL_RATE).
 */
const SMALL_RATE = 2e-3;

/** Where the stationary law lives, [0, angle]. */
function reach({ dimension, learningRate, noise }: TiltedSphereOptions): number {
  // In the tangent plane the variance is ηs²/(2 − η), 1/(1 − η/2) times the Gibbs law's.
  if (learningRate >= 1) return Math.PI;
  const temperature = (learningRate * noise ** 2) / 2 / (1 - learningRate / 2);
  return largestAngle(dimension, 1 / (1.3 * temperature));
}

/** Quadratures on [0, 1] by number of nodes, made once. */
function unitQuadratures(): (count: number) => Quadrature {
  const made = new Map<number, Quadrature>();
  return (count) => {
    const known = made.get(count) ?? gaussLegendre(count, 0, 1);
    made.set(count, known);
    return known;
  };
}

/**
 * ln of the density per area at azimuth α of a step from φ to φ', but for the Gaussian's factor;
 * `half` is sin²(α/2).
 *
 * cos ψ = x·x' = 1 − 2h, tan ψ = |z|, and e·z is the component of z along the pull −P_xμ = sin φ e.
 */
function exponent(eta: number, width: number, dimension: number, from: number, to: number) {
  const [q, cosine, next] = [Math.sin(from), Math.cos(from), Math.sin(to)];
  const across = Math.sin((from - to) / 2) ** 2;
  return (half: number): number => {
    const h = across + q * next * half;
    const cosPsi = 1 - 2 * h;
    if (cosPsi <= 0) return Number.NEGATIVE_INFINITY;
    const square = (4 * h * (1 - h)) / (cosPsi * cosPsi);
    const along = (Math.sin(from - to) + 2 * cosine * next * half) / cosPsi;
    const distance = square - 2 * eta * q * along + eta * eta * q * q;
    return -distance / (2 * width * width) - dimension * Math.log(cosPsi);
  };
}

/** No distance in D − 1 dimensions is that many standard deviations: less than e⁻⁴⁰ of them. */
const widthsOf = (dimension: number): number => Math.sqrt(dimension) + 9;

/** Density of the polar angle `to` after a step from `from`. */
function transition(options: TiltedSphereOptions): (from: number, to: number) => number {
  const { dimension: D, learningRate: eta, noise } = options;
  const width = eta * noise;
  const gaussian = -((D - 1) / 2) * Math.log(2 * Math.PI * width * width);
  const widths = widthsOf(D);
  const quadrature = unitQuadratures();
  return (from, to) => {
    const at = exponent(eta, width, D, from, to);
    // The sphere S⁰ about the axis of a circle has two points.
    if (D === 2) return Math.exp(gaussian + at(0)) + Math.exp(gaussian + at(1));
    // Beyond the azimuth `end` the Gaussian has nothing left.
    const spread = Math.sqrt(Math.sin(from) * Math.sin(to));
    const pull = eta < 1 ? 1 - eta * Math.max(0, Math.cos(from)) : 0;
    const size = (widths * width) / (2 * spread * Math.sqrt(pull));
    const end = size < 1 ? 2 * Math.asin(size) : Math.PI;
    const needed = pull > 0 ? widths : Math.max(widths, (Math.PI * spread) / width);
    const { nodes, weights } = quadrature(32 + 8 * Math.ceil((3 * needed) / 8 + 8 * width));
    const factor = gaussian + logSphereArea(D - 3) + (D - 2) * Math.log(Math.sin(to));
    let sum = 0;
    for (let k = 0; k < nodes.length; k += 1) {
      const alpha = end * nodes[k]!;
      const around = D === 3 ? 0 : (D - 3) * Math.log(Math.sin(alpha));
      sum += weights[k]! * Math.exp(factor + around + at(Math.sin(alpha / 2) ** 2));
    }
    return end * sum;
  };
}

/** Transition probabilities between the nodes' cells, rows summing to 1, and what each row lost. */
function chain(options: TiltedSphereOptions, { nodes, weights }: Quadrature) {
  const { learningRate: eta, noise } = options;
  const n = nodes.length;
  const density = transition(options);
  const matrix = new Float64Array(n * n);
  const lost = new Float64Array(n);
  // The map shrinks distances, so beyond this from the mean direction there is nothing.
  const far = widthsOf(options.dimension) * eta * noise;
  for (let i = 0; i < n; i += 1) {
    const target = nodes[i]! - Math.atan(eta * Math.sin(nodes[i]!));
    let sum = 0;
    for (let j = 0; j < n; j += 1) {
      if (2 * Math.sin(Math.abs(nodes[j]! - Math.abs(target)) / 2) > far) continue;
      const mass = weights[j]! * density(nodes[i]!, nodes[j]!);
      matrix[i * n + j] = mass;
      sum += mass;
    }
    lost[i] = Math.abs(1 - sum);
    for (let j = 0; j < n; j += 1) matrix[i * n + j]! /= sum;
  }
  return { matrix, lost };
}

/** Nodes that resolve the kernel where the law lives. */
function grid(options: TiltedSphereOptions): Quadrature {
  const { dimension, learningRate, noise } = options;
  const end = reach(options);
  const width = learningRate * noise;
  // Wide kernels end on the great circle around x, ever more sharply.
  const smooth = 48 + dimension + 120 * width;
  const count = Math.ceil(smooth + ((Math.PI / 2) * end) / (SPACING * width));
  if (count > MOST_NODES) {
    throw unresolved(options, `${count} nodes are needed, at most ${MOST_NODES} are used`);
  }
  const { nodes, weights } = gaussLegendre(count, 0, end);
  // Likely angles first, as `stationaryDistribution` asks.
  const { gibbs } = limit(options);
  const typical = 2 * Math.asin(Math.sqrt(gibbs.excess / 2));
  const order = [...nodes.keys()].sort(
    (a, b) => Math.abs(nodes[a]! - typical) - Math.abs(nodes[b]! - typical),
  );
  return {
    nodes: Float64Array.from(order, (i) => nodes[i]!),
    weights: Float64Array.from(order, (i) => weights[i]!),
  };
}

/** T and the law for η → 0 at this T. */
function limit({ dimension, learningRate, noise }: TiltedSphereOptions) {
  const temperature = (learningRate * noise * noise) / 2;
  return { temperature, gibbs: vonMisesFisher({ dimension, concentration: 1 / temperature }) };
}

const unresolved = ({ learningRate, noise }: TiltedSphereOptions, why: string): ArgumentError =>
  new ArgumentError(
    `tiltedSphere: the stationary law at learningRate ${learningRate} and noise ${noise} is not ` +
      `resolved, ${why}; lower learningRate, or bring noise nearer to 1.`,
  );

function solve(options: TiltedSphereOptions): Omit<TiltedSphere, "temperature" | "gibbs"> {
  const { dimension } = options;
  const quadrature = grid(options);
  const { nodes, weights } = quadrature;
  const { matrix, lost } = chain(options, quadrature);
  const mass = stationaryDistribution(matrix, nodes.length);
  const leak = lost.reduce((sum, row, i) => sum + row * mass[i]!, 0);
  if (!(leak < LEAK)) throw unresolved(options, `its nodes lose ${leak.toPrecision(2)} in a step`);
  const logArea = logSphereArea(dimension - 2);
  let excess = 0;
  let entropy = 0;
  mass.forEach((p, i) => {
    excess += 2 * p * Math.sin(nodes[i]! / 2) ** 2;
    const circle = logArea + (dimension - 2) * Math.log(Math.sin(nodes[i]!));
    if (p > 0) entropy += p * (circle - Math.log(p / weights[i]!));
  });
  const ascending = [...nodes.keys()].sort((a, b) => nodes[a]! - nodes[b]!);
  return {
    excess,
    entropy,
    angles: {
      angle: Float64Array.from(ascending, (i) => nodes[i]!),
      density: Float64Array.from(ascending, (i) => mass[i]! / weights[i]!),
    },
  };
}

/**
 * The stationary law: mean loss, entropy, density of the polar angle, and the Gibbs law beside it.
 *
 * Entropy in nats with respect to area. Error: about 1e-7 relative above `SMALL_RATE`, below it
 * 2e-3·η relative.
 *
 * @throws ArgumentError for values out of range, and where the nodes do not resolve the kernel
 *   (learningRate >= 1 with little noise, or learningRate · noise well above 1).
 * @see arXiv 2505.23489 for the setting; derivation in the file head.
 * @example tiltedSphere({ dimension: 3, learningRate: 0.1, noise: 1 }).excess // 0.05180
 */
export function tiltedSphere(options: TiltedSphereOptions): TiltedSphere {
  const { dimension, learningRate, noise } = options;
  requireDimension("tiltedSphere", dimension);
  for (const [name, value] of Object.entries({ learningRate, noise })) {
    if (!(Number.isFinite(value) && value > 0)) {
      throw new ArgumentError(`tiltedSphere: ${name} is ${value}, it must be finite and > 0.`);
    }
  }
  const { temperature, gibbs } = limit(options);
  if (learningRate >= SMALL_RATE) return { ...solve(options), temperature, gibbs };
  const share = learningRate / SMALL_RATE;
  const larger = solve({ dimension, learningRate: SMALL_RATE, noise: noise * Math.sqrt(share) });
  return {
    excess: gibbs.excess + share * (larger.excess - gibbs.excess),
    entropy: gibbs.entropy + share * (larger.entropy - gibbs.entropy),
    temperature,
    gibbs,
    angles: null,
  };
}
