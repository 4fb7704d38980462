/**
 * The telescoping identity behind FDR1: exact for every run of SGD with momentum, dampening and
 * weight decay (no stationarity, no average), so that what is left is rounding.
 *
 *   Σ (θ_t−c)·G_t = κ Σ |v_{t+1}|² − [(1−μ)D₁/(2η) + μD₂]/(1−ν),   κ = (η/2)(1+μ)/(1−ν),
 *   D₁ = |θ_T−c|² − |θ_0−c|²,   D₂ = (θ_T−c)·v_T − (θ_0−c)·v_0,   sums over t = 0 … T−1
 *
 * Derivation: (1−ν)G_t = μv_t − v_{t+1}; expand |θ_{t+1}−c|² and (θ_{t+1}−c)·v_{t+1} with
 * θ_{t+1} = θ_t + ηv_{t+1}, and sum. It holds for every c. Source of the relation: S. Yaida,
 * arXiv 1810.00004 (FDR1 is its average). Left out: Nesterov's step.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { Field, MomentsRecord } from "../engine/record.ts";
import type { Estimate } from "./estimate.ts";
import {
  dissipationFactor,
  type FluctuationChoice,
  type MomentumSettings,
  phaseSpace,
} from "./fluctuationDissipation.ts";
import { refuse } from "./refusal.ts";
import { replicaWarnings } from "./replicas.ts";

/** A state at one end of a trajectory. */
export interface EndPoint {
  /** [param] */
  readonly theta: ArrayLike<number>;
  /** [param]; may be left out without momentum. */
  readonly velocity?: ArrayLike<number>;
}

/** Sums over the T steps of one trajectory. */
export interface TrajectorySums {
  /** Σ (θ_t−c)·G_t */
  readonly thetaG: number;
  /** Σ |v_{t+1}|², the velocities after each update. */
  readonly velocitySquare: number;
  /** Σ |(θ_t−c)·G_t| or a bound on it: what the residual is compared with. */
  readonly magnitude: number;
  readonly start: EndPoint;
  readonly end: EndPoint;
  /** c, [param]; default 0. */
  readonly center?: ArrayLike<number>;
}

/**
 * (left − right) of the identity, relative to the terms that were summed (`magnitude` + κ Σ|v|²).
 *
 * About T^½ · 10⁻¹⁶ from a float64 trajectory. In float32 θ' = θ + ηv' is rounded by 2⁻²⁴|θ|, which
 * the identity divides by η: about 2⁻²⁴|θ|/(η|G|√T), besides the rounding of the sums.
 *
 * @throws ArgumentError for settings that are none of SGD.
 */
export function telescopingResidual(sums: TrajectorySums, settings: MomentumSettings): number {
  const { learningRate: eta, momentum: mu = 0, dampening: nu = 0 } = settings;
  const kinetic = dissipationFactor(settings) * sums.velocitySquare;
  const [first, last] = [products(sums.start, sums.center), products(sums.end, sums.center)];
  const ends = ((1 - mu) * (last.square - first.square)) / (2 * eta);
  const boundary = (ends + mu * (last.cross - first.cross)) / (1 - nu);
  const size = sums.magnitude + Math.abs(kinetic);
  const residual = sums.thetaG - kinetic + boundary;
  return residual === 0 ? 0 : residual / size;
}

/** |θ−c|² and (θ−c)·v. */
function products({ theta, velocity }: EndPoint, center?: ArrayLike<number>) {
  let square = 0;
  let cross = 0;
  for (let p = 0; p < theta.length; p++) {
    const deviation = theta[p]! - (center?.[p] ?? 0);
    square += deviation * deviation;
    cross += deviation * (velocity?.[p] ?? 0);
  }
  return { square, cross };
}

/** States of all replicas, as `ensemble.state()` gives them, [condition, replica, param]. */
export interface EndStates {
  readonly theta: Field;
  readonly velocity: Field | null;
}

export interface TelescopingChoice extends FluctuationChoice {
  /** T, steps of the record. */
  readonly steps: number;
  /** States before the first and after the last step; all parameters, in the record's order. */
  readonly start: EndStates;
  readonly end: EndStates;
  /** c, [param]; default 0. Near the mean of θ least is lost to float32. */
  readonly center?: readonly number[];
}

/**
 * The largest relative residual |left − right| over the replicas of a record of moments with every
 * step (`every: 1`) of θ, v and G.
 *
 * `magnitude` is the Cauchy-Schwarz bound √(Σ|θ−c|² Σ|G|²). The value has no standard error (0): the
 * identity holds for each replica. Frozen replicas are left out and counted.
 *
 * @throws ArgumentError when steps are missing in the record or the states do not fit;
 *   RefusalError when all replicas froze.
 */
export function telescopingError(record: MomentsRecord, choice: TelescopingChoice): Estimate {
  const where = "telescopingError";
  const { steps, condition = 0 } = choice;
  const { d, replicas, product } = phaseSpace(where, record, choice);
  checkSteps(where, record, steps);
  const center = choice.center ?? new Array<number>(d).fill(0);
  const zero = new Array<number>(d).fill(0);
  const [start, end] = [choice.start, choice.end].map((states) =>
    endPoints(where, states, d, condition, replicas),
  );
  return largestResidual(where, replicas, (r) => {
    const sums = { thetaG: 0, thetaSquare: 0, gradientSquare: 0, velocitySquare: 0 };
    for (let i = 0; i < d; i++) {
      sums.thetaG += steps * product(r, ["", i, center], ["g.", i, zero]);
      sums.thetaSquare += steps * product(r, ["", i, center], ["", i, center]);
      sums.gradientSquare += steps * product(r, ["g.", i, zero], ["g.", i, zero]);
      sums.velocitySquare += steps * product(r, ["v.", i, zero], ["v.", i, zero]);
    }
    const [first, last] = [start!(r), end!(r)];
    const shift = square(last.velocity) - square(first.velocity);
    return telescopingResidual(
      {
        thetaG: sums.thetaG,
        velocitySquare: sums.velocitySquare + shift,
        magnitude: Math.sqrt(sums.thetaSquare * sums.gradientSquare),
        start: first,
        end: last,
        center,
      },
      choice,
    );
  });
}

/**
 * The largest |residual| of an identity that each replica obeys; residuals that are not finite are
 * those of frozen replicas.
 * @throws RefusalError when all replicas froze.
 */
export function largestResidual(
  where: string,
  replicas: number,
  residual: (replica: number) => number,
): Estimate {
  let largest = 0;
  let n = 0;
  for (let r = 0; r < replicas; r++) {
    const value = Math.abs(residual(r));
    if (!Number.isFinite(value)) continue;
    n++;
    largest = Math.max(largest, value);
  }
  const method = `largest of ${n} replicas`;
  const warnings = replicaWarnings(replicas - n, replicas).slice(0, replicas > n ? 1 : 0);
  const estimate: Estimate = { value: largest, standardError: 0, n, method, warnings };
  if (n > 0) return estimate;
  const message = `${where}: none of ${replicas} replicas is finite; lower learningRate.`;
  return refuse(message, { ...estimate, value: Number.NaN, standardError: Number.NaN });
}

const square = (values: ArrayLike<number> = []): number => {
  let sum = 0;
  for (let p = 0; p < values.length; p++) sum += values[p]! ** 2;
  return sum;
};

/** @throws ArgumentError unless the record holds every one of `steps` steps. */
export function checkSteps(
  where: string,
  { every, lags, counts }: MomentsRecord,
  steps: number,
): void {
  const recorded = counts[lags.indexOf(0)];
  if (every === 1 && recorded === steps) return;
  throw new ArgumentError(
    `${where}: ${recorded} records, one in ${every} steps, for ${steps} steps; the identity ` +
      "needs every step: observe moments({ every: 1 }).",
  );
}

/** The state of each replica; @throws ArgumentError for states that do not fit the record. */
export function endPoints(
  where: string,
  { theta, velocity }: EndStates,
  d: number,
  condition: number,
  replicas: number,
): (replica: number) => Required<EndPoint> {
  const [, count, params] = theta.axes.map(({ length }) => length) as [number, number, number];
  if (count !== replicas || params !== d) {
    throw new ArgumentError(
      `${where}: states of ${count} replicas and ${params} parameters for a record of ` +
        `${replicas} and ${d}; observe every parameter x with its v.x, and what else is needed.`,
    );
  }
  return (r) => {
    const at = (condition * replicas + r) * d;
    const part = (field: Field | null) => field?.data.subarray(at, at + d) ?? new Float64Array(d);
    return { theta: part(theta), velocity: part(velocity) };
  };
}
