/**
 * The line of directions in the plane, and functions on it under random maps A_i = 1 − 2η a_i a_iᵀ:
 * (Pf)(φ) = mean_i f(φ of A_i u(φ)).
 *
 * Functions live on a periodic grid of angles over half a turn with cubic interpolation. The first
 * application is exact, for functions that are singular where A_i is.
 */

/** Unit vectors in the plane, [sample]. */
export type Plane = readonly (readonly [number, number])[];

/** Images of angles under each map: the cell, and weights of cubic interpolation. */
export interface Images {
  readonly cells: Int32Array;
  readonly weights: Float64Array;
  readonly angles: Float64Array;
  /** The angles of the grid. */
  readonly start: Float64Array;
}

const HALF_TURN = Math.PI;

/** (1 − 2η a aᵀ) u at an angle of u. */
function stepped([a, b]: readonly [number, number], eta: number, angle: number) {
  const [x, y] = [Math.cos(angle), Math.sin(angle)];
  const p = a * x + b * y;
  return [x - 2 * eta * p * a, y - 2 * eta * p * b] as const;
}

/** The grid is shifted so that no angle of it is that of a simple fraction of a turn. */
const angleOf = (j: number, count: number): number => ((j + Math.SQRT1_2) * HALF_TURN) / count;

export function imagesOf(directions: Plane, eta: number, count: number): Images {
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
  const start = Float64Array.from({ length: count }, (_, j) => angleOf(j, count));
  return { cells, weights, angles, start };
}

/** Pf on the grid. */
export function applied({ cells, weights }: Images, f: Float64Array): Float64Array {
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

/** Pf on the grid, f evaluated at the images themselves. */
export function firstApplied(
  { angles }: Images,
  count: number,
  f: (angle: number) => number,
): Float64Array {
  const first = new Float64Array(count);
  angles.forEach((angle, at) => {
    first[at % count]! += (f(angle) * count) / angles.length;
  });
  return first;
}

/** mean_i ln|A_i u|². */
export function logGrowth(directions: Plane, eta: number, angle: number): number {
  const logs = directions.map((a) => {
    const [x, y] = stepped(a, eta, angle);
    return Math.log(x * x + y * y);
  });
  return logs.reduce((sum, value) => sum + value, 0) / directions.length;
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
