/**
 * Bounds on what the standard error does not cover, as formulas with their origin.
 */

import { MOMENTS_BLOCK } from "../engine/observe/moments.ts";

/** Unit roundoff of float32. */
export const F32 = 2 ** -24;

/**
 * Error of second moments summed in float32 on the device, relative to their size: at most
 * `MOMENTS_BLOCK` terms are added before the host takes over, each addition rounds by at most one unit
 * roundoff of the partial sum. Worst case MOMENTS_BLOCK·2⁻²⁴.
 */
export const F32_BLOCK_SUM = MOMENTS_BLOCK * F32;

/**
 * Rounding of a block's sum whose terms alternate in sign, relative to one term's size: each of
 * `MOMENTS_BLOCK` additions rounds either way, so errors add as a random walk and the mean has √ of it.
 */
export const roundingWalk = (): number => Math.sqrt(MOMENTS_BLOCK) * F32;

/** Error of e^{−σ} − 1 on the device, relative: the bound of shaders/lib/exp_minus_one.wgsl. */
export const EXPONENTIAL = 5e-7;

/** What is left of the start in second moments after `burnIn` steps, relative: exp(−2 t/τ). */
export const transient = (burnIn: number, relaxation: number): number =>
  Math.exp((-2 * burnIn) / relaxation);

/**
 * Nats that whitening of n samples in d dimensions with their own covariance can add to the bias of a
 * nearest-neighbor entropy: the estimator does not follow all of the shape δ that is taken out of the
 * cloud, of which ½ ln det keeps −¼⟨tr δ²⟩ = −(d² + d − 2)/(4n). The scale is followed exactly; d = 1 has
 * no shape.
 */
export const whitening = (d: number, n: number): number => ((d - 1) * (d + 2)) / (4 * n);
