/**
 * How the noise of minibatch gradients is modelled: values of the hyperparameter `noiseModel` of
 * rules that take the `modelled` gradient, and what they ask of an ensemble.
 */
import { ArgumentError } from "../errors.ts";
import { noiseFactor, type SamplingLaw } from "../sampling.ts";
import type { Dynamics } from "./dynamics.ts";
import type { Setting } from "./updateRule.ts";

/** Minibatches themselves: SGD. */
export const MINIBATCH = 0;
/** Gaussian of a constant covariance, the ensemble's `noiseCovariance`. */
export const CONSTANT = 1;
/** Gaussian with the diagonal of the one-sample gradient covariance at θ. */
export const DIAGONAL = 2;
/** Gaussian with the one-sample gradient covariance at θ. */
export const FULL = 3;

/** Why an ensemble cannot model the noise that these conditions ask for, or null. */
export function noiseModelComplaint(
  { rule, noiseFactor: covariance }: Dynamics,
  conditions: readonly Setting[],
): string | null {
  if (rule.gradient !== "modelled") return null;
  if (covariance === null && conditions.some((c) => c.noiseModel === CONSTANT)) {
    return (
      `noiseModel ${CONSTANT} is noise of a constant covariance, and the ensemble has none; ` +
      "create it with noiseCovariance, [param, param] of one sample's gradient"
    );
  }
  return null;
}

/** @throws ArgumentError with the complaint, if there is one */
export function checkNoiseModel(dynamics: Dynamics, conditions: readonly Setting[]): void {
  const complaint = noiseModelComplaint(dynamics, conditions);
  if (complaint !== null) throw new ArgumentError(`${dynamics.rule.name}: ${complaint}.`);
}

/** Cov(G)/C₁ of a step of length `timeStep`: f/τ, f the noise factor of the modelled batches. */
export const noiseStrength = (setting: Setting, sampling: SamplingLaw, samples: number): number =>
  noiseFactor(sampling, samples, setting.batchSize!) / setting.timeStep!;
