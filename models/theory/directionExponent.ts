/**
 * Random products of 2 × 2 matrices A_i = 1 − 2η a_i a_iᵀ: how fast |y| grows or falls, and where its
 * direction points; SGD on l_i = (a_i·y)² next to a minimum that all samples share.
 *
 *   d ln|y|²/dt = ∫ π(dφ) mean_i ln|A_i u(φ)|²,   π the stationary law of the direction φ
 *
 * π may be a Cantor set, so functions are iterated in its place: (Pf)(φ) = mean_i f(φ of A_i u) tends to
 * the constant ∫ f dπ, between whose shrinking minimum and maximum the answer lies.
 *
 * Source: H. Furstenberg, Trans. Amer. Math. Soc. 108, 377 (1963), for the formula. |A_i u| <= |u| for
 * all u exactly when η <= 1: the critical rate is 1, whatever the directions. Left out: more than two
 * dimensions.
 */
import { Matrix } from "ml-matrix";
import { ArgumentError } from "../../engine/errors.ts";
import {
  applied,
  firstApplied,
  type Images,
  imagesOf,
  logGrowth,
  type Plane,
  signalToNoise,
} from "./projectiveLine.ts";

export interface DirectionExponent {
  /** d ln|y|² per step. */
  readonly exponent: number;
  /** ⟨|ḡ|/√E|g − ḡ|²⟩ of g_i = 2(a_i·y)a_i, which depends on φ alone; null where φ does not forget. */
  readonly signal: number | null;
  /** Steps in which the direction forgets a factor e; Infinity where it does not. */
  readonly relaxation: number;
  /** Error of the grid: the change from one of half as many angles. */
  readonly error: number;
}

/** Angles, and fewer where the operator is squared instead of applied: its matrix is dense then. */
const ANGLES = 2048;
const SLOW_ANGLES = 160;
const MOST_APPLICATIONS = 6000;
/** Interpolation would be taken for forgetting beyond it. */
const SLOWEST = 2e5;
const CONVERGED = 1e-9;

function range(f: Float64Array): { middle: number; spread: number; size: number } {
  let [least, most] = [Infinity, -Infinity];
  for (const value of f) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return {
    middle: (least + most) / 2,
    spread: most - least,
    size: Math.max(Math.abs(least), Math.abs(most)),
  };
}

/** P^n f for n = 16, 32, … up to `MOST_APPLICATIONS`. */
function* byApplication(images: Images, f: Float64Array): Generator<[number, Float64Array]> {
  let values = f;
  for (let steps = 16; steps <= MOST_APPLICATIONS; steps += 16) {
    for (let k = 0; k < 16; k += 1) values = applied(images, values);
    yield [16, values];
  }
}

/** P^n f for n = 1, 3, 7, … up to `SLOWEST` and more, by squaring P. */
function* bySquaring(images: Images, f: Float64Array): Generator<[number, Float64Array]> {
  const unit = (j: number): Float64Array => Float64Array.from(f, (_, k) => (k === j ? 1 : 0));
  const columns = Array.from(f, (_, j) => [...applied(images, unit(j))]);
  let power = new Matrix(columns).transpose();
  let values = f;
  for (let steps = 1; steps < 64 * SLOWEST; steps *= 2) {
    values = Float64Array.from(power.mmul(Matrix.columnVector([...values])).getColumn(0));
    yield [steps, values];
    power = power.mmul(power);
  }
}

interface Limit {
  /** The constant that P^n f tends to, null if it does not. */
  readonly value: number | null;
  readonly relaxation: number;
}

function limitOf(first: Float64Array, iterates: Iterable<[number, Float64Array]>): Limit {
  let before = range(first);
  if (before.size < 1e-13) return { value: before.middle, relaxation: 0 };
  let relaxation = 0;
  for (const [steps, values] of iterates) {
    if (before.spread <= CONVERGED * before.size) break;
    const after = range(values);
    // Where it falls below rounding at once, what is left says nothing of how fast.
    if (after.spread > CONVERGED * after.size || relaxation === 0) {
      const decay = Math.log(before.spread / after.spread);
      relaxation = decay > 0 ? Math.max(1, steps / decay) : Infinity;
    }
    before = after;
    // A direction that is left slowly holds the spread at first.
    if (steps > SLOWEST / 4 && !(relaxation < SLOWEST)) break;
  }
  const found = before.spread <= CONVERGED * before.size && relaxation < SLOWEST;
  return { value: found ? before.middle : null, relaxation };
}

/** Limits for two functions of the angle, each first applied exactly. */
function onGrid(directions: Plane, eta: number, count: number, slow: boolean) {
  const images = imagesOf(directions, eta, count);
  const limit = (f: (angle: number) => number): Limit => {
    const first = firstApplied(images, count, f);
    return limitOf(first, slow ? bySquaring(images, first) : byApplication(images, first));
  };
  return {
    growth: limit((angle) => logGrowth(directions, eta, angle)),
    signal: limit((angle) => signalToNoise(directions, angle)),
  };
}

/**
 * Growth rate of |y|² and mean signal-to-noise ratio of unit vectors `directions` [sample][2].
 *
 * @throws ArgumentError for fewer than two different directions, or a direction that forgets its start
 *   so slowly that the iteration does not end (very small rates).
 * @example directionExponent([[Math.sqrt(3) / 2, 0.5], [Math.sqrt(3) / 2, -0.5]], 0.5).exponent // −ln 2
 */
export function directionExponent(directions: Plane, learningRate: number): DirectionExponent {
  const [first] = directions;
  const parallel = directions.every(([a, b]) => Math.abs(a * first![1] - b * first![0]) < 1e-9);
  if (parallel || !(learningRate > 0 && Number.isFinite(learningRate))) {
    throw new ArgumentError(
      `directionExponent: learningRate ${learningRate} and ${directions.length} directions` +
        `${parallel ? ", all parallel" : ""}; give a rate > 0 and directions that differ.`,
    );
  }
  let fine = onGrid(directions, learningRate, ANGLES, false);
  const slow = fine.growth.value === null || fine.signal.value === null;
  const count = slow ? SLOW_ANGLES : ANGLES;
  if (slow) fine = onGrid(directions, learningRate, count, true);
  const coarse = onGrid(directions, learningRate, count / 2, slow);
  if (fine.growth.value === null || coarse.growth.value === null) {
    throw new ArgumentError(
      `directionExponent: at learningRate ${learningRate} the direction does not forget its start within ` +
        `${SLOWEST} steps; use a rate further from 0 and 1.`,
    );
  }
  return {
    exponent: fine.growth.value,
    signal: fine.signal.value,
    relaxation: Math.max(fine.growth.relaxation, fine.signal.relaxation),
    error:
      Math.abs(fine.growth.value - coarse.growth.value) + CONVERGED * Math.abs(fine.growth.value),
  };
}

/**
 * The orbit of reflections above the critical rate, for two directions at 60° in a plane through the
 * equator of S²: six points in each hemisphere where |a_i·x| is 0 or c, c² = (1 − 1/η)/2.
 *
 * There a step is exactly the reflection x − 2(a·x)a, up to |x|, so that the six points are visited
 * equally: U = (1 − 1/η)/3, and |ḡ|/√E|g − ḡ|² is 1 on four of them, √(1 + 2/η) on two. Left out: its
 * stability (about 1 < η < 1.75) and excursions from it.
 */
export function reflectionOrbit(learningRate: number): { loss: number; signal: number } {
  if (!(learningRate > 1)) {
    throw new ArgumentError(
      `reflectionOrbit: learningRate is ${learningRate}, the orbit is there above 1; raise it.`,
    );
  }
  return {
    loss: (1 - 1 / learningRate) / 3,
    signal: (2 + Math.sqrt(1 + 2 / learningRate)) / 3,
  };
}
