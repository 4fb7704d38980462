/** Quantities of card 4E: the variance of each rule and rate beside its exact value, where it has one. */
import { covariance } from "../../analysis/index.ts";
import { ArgumentError } from "../../engine/errors.ts";
import type { MomentsRecord, RunInfo } from "../../engine/record.ts";
import { anharmonicMode, heavyBallMode, implicitMode } from "../../models/theory/index.ts";
import { unsettled } from "../comparable.ts";
import type { Quantity } from "../experiment.ts";
import { estimateOf } from "../outcome.ts";
import { F32_BLOCK_SUM } from "../systematic.ts";
import type { ImplicitSettings, Rule } from "./settings.ts";

export interface ExactVariance {
  readonly variance: number;
  /** Relative, of the variance: that of its quadrature. */
  readonly error: number;
  /** ln |a|, a the factor of the mean per step; not below that of the smallest number. */
  readonly logDecay: number;
}

/** Stationary values at a rate; throws where there is no stationary state. */
export function exactVariance(
  rule: Rule,
  p: ImplicitSettings,
  learningRate: number,
): ExactVariance {
  const { noise, quartic } = p;
  const curvature = p.curvature + p.weightDecay;
  const mode = { learningRate, curvature, noiseVariance: noise ** 2 };
  const stiffness = learningRate * curvature;
  if (rule === "implicit") {
    const { variance, error } = implicitMode({ ...mode, quartic });
    return { variance, error, logDecay: -Math.log1p(stiffness) };
  }
  if (!(stiffness < 2)) {
    throw new ArgumentError(
      `explicit SGD has no stationary state at learning rate ${learningRate}: learning rate × ` +
        `curvature is ${stiffness}, 2 or more; the implicit step has one.`,
    );
  }
  const far = Math.log(Math.max(Number.MIN_VALUE, Math.abs(1 - stiffness)));
  const logDecay = stiffness < 0.5 ? Math.log1p(-stiffness) : far;
  if (quartic > 0) {
    return { ...anharmonicMode({ learningRate, curvature, quartic, noise }), logDecay };
  }
  const { positionVariance: variance } = heavyBallMode({ ...mode, momentum: 0 });
  return { variance, error: 0, logDecay };
}

/**
 * Mean of 1 − a^{2t} over the observed steps, t = burnIn, …: what a start at θ = 0, the mean, has
 * reached of the stationary variance. Exact for both rules.
 */
function settled(logDecay: number, burnIn: number, steps: number): number {
  const rate = 2 * logDecay;
  const left = (Math.exp(rate * burnIn) * Math.expm1(rate * steps)) / Math.expm1(rate);
  return 1 - left / steps;
}

/** Bound on the relative error of unsolved equations beyond which a claim would be empty. */
const LOOSE = 0.1;
const TIGHTEN = "use a tolerance that float32 can reach, and enough newtonSteps and cgSteps";

/** Whether an implicit step of a condition was not solved to the tolerance. */
const isUnsolved = ({ unsolved }: RunInfo, condition: number, replicas: number): boolean =>
  unsolved?.subarray(condition * replicas, (condition + 1) * replicas).some((n) => n > 0) ?? false;

/** A rule at a rate: what it is told, what theory says, what was measured. */
export interface ObservedRate {
  readonly rule: Rule;
  readonly learningRate: number;
  readonly condition: number;
  /** null where there is no stationary state. */
  readonly exact: ExactVariance | null;
  readonly observed: { readonly run: RunInfo; readonly moments: MomentsRecord };
}

interface Length {
  readonly burnIn: number;
  readonly steps: number;
}

/** The variance of one rule at one rate, and why it has no prediction if it has none. */
export function varianceQuantity(
  p: ImplicitSettings,
  { burnIn, steps }: Length,
  { rule, learningRate, condition, exact, observed }: ObservedRate,
): { quantity: Quantity; doubts: readonly string[] } {
  const isLinear = p.quartic === 0;
  const predicted =
    exact && exact.variance * (isLinear ? settled(exact.logDecay, burnIn, steps) : 1);
  // A step that is ε too short or long is one of a rate that is ε off: dV/V <= dη/η, twice that
  // in case the noise's part is off the other way.
  const solver = rule === "implicit" ? 2 * p.tolerance : 0;
  // |⟨θ_t²⟩ − ⟨θ²⟩| <= 2aᵗ⟨θ²⟩: a replica from 0 and a stationary one with the same noise approach
  // as aᵗ (implicit steps; explicit ones near the bottom).
  const start = exact && !isLinear ? 2 * Math.exp(exact.logDecay * burnIn) : 0;
  const relative = F32_BLOCK_SUM + solver + start + (exact?.error ?? 0);
  const isSolved = !isUnsolved(observed.run, condition, p.replicas);
  const doubts = [
    unsettled(start, burnIn),
    solver > LOOSE ? `no prediction: it could be off by 2ε = ${solver}; ${TIGHTEN}` : null,
    isSolved ? null : `no prediction: it is one for steps that were solved; ${TIGHTEN}`,
  ].filter((doubt) => doubt !== null);
  const quantity = {
    name: `var(theta), ${rule}`,
    condition: { learningRate },
    estimate: estimateOf(() => covariance(observed.moments, { i: "w", j: "w", condition })),
    unit: "θ²",
    predicted: doubts.length === 0 ? predicted : null,
    systematic: relative * (predicted ?? 0),
  };
  return { quantity, doubts: exact === null ? [] : doubts };
}
