/**
 * Stationary moments of a noisy mode under the heavy ball, measured beside the exact ones.
 *
 * What the standard errors do not cover: (a) float32 sums, whose rounding scales with the terms, not
 * with their mean, hence √(⟨θ²⟩⟨v²⟩) for products; (b) the start. From θ = v = 0 the covariance after t
 * steps is D − E_t, D the stationary one and E_t = P_t D P_tᵀ with P_t the map of t steps; D − E_t only
 * grows, so E_t at the end of the burn-in bounds what is missing later. The area of a step is
 * ½[(β − 1 + ηk)⟨θv⟩ − k⟨θ²⟩ − ηβ⟨v²⟩], which carries that over to it.
 */
import { areaRate, covariance, type Estimate } from "../analysis/index.ts";
import type { MomentsRecord } from "../engine/record.ts";
import { type HeavyBallMode, type HeavyBallOptions, heavyBallPath } from "../models/index.ts";
import { comparable, unsettled, withoutPrediction } from "./comparable.ts";
import type { Quantity } from "./experiment.ts";
import { estimateOf } from "./outcome.ts";
import { F32_BLOCK_SUM } from "./systematic.ts";

export interface ObservedMode {
  /** Curvature with weight decay. */
  readonly mode: HeavyBallOptions;
  /** null where there is no stationary state. */
  readonly exact: HeavyBallMode | null;
  readonly replicas: number;
  readonly burnIn: number;
  readonly record: MomentsRecord;
}

/** Second moments of (θ, v). */
export interface PhaseMoments {
  readonly position: number;
  readonly velocity: number;
  readonly product: number;
}

/** E_t of the file head: what is missing of the stationary moments after `steps` steps from rest. */
export function missingMoments(
  mode: HeavyBallOptions,
  exact: HeavyBallMode,
  steps: number,
): PhaseMoments {
  const a = heavyBallPath(mode, { position: 1, velocity: 0 }, steps);
  const b = heavyBallPath(mode, { position: 0, velocity: 1 }, steps);
  const { positionVariance, velocityVariance, covariance: mixed } = exact;
  const form = (p: number, q: number, r: number, s: number): number =>
    p * r * positionVariance + (p * s + q * r) * mixed + q * s * velocityVariance;
  return {
    position: form(a.position, b.position, a.position, b.position),
    velocity: form(a.velocity, b.velocity, a.velocity, b.velocity),
    product: form(a.position, b.position, a.velocity, b.velocity),
  };
}

/** The largest share of a stationary variance that is missing after `steps` steps from rest. */
export function missingShare(mode: HeavyBallOptions, exact: HeavyBallMode, steps: number): number {
  const { position, velocity } = missingMoments(mode, exact, steps);
  return Math.max(position / exact.positionVariance, velocity / exact.velocityVariance);
}

/** Bounds on the bias of each moment. */
function bounds(mode: HeavyBallOptions, exact: HeavyBallMode, burnIn: number) {
  const { learningRate: eta, momentum: beta, curvature: k } = mode;
  const missing = missingMoments(mode, exact, burnIn);
  const mixed = Math.sqrt(missing.position * missing.velocity);
  const product = Math.sqrt(exact.positionVariance * exact.velocityVariance);
  const area =
    Math.abs(beta - 1 + eta * k) * mixed + k * missing.position + eta * beta * missing.velocity;
  return {
    position: F32_BLOCK_SUM * exact.positionVariance + missing.position,
    velocity: F32_BLOCK_SUM * exact.velocityVariance + missing.velocity,
    product: F32_BLOCK_SUM * product + mixed,
    area: F32_BLOCK_SUM * product + area / 2,
  };
}

/** Variances, covariance and area per step. */
export function modeMoments(observed: ObservedMode): {
  quantities: readonly Quantity[];
  warnings: string[];
} {
  const { mode, exact, burnIn, record, replicas } = observed;
  const [i, j] = ["theta", "v.theta"];
  const bound = exact && bounds(mode, exact, burnIn);
  const quantity = (
    name: string,
    unit: string,
    estimator: () => Estimate,
    predicted: number | undefined,
    systematic: number | undefined,
  ): Quantity => ({
    name,
    condition: {},
    estimate: estimateOf(estimator),
    unit,
    predicted: predicted ?? null,
    systematic: systematic ?? 0,
  });
  const quantities = [
    quantity(
      "var(theta)",
      "θ²",
      () => covariance(record, { i, j: i }),
      exact?.positionVariance,
      bound?.position,
    ),
    quantity(
      "var(v)",
      "(θ/η)²",
      () => covariance(record, { i: j, j }),
      exact?.velocityVariance,
      bound?.velocity,
    ),
    quantity(
      "cov(theta,v)",
      "θ²/η",
      () => covariance(record, { i, j }),
      exact?.covariance,
      bound?.product,
    ),
    quantity(
      "area",
      "θ²/η per step",
      () => areaRate(record, { i, j }),
      exact?.areaRate,
      bound?.area,
    ),
  ];
  const early = exact && unsettled(missingShare(mode, exact, burnIn), burnIn);
  if (early !== null) return { quantities: quantities.map(withoutPrediction), warnings: [early] };
  return exact === null ? { quantities, warnings: [] } : comparable(quantities, { replicas });
}
