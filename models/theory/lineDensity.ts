/**
 * A probability density on the line from the slope of its logarithm, as nodes and weights.
 *
 * x = c + w sinh t, t equidistant: after this substitution the trapezoid rule converges exponentially
 * for densities with Gaussian as with exponential tails (M. Mori, M. Sugihara, J. Comput. Appl.
 * Math. 127, 287 (2001)). The logarithm is integrated from the peak by Gauss–Legendre of 3 points in
 * each interval. Left out: densities with more than one peak, zeros, tails that are no exponential.
 */
import { ArgumentError } from "../../engine/errors.ts";

/** Discrete measure that stands for the density: ∫ f p dx = Σ weight f(x). */
export interface LineDensity {
  readonly x: Float64Array;
  /** Sum to 1. */
  readonly weight: Float64Array;
}

/** Spacing of t: the trapezoid rule needs 0.1; quantiles are interpolated between nodes, error O(t²). */
const SPACING = 0.005;
/** ln of the density where tails are cut, below the peak, after a factor e^{growth x}. */
const DEPTH = 60;
const GAUSS = [-Math.sqrt(0.6), 0, Math.sqrt(0.6)];
const GAUSS_WEIGHTS = [5 / 18, 8 / 18, 5 / 18];

/** A root of a function that falls from positive to negative, near `start`. */
function fallingRoot(slope: (x: number) => number, start: number): number {
  let [low, high] = [start, start];
  for (let step = 1; !(slope(low) > 0); step *= 2) {
    low -= step;
    if (step > 1e6) throw new ArgumentError(`lineDensity: no peak above ${low}; it has no norm.`);
  }
  for (let step = 1; !(slope(high) < 0); step *= 2) {
    high += step;
    if (step > 1e6) throw new ArgumentError(`lineDensity: no peak below ${high}; it has no norm.`);
  }
  for (let k = 0; k < 200 && high - low > 1e-15 * (1 + Math.abs(low)); k += 1) {
    const middle = 0.5 * (low + high);
    if (slope(middle) > 0) low = middle;
    else high = middle;
  }
  return 0.5 * (low + high);
}

/**
 * Nodes and weights of p(x) with (ln p)' = `slope`, which is positive far left, negative far right.
 *
 * `growth`: the largest n for which ∫ e^{nx} p is wanted, default 0; tails are followed until e^{nx} p
 * has fallen by e^{−60}, so it must exist.
 *
 * @throws ArgumentError where there is no peak.
 * @example lineDensity((x) => -x, 0.3) // standard normal
 */
export function lineDensity(slope: (x: number) => number, start: number, growth = 0): LineDensity {
  const peak = fallingRoot(slope, start);
  const h = 1e-5 * Math.max(1, Math.abs(peak));
  const curvature = (slope(peak - h) - slope(peak + h)) / (2 * h);
  const width = 1 / Math.sqrt(Math.max(curvature, 1e-12));
  const at = (t: number): number => peak + width * Math.sinh(t);
  const side = (sign: number, power: number): { x: number; log: number }[] => {
    const nodes: { x: number; log: number }[] = [];
    let log = 0;
    for (let n = 0; ; n += 1) {
      for (let g = 0; g < 3; g += 1) {
        const t = sign * SPACING * (n + 0.5 + 0.5 * GAUSS[g]!);
        log += sign * GAUSS_WEIGHTS[g]! * SPACING * width * Math.cosh(t) * slope(at(t));
      }
      const x = at(sign * SPACING * (n + 1));
      if (!(log + power * (x - peak) > -DEPTH) || n > 8000) return nodes;
      nodes.push({ x, log: log + Math.log(Math.cosh(SPACING * (n + 1))) });
    }
  };
  const nodes = [...side(-1, 0).reverse(), { x: peak, log: 0 }, ...side(1, growth)];
  const largest = Math.max(...nodes.map(({ log }) => log));
  const weight = Float64Array.from(nodes, ({ log }) => Math.exp(log - largest));
  const norm = weight.reduce((sum, value) => sum + value, 0);
  return { x: Float64Array.from(nodes, ({ x }) => x), weight: weight.map((value) => value / norm) };
}
