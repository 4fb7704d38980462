/** What is estimated from the record of one learning rate; what an estimator refuses, is said. */
import {
  type DetailedFluctuation,
  detailedFluctuation,
  type Estimate,
  entropyEvents,
  entropyMoments,
  halfVarianceRatio,
  integralFluctuation,
  jackknife,
  mean,
  type Rows,
  SIGMA,
} from "../../analysis/index.ts";
import { RefusalError } from "../../engine/errors.ts";
import type { EntropyProductionRecord, MomentsRecord, RunInfo } from "../../engine/record.ts";
import { predictionOf } from "../outcome.ts";
import { type CloudTheory, cloudTheory } from "./cloud.ts";
import { type Lagged, laggedOf, trace, upper } from "./matrices.ts";
import type { Landscape, Linear } from "./theory.ts";

/** What was measured at one learning rate. */
export interface Observed {
  readonly [name: string]: MomentsRecord | EntropyProductionRecord | RunInfo;
  readonly moments: MomentsRecord;
  readonly sigma: EntropyProductionRecord;
  readonly run: RunInfo;
}

/** An estimate, and whether its estimator stands by it. */
export interface Result {
  readonly estimate: Estimate;
  readonly trusted: boolean;
}

export interface Rung {
  readonly learningRate: number;
  readonly burnIn: number;
  readonly steps: number;
  readonly linear: Linear;
  /** Of the linear theory at the minimum: D = η² Σ_B/2, and C above the diagonal. */
  readonly atMinimum: { readonly diffusion: Rows; readonly current: readonly number[] };
  /** Steps in which the softest projected mode decays by 1/e. */
  readonly relaxation: number;
  /** Share of the replicas that do not come back to the minimum when the noise is turned off. */
  readonly gone: number;
  /** null where the averaged process has no stationary state. */
  readonly cloud: CloudTheory | null;
  readonly results: Results;
  readonly warnings: readonly string[];
}

export interface Results {
  readonly sigma: Result;
  readonly integralStep: Result;
  readonly integralStretch: Result;
  readonly sigmaVariance: Result;
  readonly plugIn: Result;
  readonly correlation: Result;
  readonly slope: Result;
  /** |D − D_min|/|D_min|, and tr D. */
  readonly diffusionError: Result;
  readonly diffusionTrace: Result;
  /** Mean over modes of the variance over Lyapunov's, and each mode's. */
  readonly varianceMean: Result;
  readonly variances: readonly Estimate[];
  /** C_ij above the diagonal. */
  readonly areas: readonly Estimate[];
  readonly detailed: DetailedFluctuation | null;
}

export interface RungPlan {
  readonly learningRate: number;
  readonly burnIn: number;
  readonly steps: number;
  readonly linear: Linear;
  /** Steps of the longer sums of σ. */
  readonly stretch: number;
  readonly gone: number;
}

/** [replica, (first, lag 0) (first, lag 1) (end, lag 1) (second, lag 0) (second, lag 1)] */
function columnsOf({ first, firstEnd, second, coordinates }: MomentsRecord) {
  const d = coordinates.length;
  const replicas = first.axes[1]!.length;
  const k = 3 * d + 2 * d * d;
  const data = new Float64Array(replicas * k);
  for (let r = 0; r < replicas; r += 1) {
    const [now, later] = [2 * r, 2 * r + 1];
    const part = (from: ArrayLike<number>, at: number, size: number): Float64Array =>
      Float64Array.from({ length: size }, (_, q) => from[at * size + q]!);
    data.set(
      [
        ...part(first.data, now, d),
        ...part(first.data, later, d),
        ...part(firstEnd.data, later, d),
        ...part(second.data, now, d * d),
        ...part(second.data, later, d * d),
      ],
      r * k,
    );
  }
  return { data, replicas, k, d };
}

interface Pair {
  readonly S: Rows;
  readonly lagged: Lagged;
}

/** S and L about the mean, from the columns' means. */
function pairOf(m: Float64Array, d: number): Pair {
  const square = (at: number, a: number, b: number): number[][] =>
    Array.from({ length: d }, (_, i) =>
      Array.from({ length: d }, (_, j) => m[at + i * d + j]! - m[a + i]! * m[b + j]!),
    );
  const S = square(3 * d, 0, 0);
  return { S, lagged: laggedOf(S, square(3 * d + d * d, d, 2 * d)) };
}

const sum = (values: readonly number[]): number => values.reduce((total, x) => total + x, 0);
const inner = (a: readonly number[], b: readonly number[]): number =>
  sum(a.map((x, i) => x * b[i]!));

/** Correlation through the origin: signs of areas are known. */
export const cosine = (a: readonly number[], b: readonly number[]): number =>
  inner(a, b) / Math.sqrt(inner(a, a) * inner(b, b));
export const slopeOf = (a: readonly number[], b: readonly number[]): number =>
  inner(a, b) / inner(b, b);

export function rungOf(scene: Landscape, plan: RungPlan, record: Observed): Rung {
  const { learningRate, linear, stretch, burnIn, steps, gone } = plan;
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
  const detailed = attemptDetailed(record, warnings);
  const { d, ...samples } = columnsOf(record.moments);
  const biasCorrected = { biasCorrected: true };
  const ofPair = (f: (pair: Pair) => number): Result =>
    attempt(() => jackknife(samples, (m) => f(pairOf(m, d)), biasCorrected));
  const current = upper(linear.continuous.current);
  const D = scene.subspace.noiseCovariance.map((row) =>
    row.map((x) => (learningRate ** 2 * x) / 2),
  );
  const flat = D.flat();
  const lyapunov = linear.continuous.covariance;
  const variance = (S: Rows, i: number): number => S[i]![i]! / lyapunov[i]![i]!;
  const cloud = predictionOf(() =>
    cloudTheory(scene, linear.continuous, { learningRate, burnIn, steps }),
  );
  const sigmas = entropyMoments(record.sigma);
  return {
    ...{ learningRate, burnIn, steps, linear, gone },
    atMinimum: { diffusion: D, current },
    relaxation: 1 / (learningRate * linear.softest),
    cloud: cloud.exact,
    warnings: [...warnings, ...cloud.warnings],
    results: {
      sigma: attempt(() => mean(sigmas, { i: SIGMA })),
      integralStep: attempt(() => integralFluctuation(sigmas)),
      integralStretch: attempt(() =>
        integralFluctuation(entropyMoments(record.sigma, { window: stretch })),
      ),
      sigmaVariance: attempt(() => halfVarianceRatio(record.sigma)),
      plugIn: ofPair(({ lagged }) => lagged.plugIn),
      // Not corrected for its bias: the prediction has it.
      correlation: attempt(() =>
        jackknife(samples, (m) => cosine(upper(pairOf(m, d).lagged.area), current)),
      ),
      slope: ofPair(({ lagged }) => slopeOf(upper(lagged.area), current)),
      diffusionError: ofPair(({ lagged }) =>
        Math.sqrt(
          sum(lagged.diffusion.flat().map((x, i) => (x - flat[i]!) ** 2)) / inner(flat, flat),
        ),
      ),
      diffusionTrace: ofPair(({ lagged }) => trace(lagged.diffusion) / trace(D)),
      varianceMean: ofPair(({ S }) => sum(S.map((_, i) => variance(S, i))) / d),
      variances: lyapunov.map((_, i) => ofPair(({ S }) => variance(S, i)).estimate),
      areas: current.map((_, i) => ofPair(({ lagged }) => upper(lagged.area)[i]!).estimate),
      detailed,
    },
  };
}

function attemptDetailed({ sigma }: Observed, warnings: string[]): DetailedFluctuation | null {
  try {
    return detailedFluctuation(entropyEvents(sigma));
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    warnings.push(`no estimate: ${error.message}`);
    return null;
  }
}
