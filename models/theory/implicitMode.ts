/**
 * One mode, harmonic or not, under implicit SGD with additive gradient noise: exact in the learning
 * rate.
 *
 *   θ' = θ − η(kθ' + bθ'³ + ξ),   ⟨ξ²⟩ = s2, independent at each step.
 *
 * b = 0: θ' = (θ − ηξ)/(1 + ηk), so that ⟨θ²⟩(1 + ηk)² = ⟨θ²⟩ + η²s2. The explicit step is
 * `heavyBallMode` with momentum 0; both tend to the continuous ⟨θ²⟩ = ηs2/(2k) for ηk → 0, from below
 * and from above. b > 0, ξ Gaussian: u = θ − ηξ is the chain u' = y(u) − ηξ with y + η(ky + by³) = u,
 * whose density `noisyMap.ts` finds; ⟨θ²⟩ = ⟨y(u)²⟩. The explicit step: `anharmonicMode`.
 */
import { ArgumentError } from "../../engine/errors.ts";
import { stationaryDensity } from "./noisyMap.ts";

export interface ImplicitModeOptions {
  /** η > 0. */
  readonly learningRate: number;
  /** k > 0, Hessian eigenvalue with weight decay. */
  readonly curvature: number;
  /** b >= 0, of ¼ b θ⁴; 0 unless given. */
  readonly quartic?: number;
  /** s2, variance of the gradient's noise; above 0 and Gaussian where b > 0. */
  readonly noiseVariance: number;
}

export interface ImplicitMode {
  /** ⟨θ²⟩ */
  readonly variance: number;
  /** 1/(1 + ηk): decay of the mean per step; with b > 0 a bound on that of any two replicas. */
  readonly decay: number;
  /** Relative change of the variance from a coarser grid; 0 for b = 0. */
  readonly error: number;
}

/**
 * Stationary variance and decay of an implicit mode; it exists for every η > 0.
 *
 * ⟨θ²⟩ = ηs2/(k(2 + ηk)) for b = 0, exact for additive noise of any distribution; for b > 0 by
 * quadrature, error below `error`.
 *
 * @throws ArgumentError unless η > 0, k > 0, b >= 0 and s2 >= 0; where b > 0 and ηk is so small that
 *   the density's grid would cost more than a few seconds.
 * @see card 4E; derivation in the file head
 * @example implicitMode({ learningRate: 0.1, curvature: 5, noiseVariance: 1 }).variance // 0.008
 */
export function implicitMode(options: ImplicitModeOptions): ImplicitMode {
  const { learningRate: eta, curvature: k, quartic: b = 0, noiseVariance: s2 } = options;
  if (!(eta > 0 && k > 0 && b >= 0 && s2 >= 0)) {
    throw new ArgumentError(
      `implicitMode: learningRate ${eta}, curvature ${k}, quartic ${b}, noiseVariance ${s2}; the first ` +
        "two must be above 0, the others at least 0.",
    );
  }
  const harmonic = (eta * s2) / (k * (2 + eta * k));
  const decay = 1 / (1 + eta * k);
  if (b === 0 || s2 === 0) return { variance: harmonic, decay, error: 0 };
  const problem = {
    a: 1 + eta * k,
    c: eta * b,
    deviation: eta * Math.sqrt(s2),
    // The quartic term only narrows θ.
    width: Math.sqrt(harmonic),
  };
  const [coarse, variance] = [quarticVariance(problem, 2), quarticVariance(problem, 4)];
  return { variance, decay, error: Math.abs(variance - coarse) / variance };
}

/** ay + cy³ = u, u' = y − ηξ. */
interface Quartic {
  readonly a: number;
  readonly c: number;
  /** Of ηξ. */
  readonly deviation: number;
  /** Bound on θ's own. */
  readonly width: number;
}

/** Deviations of u, at least, on either side of the grid: what is beyond has a share below 1e-22. */
const REACH = 10;
/** Points of the last integral, at least. */
const POINTS = 400;

/** ⟨y(u)²⟩ with the density on a grid of `resolution` points a noise deviation. */
function quarticVariance(problem: Quartic, resolution: number): number {
  const { a, c, deviation, width } = problem;
  const y = (u: number): number => implicitPoint(u, a, c);
  const bound = REACH * Math.hypot(width, deviation);
  const { w: u, weight } = stationaryDensity({ map: y, deviation, bound, resolution });
  const images = u.map(y);
  // One more step of the chain is the density anywhere. In y, of which u = ay + cy³ is smooth, the
  // trapezoidal rule has no cusp to meet, however strong the quartic term is.
  const density = (at: number): number =>
    images.reduce((sum, from, i) => sum + weight[i]! * normal((at - from) / deviation), 0);
  const half = Math.max(POINTS, u.length >> 1);
  const step = y(bound) / half;
  let [second, total] = [0, 0];
  for (let k = -half; k <= half; k++) {
    const point = k * step;
    const share = density(a * point + c * point ** 3) * (a + 3 * c * point ** 2);
    total += share;
    second += share * point ** 2;
  }
  return second / total;
}

const normal = (z: number): number => Math.exp(-0.5 * z * z);

/** The root of cy³ + ay = u, by Newton's method from its far side, where it falls monotonically. */
function implicitPoint(u: number, a: number, c: number): number {
  const target = Math.abs(u);
  let y = Math.min(target / a, Math.cbrt(target / c));
  for (let k = 0; k < 100; k++) {
    const next = y - (c * y ** 3 + a * y - target) / (3 * c * y ** 2 + a);
    if (!(next < y)) break;
    y = next;
  }
  return Math.sign(u) * y;
}
