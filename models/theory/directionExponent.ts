/**
 * Random products of 2 × 2 matrices A_i = 1 − 2η a_i a_iᵀ: how fast |y| grows or falls, and where its
 * direction points; SGD on l_i = (a_i·y)² next to a minimum that all samples share.
 *
 *   d ln|y|²/dt = ∫ π(dφ) mean_i ln|A_i u(φ)|²,   π the stationary law of the direction φ
 *
 * π may be a Cantor set, so functions are iterated in its place: (Pf)(φ) = mean_i f(φ of A_i u) tends to
 * the constant ∫ f dπ, between whose shrinking minimum and maximum the answer lies. Functions live on a
 * periodic grid of angles with cubic interpolation; the first step is taken exactly, as ln|A_i u| is
 * singular where A_i is.
 *
 * Source: H. Furstenberg, Trans. Amer. Math. Soc. 108, 377 (1963), for the formula. |A_i u| <= |u| for
 * all u exactly when η <= 1: the critical rate is 1, whatever the directions. Left out: more than two
 * dimensions.
 */
import { Matrix } from "ml-matrix";
import { ArgumentError } from "../../engine/errors.ts";

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

type Plane = readonly (readonly [number, number])[];

/** Images of angles under each map: the cell, and weights of cubic interpolation. */
interface Images {
  readonly cells: Int32Array;
  readonly weights: Float64Array;
  readonly angles: Float64Array;
}

const HALF_TURN = Math.PI;

function stepped([a, b]: readonly [number, number], eta: number, angle: number) {
  const [x, y] = [Math.cos(angle), Math.sin(angle)];
  const p = a * x + b * y;
  return [x - 2 * eta * p * a, y - 2 * eta * p * b] as const;
}

/** The grid is shifted so that no angle of it is that of a simple fraction of a turn. */
const angleOf = (j: number, count: number): number => ((j + Math.SQRT1_2) * HALF_TURN) / count;

function imagesOf(directions: Plane, eta: number, count: number): Images {
  const angles = new Float64Array(directions.length * count);
  const cells = new Int32Array(angles.length);
  const weights = new Float64Array(4 * angles.length);
  directions.forEach((a, i) => {
    for (let j = 0; j < count; j += 1) {
      const at = i * count + j;
      const [x, y] = stepped(a, eta, angleOf(j, count));
      const angle = Math.atan2(y, x);
      angles[at] = angle;
      const place = (angle / HALF_TURN) * count - Math.SQRT1_2;
      const cell = Math.floor(place);
      const t = place - cell;
      cells[at] = (((cell - 1) % count) + count) % count;
      weights[4 * at] = (-t * (t - 1) * (t - 2)) / 6;
      weights[4 * at + 1] = ((t + 1) * (t - 1) * (t - 2)) / 2;
      weights[4 * at + 2] = (-(t + 1) * t * (t - 2)) / 2;
      weights[4 * at + 3] = ((t + 1) * t * (t - 1)) / 6;
    }
  });
  return { cells, weights, angles };
}

/** Pf on the grid. */
function applied({ cells, weights }: Images, f: Float64Array): Float64Array {
  const count = f.length;
  const maps = cells.length / count;
  const result = new Float64Array(count);
  for (let at = 0; at < cells.length; at += 1) {
    let cell = cells[at]!;
    let value = 0;
    for (let k = 0; k < 4; k += 1) {
      value += weights[4 * at + k]! * f[cell]!;
      cell = cell + 1 === count ? 0 : cell + 1;
    }
    result[at % count]! += value / maps;
  }
  return result;
}

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
    const first = new Float64Array(count);
    images.angles.forEach((angle, at) => {
      first[at % count]! += f(angle) / directions.length;
    });
    return limitOf(first, slow ? bySquaring(images, first) : byApplication(images, first));
  };
  return {
    growth: limit((angle) => {
      const logs = directions.map((a) => {
        const [x, y] = stepped(a, eta, angle);
        return Math.log(x * x + y * y);
      });
      return logs.reduce((sum, value) => sum + value, 0) / directions.length;
    }),
    signal: limit((angle) => signalToNoise(directions, angle)),
  };
}

/** |ḡ|/√E|g − ḡ|² where y has this angle. */
export function signalToNoise(directions: Plane, angle: number): number {
  const [x, y] = [Math.cos(angle), Math.sin(angle)];
  let [gx, gy, square] = [0, 0, 0];
  for (const [a, b] of directions) {
    const p = (a * x + b * y) / directions.length;
    gx += p * a;
    gy += p * b;
    square += p * p * directions.length * (a * a + b * b);
  }
  const full = gx * gx + gy * gy;
  return Math.sqrt(full / (square - full));
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
