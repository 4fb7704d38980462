/**
 * A lower bound on entropy production from the precision of currents, the best linear one.
 *
 *   sigma >= 2 ⟨J⟩²/(τ Var J),  J = Σ_ij Θ_ij ½(x + x')_i (x' − x)_j over a window of length τ
 *
 * The supremum over Θ is 2 μᵀ Σ⁻¹ μ/τ, with mean μ and covariance Σ of the d² currents, at Θ ∝ Σ⁻¹ μ.
 * The symmetric ones are total derivatives: they flow nowhere, yet they take variance away. For a
 * linear process the bound tends to sigma as τ → 0. The optimum of a sample lies above that of the
 * process by what noise adds to a square, which the jackknife takes out.
 *
 * Sources: A. C. Barato, U. Seifert, PRL 114, 158101 (2015); S. K. Manikandan, D. Gupta,
 * S. Krishnamurthy, PRL 124, 120603 (2020), for short times. Left out: currents that are not linear.
 */
import { Matrix, solve } from "ml-matrix";
import { ArgumentError } from "../engine/errors.ts";
import type { SeriesRecord } from "../engine/record.ts";
import { type Estimate, noEstimate } from "./estimate.ts";
import { jackknife } from "./jackknife.ts";
import { refuse } from "./refusal.ts";
import { type Trajectories, type TrajectoryChoice, trajectories } from "./trajectories.ts";

export interface UncertaintyChoice extends TrajectoryChoice {
  /** τ in records, default 1: windows follow one another without overlap. */
  readonly window?: number;
}

/** Fewer replicas than this have no scatter of the currents that is known. */
const LEAST_REPLICAS = 20;

/**
 * The thermodynamic uncertainty bound with the best linear current, in nats per unit of time.
 *
 * Error: bias-corrected jackknife over replicas, with the second-order part that a square has near
 * equilibrium, where the estimate is negative half of the time. On average below the entropy production
 * of the process, not only of what is seen of it, as long as the coordinates are even under time reversal.
 *
 * @throws ArgumentError for a window longer than the paths; RefusalError for fewer than 20 replicas,
 *   or currents that are combinations of each other.
 * @example uncertaintyBound(record.series, { of: ["theta[0]", "theta[1]"], timeStep: 0.01 })
 */
export function uncertaintyBound(
  record: SeriesRecord,
  { window = 1, ...choice }: UncertaintyChoice = {},
): Estimate {
  const where = "uncertaintyBound";
  const paths = trajectories(where, record, choice);
  if (!(Number.isInteger(window) && window >= 1 && window < paths.length)) {
    throw new ArgumentError(
      `${where}: a window of ${window} records in paths of ${paths.length}; give a whole number ` +
        "from 1 to one less than the path's records.",
    );
  }
  const n = paths.paths.length;
  const method = `best linear current of ${n} replicas, bias-corrected jackknife`;
  if (n < LEAST_REPLICAS) {
    refuse(
      `${where}: the scatter of ${n} replicas is not known; use at least ${LEAST_REPLICAS}.`,
      noEstimate(method),
    );
  }
  const sums = currentSums(paths, window);
  const time = window * paths.interval;
  const found = jackknife(sums, (means) => boundOf(means, sums.currents, time), {
    biasCorrected: true,
  });
  if (!Number.isFinite(found.value)) {
    refuse(
      `${where}: the currents are combinations of each other; leave a coordinate out.`,
      noEstimate(where),
    );
  }
  // The variance of a square is 4 μᵀ M Σ⁻¹ μ + 2 tr M²; the jackknife's is the first with the sample's
  // own μ, which is too large by 4 tr M².
  const noise = squareNoise(sums, time);
  const linear = Math.max(0, found.standardError ** 2 - 4 * noise);
  return {
    value: found.value,
    standardError: Math.sqrt(linear + 2 * noise),
    n,
    method,
    warnings: paths.warnings,
  };
}

/** Means over windows of each replica: currents, then products of two, [replica, k]. */
interface CurrentSums {
  readonly data: Float64Array;
  readonly replicas: number;
  readonly currents: number;
  readonly k: number;
}

function currentSums({ paths, dimensions: d, length }: Trajectories, window: number): CurrentSums {
  const currents = d * d;
  const k = currents + currents * currents;
  const data = new Float64Array(paths.length * k);
  const windows = Math.floor((length - 1) / window);
  const J = new Float64Array(currents);
  paths.forEach((path, r) => {
    const row = data.subarray(r * k, (r + 1) * k);
    for (let w = 0; w < windows; w++) {
      J.fill(0);
      for (let t = w * window; t < (w + 1) * window; t++) addCurrents(J, path, t);
      for (let a = 0; a < currents; a++) {
        row[a]! += J[a]! / windows;
        for (let b = 0; b < currents; b++) {
          row[currents + a * currents + b]! += (J[a]! * J[b]!) / windows;
        }
      }
    }
  });
  return { data, replicas: paths.length, currents, k };
}

/** Adds ½(x + x')_i (x' − x)_j of the displacement from t to t + 1. */
function addCurrents(J: Float64Array, path: readonly ArrayLike<number>[], t: number): void {
  const d = path.length;
  for (let i = 0; i < d; i++) {
    const middle = (path[i]![t]! + path[i]![t + 1]!) / 2;
    for (let j = 0; j < d; j++) J[i * d + j]! += middle * (path[j]![t + 1]! - path[j]![t]!);
  }
}

type Rows = readonly (readonly number[])[];

/** μ and Σ of one window in units of the currents' own deviations, `size`. */
interface Standardized {
  readonly size: readonly number[];
  readonly mean: readonly number[];
  readonly sigma: Rows;
}

function standardized(means: Float64Array, currents: number): Standardized {
  const second = (a: number, b: number): number =>
    means[currents + a * currents + b]! - means[a]! * means[b]!;
  const size = Array.from({ length: currents }, (_, a) => Math.sqrt(second(a, a)));
  return {
    size,
    mean: size.map((one, a) => means[a]! / one),
    sigma: size.map((one, a) => size.map((other, b) => second(a, b) / (one * other))),
  };
}

/** Σ⁻¹ of columns; null where Σ is singular. */
function solved(sigma: Rows, columns: Matrix): Matrix | null {
  try {
    return solve(new Matrix(sigma.map((row) => [...row])), columns);
  } catch {
    return null;
  }
}

/** 2 μᵀ Σ⁻¹ μ/τ; NaN where Σ is singular. */
function boundOf(means: Float64Array, currents: number, time: number): number {
  const { mean, sigma } = standardized(means, currents);
  const weights = solved(sigma, Matrix.columnVector(mean))?.to1DArray();
  if (!weights) return Number.NaN;
  return (2 / time) * weights.reduce((sum, weight, a) => sum + weight * mean[a]!, 0);
}

/** (2/τ)² tr M², M = Σ⁻¹ C/R with C the scatter of the replicas' own mean currents. */
function squareNoise({ data, replicas, currents, k }: CurrentSums, time: number): number {
  const means = new Float64Array(k);
  for (let at = 0; at < data.length; at++) means[at % k]! += data[at]! / replicas;
  const { size, mean, sigma } = standardized(means, currents);
  const scatter = Matrix.zeros(currents, currents);
  for (let r = 0; r < replicas; r++) {
    const away = mean.map((one, a) => data[r * k + a]! / size[a]! - one);
    for (let a = 0; a < currents; a++) {
      for (let b = 0; b < currents; b++) {
        scatter.set(a, b, scatter.get(a, b) + (away[a]! * away[b]!) / (replicas * (replicas - 1)));
      }
    }
  }
  const M = solved(sigma, scatter);
  return M === null ? Number.NaN : (2 / time) ** 2 * M.mmul(M).trace();
}
