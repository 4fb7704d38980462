/**
 * Quantities of card A2 from the measured rungs, each beside its exact value; and the continuous
 * theory, which must miss where the learning rate is not small.
 */
import {
  areaRate,
  covariance,
  type DetailedFluctuation,
  detailedFluctuation,
  type Estimate,
  entropyEvents,
  entropyMoments,
  integralFluctuation,
  mean,
  noEstimate,
  SIGMA,
  zScore,
} from "../../analysis/index.ts";
import { RefusalError } from "../../engine/errors.ts";
import type { EntropyProductionRecord, MomentsRecord, RunInfo } from "../../engine/record.ts";
import type { AdditiveNoise, ContinuousCurrent } from "../../models/theory/index.ts";
import { comparable } from "../comparable.ts";
import type { Quantity } from "../experiment.ts";
import { EXPONENTIAL, F32, F32_BLOCK_SUM, transient } from "../systematic.ts";

/** What a rung leaves. */
export interface Observed {
  readonly [name: string]: MomentsRecord | EntropyProductionRecord | RunInfo;
  readonly moments: MomentsRecord;
  /** σ of single steps, and of stretches. */
  readonly sigma: EntropyProductionRecord;
  readonly run: RunInfo;
}

/** An estimate, and whether its estimator stands by it. */
interface Result {
  readonly estimate: Estimate;
  readonly trusted: boolean;
}

export interface Results {
  readonly covariance: readonly Result[];
  readonly area: Result;
  readonly sigma: Result;
  readonly integralStep: Result;
  readonly integralStretch: Result;
  readonly detailed: DetailedFluctuation | null;
}

export interface Rung {
  readonly learningRate: number;
  readonly exact: AdditiveNoise | null;
  readonly continuous: ContinuousCurrent;
  readonly relaxation: number;
  readonly burnIn: number;
  readonly steps: number;
  readonly results: Results;
}

interface Settings {
  readonly stretch: number;
  readonly replicas: number;
}

const PAIRS = [
  [0, 0],
  [0, 1],
  [1, 1],
] as const;

/** All estimates of a rung; what an estimator refused is kept with its reason. */
export function resultsOf(
  { moments, sigma }: Observed,
  stretch: number,
): { results: Results; warnings: string[] } {
  const warnings: string[] = [];
  const attempt = (estimator: () => Estimate): Result => {
    try {
      return { estimate: estimator(), trusted: true };
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      warnings.push(`no prediction: ${error.message}`);
      return { estimate: error.estimate as Estimate, trusted: false };
    }
  };
  const step = entropyMoments(sigma);
  let detailed: DetailedFluctuation | null = null;
  try {
    detailed = detailedFluctuation(entropyEvents(sigma));
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    warnings.push(`no prediction: ${error.message}`);
  }
  const results = {
    covariance: PAIRS.map(([i, j]) => attempt(() => covariance(moments, { i, j }))),
    area: attempt(() => areaRate(moments, { i: 0, j: 1 })),
    sigma: attempt(() => mean(step, { i: SIGMA })),
    integralStep: attempt(() => integralFluctuation(step)),
    integralStretch: attempt(() => integralFluctuation(entropyMoments(sigma, { window: stretch }))),
    detailed,
  };
  return { results, warnings: [...new Set(warnings)] };
}

/** Exact values, and what is left of the start's, which are the continuous theory's. */
function stationaryRows(rung: Rung, hessian: readonly (readonly number[])[]) {
  const { exact, continuous, learningRate, burnIn, relaxation, results } = rung;
  const left = transient(burnIn, relaxation);
  // Without a stationary state nothing is predicted, and no bound is needed.
  const known = exact ?? { ...continuous, areaRate: continuous.current };
  const deviation = [0, 1].map((i) => Math.sqrt(known.covariance[i]![i]!));
  const startOff = Math.max(
    ...PAIRS.map(([i, j]) => Math.abs(known.covariance[i]![j]! - continuous.covariance[i]![j]!)),
  );
  const size = (i: number, j: number): number => deviation[i]! * deviation[j]!;
  const swing = learningRate * hessian[0]![0]!;
  return [
    ...PAIRS.map(([i, j], k) => ({
      name: `cov(${i},${j})`,
      unit: "w²",
      result: results.covariance[k]!,
      predicted: exact && known.covariance[i]![j]!,
      // Off-diagonal sums round like the variances they are made of.
      systematic: F32_BLOCK_SUM * size(i, j) + left * startOff,
    })),
    {
      name: "area(0,1)",
      unit: "w² per step",
      result: results.area,
      predicted: exact && known.areaRate[0]![1]!,
      systematic: swing * (F32_BLOCK_SUM * size(0, 1) + left * startOff),
    },
    {
      name: "<sigma>",
      unit: "nats per step",
      result: results.sigma,
      predicted: exact && known.entropyProduction,
      systematic:
        16 * F32 * known.entropyProduction +
        left * Math.abs(known.entropyProduction - continuous.entropyProduction),
    },
  ];
}

/**
 * The theorems, which need no stationary state. Systematic: normal numbers and the noise's Cholesky
 * factor are rounded to float32, which changes variances of σ, twice their means, by 16 · 2⁻²⁴ at most;
 * and e^{−σ} − 1 is off by 5·10⁻⁷ of |σ| ~ √(2⟨σ⟩) at most (shaders/lib/exp_minus_one.wgsl).
 */
function theoremRows({ stretch }: Settings, { results, exact, continuous }: Rung) {
  const { entropyProduction } = exact ?? continuous;
  const rounding = 16 * F32 * entropyProduction + EXPONENTIAL * Math.sqrt(2 * entropyProduction);
  const { detailed } = results;
  const ofDetailed = (estimate: Estimate | undefined): Result =>
    estimate
      ? { estimate, trusted: true }
      : { estimate: noEstimate("detailed fluctuation theorem"), trusted: false };
  return [
    {
      name: "<exp(-sigma)>, 1 step",
      result: results.integralStep,
      predicted: 1,
      systematic: rounding,
    },
    {
      name: `<exp(-sigma)>, ${stretch} steps`,
      result: results.integralStretch,
      predicted: 1,
      systematic: rounding * stretch,
    },
    {
      name: "slope of ln p(sigma)/p(-sigma)",
      result: ofDetailed(detailed?.slope),
      predicted: 1,
      systematic: 16 * F32,
    },
    {
      name: "mean of ln p(sigma)/p(-sigma) - sigma",
      result: ofDetailed(detailed?.meanLogRatio),
      predicted: 0,
      systematic: 16 * F32 * Math.sqrt(2 * (exact ?? continuous).entropyProduction),
    },
  ].map((row) => ({ ...row, unit: "1" }));
}

/** Where the continuous theory is off by more than 4 errors. */
function continuousMisses({ learningRate, continuous, exact, results }: Rung): string[] {
  if (exact === null) return [];
  const rows = [
    ...PAIRS.map(
      ([i, j], k) =>
        [`cov(${i},${j})`, results.covariance[k]!.estimate, continuous.covariance[i]![j]!] as const,
    ),
    ["<sigma>", results.sigma.estimate, continuous.entropyProduction] as const,
  ];
  const misses = rows
    .map(([name, estimate, value]) => ({ name, value, z: zScore(estimate, value) }))
    .filter(({ z }) => Math.abs(z) > 4)
    .map(({ name, value, z }) => `${name} = ${value.toPrecision(5)} by ${z.toFixed(1)}`);
  if (misses.length === 0) return [];
  return [
    `learning rate ${learningRate}: the continuous theory HS + SH = eta Sigma misses ` +
      `${misses.join(", ")} standard errors, because the step is not small`,
  ];
}

/** Everything that is measured; without predictions where replicas are too few to compare. */
export function additiveQuantities(
  p: Settings,
  hessian: readonly (readonly number[])[],
  rungs: readonly Rung[],
): { quantities: Quantity[]; warnings: string[] } {
  const measured = rungs.flatMap((rung) =>
    [...stationaryRows(rung, hessian), ...theoremRows(p, rung)].map(
      ({ name, unit, result, predicted, systematic }): Quantity => ({
        name,
        condition: { learningRate: rung.learningRate },
        estimate: result.estimate,
        unit,
        predicted: result.trusted ? predicted : null,
        systematic,
      }),
    ),
  );
  const { quantities, warnings } = comparable(measured, { replicas: p.replicas });
  return {
    quantities,
    warnings: warnings.length > 0 ? warnings : rungs.flatMap(continuousMisses),
  };
}
