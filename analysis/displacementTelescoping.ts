/**
 * The telescoping identity of any update rule, behind `displacementDissipation`: exact for every
 * trajectory (no stationarity, no average), so that what is left is rounding.
 *
 * From θ_{t+1} = θ_t − η_t S u_t, by expanding the square and summing over t = 0 … T−1,
 *   δ_TᵀS⁻¹δ_T − δ_0ᵀS⁻¹δ_0 = −2 Σ η_t δ_t·u_t + Σ η_t² u_tᵀS u_t,   δ_t = θ_t − c,
 * for every c, every diagonal S (parameters of rate 0 do not move and are left out) and any schedule
 * of the rate. Source of the relation: S. Yaida, arXiv 1810.00004 (FDR1 is its average).
 */
import type { MomentsRecord } from "../engine/record.ts";
import {
  type DisplacementChoice,
  type DisplacementSpace,
  displacementSpace,
} from "./displacementDissipation.ts";
import type { Estimate } from "./estimate.ts";
import {
  checkSteps,
  type EndPoint,
  type EndStates,
  endPoints,
  largestResidual,
} from "./telescoping.ts";

/** Sums over the T steps of one trajectory, u_t from what the rule is made of, at θ_t. */
export interface DisplacementSums {
  /** Σ η_t (θ_t−c)·u_t */
  readonly thetaU: number;
  /** Σ η_t² u_tᵀS u_t */
  readonly uSquare: number;
  /** Σ η_t |(θ_t−c)·u_t| or a bound on it: what the residual is compared with. */
  readonly magnitude: number;
  readonly start: EndPoint;
  readonly end: EndPoint;
  /** c, [param]; default 0. */
  readonly center?: ArrayLike<number>;
  /** Diagonal of S, [param]; default 1. */
  readonly rateScale?: ArrayLike<number>;
}

/**
 * (left − right) of the identity, relative to the terms that were summed (2 `magnitude` + `uSquare`).
 *
 * About T^½ · 10⁻¹⁶ from a float64 trajectory. In float32 θ' = θ − ηSu is rounded by 2⁻²⁴|θ|, which
 * the identity divides by η: about 2⁻²⁴|θ|/(η|u|√T), besides the rounding of the sums. That holds for
 * `keepVelocity` too: compilers may simplify (θ − ηSu) − θ to what it would be without rounding.
 */
export function displacementResidual(sums: DisplacementSums): number {
  const { thetaU, uSquare, magnitude, start, end } = sums;
  const change = squareAt(end, sums) - squareAt(start, sums);
  const residual = change + 2 * thetaU - uSquare;
  return residual === 0 ? 0 : residual / (2 * magnitude + uSquare);
}

/** δᵀS⁻¹δ */
function squareAt({ theta }: EndPoint, { center, rateScale }: DisplacementSums): number {
  let sum = 0;
  for (let p = 0; p < theta.length; p++) {
    const scale = rateScale?.[p] ?? 1;
    if (scale !== 0) sum += (theta[p]! - (center?.[p] ?? 0)) ** 2 / scale;
  }
  return sum;
}

export interface DisplacementErrorChoice extends DisplacementChoice {
  /** T, steps of the record. */
  readonly steps: number;
  /** States before the first and after the last step; all parameters, in the record's order. */
  readonly start: EndStates;
  readonly end: EndStates;
}

/**
 * The largest relative residual |left − right| over the replicas of a record of moments with every
 * step (`every: 1`) of θ and of the displacement v (see `displacementDissipation`).
 *
 * `magnitude` is the Cauchy-Schwarz bound √(Σ|θ−c|² Σ|ηv|²). The value has no standard error (0): the
 * identity holds for each replica. Frozen replicas are left out and counted.
 *
 * @throws ArgumentError when steps are missing in the record or the states do not fit;
 *   RefusalError when all replicas froze.
 */
export function displacementError(
  record: MomentsRecord,
  choice: DisplacementErrorChoice,
): Estimate {
  const where = "displacementError";
  const { steps, condition = 0 } = choice;
  const space = displacementSpace(where, record, choice);
  const { d, replicas, center, scale } = space;
  checkSteps(where, record, steps);
  const [start, end] = [choice.start, choice.end].map((states) =>
    endPoints(where, states, d, condition, replicas),
  );
  return largestResidual(where, replicas, (r) => {
    const [first, last] = [start!(r), end!(r)];
    const sums = recorded(space, steps, r, first, last);
    return displacementResidual({ ...sums, start: first, end: last, center, rateScale: scale });
  });
}

/**
 * The record's steps see the displacements of the steps before each: its first is that before the
 * start, and the end's is missing. (θ_before−c)·u = −(θ−c)·v + ηvᵀS v.
 */
function recorded(
  { d, product, eta, center, scale }: DisplacementSpace,
  steps: number,
  r: number,
  start: Required<EndPoint>,
  end: Required<EndPoint>,
) {
  const zero = new Array<number>(d).fill(0);
  const sums = { thetaV: 0, thetaSquare: 0, vSquare: 0, vPlain: 0 };
  for (let i = 0; i < d; i++) {
    if (scale[i] === 0) continue;
    const pair = ({ theta, velocity }: Required<EndPoint>) =>
      (theta[i]! - center[i]!) * velocity[i]!;
    const square = ({ velocity }: Required<EndPoint>) => velocity[i]! ** 2;
    const vv = steps * product(r, ["v.", i, zero], ["v.", i, zero]) + square(end) - square(start);
    sums.thetaV += steps * product(r, ["", i, center], ["v.", i, zero]) + pair(end) - pair(start);
    sums.thetaSquare += steps * product(r, ["", i, center], ["", i, center]);
    sums.vSquare += scale[i]! * vv;
    sums.vPlain += vv;
  }
  const uSquare = eta * eta * sums.vSquare;
  return {
    thetaU: uSquare - eta * sums.thetaV,
    uSquare,
    magnitude: eta * Math.sqrt(Math.max(0, sums.thetaSquare * sums.vPlain)),
  };
}
