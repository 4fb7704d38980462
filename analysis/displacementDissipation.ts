/**
 * The fluctuation-dissipation relation of any update rule, from moments of θ and its displacement.
 *
 * θ' = θ − ηSu, S the diagonal learning-rate matrix (1 unless given). In a stationary state
 * ⟨(θ'−c)ᵀS⁻¹(θ'−c)⟩ = ⟨(θ−c)ᵀS⁻¹(θ−c)⟩ for every constant c, that is
 *   ⟨(θ−c)·u⟩ = (η/2)⟨uᵀS u⟩,
 * exactly, for Adam, clipping, Langevin noise, whatever u is made of. O_L and O_R are its sides.
 *
 * Source: S. Yaida, arXiv 1810.00004, (FDR1), whose derivation uses nothing but θ' = θ − ηu; c, S and
 * the general u are derived here. Left out: rates that change while observed. Single trajectories:
 * `displacementTelescoping.ts`.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { MomentsRecord } from "../engine/record.ts";
import {
  type FluctuationChoice,
  type FluctuationDissipation,
  type PhaseSpace,
  phaseSpace,
  sidesOf,
  vector,
} from "./fluctuationDissipation.ts";

export interface DisplacementChoice
  extends Pick<FluctuationChoice, "learningRate" | "coordinates" | "condition"> {
  /**
   * c, [coordinate]; default 0. Fixed beforehand: a c estimated from the same record would correlate
   * with it. The error is least near ⟨θ⟩.
   */
  readonly center?: readonly number[];
  /** Diagonal of S, [coordinate]; default 1. Parameters of rate 0 do not move and are left out. */
  readonly rateScale?: readonly number[];
}

/** O_L and O_R of each replica, averaged over its time, [replica]; NaN where it froze. */
export interface DisplacementSides {
  readonly left: Float64Array;
  readonly right: Float64Array;
}

/** A record with θ and v, and checked numbers of the choice. */
export interface DisplacementSpace extends PhaseSpace {
  readonly eta: number;
  readonly center: readonly number[];
  readonly scale: readonly number[];
}

/** @throws ArgumentError for a rate or shapes that do not fit. */
export function displacementSpace(
  where: string,
  record: MomentsRecord,
  choice: DisplacementChoice,
): DisplacementSpace {
  const { learningRate: eta, center, rateScale } = choice;
  if (!(Number.isFinite(eta) && eta > 0)) {
    throw new ArgumentError(
      `${where}: learningRate is ${eta}; give the rate of the run, a finite number > 0.`,
    );
  }
  const space = phaseSpace(where, record, choice, ["v."]);
  const { d } = space;
  const fill = (value: number): number[] => new Array<number>(d).fill(value);
  const scale = vector(where, "rateScale", rateScale ?? fill(1), d);
  const negative = scale.find((value) => value < 0);
  if (negative !== undefined) {
    throw new ArgumentError(`${where}: rateScale holds ${negative}; give numbers >= 0.`);
  }
  return { ...space, eta, center: vector(where, "center", center ?? fill(0), d), scale };
}

/**
 * O_L = ⟨(θ−c)·u⟩ and O_R = (η/2)⟨uᵀS u⟩ of each replica, u = −v.
 *
 * The record holds (θ, v) after a step; the θ before it is θ − ηSv, so that
 * (θ_before−c)·u = −(θ−c)·v + ηvᵀS v.
 *
 * @throws ArgumentError as `displacementDissipation`.
 */
export function displacementSides(
  record: MomentsRecord,
  choice: DisplacementChoice,
): DisplacementSides {
  const space = displacementSpace("displacementDissipation", record, choice);
  const { d, replicas, product, eta, center, scale } = space;
  const zero = new Array<number>(d).fill(0);
  const left = new Float64Array(replicas);
  const right = new Float64Array(replicas);
  for (let r = 0; r < replicas; r++) {
    for (let i = 0; i < d; i++) {
      if (scale[i] === 0) continue;
      const square = scale[i]! * product(r, ["v.", i, zero], ["v.", i, zero]);
      left[r]! += eta * square - product(r, ["", i, center], ["v.", i, zero]);
      right[r]! += 0.5 * eta * square;
    }
  }
  return { left, right };
}

/**
 * ⟨(θ−c)·u⟩ beside (η/2)⟨uᵀS u⟩, equal in any stationary state of any rule θ' = θ − ηSu.
 *
 * `v.x` of the record must be the displacement (θ' − θ)/(ηs) of the step before: what `keepVelocity`
 * keeps for rules without a velocity (adam, langevin, implicitSgd, …), and what v of sgd is but for
 * Nesterov's step. Of Nesterov's step and of kinetic Langevin rules v is another thing, and the
 * relation does not hold for it. Unit: θ²/η. Under laws with epochs, average whole
 * epochs.
 *
 * Error: scatter of the replicas' time averages. Not covered: a transient left in the record.
 * Replica by replica O_L − O_R is nothing but −(|θ_T−c|² − |θ_0−c|²)/(2ηT): the ratio tests whether
 * the mean of |θ−c|² moves, and c far from ⟨θ⟩ drowns it in the noise of c·(θ_T − θ_0).
 *
 * @throws ArgumentError when `v.` of a coordinate or lag 0 is not in the record, or for a rate or
 *   shapes that do not fit; RefusalError when all replicas froze.
 * @see arXiv 1810.00004, FDR1; file head.
 * @example displacementDissipation(record.moments, { learningRate: 0.01, center: [1, 0] }).ratio
 */
export function displacementDissipation(
  record: MomentsRecord,
  choice: DisplacementChoice,
): FluctuationDissipation {
  const { left, right } = displacementSides(record, choice);
  return sidesOf(left, right);
}
