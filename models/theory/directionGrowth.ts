/**
 * Random products of A_i = 1 − 2η a_i a_iᵀ over a finite time, from a uniform direction: mean of ln|y|² and
 * of the signal-to-noise ratio after so many steps, without waiting for the direction to forget.
 *
 *   E ln(|y_t|²/|y_0|²) = Σ_{s<t} ∫ (P^s f)(φ) dφ/π,  f = mean_i ln|A_i u|²
 *
 * The long-time rate is `directionExponent`. Setting: arXiv 2505.23489 (card 1D). Left out: other starts.
 */
import { ArgumentError } from "../../engine/errors.ts";
import {
  applied,
  firstApplied,
  imagesOf,
  logGrowth,
  type Plane,
  signalToNoise,
} from "./projectiveLine.ts";

export interface DirectionGrowth {
  /** E ln|y_t|² − ln|y_0|² at each time. */
  readonly growth: readonly number[];
  /** E|ḡ|/√E|g − ḡ|² at each time. */
  readonly signal: readonly number[];
}

const ANGLES = 2048;

const meanOf = (f: Float64Array): number => f.reduce((sum, value) => sum + value / f.length, 0);

/**
 * Growth and signal at ascending `times` >= 1 [steps].
 *
 * Error: of a grid of 2048 angles, below 1e-5 of the growth but next to η = ½, where ln|A_i u| is
 * singular, 1e-3.
 *
 * @throws ArgumentError for times that are not whole, ascending and >= 1.
 * @example directionGrowth([[1, 0], [0.5, Math.sqrt(3) / 2]], 1, [10]).growth // [0], reflections
 */
export function directionGrowth(
  directions: Plane,
  learningRate: number,
  times: readonly number[],
): DirectionGrowth {
  const wrong = times.find((t, i) => !Number.isInteger(t) || t < 1 || t <= (times[i - 1] ?? 0));
  if (wrong !== undefined) {
    throw new ArgumentError(
      `directionGrowth: time ${wrong} among ${times.join(", ")}; give ascending whole numbers >= 1.`,
    );
  }
  const images = imagesOf(directions, learningRate, ANGLES);
  const f = (angle: number): number => logGrowth(directions, learningRate, angle);
  // A uniform direction and no step yet: an average over the grid.
  let total = meanOf(Float64Array.from(images.start, f));
  let rate = firstApplied(images, ANGLES, f);
  let ratio = firstApplied(images, ANGLES, (angle) => signalToNoise(directions, angle));
  const growth: number[] = [];
  const signal: number[] = [];
  let now = 1;
  for (const time of times) {
    for (; now < time; now += 1) {
      total += meanOf(rate);
      rate = applied(images, rate);
      ratio = applied(images, ratio);
    }
    growth.push(total);
    signal.push(meanOf(ratio));
  }
  return { growth, signal };
}
