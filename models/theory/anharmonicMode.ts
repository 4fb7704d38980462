/**
 * One anharmonic mode under SGD with additive noise: its exact stationary moments, and the terms of
 * the second fluctuation-dissipation relation (FDR2).
 *
 *   f = ½ a w² + ¼ b w⁴,   w' = w − ηG,   G = f'(w) + sξ
 *
 * ⟨f(w')⟩ = ⟨f(w)⟩, expanded in G: the Taylor series of a quartic ends, so that exactly
 *   ⟨f'²⟩ = (η/2)⟨f''G²⟩ − (η²/6)⟨f'''G³⟩ + (η³/24)⟨f''''G⁴⟩.
 * Averages over ξ are done by hand, over w with the density of `noisyMap.ts`. Beyond
 * w_c = √((2 − ηa)/(ηb)) steps grow without end: for b > 0 the state is quasi-stationary, and there
 * is none when w_c is reached. Source: S. Yaida, arXiv 1810.00004, FDR2 (its leading term).
 */
import { ArgumentError } from "../../engine/errors.ts";
import { type StationaryDensity, stationaryDensity } from "./noisyMap.ts";

export interface AnharmonicModeOptions {
  /** η > 0 */
  readonly learningRate: number;
  /** a >= 0, curvature at the minimum. */
  readonly curvature: number;
  /** b >= 0, of ¼ b w⁴. */
  readonly quartic: number;
  /** s > 0, standard deviation of the gradient noise. */
  readonly noise: number;
}

export interface AnharmonicMode {
  /** ⟨w²⟩ */
  readonly variance: number;
  /** ⟨wG⟩ and (η/2)⟨G²⟩, the sides of FDR1, equal; loss. */
  readonly left: number;
  readonly right: number;
  /** ⟨f'²⟩, in (loss/w)². */
  readonly gradientSquare: number;
  /** (η/2)⟨f''G²⟩, all that FDR2 has at leading order. */
  readonly leading: number;
  /** (η²/6)⟨f'''G³⟩, which is subtracted. */
  readonly cubic: number;
  /** (η³/24)⟨f''''G⁴⟩ */
  readonly fourth: number;
  /** w_c, beyond which replicas run away; Infinity for b = 0. */
  readonly edge: number;
  /** Probability to pass w_c in a step. */
  readonly escape: number;
  /** Autocorrelation of w from one step to the next, 1 − η⟨wf'⟩/⟨w²⟩. */
  readonly correlation: number;
  /** Relative difference of the moments on two grids. */
  readonly error: number;
  readonly density: StationaryDensity;
}

/** An escape each 10⁹ steps moves moments by less than 10⁻⁵. */
const MAX_ESCAPE = 1e-9;
/** Two grids must agree so well; they do to 10⁻¹² unless w_c is within reach. */
const MAX_ERROR = 1e-6;

/**
 * Stationary moments of an anharmonic mode, exact at any η.
 *
 * Error: `error`, the change from a coarser grid, at most 10⁻⁶.
 *
 * @throws ArgumentError outside 0 < ηa < 2 (0 <= ηa < 2 with b > 0), when replicas pass w_c more
 *   than once in 10⁹ steps, or when the grid cannot resolve the density.
 * @see arXiv 1810.00004, FDR2; derivation in the file head.
 * @example
 * anharmonicMode({ learningRate: 0.2, curvature: 1, quartic: 1, noise: 1 }).gradientSquare // 0.1479
 */
export function anharmonicMode(options: AnharmonicModeOptions): AnharmonicMode {
  check(options);
  const { bound, edge } = range(options);
  const coarse = moments(options, densityOn(options, bound, 3));
  const density = densityOn(options, bound, 4.5);
  const fine = moments(options, density);
  const lost = density.escape;
  if (edge <= bound && !(lost <= MAX_ESCAPE)) {
    throw new ArgumentError(
      `anharmonicMode: no stationary state, replicas pass |w| = ${edge.toPrecision(3)}, beyond ` +
        `which steps grow without end, with probability ${lost.toPrecision(2)} a step; lower ` +
        `learningRate ${options.learningRate} or noise ${options.noise}.`,
    );
  }
  const error = Math.max(
    ...(["variance", "gradientSquare", "leading", "cubic", "fourth"] as const).map((name) =>
      fine[name] === 0 ? 0 : Math.abs(coarse[name] / fine[name] - 1),
    ),
  );
  if (!(error <= MAX_ERROR)) {
    throw new ArgumentError(
      `anharmonicMode: two grids differ by ${error.toPrecision(2)} relative, more than ` +
        `${MAX_ERROR}; lower learningRate ${options.learningRate}.`,
    );
  }
  return { ...fine, edge, escape: edge <= bound ? Math.max(0, lost) : 0, error, density };
}

function check({ learningRate: eta, curvature: a, quartic: b, noise: s }: AnharmonicModeOptions) {
  if (!(eta > 0 && a >= 0 && b >= 0 && s > 0 && [eta, a, b, s].every(Number.isFinite))) {
    throw new ArgumentError(
      `anharmonicMode: learningRate ${eta}, curvature ${a}, quartic ${b}, noise ${s}; give ` +
        "learningRate and noise > 0, curvature and quartic >= 0.",
    );
  }
  if (a === 0 && b === 0) {
    throw new ArgumentError(
      "anharmonicMode: curvature and quartic are both 0, w is a random walk without a stationary " +
        "state; raise one.",
    );
  }
  if (!(eta * a < 2)) {
    throw new ArgumentError(
      `anharmonicMode: unstable, learningRate · curvature = ${eta * a} is not below 2; lower ` +
        `learningRate ${eta} or curvature ${a}.`,
    );
  }
}

const slope = ({ curvature: a, quartic: b }: AnharmonicModeOptions, w: number): number =>
  w * (a + b * w * w);

function densityOn(options: AnharmonicModeOptions, bound: number, resolution: number) {
  const { learningRate: eta, noise } = options;
  // The density is even and T odd, so that −T has the same one; the smaller step keeps the band small.
  const sign = eta * options.curvature <= 1 ? 1 : -1;
  const map = (w: number): number => sign * (w - eta * slope(options, w));
  return stationaryDensity({ map, deviation: eta * noise, bound, resolution });
}

/** Half the grid: to where the density is nothing, or to w_c if that is nearer. */
function range(options: AnharmonicModeOptions): { bound: number; edge: number } {
  const { learningRate: eta, curvature: a, quartic: b, noise: s } = options;
  const edge = b > 0 ? Math.sqrt((2 - eta * a) / (eta * b)) : Number.POSITIVE_INFINITY;
  // Gaussian 10.5 deviations out, or exp(−2f/(ηs²)) = e⁻⁸¹ of the quartic alone.
  const harmonic = a > 0 ? 10.5 * s * Math.sqrt(eta / (a * (2 - eta * a))) : edge;
  const anharmonic = b > 0 ? 3 * ((2 * eta * s * s) / b) ** 0.25 : harmonic;
  let bound = Math.min(edge, Math.min(harmonic, anharmonic) + 6 * eta * s);
  for (;;) {
    const { weight } = densityOn(options, bound, 2);
    const largest = weight.reduce((most, value) => Math.max(most, value), 0);
    if (bound >= edge || weight[0]! <= 1e-22 * largest) return { bound, edge };
    bound = Math.min(edge, 1.4 * bound);
  }
}

/** Averages over w of what the averages over ξ leave: ⟨ξ²⟩ = 1, ⟨ξ⁴⟩ = 3. */
function moments(options: AnharmonicModeOptions, { w, weight }: StationaryDensity) {
  const { learningRate: eta, curvature: a, quartic: b, noise } = options;
  const s2 = noise * noise;
  let [variance, work, gradientSquare, leading, cubic, fourth] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < w.length; i++) {
    const x = w[i]!;
    const p = weight[i]!;
    const F = slope(options, x);
    const F2 = F * F;
    variance += p * x * x;
    work += p * x * F;
    gradientSquare += p * F2;
    leading += (eta / 2) * p * (a + 3 * b * x * x) * (F2 + s2);
    cubic += (eta ** 2 / 6) * p * 6 * b * x * F * (F2 + 3 * s2);
    fourth += (eta ** 3 / 24) * p * 6 * b * (F2 * F2 + 6 * F2 * s2 + 3 * s2 * s2);
  }
  return {
    variance,
    left: work,
    right: (eta / 2) * (gradientSquare + s2),
    gradientSquare,
    leading,
    cubic,
    fourth,
    correlation: 1 - (eta * work) / variance,
  };
}
