/**
 * A lower bound on entropy production from the precision of currents, the best linear one.
 *
 *   sigma >= 2 ⟨J⟩²/(τ Var J),  J = Σ_ij Θ_ij ½(x + x')_i (x' − x)_j over a window of length τ
 *
 * The supremum over Θ is 2 μᵀ Σ⁻¹ μ/τ, with mean μ and covariance Σ of the d² currents, at Θ ∝ Σ⁻¹ μ.
 * The symmetric ones are total derivatives: they flow nowhere, yet they take variance away. For a
 * linear process the bound tends to sigma as τ → 0. Θ is found on one half of the replicas and used on
 * the other, and the other way round: the optimum of a sample would lie above that of the process.
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

/** Fewer replicas than this have no half whose scatter is known. */
const LEAST_REPLICAS = 20;

/**
 * The thermodynamic uncertainty bound with the best linear current, in nats per unit of time.
 *
 * Error: jackknife over the replicas of each half with Θ of the other; the halves' errors are added
 * as independent ones. The square's bias from noise is taken out, so near equilibrium the estimate
 * may be negative. Below the entropy production of the process, not only of what is seen of it, as
 * long as the coordinates are even under time reversal.
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
  const method = `best linear current of one half of ${n} replicas, its precision in the other`;
  if (n < LEAST_REPLICAS) {
    refuse(
      `${where}: ${n} replicas make no two halves; use at least ${LEAST_REPLICAS}.`,
      noEstimate(method),
    );
  }
  const sums = currentSums(paths, window);
  const [even, odd] = [0, 1].map((parity) => half(sums, parity)) as [Half, Half];
  const time = window * paths.interval;
  const bounds = [
    boundOf(even, bestCurrent(where, odd), time),
    boundOf(odd, bestCurrent(where, even), time),
  ] as const;
  return {
    value: (bounds[0].value + bounds[1].value) / 2,
    standardError: Math.hypot(bounds[0].standardError, bounds[1].standardError) / 2,
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

interface Half {
  readonly sums: CurrentSums;
  readonly means: Float64Array;
}

function half({ data, replicas, currents, k }: CurrentSums, parity: number): Half {
  const rows = Array.from({ length: replicas }, (_, r) => r).filter((r) => r % 2 === parity);
  const own = new Float64Array(rows.length * k);
  const means = new Float64Array(k);
  rows.forEach((r, at) => {
    own.set(data.subarray(r * k, (r + 1) * k), at * k);
    for (let m = 0; m < k; m++) means[m]! += data[r * k + m]! / rows.length;
  });
  return { sums: { data: own, replicas: rows.length, currents, k }, means };
}

/** Σ⁻¹ μ in units of the currents' own deviations. */
function bestCurrent(where: string, { sums: { currents }, means }: Half): Float64Array {
  const covariance = Array.from({ length: currents }, (_, a) =>
    Array.from(
      { length: currents },
      (_, b) => means[currents + a * currents + b]! - means[a]! * means[b]!,
    ),
  );
  const deviations = covariance.map((row, a) => Math.sqrt(row[a]!));
  const correlation = new Matrix(
    covariance.map((row, a) => row.map((value, b) => value / (deviations[a]! * deviations[b]!))),
  );
  const scaledMean = Matrix.columnVector(deviations.map((size, a) => means[a]! / size));
  let weights: number[];
  try {
    weights = solve(correlation, scaledMean).to1DArray();
  } catch {
    weights = [Number.NaN];
  }
  if (!weights.every(Number.isFinite)) {
    refuse(
      `${where}: the currents are combinations of each other; leave a coordinate out.`,
      noEstimate(where),
    );
  }
  return Float64Array.from(weights, (weight, a) => weight / deviations[a]!);
}

function boundOf({ sums }: Half, weights: Float64Array, time: number): Estimate {
  const { currents } = sums;
  return jackknife(
    sums,
    (means) => {
      let mean = 0;
      let square = 0;
      for (let a = 0; a < currents; a++) {
        mean += weights[a]! * means[a]!;
        for (let b = 0; b < currents; b++) {
          square += weights[a]! * weights[b]! * means[currents + a * currents + b]!;
        }
      }
      return (2 * mean ** 2) / (time * (square - mean ** 2));
    },
    { biasCorrected: true },
  );
}
