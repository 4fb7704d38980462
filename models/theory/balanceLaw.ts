/**
 * Stationary law of a deep diagonal net, v = u_0 u_1 … u_D of one input, under SGD in continuous time.
 *
 * Loss (vx − y)², factors balanced (|u_k| equal, where SGD noise drives them), v > 0:
 *   dv = −(D+1) v^{2D/(D+1)} (2(b1 v − b2) dt + 2 √(T q) dW) + 2 D(D+1) v^{3−4/(D+1)} T q dt,
 *   q(v) = a1 v² − 2 a2 v + a3,   T = learningRate/batchSize,   t = learningRate · steps,
 * with moments of the data b1 = E x², b2 = E xy, a1 = Var x², a2 = E x³y − b1 b2, a3 = Var xy. Zero flux:
 *   P(v) ∝ v^{−3D/(D+1)} q⁻¹ exp(−(1/T) ∫ (b1 s − b2)/((D+1) s^{2D/(D+1)} q(s)) ds).
 *
 * Source: L. Ziyin, H. Li, M. Ueda, Law of balance and stationary distribution of SGD, arXiv
 * 2308.06671 (form; coefficients derived). Left out: D = 0, which has no sector v > 0 (see
 * `labelNoiseRegression`), widths above one, v < 0 (flip the sign of x), the learning rate's own size
 * (see `balanceCorrection`).
 */
import { ArgumentError } from "../../engine/errors.ts";
import { lineDensity } from "./lineDensity.ts";
import { nodeQuantile, nodeTailExponent } from "./nodeLaw.ts";

/** What the law needs to know of the data. */
export interface InputMoments {
  /** b1 = E x² > 0. */
  readonly b1: number;
  /** b2 = E xy > 0: the sector v > 0. */
  readonly b2: number;
  /** a1 = Var x². */
  readonly a1: number;
  /** a2 = Cov(x², xy). */
  readonly a2: number;
  /** a3 = Var xy > 0. */
  readonly a3: number;
}

export interface BalanceLawOptions {
  /** D >= 1: the net has D + 1 factors. */
  readonly depth: number;
  /** T = learningRate/batchSize > 0. */
  readonly temperature: number;
  readonly data: InputMoments;
}

export interface BalanceLaw {
  readonly mean: number;
  readonly variance: number;
  /** v of the nodes of the quadrature, ascending. */
  readonly nodes: Float64Array;
  /** Probabilities of the nodes. */
  readonly weights: Float64Array;
  /** E f(v). */
  readonly expectation: (f: (v: number) => number) => number;
  /** v below which a share p lies, 0 < p < 1. */
  readonly quantile: (p: number) => number;
  /**
   * What Hill's estimator gives of the largest share f of infinitely many draws, 1/E[ln v/v_f | v > v_f];
   * tailExponent − 1 for f → 0.
   */
  readonly hillExponent: (fraction: number) => number;
  /** P(v) ~ v^{−tailExponent}; Infinity without input noise (a1 = 0), where it falls exponentially. */
  readonly tailExponent: number;
}

/** Inputs x = ±1, xy of mean k and variance s²: noise on the labels alone. */
export const labelNoiseMoments = (slope: number, noise: number): InputMoments => ({
  b1: 1,
  b2: slope,
  a1: 0,
  a2: 0,
  a3: noise ** 2,
});

/** x ~ N(0, 1), y = kx + s ε. */
export const gaussianDataMoments = (slope: number, noise: number): InputMoments => ({
  b1: 1,
  b2: slope,
  a1: 2,
  a2: 2 * slope,
  a3: 2 * slope ** 2 + noise ** 2,
});

/**
 * T_c = b2/a3, above which a net of two factors (D = 1) collapses to v = 0 almost surely; Infinity for
 * more factors. Near v = 0: d⟨ln v⟩/dt = 4(b2 − T a3).
 */
export const criticalTemperature = (depth: number, { b2, a3 }: InputMoments): number =>
  depth === 1 ? b2 / a3 : Infinity;

function check({ depth, temperature: T, data }: BalanceLawOptions): void {
  if (!Number.isInteger(depth) || depth < 1) {
    throw new ArgumentError(`balanceLaw: depth is ${depth}; give a whole number >= 1.`);
  }
  if (!(T > 0 && T < Infinity)) {
    throw new ArgumentError(`balanceLaw: temperature is ${T}; give a number > 0.`);
  }
  const { b1, b2, a1, a2, a3 } = data;
  if (!(b1 > 0 && b2 > 0 && a3 > 0 && a1 >= 0 && a2 * a2 <= a1 * a3)) {
    throw new ArgumentError(
      `balanceLaw: data moments b1 ${b1}, b2 ${b2}, a1 ${a1}, a2 ${a2}, a3 ${a3} have no law of v > 0; ` +
        "give b1, b2, a3 > 0 and a2² <= a1 a3.",
    );
  }
  const critical = criticalTemperature(depth, data);
  if (T >= critical) {
    throw new ArgumentError(
      `balanceLaw: temperature ${T} is not below the critical b2/a3 = ${critical}, so that v collapses ` +
        "to 0 and has no stationary density; lower it.",
    );
  }
}

/**
 * The law P(v), v > 0, by quadrature in ln v.
 *
 * Relative error of the quadrature below 10⁻⁹; of the law itself O(learning rate). With D = 1 and
 * label noise alone it is the Gamma law of shape b2/(2 T a3) − ½ and scale 2 T a3/b1, mean
 * (b2 − T a3)/b1.
 *
 * @throws ArgumentError for depth < 1, for T >= T_c with depth 1, and for moments that have no law.
 * @see arXiv 2308.06671; derivation in the file head
 * @example balanceLaw({ depth: 1, temperature: 0.01, data: labelNoiseMoments(0.05, 1) }).mean // 0.04
 */
export function balanceLaw(options: BalanceLawOptions): BalanceLaw {
  check(options);
  const { depth: D, temperature: T, data } = options;
  const { b1, b2, a1, a2, a3 } = data;
  const power = (1 - D) / (D + 1);
  // d ln(v P)/d ln v
  const slope = (x: number): number => {
    const v = Math.exp(x);
    const q = (a1 * v - 2 * a2) * v + a3;
    const logSlope = (2 * v * (a1 * v - a2)) / q;
    return 1 - (3 * D) / (D + 1) - logSlope - (v ** power * (b1 * v - b2)) / (T * (D + 1) * q);
  };
  const { x, weight } = lineDensity(slope, Math.log(b2 / b1), 2);
  const nodes = x.map(Math.exp);
  const expectation = (f: (v: number) => number): number =>
    nodes.reduce((sum, v, i) => sum + (weight[i]! === 0 ? 0 : weight[i]! * f(v)), 0);
  const mean = expectation((v) => v);
  return {
    mean,
    variance: expectation((v) => (v - mean) ** 2),
    nodes,
    weights: weight,
    expectation,
    quantile: (p) => Math.exp(nodeQuantile(x, weight, p)),
    hillExponent: (fraction) => nodeTailExponent(x, weight, fraction),
    tailExponent: a1 > 0 ? 5 - 3 / (D + 1) : Infinity,
  };
}
