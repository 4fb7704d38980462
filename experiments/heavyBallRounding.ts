/**
 * What float32 does to a mode under the heavy ball without noise: a bound, from the rounding of one
 * step carried on by the exact linear map.
 *
 * The device computes G = kx, v' = βv − G, x' = x + ηv'. With u = 2⁻²⁴, counting the rounding of β, k, η
 * themselves, of each product and of each sum (a fused multiply-add rounds less often):
 *   |δ(ηv')| <= 3u(β|ηv| + ηk|x|),   |δx'| <= |δ(ηv')| + u(2|ηv'| + |x'|),
 * and 2⁻¹²⁶ more in x and in v, below which numbers may be flushed to zero.
 */
import { type HeavyBallOptions, heavyBallPath, type ModeState } from "../models/index.ts";
import { F32 } from "./systematic.ts";

/** Smallest normal number of float32. */
const UNDERFLOW = 2 ** -126;

/** Errors of (x, ηv), both in θ. */
export interface ModeError {
  readonly position: number;
  readonly displacement: number;
}

/** Rounding of one step from `state` to `next`. */
export function stepRounding(
  { learningRate: eta, momentum, curvature }: HeavyBallOptions,
  state: ModeState,
  next: ModeState,
): ModeError {
  const pulls = momentum * Math.abs(state.velocity) + curvature * Math.abs(state.position);
  const displacement = eta * (3 * F32 * pulls + UNDERFLOW);
  const sum = F32 * (2 * eta * Math.abs(next.velocity) + Math.abs(next.position)) + UNDERFLOW;
  return { position: displacement + sum, displacement };
}

/**
 * Bounds on the rounding of x_n and v_n, n = 0 … steps: Σ_m |P_{n−m}| δ_m, P_j the exact map of j steps.
 *
 * `start` is the rounding of (x_0, ηv_0). Units: x in θ, v in θ/η. Cost of order steps².
 */
export function pathRounding(
  options: HeavyBallOptions,
  path: readonly ModeState[],
  start: ModeError,
): { position: Float64Array; velocity: Float64Array } {
  const { learningRate: eta } = options;
  const local = path.map((state, n) =>
    n === 0 ? start : stepRounding(options, path[n - 1]!, state),
  );
  // Columns of P_j: what a unit of x, and of ηv, becomes.
  const ofPosition = path.map((_, j) => heavyBallPath(options, { position: 1, velocity: 0 }, j));
  const ofDisplacement = path.map((_, j) =>
    heavyBallPath(options, { position: 0, velocity: 1 / eta }, j),
  );
  const bound = (pick: (state: ModeState) => number): Float64Array =>
    Float64Array.from(path, (_, n) => {
      let sum = 0;
      for (let m = 0; m <= n; m += 1) {
        sum +=
          Math.abs(pick(ofPosition[n - m]!)) * local[m]!.position +
          Math.abs(pick(ofDisplacement[n - m]!)) * local[m]!.displacement;
      }
      return sum;
    });
  return { position: bound((s) => s.position), velocity: bound((s) => s.velocity) };
}
