/** Measured laws of card A7's chains, sharpened by their controls, and bounds on their bias. */
import {
  controlledMeans,
  gaussianLaw,
  type MeasuredGaussian,
  momentPairs,
  momentsAbout,
} from "../../analysis/index.ts";
import { RefusalError } from "../../engine/errors.ts";
import { MOMENTS_BLOCK } from "../../engine/observe/moments.ts";
import type { PosteriorMoments, RegressionPosterior } from "../../models/index.ts";
import { F32 } from "../systematic.ts";
import { CHAINS } from "./chains.ts";
import { isSettled, type PlannedChain, type Rung } from "./plan.ts";
import type { Observed } from "./runs.ts";

/** exp(−U/T) and the numbers its bounds need. */
export interface Target {
  readonly mean: readonly number[];
  /** Λ/T */
  readonly precision: readonly (readonly number[])[];
  /** T Λ⁻¹ */
  readonly covariance: readonly (readonly number[])[];
  readonly temperature: number;
}

export const targetOf = (
  { mean, precision, covariance }: RegressionPosterior,
  temperature: number,
): Target => ({
  mean,
  precision: precision.map((row) => row.map((value) => value / temperature)),
  covariance: covariance.map((row) => row.map((value) => value * temperature)),
  temperature,
});

/** Bounds on the bias that no standard error covers. */
export interface Bounds {
  /** Of E w, [d]. */
  readonly mean: readonly number[];
  /** Of Cov w, [d, d]. */
  readonly covariance: readonly (readonly number[])[];
}

export interface MeasuredChain {
  readonly chain: PlannedChain;
  readonly learningRate: number;
  /** With control variates, where the chain has some. */
  readonly sharp: MeasuredGaussian;
  /** Plain averages. */
  readonly plain: MeasuredGaussian;
  readonly bounds: Bounds;
}

/** The chains of a rung that were asked for or serve as controls; null where replicas are lost. */
export function measureRung(
  rung: Rung,
  records: readonly Observed[],
  target: Target,
): { measured: MeasuredChain[]; warnings: string[] } {
  const samples = records.map(({ moments }) => momentsAbout(moments, target.mean));
  const warnings: string[] = [];
  const measured = rung.chains.flatMap((chain, k): MeasuredChain[] => {
    const c = isSettled(rung) ? rung.chains.findIndex(({ name }) => name === chain.control) : -1;
    const control = rung.chains[c];
    try {
      const plain = controlledMeans(samples[k]!);
      const sharp = control
        ? controlledMeans(samples[k]!, { samples: samples[c]!, exact: momentsOf(control.exact) })
        : plain;
      return [
        {
          chain,
          learningRate: rung.learningRate,
          plain: gaussianLaw(plain),
          sharp: gaussianLaw(sharp),
          bounds: boundsOf(rung, chain, control, target),
        },
      ];
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      const where = `${CHAINS[chain.name].title} at learning rate ${rung.learningRate}`;
      warnings.push(`${where}: ${error.message}`);
      return [];
    }
  });
  return { measured, warnings };
}

/** Raw first and second moments about the target's mean, in the order of `momentsAbout`. */
function momentsOf({ shift, covariance }: PosteriorMoments): number[] {
  const second = momentPairs(shift.length).map(
    ([i, j]) => covariance[i]![j]! + shift[i]! * shift[j]!,
  );
  return [...shift, ...second];
}

/**
 * Bias of measured means and covariances, control included (whose coefficient is about 1):
 *
 * - sums of n records in float32: each addition rounds either way, √n units of the summed size;
 * - η, T, x and y are rounded once each: a few units of |w| in the minimum;
 * - rounding of w at each step: where a step's noise √(2ηT) is wider than an ulp of w, it rounds
 *   either way and adds ulp²/12 to the noise; else it drifts by at most half an ulp a step for a
 *   relaxation time;
 * - the start: `left` of the differences from the target's own law.
 */
function boundsOf(
  { steps, every, relaxation, left, learningRate }: Rung,
  chain: PlannedChain,
  control: PlannedChain | undefined,
  { mean, covariance, temperature }: Target,
): Bounds {
  const parts = control ? [chain, control] : [chain];
  const walk = Math.sqrt(Math.min(steps / every, MOMENTS_BLOCK)) * F32;
  const largest =
    Math.max(...mean.map(Math.abs)) + Math.sqrt(Math.max(...covariance.map((r, i) => r[i]!)));
  const ulp = 2 * F32 * largest;
  const kick = Math.sqrt(2 * learningRate * temperature);
  const dithers = kick > ulp;
  const drift = dithers ? 0 : 0.5 * ulp * relaxation;
  const spread = dithers ? ulp ** 2 / 12 / kick ** 2 : 0;
  const total = (of: (law: PosteriorMoments) => number): number =>
    parts.reduce((sum, { exact }) => sum + of(exact), 0);
  const size = (law: PosteriorMoments, i: number): number =>
    Math.sqrt(law.covariance[i]![i]! + law.shift[i]! ** 2);
  const ofMean = mean.map((m, i) =>
    total(
      (law) => walk * size(law, i) + 4 * F32 * Math.abs(m) + drift + left * Math.abs(law.shift[i]!),
    ),
  );
  return {
    mean: ofMean,
    covariance: mean.map((_, i) =>
      mean.map((__, j) =>
        total((law) => {
          const sizes = size(law, i) * size(law, j);
          const off = Math.abs(law.covariance[i]![j]! - covariance[i]![j]!);
          const moved = drift * (size(law, i) + size(law, j)) + drift ** 2;
          return (2 * walk + 4 * F32 + spread) * sizes + moved + left * off;
        }),
      ),
    ),
  };
}
