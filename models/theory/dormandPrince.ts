/**
 * Solutions of y' = f(y) in float64: the embedded pair of Dormand and Prince, orders 5 and 4.
 *
 * J. R. Dormand, P. J. Prince, J. Comput. Appl. Math. 6, 19 (1980); step control as in E. Hairer, S. P.
 * Nørsett, G. Wanner, Solving Ordinary Differential Equations I (1993), II.4. Left out: time-dependent
 * f, stiff problems, dense output.
 */
import { ArgumentError } from "../../engine/errors.ts";

/** f(y), written into `out`. */
export type VectorField = (y: Float64Array, out: Float64Array) => void;

export interface IntegrationOptions {
  /** Largest local error a step, in the units of y, relative to 1 + |y_i|. Default 1e-12. */
  readonly tolerance?: number;
  /** Steps tried before giving up. Default 20,000. */
  readonly most?: number;
}

/** Rows of the tableau: slope i is taken at y + h Σ_j A[i][j] k_j; the last row is the solution. */
const A: readonly (readonly number[])[] = [
  [],
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
];

/** Fifth order minus fourth. */
const ERROR = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40] as const;

/** Takes slopes 1 … 6 from slope 0, leaves the new y in `next`; returns error over tolerance. */
function attempt(
  field: VectorField,
  y: Float64Array,
  h: number,
  slopes: readonly Float64Array[],
  next: Float64Array,
  tolerance: number,
): number {
  for (let stage = 1; stage < A.length; stage += 1) {
    for (let i = 0; i < y.length; i += 1) {
      let sum = 0;
      for (let j = 0; j < stage; j += 1) sum += A[stage]![j]! * slopes[j]![i]!;
      next[i] = y[i]! + h * sum;
    }
    field(next, slopes[stage]!);
  }
  let worst = 0;
  for (let i = 0; i < y.length; i += 1) {
    let error = 0;
    for (let j = 0; j < A.length; j += 1) error += ERROR[j]! * slopes[j]![i]!;
    worst = Math.max(worst, Math.abs(h * error) / (tolerance * (1 + Math.abs(next[i]!))));
    // Math.max leaves NaN out nowhere, but a comparison with it is false.
    if (!Number.isFinite(next[i]!)) return Number.POSITIVE_INFINITY;
  }
  return worst;
}

/**
 * y(time) of y' = field(y), y(0) = start.
 *
 * Shapes: y, field [n]. Error: a few times `tolerance` per step taken, and float64 rounding.
 *
 * @throws ArgumentError where more than `most` steps are needed: the solution leaves all bounds, or the
 *   problem is stiff.
 * @see Hairer, Nørsett and Wanner (1993), table 5.2
 * @example
 * const decay = (y: Float64Array, out: Float64Array) => { out[0] = -y[0]!; };
 * integrate(decay, Float64Array.of(1), 2)[0]; // exp(−2)
 */
export function integrate(
  field: VectorField,
  start: ArrayLike<number>,
  time: number,
  { tolerance = 1e-12, most = 20_000 }: IntegrationOptions = {},
): Float64Array {
  let y = Float64Array.from(start);
  let next = new Float64Array(y.length);
  const slopes = A.map(() => new Float64Array(y.length));
  if (time === 0) return y;
  field(y, slopes[0]!);
  let h = time;
  let done = 0;
  for (let steps = 0; steps < most; steps += 1) {
    const last = Math.abs(done + h) >= Math.abs(time);
    const step = last ? time - done : h;
    const error = attempt(field, y, step, slopes, next, tolerance);
    if (error <= 1) {
      done += step;
      [y, next] = [next, y];
      // The last slope of a step is the first of the one to come.
      slopes[0]!.set(slopes[A.length - 1]!);
      if (last) return y;
    }
    const factor = Number.isFinite(error) ? 0.9 * Math.max(error, 1e-10) ** -0.2 : 0.1;
    h = step * Math.min(5, Math.max(0.1, factor));
  }
  throw new ArgumentError(
    `integrate: time ${done.toPrecision(3)} of ${time.toPrecision(3)} reached in ${most} steps: the ` +
      "solution diverges or is stiff; use a smaller learning rate, or a shorter time.",
  );
}
