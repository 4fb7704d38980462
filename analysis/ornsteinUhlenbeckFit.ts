/**
 * A linear process fitted to lagged moments in a plane, and its irreversibility.
 *
 *   F = ⟨x' xᵀ⟩ S⁻¹,  A = −ln F/τ,  D = (A S + S Aᵀ)/2,  τ the lag times the time step
 *   entropy production = tr(Ωᵀ D⁻¹ Ω S) = a² tr A/det D,  a = ½(A S − S Aᵀ)₁₂ its area rate
 *   of a pair of states: KL[(x, x') ‖ (x', x)]/τ of Gaussians = tr(Q⁻¹ (K Fᵀ − F K))/(2τ),
 *   K = F S − S Fᵀ, Q = S − F S Fᵀ
 *
 * D comes from A and S, not from ⟨dx dx⟩/2τ, which misses it by O(τ). Left out: more than two
 * coordinates; processes that are not linear, for which the fit is their linear part.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { MomentsRecord } from "../engine/record.ts";
import { type Coordinate, coordinateIndex, lagIndex, momentColumns } from "./coordinates.ts";
import type { Estimate } from "./estimate.ts";
import { jackknife } from "./jackknife.ts";
import { refuse } from "./refusal.ts";

/** A 2 × 2 matrix, row by row. */
type Matrix2 = readonly [number, number, number, number];

export interface FitChoice {
  /** Index of the condition, default 0. */
  readonly condition?: number;
  readonly i: Coordinate;
  readonly j: Coordinate;
  /** In SGD steps, default 1; the record must hold it beside lag 0. */
  readonly lag?: number;
  /** Time of one SGD step, default 1: rates are per unit of it. */
  readonly timeStep?: number;
}

export interface OrnsteinUhlenbeckFit {
  /** A, [i, j], per unit of time. */
  readonly drift: readonly (readonly Estimate[])[];
  /** D, [i, j]. */
  readonly diffusion: readonly (readonly Estimate[])[];
  /** Of the fitted process in continuous time, in nats per unit of time. */
  readonly entropyProduction: Estimate;
  /** Of pairs of states a lag apart: a lower bound for what is unseen between them. */
  readonly pairEntropyProduction: Estimate;
  /** Turns about the mean per unit of time, a/(2π √det S): counterclockwise is positive. */
  readonly cyclingFrequency: Estimate;
}

const product = (a: Matrix2, b: Matrix2): Matrix2 => [
  a[0] * b[0] + a[1] * b[2],
  a[0] * b[1] + a[1] * b[3],
  a[2] * b[0] + a[3] * b[2],
  a[2] * b[1] + a[3] * b[3],
];
const transpose = ([a, b, c, d]: Matrix2): Matrix2 => [a, c, b, d];
const determinant = ([a, b, c, d]: Matrix2): number => a * d - b * c;
const difference = (a: Matrix2, b: Matrix2): Matrix2 => [
  a[0] - b[0],
  a[1] - b[1],
  a[2] - b[2],
  a[3] - b[3],
];
function inverse(m: Matrix2): Matrix2 {
  const size = determinant(m);
  return [m[3] / size, -m[1] / size, -m[2] / size, m[0] / size];
}

/**
 * ln F of eigenvalues r e^{±iφ} or λ₁, λ₂ > 0: (F − c) g + l, with g the divided difference of ln.
 * NaN where an eigenvalue is not positive: such an F is no exponential of a real generator.
 */
function logarithm(F: Matrix2): Matrix2 {
  const half = (F[0] + F[3]) / 2;
  // (λ₁ − λ₂)²/4, from the matrix's own differences.
  const square = ((F[0] - F[3]) / 2) ** 2 + F[1] * F[2];
  let slope: number;
  let level: number;
  if (square < 0) {
    const root = Math.sqrt(-square);
    slope = Math.atan2(root, half) / root;
    level = Math.log(Math.hypot(half, root));
  } else {
    // λ = half ± root: [ln λ₁ − ln λ₂]/(λ₁ − λ₂), and the mean of ln λ.
    const root = Math.sqrt(square);
    const ratio = root / half;
    slope = ratio < 1e-8 ? 1 / half : Math.atanh(ratio) / root;
    level = Math.log(half) + 0.5 * Math.log1p(-(ratio ** 2));
  }
  const shift = level - slope * half;
  return [slope * F[0] + shift, slope * F[1], slope * F[2], slope * F[3] + shift];
}

interface Fitted {
  readonly A: Matrix2;
  readonly D: Matrix2;
  readonly S: Matrix2;
  readonly entropyProduction: number;
  readonly pair: number;
  readonly frequency: number;
}

/** From S and C = ⟨x(t) x(t + lag)ᵀ⟩, both about the mean. */
function fitted(S: Matrix2, C: Matrix2, time: number): Fitted {
  const F = product(transpose(C), inverse(S));
  const A = logarithm(F).map((x) => -x / time) as unknown as Matrix2;
  const AS = product(A, S);
  const D: Matrix2 = [AS[0], (AS[1] + AS[2]) / 2, (AS[1] + AS[2]) / 2, AS[3]];
  const area = (AS[1] - AS[2]) / 2;
  const K = difference(transpose(C), C);
  const Q = difference(S, product(transpose(C), product(inverse(S), C)));
  const odd = difference(product(K, transpose(F)), product(F, K));
  const trace = product(inverse(Q), odd);
  return {
    A,
    D,
    S,
    entropyProduction: (area ** 2 * (A[0] + A[3])) / determinant(D),
    pair: (trace[0] + trace[3]) / (2 * time),
    // The flow of the current, x' = Ω x, has |Ω| = a²/|S|: it turns by a/√|S| radians.
    frequency: area / (2 * Math.PI * Math.sqrt(determinant(S))),
  };
}

/**
 * Drift, diffusion, entropy production and cycling frequency of the linear process with the measured
 * covariance and lagged covariance.
 *
 * Error: bias-corrected jackknife over replicas; for entropy production, which is a square, with
 * its second-order part (its variance at zero current is 2 bias², where the jackknife's is not).
 *
 * @throws ArgumentError when a lag, the condition or a coordinate is not in the record.
 * @throws RefusalError when the lagged covariance is that of no continuous process (an eigenvalue of F
 *   is not positive): the lag is too long.
 * @see card E2; S. Wang, S. R. Kulkarni, S. Verdú, IEEE Trans. Inf. Theory 55, 2392 (2009) for the
 *   divergence as an estimator.
 * @example ornsteinUhlenbeckFit(record.moments, { i: "theta[0]", j: "theta[1]" }).entropyProduction
 */
export function ornsteinUhlenbeckFit(
  record: MomentsRecord,
  { condition = 0, i, j, lag = 1, timeStep = 1 }: FitChoice,
): OrnsteinUhlenbeckFit {
  const where = "ornsteinUhlenbeckFit";
  if (!(lag >= 1)) throw new ArgumentError(`${where}: lag is ${lag}; give at least 1 step.`);
  const [a, b] = [coordinateIndex(where, record, i), coordinateIndex(where, record, j)];
  const now = momentColumns(where, record, condition, lagIndex(where, record, 0));
  const later = momentColumns(where, record, condition, lagIndex(where, record, lag));
  const k = 13;
  const data = new Float64Array(now.replicas * k);
  for (let r = 0; r < now.replicas; r++) {
    const own = [now.first(r, a), now.first(r, b)];
    own.push(now.second(r, a, a), now.second(r, a, b), now.second(r, b, b));
    own.push(later.first(r, a), later.first(r, b), later.firstEnd(r, a), later.firstEnd(r, b));
    own.push(later.second(r, a, a), later.second(r, a, b));
    own.push(later.second(r, b, a), later.second(r, b, b));
    data.set(own, r * k);
  }
  const processOf = (m: Float64Array): Fitted => {
    const cross = m[3]! - m[0]! * m[1]!;
    const S: Matrix2 = [m[2]! - m[0]! ** 2, cross, cross, m[4]! - m[1]! ** 2];
    const C: Matrix2 = [
      m[9]! - m[5]! * m[7]!,
      m[10]! - m[5]! * m[8]!,
      m[11]! - m[6]! * m[7]!,
      m[12]! - m[6]! * m[8]!,
    ];
    return fitted(S, C, lag * timeStep);
  };
  const samples = { data, replicas: now.replicas, k };
  const linear = (f: (process: Fitted) => number): Estimate =>
    jackknife(samples, (m) => f(processOf(m)), { biasCorrected: true });
  const square = (f: (process: Fitted) => number): Estimate => {
    const corrected = linear(f);
    const bias = jackknife(samples, (m) => f(processOf(m))).value - corrected.value;
    const first = Math.max(0, corrected.standardError ** 2 - 4 * bias ** 2);
    return { ...corrected, standardError: Math.sqrt(first + 2 * bias ** 2) };
  };
  const entries = (of: (process: Fitted) => Matrix2): Estimate[][] =>
    [0, 1].map((row) => [0, 1].map((column) => linear((one) => of(one)[2 * row + column]!)));
  const drift = entries((one) => one.A);
  if (!Number.isFinite(drift[0]![0]!.value)) {
    refuse(
      `${where}: the covariance at lag ${lag} is that of no continuous process; use a shorter lag.`,
      drift[0]![0]!,
    );
  }
  return {
    drift,
    diffusion: entries((one) => one.D),
    entropyProduction: square((one) => one.entropyProduction),
    pairEntropyProduction: square((one) => one.pair),
    cyclingFrequency: linear((one) => one.frequency),
  };
}
