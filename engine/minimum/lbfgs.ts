/**
 * L-BFGS: quasi-Newton descent from the last gradients, for the way from afar to a minimum.
 *
 * Source: J. Nocedal & S. J. Wright, Numerical Optimization, 2nd ed. (2006), algorithms 7.4 and 7.5;
 * line search of A. S. Lewis & M. L. Overton, Math. Program. 141, 135 (2013), algorithm 2.6 (weak
 * Wolfe conditions by bisection). Left out: bounds, non-smooth losses.
 */
import { dot } from "../dot.ts";
import type { FullBatchPoint } from "./fullBatch.ts";

type At = (theta: Float64Array) => FullBatchPoint;

/** Pairs (s, y) kept. */
const MEMORY = 20;
/** Sufficient decrease and curvature, Nocedal & Wright, section 3.1. */
const DECREASE = 1e-4;
const CURVATURE = 0.9;
const TRIALS = 50;

interface Pair {
  readonly s: Float64Array;
  readonly y: Float64Array;
  readonly sy: number;
}

/** a + t b */
export const along = (a: Float64Array, t: number, b: Float64Array): Float64Array =>
  a.map((value, p) => value + t * b[p]!);

/** −H ∇L with the inverse Hessian of the pairs: the two-loop recursion. */
function direction(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  let q = gradient;
  const weights = new Float64Array(pairs.length);
  for (let k = pairs.length - 1; k >= 0; k -= 1) {
    const { s, y, sy } = pairs[k]!;
    weights[k] = dot(s, q) / sy;
    q = along(q, -weights[k]!, y);
  }
  const last = pairs.at(-1);
  const scale = last ? last.sy / dot(last.y, last.y) : 1;
  let r: Float64Array = q.map((value) => scale * value);
  pairs.forEach(({ s, y, sy }, k) => {
    r = along(r, weights[k]! - dot(y, r) / sy, s);
  });
  return r.map((value) => -value);
}

/** The first point met that fulfills the weak Wolfe conditions, or null. */
function lineSearch(
  at: At,
  from: FullBatchPoint,
  way: Float64Array,
  first: number,
): FullBatchPoint | null {
  const slope = dot(from.gradient, way);
  if (!(slope < 0)) return null;
  let low = 0;
  let high = Infinity;
  let t = first;
  for (let trial = 0; trial < TRIALS; trial += 1) {
    const point = at(along(from.theta, t, way));
    if (!(point.loss <= from.loss + DECREASE * t * slope)) high = t;
    else if (dot(point.gradient, way) < CURVATURE * slope) low = t;
    else return point;
    t = high === Infinity ? 2 * low : (low + high) / 2;
  }
  return null;
}

/**
 * Descends until |∇L| <= tolerance · gradientScale, or no step lowers L by more than its rounding,
 * or `iterations` are done. Never fails: the caller looks at the point.
 */
export function lbfgs(
  at: At,
  start: FullBatchPoint,
  options: { readonly tolerance: number; readonly iterations: number },
): { point: FullBatchPoint; iterations: number } {
  let point = start;
  let pairs: Pair[] = [];
  let done = 0;
  while (done < options.iterations) {
    if (point.gradientNorm <= options.tolerance * point.gradientScale) break;
    const way = direction(point.gradient, pairs);
    const next = lineSearch(at, point, way, pairs.length > 0 ? 1 : 1 / (1 + point.gradientNorm));
    if (next === null) {
      if (pairs.length === 0) break;
      // The memory may be stale: once more along the gradient alone.
      pairs = [];
      continue;
    }
    const s = along(next.theta, -1, point.theta);
    const y = along(next.gradient, -1, point.gradient);
    const sy = dot(s, y);
    if (sy > 0) pairs = [...pairs, { s, y, sy }].slice(-MEMORY);
    point = next;
    done += 1;
  }
  return { point, iterations: done };
}
