/**
 * Temperatures of a stationary state, from energies U and entropies S on a ladder of conditions.
 *
 * They are definitions, not estimators of one number: they agree where the states are canonical.
 * Source: SGD as free energy minimization (arXiv 2505.23489). Conditions must be independent (no
 * common noise). Left out: smoothing of U and S over the ladder; the time-resolved temperature
 * of runs that are not stationary.
 */
import { ArgumentError, RefusalError } from "../engine/errors.ts";
import type { MomentsRecord } from "../engine/record.ts";
import { coordinateIndex, lagIndex, momentColumns } from "./coordinates.ts";
import type { Estimate } from "./estimate.ts";
import { jackknife } from "./jackknife.ts";
import type { LadderPoint } from "./ladderPoint.ts";
import { refuse } from "./refusal.ts";

/** ∂T/∂U and ∂T/∂S of the points a temperature is made of, by their index. */
type Gradient = ReadonlyMap<number, readonly [number, number]>;

/** Below this many errors a difference of entropies is no denominator. */
const RESOLVED = 4;

interface Slope {
  readonly value: number;
  readonly gradient: Gradient;
  /** ΔS and its error. */
  readonly rise: number;
  readonly riseError: number;
}

const variance = ({ standardError }: Estimate): number => standardError ** 2;

/** (U_i − U_j − slack)/(S_i − S_j) */
function slope(points: readonly LadderPoint[], i: number, j: number, slack = 0): Slope {
  const [a, b] = [points[i]!, points[j]!];
  const rise = a.entropy.value - b.entropy.value;
  const value = (a.energy.value - b.energy.value - slack) / rise;
  const gradient = new Map([
    [i, [1 / rise, -value / rise] as const],
    [j, [-1 / rise, value / rise] as const],
  ]);
  const riseError = Math.sqrt(variance(a.entropy) + variance(b.entropy));
  return { value, gradient, rise, riseError };
}

/** √(Σ_points gᵀ C g): conditions are independent of each other. */
function propagated(points: readonly LadderPoint[], gradient: Gradient): number {
  let sum = 0;
  for (const [i, [u, s]] of gradient) {
    const { energy, entropy, covariance } = points[i]!;
    sum += u * u * variance(energy) + 2 * u * s * covariance + s * s * variance(entropy);
  }
  return Math.sqrt(Math.max(0, sum));
}

const replicasOf = (points: readonly LadderPoint[]): number =>
  Math.min(...points.map(({ energy, entropy }) => Math.min(energy.n, entropy.n)));

/**
 * T1, the temperature between two conditions: T = (U_b − U_a)/(S_b − S_a), in units of the loss.
 *
 * Error: linear propagation of the errors of U and S and of their covariance within each condition. Not
 * covered: the bias of a ratio, T Var(ΔS)/ΔS² to leading order.
 *
 * @throws RefusalError with the ratio when ΔS is less than 4 of its errors: it has no finite error.
 * @see arXiv 2505.23489; exact between two states of a family that minimizes U − T S at each T
 */
export function finiteDifferenceTemperature(a: LadderPoint, b: LadderPoint): Estimate {
  const points = [a, b];
  const { value, gradient, rise, riseError } = slope(points, 1, 0);
  const estimate: Estimate = {
    value,
    standardError: propagated(points, gradient),
    n: replicasOf(points),
    method: "ΔU/ΔS, errors propagated from independent conditions",
    warnings: [],
  };
  if (Math.abs(rise) >= RESOLVED * riseError) return estimate;
  return refuse(
    `finiteDifferenceTemperature: the entropies differ by ${rise} ± ${riseError}, which is no ` +
      "denominator; set conditions further apart or add replicas.",
    estimate,
  );
}

export interface FreeEnergyInterval {
  /** √(T_low T_high) */
  readonly temperature: Estimate;
  readonly low: Estimate;
  readonly high: Estimate;
}

/**
 * T2, the temperatures at which condition i has the lowest free energy of the ladder, U − T S:
 *
 *   T_low = max (U_i − U_j − slack)/(S_i − S_j) over S_j < S_i,  T_high = min of the same over S_j > S_i.
 *
 * For an exact convex family they are T1 of the intervals on either side. Errors: linear
 * propagation at the conditions that decide; not covered: that noise chooses which decide.
 * `slack` >= 0 in units of the loss lets i miss the minimum by that much.
 *
 * @throws ArgumentError when i is no index of the ladder.
 * @throws RefusalError carrying √(T_low T_high) or NaN: when no condition has less or none more
 *   entropy (an end of the ladder), when no temperature makes i the minimum (T_low > T_high by more than
 *   4 errors), or a bound is not positive.
 * @see arXiv 2505.23489, published notebooks
 */
export function freeEnergyInterval(
  points: readonly LadderPoint[],
  i: number,
  { slack = 0 }: { readonly slack?: number } = {},
): FreeEnergyInterval {
  const own = points[i];
  if (own === undefined) {
    throw new ArgumentError(`freeEnergyInterval: no condition ${i} among ${points.length}.`);
  }
  const others = points.map((_, j) => j).filter((j) => j !== i);
  const slopes = (sign: number): Slope[] =>
    others
      .filter((j) => sign * (points[j]!.entropy.value - own.entropy.value) > 0)
      .map((j) => slope(points, i, j, slack))
      .sort((a, b) => sign * (a.value - b.value));
  const method = `free-energy interval of ${points.length} conditions`;
  const n = replicasOf(points);
  const estimate = (value: number, standardError: number): Estimate => ({
    value,
    standardError,
    n,
    method,
    warnings: [],
  });
  const [below] = slopes(-1);
  const [above] = slopes(1);
  if (below === undefined || above === undefined) {
    const which = below === undefined ? "less" : "more";
    throw new RefusalError(
      `freeEnergyInterval: no condition has ${which} entropy than number ${i}, an end of the ladder ` +
        "has one bound only; extend the ladder.",
      estimate(Number.NaN, Number.NaN),
    );
  }
  const bound = ({ value, gradient }: Slope) => estimate(value, propagated(points, gradient));
  const [low, high] = [bound(below), bound(above)];
  const temperature = estimate(...geometricMean(points, below, above));
  const tolerated = RESOLVED * Math.hypot(low.standardError, high.standardError);
  if (!(low.value > 0 && high.value > 0) || low.value > high.value + tolerated) {
    refuse(
      `freeEnergyInterval: condition ${i} has the lowest U - T S for T above ${low.value} and below ` +
        `${high.value}, hence at no temperature; allow slack or add replicas.`,
      temperature,
    );
  }
  return { temperature, low, high };
}

/** √(T_low T_high): d ln T = ½ (d ln T_low + d ln T_high). */
function geometricMean(
  points: readonly LadderPoint[],
  below: Slope,
  above: Slope,
): [number, number] {
  const value = Math.sqrt(below.value * above.value);
  const gradient = new Map<number, readonly [number, number]>();
  for (const part of [below, above]) {
    const weight = value / (2 * part.value);
    for (const [i, [u, s]] of part.gradient) {
      const [u0, s0] = gradient.get(i) ?? [0, 0];
      gradient.set(i, [u0 + weight * u, s0 + weight * s]);
    }
  }
  return [value, propagated(points, gradient)];
}

/**
 * T4, equipartition: the mean of h_i Var(z_i) over directions, h_i the curvature along coordinate i.
 *
 * ½ T of energy in each quadratic direction. Needs lag 0 in the record. Error: bias-corrected jackknife
 * over replicas, unbiased for any number of them.
 *
 * @throws ArgumentError when curvatures and coordinates differ in number, or lag 0 is missing.
 * @example equipartitionTemperature(record.moments, { curvatures: [0.25, 0.5] })
 */
export function equipartitionTemperature(
  record: MomentsRecord,
  {
    curvatures,
    condition = 0,
  }: { readonly curvatures: readonly number[]; readonly condition?: number },
): Estimate {
  const where = "equipartitionTemperature";
  const d = curvatures.length;
  if (d !== record.coordinates.length || d === 0) {
    throw new ArgumentError(
      `${where}: ${d} curvatures for ${record.coordinates.length} coordinates; give one for each.`,
    );
  }
  const columns = momentColumns(where, record, condition, lagIndex(where, record, 0));
  const indices = curvatures.map((_, i) => coordinateIndex(where, record, i));
  const data = new Float64Array(columns.replicas * 2 * d);
  for (let r = 0; r < columns.replicas; r++) {
    for (const i of indices) {
      data[2 * (r * d + i)] = columns.first(r, i);
      data[2 * (r * d + i) + 1] = columns.second(r, i, i);
    }
  }
  const mean = (m: Float64Array): number =>
    curvatures.reduce((sum, h, i) => sum + h * (m[2 * i + 1]! - m[2 * i]! ** 2), 0) / d;
  return jackknife({ data, replicas: columns.replicas, k: 2 * d }, mean, { biasCorrected: true });
}
