/**
 * What finite steps add to the law of balance: the first correction in the learning rate, exact.
 *
 * Balanced factors under label noise alone keep one u: u' = u(1 − y(c − sξ)), y = 2η u^{D−1},
 * c = u^{D+1} − k, ξ of mean 0 and variance 1. X = ln u makes steps Δ = ln(1 − y(c − sξ)) with moments
 *   m1 = A + a, m2 = B + b, m3, m4, …;   A = −yc − y²s²/2, B = y²s²                     (leading),
 *   a = −y²c²/2 − y³cs² − κy⁴s⁴/4,   b = y²c² + 3y³cs² + (11/12)κy⁴s⁴,
 *   m3 = −3y³cs² − (3/2)κy⁴s⁴,   m4 = κy⁴s⁴,   κ = E ξ⁴                                 (next).
 * The chain's zero flux, m1 p − (m2 p)'/2 + (m3 p)''/6 − (m4 p)'''/24 = 0, has p = p0(1 + g) with the
 * continuous law p0 (the leading terms alone) and
 *   g' = (2/(B p0)) (a p0 − (b p0)'/2 + (m3 p0)''/6 − (m4 p0)'''/24),
 * a Laurent polynomial of u, as (ln p0)' is one. For D = 1 and ξ = ±1 the mean is
 * k − ηs² + η²s²(3ηs² − 2k).
 *
 * Derived; the expansion is Kramers' and Moyal's. Left out: noise on the inputs, unbalanced factors.
 */
import { type BalanceLaw, balanceLaw, labelNoiseMoments } from "./balanceLaw.ts";
import {
  combination,
  derivative,
  evaluateIntegral,
  type Laurent,
  laurent,
  product,
} from "./laurent.ts";

/** Laws of the labels' noise ξ: ±1, or standard normal. */
export type LabelNoiseLaw = "sign" | "normal";

export interface LabelNoiseNet {
  /** D >= 1. */
  readonly depth: number;
  /** η, of batches of one sample. */
  readonly learningRate: number;
  /** k, the regression's slope. */
  readonly slope: number;
  /** s, standard deviation of the labels' noise. */
  readonly noise: number;
  readonly noiseLaw: LabelNoiseLaw;
}

export interface BalanceCorrection {
  /** The continuous law. */
  readonly law: BalanceLaw;
  /** First-order corrections of E v and Var v. */
  readonly mean: number;
  readonly variance: number;
  /** Bounds on the orders left out, an estimate: see `balanceCorrection`. */
  readonly meanRemainder: number;
  readonly varianceRemainder: number;
  /** E f(v) to first order: E0 f + E0[f(v)(g − E0 g)]. */
  readonly expectation: (f: (v: number) => number) => number;
}

/** g' of the file head. */
function correctionSlope({ depth, learningRate, slope, noise, noiseLaw }: LabelNoiseNet): Laurent {
  const s2 = noise ** 2;
  const kurtosis = noiseLaw === "sign" ? 1 : 3;
  const y = laurent([2 * learningRate, depth - 1]);
  const c = laurent([1, depth + 1], [-slope, 0]);
  const y2 = product(y, y);
  const y4 = product(y2, y2);
  const y2c2 = product(y2, product(c, c));
  const y3c = product(product(y2, y), c);
  const A = combination([-1, product(y, c)], [-s2 / 2, y2]);
  const a = combination([-1 / 2, y2c2], [-s2, y3c], [(-kurtosis * s2 ** 2) / 4, y4]);
  const b = combination([1, y2c2], [3 * s2, y3c], [(11 / 12) * kurtosis * s2 ** 2, y4]);
  const m3 = combination([-3 * s2, y3c], [-1.5 * kurtosis * s2 ** 2, y4]);
  const m4 = combination([kurtosis * s2 ** 2, y4]);
  const perB = laurent([1 / (4 * learningRate ** 2 * s2), -2 * (depth - 1)]);
  // (ln p0)' = 2A/B − B'/B
  const logSlope = combination([2, product(A, perB)], [-1, laurent([2 * (depth - 1), 0])]);
  /** (F p0)'/p0 */
  const d = (F: Laurent): Laurent => combination([1, derivative(F)], [1, product(F, logSlope)]);
  const flux = combination([1, a], [-1 / 2, d(b)], [1 / 6, d(d(m3))], [-1 / 24, d(d(d(m4)))]);
  return combination([2, product(perB, flux)]);
}

/** ε(v): the square of a step's u'/u − 1 by noise, and what the pull takes of a deviation in one step. */
const stepSize =
  ({ depth: D, learningRate: eta, noise }: LabelNoiseNet) =>
  (v: number): number =>
    4 * eta ** 2 * noise ** 2 * v ** ((2 * (D - 1)) / (D + 1)) +
    2 * eta * (D + 1) * v ** ((2 * D) / (D + 1));

/** Nodes of ξ: both signs, or a normal law on a grid that reaches its rare values. */
const noiseNodes = (law: LabelNoiseLaw): readonly (readonly [xi: number, weight: number])[] =>
  law === "sign"
    ? [
        [-1, 0.5],
        [1, 0.5],
      ]
    : Array.from({ length: 49 }, (_, i) => {
        const xi = -6 + i / 4;
        return [xi, (Math.exp(-0.5 * xi * xi) * 0.25) / Math.sqrt(2 * Math.PI)] as const;
      });

/** Noise ±1 pulls v down wherever it is above k + s: the largest v is reached from below, in one step. */
function highestReached({ depth: D, learningRate: eta, slope, noise }: LabelNoiseNet): number {
  const top = slope + noise;
  let highest = top;
  for (let i = 1; i < 200; i += 1) {
    const v = (top * i) / 200;
    const u = v ** (1 / (D + 1));
    highest = Math.max(highest, (u + 2 * eta * u ** D * (top - v)) ** (D + 1));
  }
  return highest;
}

/** Steps that a replica thrown beyond v = 0 counts as lost for: about a run. */
const FOREVER = 1e5;

/**
 * Share of time near v = 0 of replicas that one step threw there, D >= 2: from the law's large v it
 * leads to less than half of u and below a share of 0.01, and u' takes
 * 1/(2ηk(D − 1)u'^{D−1}) steps to come back, if it does. No order of the expansion knows of it.
 */
function thrownShare(net: LabelNoiseNet, law: BalanceLaw): number {
  const { depth: D, learningRate: eta, slope, noise } = net;
  if (D === 1) return 0;
  const nodes = noiseNodes(net.noiseLaw);
  const rare = law.quantile(0.01) ** (1 / (D + 1));
  const highest = net.noiseLaw === "sign" ? highestReached(net) : Infinity;
  const stay = (v: number): number => {
    if (v > highest) return 0;
    const u = v ** (1 / (D + 1));
    const step = 2 * eta * u ** D;
    let sum = 0;
    for (const [xi, weight] of nodes) {
      const next = u - step * (v - slope - noise * xi);
      if (next > Math.min(rare, u / 2)) continue;
      const time = next > 0 ? 1 / (2 * eta * slope * (D - 1) * next ** (D - 1)) : FOREVER;
      sum += weight * Math.min(FOREVER, time);
    }
    return sum;
  };
  return Math.min(1, law.expectation(stay));
}

/**
 * Continuous law, and first corrections of mean and variance: E v = law.mean + mean + O(η²), and so on.
 *
 * δ E f = E0[f(v)(g − E0 g)]. Remainders: 4 E0[|f − E0 f| |g − E0 g| ε], where
 * ε(v) = 4η²s²u^{2(D−1)} + 2η(D+1)u^{2D} is the size of a step, the parameter of the expansion: an
 * estimate of the second order. Its factor 4 is empirical: it covers float64 solutions of D = 1 with
 * normal noise, T/T_c from 0.1 to 0.8, and three simulated chains of D = 1, 2, 3 with noise ±1. Added to
 * it is what replicas take away that rare steps throw next to v = 0, D >= 2, an estimate as well.
 *
 * @throws ArgumentError as `balanceLaw`.
 * @see file head
 * @example balanceCorrection({ depth: 1, learningRate: 0.01, slope: 0.05, noise: 1, noiseLaw: "sign" })
 *   .mean // -7e-6
 */
export function balanceCorrection(net: LabelNoiseNet): BalanceCorrection {
  const law = balanceLaw({
    depth: net.depth,
    temperature: net.learningRate,
    data: labelNoiseMoments(net.slope, net.noise),
  });
  const slope = correctionSlope(net);
  const g = (v: number): number => evaluateIntegral(slope, Math.log(v) / (net.depth + 1));
  const gMean = law.expectation(g);
  const change = (f: (v: number) => number): number =>
    law.expectation((v) => f(v) * (g(v) - gMean));
  const [step, thrown] = [stepSize(net), thrownShare(net, law)];
  const remainder = (f: (v: number) => number): number => {
    const mean = law.expectation(f);
    const next = (v: number): number => Math.abs((f(v) - mean) * (g(v) - gMean)) * step(v);
    return 4 * law.expectation(next) + thrown * Math.abs(f(0) - mean);
  };
  const square = (v: number): number => (v - law.mean) ** 2;
  return {
    law,
    mean: change((v) => v),
    variance: change(square),
    meanRemainder: remainder((v) => v),
    varianceRemainder: remainder(square),
    expectation: (f) => law.expectation(f) + change(f),
  };
}
