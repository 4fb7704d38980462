/** Quantities of card A5: each measured number beside the leading order, for one law of batches. */
import {
  type AreaAgreement,
  areaAgreement,
  covariance,
  type DetailedFluctuation,
  detailedFluctuation,
  type Estimate,
  entropyEvents,
  entropyMoments,
  halfVarianceRatio,
  integralFluctuation,
  mean,
  noEstimate,
  SIGMA,
  shiftAgreement,
  shiftDistance,
} from "../../analysis/index.ts";
import { RefusalError } from "../../engine/errors.ts";
import type { EntropyProductionRecord, MomentsRecord, RunInfo } from "../../engine/record.ts";
import { comparable } from "../comparable.ts";
import type { Quantity } from "../experiment.ts";
import { estimateOf } from "../outcome.ts";
import { EXPONENTIAL, F32, F32_BLOCK_SUM } from "../systematic.ts";
import type { RegressionParameters } from "./settings.ts";
import { hiddenShare, type LawTheory, type Problem } from "./theory.ts";

export interface Observed {
  readonly moments: MomentsRecord;
  readonly sigma: EntropyProductionRecord;
  readonly run: RunInfo;
}

/** What was measured under one law. */
export interface Measured {
  readonly theory: LawTheory;
  readonly burnIn: number;
  readonly steps: number;
  readonly record: Observed;
}

/** Estimates that the figures show as well; what an estimator refused says why. */
export interface Results {
  readonly covariance: readonly Estimate[];
  readonly shift: readonly Estimate[];
  /** Of a false prediction of the mean, along the softest mode. */
  readonly hidden: number;
  /** null where no replica is left. */
  readonly areas: AreaAgreement | null;
  readonly integral: readonly { readonly window: number; readonly result: Result }[];
  readonly detailed: DetailedFluctuation | null;
  /** The slope fitted up to three typical deviations of σ. */
  readonly innerSlope: Estimate | null;
}

/** An estimate, and whether its estimator stands by it. */
interface Result {
  readonly estimate: Estimate;
  readonly trusted: boolean;
}

/** The card's: covariances to 3 %, means to 5 % of their norm, correlation of the areas above 0.99. */
const TOLERANCE = { covariance: 0.03, shift: 0.05, correlation: 0.01 };

/** Typical deviations √(2⟨σ⟩) that the inner slope is fitted over: about the card's |σ| < 0.3. */
const INNER = 3;

export function resultsOf(
  p: RegressionParameters,
  problem: Problem,
  { theory, record, ...times }: Measured,
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
  const { moments, sigma } = record;
  const unless = <T>(estimator: () => T): T | null => {
    try {
      return estimator();
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      warnings.push(error.message);
      return null;
    }
  };
  const current = theory.continuous.current.map((row) => row.map((c) => c / theory.unit));
  const each = (estimator: (i: number) => Estimate): Estimate[] =>
    moments.coordinates.map((_, i) => attempt(() => estimator(i)).estimate);
  const results = {
    covariance: each((i) => covariance(moments, { i, j: i })),
    shift: each((i) => mean(moments, { i })),
    hidden: hiddenShare(problem, { ...times, learningRate: p.learningRate }),
    areas: unless(() => areaAgreement(moments, current, { lag: theory.unit })),
    integral: sigma.windows.map((window) => ({
      window,
      result: attempt(() => integralFluctuation(entropyMoments(sigma, { window }))),
    })),
    detailed: unless(() => detailedFluctuation(entropyEvents(sigma))),
    innerSlope: unless(() => {
      const within = INNER * Math.sqrt(2 * theory.continuous.entropyProduction);
      return detailedFluctuation(entropyEvents(sigma), { within }).slope;
    }),
  };
  return { results, warnings: [...new Set(warnings)] };
}

interface Row {
  readonly name: string;
  readonly unit: string;
  readonly estimate: Estimate;
  readonly predicted: number | null;
  readonly systematic: number;
}

/** Mean and covariance, which both laws predict. */
function stateRows(problem: Problem, { theory, record }: Measured, results: Results): Row[] {
  const { holds, neglected, shift } = theory;
  const variance = (i: number): number => theory.covariance[i]![i]!;
  const size = Math.hypot(...shift);
  const relative = Math.min(TOLERANCE.shift, neglected.shift);
  const rounding = meanRounding(problem);
  const coordinates = record.moments.coordinates;
  return [
    ...coordinates.map((name, i) => ({
      name: `cov(${name},${name})`,
      unit: "w²",
      estimate: results.covariance[i]!,
      predicted: holds ? variance(i) : null,
      // The neglected order, never more than the card's tolerance, and sums in float32.
      systematic:
        variance(i) * (Math.min(TOLERANCE.covariance, neglected.covariance) + F32_BLOCK_SUM),
    })),
    ...coordinates.map((name, i) => ({
      name: `mean(${name}) - minimum`,
      unit: "w",
      estimate: results.shift[i]!,
      predicted: holds ? shift[i]! : null,
      systematic: relative * size + rounding,
    })),
    {
      name: "shift along its prediction",
      unit: "1",
      estimate: estimateOf(() => shiftAgreement(record.moments, shift)),
      predicted: holds ? 1 : null,
      systematic: relative + rounding / size,
    },
    {
      name: "shift off its prediction",
      unit: "1",
      estimate: estimateOf(() => shiftDistance(record.moments, shift)),
      predicted: holds ? 0 : null,
      systematic: relative + rounding / size,
    },
  ];
}

/**
 * Float32 rounding of the samples' gradients, one unit each and independent of each other, moves the
 * minimum by 2⁻²⁴ √(tr C₁/N)/h of the softest mode; tr C₁ is that of Σ_B over f.
 */
function meanRounding({ minimum, at }: Problem): number {
  const { gradients } = at(minimum.theta);
  const square = gradients.reduce(
    (sum, g) => sum + Array.from(g).reduce((own, x) => own + x * x, 0) / gradients.length,
    0,
  );
  return (F32 * Math.sqrt(square / gradients.length)) / minimum.eigenvalues[0]!;
}

/** Currents and entropy production: predicted for independent batches only. */
function currentRows({ theory, record }: Measured, results: Results): Row[] {
  const { neglected, unit } = theory;
  const time = unit === 1 ? "step" : "epoch";
  const holds = theory.holds && theory.law === "distinct";
  const off = neglected.integral ?? 0;
  const one = holds ? 1 : null;
  const relative = off / theory.continuous.entropyProduction;
  const none = noEstimate("refused");
  return [
    {
      name: "correlation of areas",
      unit: "1",
      estimate: results.areas?.correlation ?? none,
      predicted: one,
      systematic: TOLERANCE.correlation,
    },
    {
      name: "slope of areas",
      unit: "1",
      estimate: results.areas?.slope ?? none,
      predicted: one,
      systematic: holds ? neglected.area + neglected.covariance : 0,
    },
    {
      name: "<sigma>",
      unit: `nats per ${time}`,
      estimate: estimateOf(() => mean(entropyMoments(record.sigma), { i: SIGMA })),
      predicted: holds ? theory.entropyProduction : null,
      // What parts ⟨σ⟩ from half the variance of σ, which the theorem makes equal.
      systematic: off,
    },
    {
      name: "var(sigma)/(2 <sigma>)",
      unit: "1",
      estimate: estimateOf(() => halfVarianceRatio(record.sigma)),
      predicted: one,
      systematic: relative,
    },
    ...results.integral.map(({ window, result: { estimate, trusted } }) => ({
      name: `<exp(-sigma)>, ${window} ${time}${window === 1 ? "" : "s"}`,
      unit: "1",
      estimate,
      predicted: trusted ? one : null,
      systematic: window * off + EXPONENTIAL * Math.sqrt(2 * window * theory.entropyProduction),
    })),
    // Batch noise is skew: the detailed theorem has no exact form here.
    ...[
      ["slope of ln p(sigma)/p(-sigma)", results.detailed?.slope ?? none] as const,
      [`the same, |sigma| < ${INNER} deviations`, results.innerSlope ?? none] as const,
    ].map(([name, estimate]) => ({ name, unit: "1", estimate, predicted: null, systematic: 0 })),
  ];
}

export function regressionQuantities(
  p: RegressionParameters,
  problem: Problem,
  measured: Measured,
  results: Results,
): { quantities: Quantity[]; warnings: string[] } {
  const rows = [...stateRows(problem, measured, results), ...currentRows(measured, results)];
  const condition = { sampling: measured.theory.law };
  const quantities = rows.map(
    ({ predicted, systematic, ...row }): Quantity => ({
      ...row,
      condition,
      predicted,
      systematic: predicted === null ? 0 : systematic,
    }),
  );
  return comparable(quantities, { replicas: p.replicas });
}

/** Share of a false mean that may be hidden without a word. */
const LARGEST_HIDDEN = 0.5;

/** How far the linear theory fails, in words: a real deviation, which no setting mends. */
export function failures({ theory, record }: Measured, results: Results): string[] {
  const { law, entropyProduction: expected, neglected } = theory;
  const sigma = estimateOf(() => mean(entropyMoments(record.sigma), { i: SIGMA }));
  const slope = results.detailed?.slope;
  const { hidden } = results;
  const found = [
    `<sigma> is ${(sigma.value / expected).toFixed(3)}(${(sigma.standardError / expected).toFixed(3)}) of the ` +
      "linear theory's",
    ...(slope
      ? [
          `the detailed theorem's slope ${slope.value.toFixed(3)}(${slope.standardError.toFixed(3)})`,
        ]
      : []),
  ].join(", ");
  const reason =
    law === "distinct"
      ? `Noise and curvature that change over the cloud make <exp(-sigma)> - 1 about ` +
        `${(neglected.integral ?? Number.NaN).toExponential(1)} a step`
      : "An epoch's displacement is no linear drift with constant Gaussian noise, so nothing is predicted of sigma";
  const unseen =
    theory.holds && hidden > LARGEST_HIDDEN
      ? [
          `${law}: replicas start about the predicted mean, and ${(100 * hidden).toFixed(0)} % of an error of it along ` +
            "the softest direction are not seen yet; raise burnIn for a test of that direction",
        ]
      : [];
  return [`${law}: ${found}. ${reason}.`, ...unseen];
}
