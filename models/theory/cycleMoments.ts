/**
 * Exact stationary mean and variance of one-dimensional SGD at the ends of its cycles, for every
 * sampling law, on quadratic samples a_i (w − c_i)²/2.
 *
 * A batch acts as w ↦ r_B w + s_B with r_B = 1 − η⟨a⟩_B and s_B = η⟨a c⟩_B, a cycle as
 * w ↦ P w + q. Fresh cycles are independent of w, so E w = E q/(1 − E P) and
 * E w² = (2 E[Pq] E w + E q²)/(1 − E P²). The averages over all orders of the batches follow by
 * dynamic programming over subsets of samples: the first batch B of a subset wraps the cycle of
 * the rest, (P, q) ↦ (r P, s P + q) for an epoch, (r² P, r s P + r q + s) forward and backward.
 *
 * Left out: more than 20 samples under the laws that need the enumeration.
 */
import { ArgumentError } from "../../engine/errors.ts";
import { batchNoiseFactor, checkBatchSize } from "./batchNoise.ts";
import { bitCount, forEachBatch } from "./subsets.ts";

/** Minibatch laws, named as the engine names them. */
export type SamplingLaw =
  | "withReplacement"
  | "distinct"
  | "reshuffled"
  | "sequential"
  | "symmetric"
  | "fullBatch";

/** 2²⁰ subsets take about a second and 40 MB. */
const MAX_ENUMERATED = 20;

export interface QuadraticSamples {
  /** a_i, [samples]. */
  readonly curvatures: ArrayLike<number>;
  /** c_i, [samples]. */
  readonly centers: ArrayLike<number>;
  readonly learningRate: number;
  readonly batchSize: number;
  readonly sampling: SamplingLaw;
}

export interface CycleMoments {
  /** Stationary mean of w at cycle ends. */
  readonly mean: number;
  /** Stationary variance of w at cycle ends. */
  readonly variance: number;
  /** SGD steps in a cycle: 1, an epoch of N/m, or 2N/m for the symmetric walk. */
  readonly stepsPerCycle: number;
}

/** Moments of a random affine map w ↦ P w + q. */
export interface AffineMoments {
  readonly P: number;
  readonly q: number;
  readonly PP: number;
  readonly Pq: number;
  readonly qq: number;
}

/**
 * Stationary mean and variance of w after each cycle.
 *
 * A cycle is one step for `withReplacement`, `distinct` and `fullBatch`; one epoch for
 * `reshuffled` and `sequential` (samples in index order); a permutation forward, then backward, so
 * that its last batch is used twice in a row, for `symmetric`.
 *
 * @throws ArgumentError when the batches do not divide the samples (epoch laws), when more than 20
 *   samples would have to be enumerated, or when E P or E P² is not below 1 in modulus.
 */
export function cycleMoments(problem: QuadraticSamples): CycleMoments {
  checkQuadraticSamples("cycleMoments", problem);
  // Centers are measured from their mean: a small variance then keeps all its digits.
  const origin = meanOf(Array.from(problem.centers));
  const centers = Array.from(problem.centers, (center) => center - origin);
  const { mean, variance } = stationaryOf(cycleOf({ ...problem, centers }));
  return { mean: origin + mean, variance, stepsPerCycle: stepsPerCycle(problem) };
}

function stepsPerCycle({ curvatures, batchSize, sampling }: QuadraticSamples): number {
  const batches = curvatures.length / batchSize;
  if (sampling === "symmetric") return 2 * batches;
  return sampling === "reshuffled" || sampling === "sequential" ? batches : 1;
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function cycleOf(problem: QuadraticSamples): AffineMoments {
  switch (problem.sampling) {
    case "withReplacement":
    case "distinct":
    case "fullBatch":
      return independentBatch(problem, problem.sampling);
    case "sequential":
      return sequentialEpoch(problem);
    case "reshuffled":
    case "symmetric":
      return averageOverOrders(problem, problem.sampling === "symmetric");
  }
}

/** Mean and variance of the fixed point of w ↦ P w + q with fresh (P, q) at each cycle. */
function stationaryOf({ P, q, PP, Pq, qq }: AffineMoments): { mean: number; variance: number } {
  if (!(Math.abs(P) < 1 && PP < 1)) {
    throw new ArgumentError(
      `cycleMoments: a cycle multiplies the mean by ${P} and the second moment by ${PP}, not ` +
        "below 1, so no stationary state exists; lower learningRate.",
    );
  }
  const mean = q / (1 - P);
  // About the mean, with q_0 = q − (1 − P) mean: E q_0 = 0, so Var = E q_0²/(1 − E P²).
  const spread = qq - 2 * mean * (q - Pq) + mean * mean * (1 - 2 * P + PP);
  return { mean, variance: Math.max(0, spread / (1 - PP)) };
}

function independentBatch(
  { curvatures: a, centers: c, learningRate: eta, batchSize }: QuadraticSamples,
  sampling: "withReplacement" | "distinct" | "fullBatch",
): AffineMoments {
  const N = a.length;
  const f = batchNoiseFactor(N, batchSize, sampling);
  const r = Array.from(a, (curvature) => 1 - eta * curvature);
  const s = Array.from(a, (curvature, i) => eta * curvature * c[i]!);
  const P = meanOf(r);
  const q = meanOf(s);
  const product = (x: number[], y: number[], mx: number, my: number) =>
    mx * my + f * meanOf(x.map((value, i) => (value - mx) * (y[i]! - my)));
  return { P, q, PP: product(r, r, P, P), Pq: product(r, s, P, q), qq: product(s, s, q, q) };
}

function sequentialEpoch(problem: QuadraticSamples): AffineMoments {
  const { curvatures: a, centers: c, learningRate: eta, batchSize } = problem;
  let P = 1;
  let q = 0;
  for (let first = 0; first < a.length; first += batchSize) {
    let r = 1;
    let s = 0;
    for (let i = first; i < first + batchSize; i++) {
      r -= (eta * a[i]!) / batchSize;
      s += (eta * a[i]! * c[i]!) / batchSize;
    }
    P *= r;
    q = r * q + s;
  }
  return { P, q, PP: P * P, Pq: P * q, qq: q * q };
}

/** Average over all ordered partitions into batches; table rows are (P, q, P², Pq, q²) of a subset. */
function averageOverOrders(problem: QuadraticSamples, symmetric: boolean): AffineMoments {
  const { curvatures: a, centers: c, learningRate: eta, batchSize: m } = problem;
  const N = a.length;
  if (N > MAX_ENUMERATED) {
    throw new ArgumentError(
      `cycleMoments: ${N} samples are too many to average over all orders (at most ` +
        `${MAX_ENUMERATED}); use fewer, or epochShift / epochVariance where a closed form exists.`,
    );
  }
  const table = new Float64Array(5 << N);
  table.set([1, 0, 1, 0, 0]);
  const total = new Float64Array(5);
  for (let subset = 1; subset < 1 << N; subset++) {
    if (bitCount(subset) % m !== 0) continue;
    total.fill(0);
    let count = 0;
    forEachBatch(subset, m, (batch) => {
      let r = 1;
      let s = 0;
      for (let i = 0; i < N; i++) {
        if ((batch >> i) & 1) {
          r -= (eta * a[i]!) / m;
          s += (eta * a[i]! * c[i]!) / m;
        }
      }
      addWrapped(
        total,
        table,
        5 * (subset & ~batch),
        symmetric ? [r * r, r * s, r, s] : [r, s, 1, 0],
      );
      count++;
    });
    for (let k = 0; k < 5; k++) table[5 * subset + k] = total[k]! / count;
  }
  const [P, q, PP, Pq, qq] = table.subarray(5 * ((1 << N) - 1));
  return { P: P!, q: q!, PP: PP!, Pq: Pq!, qq: qq! };
}

/** Adds the moments of (α P, β P + γ q + δ). */
function addWrapped(
  total: Float64Array,
  table: Float64Array,
  row: number,
  [alpha, beta, gamma, delta]: readonly [number, number, number, number],
): void {
  const P = table[row]!;
  const q = table[row + 1]!;
  const PP = table[row + 2]!;
  const Pq = table[row + 3]!;
  const qq = table[row + 4]!;
  total[0]! += alpha * P;
  total[1]! += beta * P + gamma * q + delta;
  total[2]! += alpha * alpha * PP;
  total[3]! += alpha * (beta * PP + gamma * Pq + delta * P);
  total[4]! +=
    beta * beta * PP +
    gamma * gamma * qq +
    delta * delta +
    2 * beta * gamma * Pq +
    2 * delta * (beta * P + gamma * q);
}

/** @throws ArgumentError for lengths that differ, or epochs that batches do not fill. */
export function checkQuadraticSamples(where: string, problem: QuadraticSamples): void {
  const { curvatures, centers, batchSize, sampling, learningRate } = problem;
  if (curvatures.length !== centers.length) {
    throw new ArgumentError(
      `${where}: ${curvatures.length} curvatures for ${centers.length} centers; give one of each ` +
        "per sample.",
    );
  }
  if (!(learningRate > 0)) {
    throw new ArgumentError(`${where}: learningRate is ${learningRate}; give a positive number.`);
  }
  checkBatchSize(where, curvatures.length, batchSize, sampling === "withReplacement");
  const epochs = sampling === "reshuffled" || sampling === "sequential" || sampling === "symmetric";
  if (epochs && curvatures.length % batchSize !== 0) {
    throw new ArgumentError(
      `${where}: batchSize ${batchSize} does not divide ${curvatures.length} samples, so an epoch ` +
        "of whole batches does not exist; choose a divisor.",
    );
  }
}
