/**
 * A diagonal net v = u_0 … u_D under label noise alone, l = (v − k − sξ)², in single steps: what is
 * known without an expansion in the learning rate.
 *
 * D = 0: v' = (1 − 2η)v + 2η(k + sξ), so Var v = 4η²s²/(1 − (1 − 2η)²) = ηs²/(1 − η).
 * D = 1, v → 0: ln v' = ln v + 2 ln|1 + 2η(k + sξ)|. Where the mean of the right is negative v collapses.
 * For ξ = ±1 it is ln((1 + 2ηk)² − 4η²s²), zero at η_c = k/(s² − k²).
 *
 * Setting of L. Ziyin, H. Li, M. Ueda, arXiv 2308.06671, whose continuous theory has the threshold
 * T_c = k/s² and the rate 4(k − Ts²) of ln v in time η·steps. Derived. Left out: noise on the inputs.
 */
import { ArgumentError } from "../../engine/errors.ts";
import type { LabelNoiseLaw, LabelNoiseNet } from "./balanceCorrection.ts";
import type { BalanceLaw } from "./balanceLaw.ts";

export type LabelNoiseStep = Omit<LabelNoiseNet, "depth">;

/** −ψ(½) − ln 2 = γ + ln 2. */
const HALF_CHI = 0.5772156649015329 + Math.LN2;

/**
 * E ln|α + βz| of a standard normal z: ln β + ½ E ln χ'² with the noncentral χ'² of one degree of
 * freedom, a Poisson mixture of central ones, E ln χ²_{1+2j} = ψ(½ + j) + ln 2.
 */
function meanLogNormal(alpha: number, beta: number): number {
  const half = 0.5 * (alpha / beta) ** 2;
  if (half > 1000) {
    // The zero lies 44 deviations out: the integrand is smooth where there is any weight.
    let [sum, norm] = [0, 0];
    for (let z = -10; z <= 10; z += 1 / 64) {
      const weight = Math.exp(-0.5 * z * z);
      sum += weight * Math.log1p((beta * z) / alpha);
      norm += weight;
    }
    return Math.log(Math.abs(alpha)) + sum / norm;
  }
  let logWeight = -half;
  let psi = -HALF_CHI;
  let sum = 0;
  const last = half + 12 * Math.sqrt(half) + 60;
  for (let j = 0; j <= last; j += 1) {
    sum += Math.exp(logWeight) * psi;
    psi += 1 / (0.5 + j);
    logWeight += Math.log(half) - Math.log(j + 1);
  }
  return Math.log(beta) + 0.5 * sum;
}

/** E ln|α + βξ|. */
const meanLog = (alpha: number, beta: number, law: LabelNoiseLaw): number =>
  law === "normal"
    ? meanLogNormal(alpha, beta)
    : 0.5 * (Math.log(Math.abs(alpha + beta)) + Math.log(Math.abs(alpha - beta)));

/**
 * Mean growth of ln v a step at v → 0, D = 1: 2 E ln|1 + 2η(k + sξ)|, exact; negative where v collapses.
 *
 * @see file head; continuous theory 4η(k − ηs²)
 * @example collapseRate({ learningRate: 0.05, slope: 0.05, noise: 1, noiseLaw: "sign" }) // 2.5e-5
 */
export const collapseRate = ({ learningRate: eta, slope, noise, noiseLaw }: LabelNoiseStep) =>
  2 * meanLog(1 + 2 * eta * slope, 2 * eta * noise, noiseLaw);

/**
 * The learning rate at which v begins to collapse, D = 1, ξ = ±1: η_c = k/(s² − k²); Infinity for s <= k.
 *
 * @see file head
 */
export const collapseThreshold = (slope: number, noise: number): number =>
  noise > slope ? slope / (noise ** 2 - slope ** 2) : Infinity;

/** D = 0: exact mean and variance, and the relaxation time of the mean in steps. */
export interface LabelNoiseRegression {
  readonly mean: number;
  readonly variance: number;
  readonly relaxation: number;
}

/**
 * Stationary v of one factor: mean k, Var v = ηs²/(1 − η), for noise of any law.
 *
 * @throws ArgumentError unless 0 < η < 1.
 */
export function labelNoiseRegression({
  learningRate: eta,
  slope,
  noise,
}: Omit<LabelNoiseStep, "noiseLaw">): LabelNoiseRegression {
  if (!(eta > 0 && eta < 1)) {
    throw new ArgumentError(
      `labelNoiseRegression: unstable, learningRate ${eta} is not between 0 and 1; lower it.`,
    );
  }
  const kept = Math.abs(1 - 2 * eta);
  return {
    mean: slope,
    variance: (eta * noise ** 2) / (1 - eta),
    relaxation: kept > 0 ? -1 / Math.log(kept) : 1,
  };
}

/**
 * Slowest relaxation time of v about its law in steps, D >= 1.
 *
 * The larger of 1/(2η(D + 1) m^{2D/(D+1)}), the pull to the mean m, and the end of the continuous
 * spectrum of small v: there ln u (D = 1) or u^{1−D} drifts and diffuses freely, with
 * drift²/(2 diffusion²) a step: (k − ηs²)²/(2s²), D >= 2: k²/(2s²). Within a factor of 4/3 for D = 1
 * (A. Schenzle, H. Brand, Phys. Rev. A 20, 1628 (1979)); an estimate for more factors.
 */
export function labelNoiseRelaxation(net: LabelNoiseNet, law: BalanceLaw): number {
  const { depth: D, learningRate: eta, slope, noise } = net;
  const drift = D === 1 ? slope - eta * noise ** 2 : slope;
  const pull = 2 * eta * (D + 1) * law.mean ** ((2 * D) / (D + 1));
  return Math.max(1 / pull, (2 * noise ** 2) / drift ** 2);
}
