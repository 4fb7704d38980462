/** What is claimed of a diagonal net at one learning rate (card 3A): law, corrections, their bounds. */
import {
  type BalanceLaw,
  balanceCorrection,
  collapseThreshold,
  criticalTemperature,
  type LabelNoiseLaw,
  labelNoiseMoments,
  labelNoiseRegression,
  labelNoiseRelaxation,
} from "../../models/theory/index.ts";
import { predictionOf } from "../outcome.ts";

export interface LabelNoiseParameters {
  readonly depth: number;
  readonly learningRates: readonly number[];
  readonly slope: number;
  readonly labelNoise: number;
  readonly noiseLaw: LabelNoiseLaw;
  readonly start: "law" | "point";
  readonly replicas: number;
  readonly steps: number | "auto";
  readonly burnIn: number | "auto";
}

/** A moment of v: the continuous law's, with its first correction, and what that leaves out. */
export interface Moment {
  readonly continuous: number;
  readonly corrected: number;
  readonly remainder: number;
}

export interface Claim {
  readonly learningRate: number;
  /** null without a stationary law of v > 0: one factor, or a collapse. */
  readonly law: BalanceLaw | null;
  /** null where nothing is claimed. */
  readonly mean: Moment | null;
  readonly variance: Moment | null;
  /** In steps; null where there is nothing to relax to. */
  readonly relaxation: number | null;
  readonly warnings: readonly string[];
}

/** Remainders above this share of a moment leave nothing to compare with. */
const LARGEST_REMAINDER = 0.25;

const exactly = (value: number): Moment => ({
  continuous: value,
  corrected: value,
  remainder: 0,
});

/** One factor: exact, but the continuous theory has no 1 − η. */
function ofRegression(p: LabelNoiseParameters, learningRate: number): Claim {
  const { exact, warnings } = predictionOf(() =>
    labelNoiseRegression({ learningRate, slope: p.slope, noise: p.labelNoise }),
  );
  const variance = exact && {
    ...exactly(exact.variance),
    continuous: learningRate * p.labelNoise ** 2,
  };
  return {
    learningRate,
    law: null,
    mean: exact && exactly(exact.mean),
    variance,
    relaxation: exact?.relaxation ?? null,
    warnings,
  };
}

function thresholdWarning(p: LabelNoiseParameters, learningRate: number): string {
  const critical = criticalTemperature(p.depth, labelNoiseMoments(p.slope, p.labelNoise));
  const exact =
    p.noiseLaw === "sign"
      ? `; in single steps it begins at ${collapseThreshold(p.slope, p.labelNoise).toPrecision(4)}`
      : "";
  return (
    `no prediction at learning rate ${learningRate}: above the critical temperature k/s² = ` +
    `${critical.toPrecision(4)} v collapses to 0${exact}.`
  );
}

/** Learning rates above the threshold of continuous theory, two factors. */
const collapses = (p: LabelNoiseParameters, learningRate: number): boolean =>
  learningRate >= criticalTemperature(p.depth, labelNoiseMoments(p.slope, p.labelNoise));

export function claimOf(p: LabelNoiseParameters, learningRate: number): Claim {
  if (p.depth === 0) return ofRegression(p, learningRate);
  const none = { learningRate, law: null, mean: null, variance: null, relaxation: null };
  if (collapses(p, learningRate)) {
    return { ...none, warnings: [thresholdWarning(p, learningRate)] };
  }
  const net = {
    depth: p.depth,
    learningRate,
    slope: p.slope,
    noise: p.labelNoise,
    noiseLaw: p.noiseLaw,
  };
  const found = balanceCorrection(net);
  const { law } = found;
  const moment = (continuous: number, change: number, remainder: number): Moment | null =>
    remainder <= LARGEST_REMAINDER * continuous
      ? { continuous, corrected: continuous + change, remainder }
      : null;
  const mean = moment(law.mean, found.mean, found.meanRemainder);
  const variance = moment(law.variance, found.variance, found.varianceRemainder);
  const missing = [...(mean ? [] : ["mean"]), ...(variance ? [] : ["variance"])];
  const warning =
    `no prediction of the ${missing.join(" and ")} at learning rate ${learningRate}: what steps of this ` +
    "size do beyond the first correction may exceed a quarter of it; lower learningRates, slope or " +
    "labelNoise.";
  return {
    learningRate,
    law,
    mean,
    variance,
    relaxation: labelNoiseRelaxation(net, law),
    warnings: missing.length > 0 ? [warning] : [],
  };
}
