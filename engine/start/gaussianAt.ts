/** Starts drawn from a given Gaussian, of θ or of (θ, v), and over-dispersed ones for R̂. */

import { covarianceRoot } from "../covarianceRoot.ts";
import { ArgumentError } from "../errors.ts";
import { type InitialLaw, spread } from "../initial.ts";

type Rows = readonly ArrayLike<number>[];

export interface GaussianStart {
  /** A number for all coordinates, or one each; default 0. */
  readonly mean?: number | ArrayLike<number>;
  /**
   * Symmetric and positive semi-definite, in the order of coordinateNames: [P, P] of θ, or [2P, 2P] of
   * θ, then v.
   */
  readonly covariance: Rows;
}

/**
 * Exact independent draws of a Gaussian: θ₀ = mean + R z, R Rᵀ = covariance, z standard normal.
 *
 * With a covariance of (θ, v) also v₀ is drawn, so that an ensemble with momentum starts in its
 * stationary state. A minimum is a mean: `gaussianAt({ mean: minimum.theta, covariance })`.
 * Units: θ², θ·v, v² with v in θ/η. Error: float64 root, float32 on the device.
 *
 * @throws ArgumentError when the covariance is not symmetric positive semi-definite, or mean and
 *   covariance (or, from `createEnsemble`, the model) do not fit.
 * @example gaussianAt({ mean: [1, 2], covariance: [[0.2, 0.1], [0.1, 0.3]] })
 */
export function gaussianAt({ mean = 0, covariance }: GaussianStart): InitialLaw {
  const root = covarianceRoot(covariance);
  const center = typeof mean === "number" ? root.map(() => mean) : Array.from(mean);
  if (center.length !== root.length || !center.every(Number.isFinite)) {
    throw new ArgumentError(
      `gaussianAt: ${center.length} numbers are the mean of ${root.length} coordinates; give one ` +
        "finite number each.",
    );
  }
  return () => ({ kind: "correlated", mean: center, root });
}

export interface OverdispersedStart {
  /** Where the target is thought to be: a number for all parameters, or one each. */
  readonly center: number | ArrayLike<number>;
  /** Standard deviations the target is thought to have; this or `covariance`. */
  readonly scale?: number | ArrayLike<number>;
  /** Its covariance, [P, P]; this or `scale`. */
  readonly covariance?: Rows;
  /** How many times wider than the target the start is, > 1. */
  readonly factor: number;
  /** Student's t with this many degrees of freedom, whole and >= 3, in place of the normal law. */
  readonly degrees?: number;
}

/**
 * Starts wider than the stationary state, as R̂ needs them: covariance factor² Σ about a center.
 *
 * With `degrees` ν the law is the multivariate Student's t of that covariance (one χ²_ν for all
 * parameters of a replica), whose tails reach further.
 *
 * @throws ArgumentError unless just one of scale and covariance is given, factor > 1, and degrees
 *   are whole and >= 3.
 * @see A. Gelman, D. B. Rubin, Statist. Sci. 7, 457 (1992), section 2.1 for the Student start.
 * @example overdispersed({ center: 0, scale: 0.1, factor: 3, degrees: 4 })
 */
export function overdispersed(options: OverdispersedStart): InitialLaw {
  const { center, scale, covariance, factor, degrees } = options;
  if ((scale === undefined) === (covariance === undefined)) {
    throw new ArgumentError("overdispersed: give one of scale and covariance, not both or none.");
  }
  if (!(factor > 1 && factor < Infinity)) {
    throw new ArgumentError(`overdispersed: factor is ${factor}; over-dispersed means above 1.`);
  }
  if (degrees !== undefined && !(Number.isInteger(degrees) && degrees >= 3)) {
    throw new ArgumentError(
      `overdispersed: degrees is ${degrees}; give a whole number >= 3, below which Student's t has ` +
        "no variance.",
    );
  }
  const tails = degrees === undefined ? {} : { degrees };
  if (scale !== undefined) {
    return (model) => ({
      kind: "independent",
      mean: spread(model, center),
      standardDeviation: spread(model, scale).map((value) => factor * value),
      ...tails,
    });
  }
  const root = covarianceRoot(covariance!).map((row) => row.map((value) => factor * value));
  return (model) => ({ kind: "correlated", mean: spread(model, center), root, ...tails });
}
