/**
 * Diffusion of one epoch without replacement, exact over all permutations.
 *
 * The batch gradients of an epoch add up to the full gradient, whatever their order: noise of order η
 * cancels, and what is left of an epoch's displacement is η² X, X = Σ_{j<k} H_k g_j over the batches in
 * the order of their visit, with the batches' means of H_i and g_i (arXiv 2306.03521). Here
 *   D = (η⁴/2) Cov X,  m² X = Σ_{a≠b} [a's batch before b's] V_ba = ½ Σ_{a≠b} (1 − same_ab + s_ab) V_ba,
 * V_ba = H_b g_a, s_ab = ±1 by which batch comes first and 0 in one. A reversed order flips all s, so
 * that same and s are uncorrelated, and s_ab, s_cd are where the pairs are disjoint; the rest are sums
 * over pairs and triples, O(N²P²). No sampling of permutations. With equal H_i = H:
 *   D = (η⁴/24) M²(M + 1) H Σ_B H,  M = N/m, Σ_B the covariance of one batch's gradient.
 */
import { ArgumentError } from "../../engine/errors.ts";
import { checkBatchSize } from "./batchNoise.ts";

type Rows = readonly (readonly number[])[];

/** Gradients [N, P] and Hessians [N, P, P] of the samples at one point. */
export interface SampleDerivatives {
  readonly gradients: readonly ArrayLike<number>[];
  readonly hessians: readonly (readonly ArrayLike<number>[])[];
}

/**
 * Cov over permutations of X = Σ_{j<k} H_k g_j, [P, P]; the epoch diffuses by D = (η⁴/2) Cov X.
 *
 * Units: (loss/θ)²(loss/θ²)². Exact, float64 rounding.
 *
 * @throws ArgumentError for batches that do not divide the samples.
 * @see arXiv 2306.03521; derivation in the file head
 */
export function epochCovariance(
  { gradients, hessians }: SampleDerivatives,
  batchSize: number,
): number[][] {
  const N = gradients.length;
  const m = batchSize;
  checkBatchSize("epochCovariance", N, m);
  if (N % m !== 0) {
    throw new ArgumentError(
      `epochCovariance: batchSize ${m} does not divide ${N} samples, so an epoch of whole batches ` +
        "does not exist; choose a divisor.",
    );
  }
  const P = gradients[0]!.length;
  const sums = pairSums(gradients, hessians, P);
  const { ordered, together } = indicators(N, m);
  return Array.from({ length: P }, (_, i) =>
    Array.from({ length: P }, (_, j) => {
      const at = i * P + j;
      // Pairs once; pairs that share one sample; disjoint pairs.
      const signs =
        ordered.pair * sums.U2[at]! + ordered.shared * (sums.U1[at]! - 2 * sums.U2[at]!);
      const shared = sums.T1[at]! - 2 * sums.T2[at]!;
      const disjoint = sums.T[i]! * sums.T[j]! - sums.T2[at]! - shared;
      const same = together.pair * sums.T2[at]! + together.shared * shared;
      return (signs + same + together.disjoint * disjoint) / (4 * m ** 4);
    }),
  );
}

/** Covariances of s and of same over random permutations: of a pair, of pairs that share, of others. */
function indicators(N: number, m: number) {
  const M = N / m;
  const ratio = (above: number, below: number): number => (above === 0 ? 0 : above / below);
  const p = ratio(m - 1, N - 1);
  const three = N > 2 ? ratio(p * (m - 2), N - 2) : 0;
  const four = N > 3 ? ratio(p * ((m - 2) * (m - 3) + (N - m) * (m - 1)), (N - 2) * (N - 3)) : 0;
  // a's batch is number k of 0 … M − 1: (after − before)² over k is m²(M² − 1)/3 on average.
  const opposed = (m * m * (M * M - 1)) / 3 - (N - m);
  return {
    ordered: {
      pair: ratio(N - m, N - 1),
      shared: N > 2 ? ratio(opposed, (N - 1) * (N - 2)) : 0,
    },
    together: { pair: p - p * p, shared: three - p * p, disjoint: four - p * p },
  };
}

/**
 * With u_ab = V_ba − V_ab and t_ab = V_ba + V_ab: U2, T2 = Σ_{a<b} u uᵀ, t tᵀ; U1, T1 = Σ_a of the squares
 * of Σ_b u_ab, Σ_b t_ab; T = Σ_{a<b} t_ab.
 */
function pairSums(
  gradients: SampleDerivatives["gradients"],
  hessians: SampleDerivatives["hessians"],
  P: number,
) {
  const zeros = (): Float64Array => new Float64Array(P * P);
  const [U1, U2, T1, T2] = [zeros(), zeros(), zeros(), zeros()];
  const T = new Float64Array(P);
  const product = (H: readonly ArrayLike<number>[], g: ArrayLike<number>, into: Float64Array) => {
    for (let i = 0; i < P; i += 1) {
      let sum = 0;
      for (let k = 0; k < P; k += 1) sum += H[i]![k]! * g[k]!;
      into[i] = sum;
    }
  };
  const addSquare = (into: Float64Array, x: Float64Array): void => {
    for (let i = 0; i < P; i += 1) for (let j = 0; j < P; j += 1) into[i * P + j]! += x[i]! * x[j]!;
  };
  const [V, W, u, t] = [0, 1, 2, 3].map(() => new Float64Array(P)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  gradients.forEach((g, a) => {
    const [U, Ta] = [new Float64Array(P), new Float64Array(P)];
    gradients.forEach((other, b) => {
      if (a === b) return;
      product(hessians[b]!, g, V);
      product(hessians[a]!, other, W);
      for (let i = 0; i < P; i += 1) {
        u[i] = V[i]! - W[i]!;
        t[i] = V[i]! + W[i]!;
        U[i]! += u[i]!;
        Ta[i]! += t[i]!;
      }
      if (a < b) {
        addSquare(U2, u);
        addSquare(T2, t);
      }
    });
    addSquare(U1, U);
    addSquare(T1, Ta);
    for (let i = 0; i < P; i += 1) T[i]! += Ta[i]! / 2;
  });
  return { U1, U2, T1, T2, T };
}

/** Cov X where all samples have the Hessian H: M²(M + 1)/12 · H Σ_B H, Σ_B of one batch's gradient. */
export function equalHessianEpochCovariance(
  hessian: Rows,
  batchCovariance: Rows,
  batches: number,
): number[][] {
  const times = (A: Rows, B: Rows): number[][] =>
    A.map((row) => B[0]!.map((_, j) => row.reduce((sum, a, k) => sum + a * B[k]![j]!, 0)));
  const factor = (batches ** 2 * (batches + 1)) / 12;
  return times(times(hessian, batchCovariance), hessian).map((row) => row.map((x) => factor * x));
}
