/** What is claimed of two balanced factors at one temperature (card 3C), and what steps of dt take from it. */
import {
  type BalanceLaw,
  type BalanceSteps,
  balanceSteps,
  clockRate,
  gaussianDataMoments,
  type LawNumbers,
} from "../../models/theory/index.ts";
import { predictionOf } from "../outcome.ts";
import { F32 } from "../systematic.ts";
import type { HeavyTailSettings } from "./settings.ts";

/** Tolerances of card 3C (the first is ours): a larger shift by the steps leaves nothing to claim. */
const SMALL = 0.05;
const BULK = 0.01;
const OUTSIDE = 0.03;
const HILL = 0.05;
/** Share of the start in averages above which they are not those of the law. */
const MOST_LEFT = 0.01;
/** Runs shorter than so many relaxation times would compare the start with itself. */
const LEAST_LENGTH = 3;

export interface Claim {
  readonly temperature: number;
  /** null where there is no stationary law. */
  readonly steps: BalanceSteps | null;
  /** Whether the run is stationary and long enough to be held against the law. */
  readonly holds: boolean;
  /** k. */
  readonly slope: number;
  /** 4k dt, what a step takes of a distance from k. */
  readonly stepSize: number;
  readonly warnings: readonly string[];
}

export interface Prediction {
  readonly predicted: number | null;
  readonly systematic: number;
}

/**
 * Slowest relaxation of v, in steps: the pull to k at rate 4k h, and the free end of small ln v, which
 * drifts by 4(k − T a3) and diffuses by 16 T a3: rate (k − T a3)²/(2 T a3).
 */
export function relaxationSteps(p: HeavyTailSettings, temperature: number): number {
  const data = gaussianDataMoments(p.slope, p.labelNoise);
  const pull = 1 / (4 * p.slope * clockRate(p.clock, data, p.slope));
  const free = (2 * temperature * data.a3) / (p.slope - temperature * data.a3) ** 2;
  return Math.max(pull, free) / p.timeStep;
}

function standing(p: HeavyTailSettings, temperature: number): string | null {
  const relaxation = relaxationSteps(p, temperature);
  if (p.burnIn + p.steps < LEAST_LENGTH * relaxation) {
    return (
      `no prediction: ${p.burnIn} + ${p.steps} steps are less than ${LEAST_LENGTH} relaxation times of ` +
      `${relaxation.toPrecision(2)} steps, the run has not left its start; raise steps or timeStep`
    );
  }
  const left = p.start === "law" ? 0 : Math.exp(-p.burnIn / relaxation);
  if (left <= MOST_LEFT) return null;
  return (
    `no prediction: after ${p.burnIn} steps ${(100 * left).toFixed(0)} % of the start at v = k are left; raise ` +
    `burnIn to ${Math.ceil(-Math.log(MOST_LEFT) * relaxation).toPrecision(2)}, or start from the law`
  );
}

export function claimOf(p: HeavyTailSettings, temperature: number): Claim {
  const { exact: steps, warnings } = predictionOf(() =>
    balanceSteps({
      temperature,
      data: gaussianDataMoments(p.slope, p.labelNoise),
      timeStep: p.timeStep,
      clock: p.clock,
    }),
  );
  const complaint = steps && standing(p, temperature);
  return {
    temperature,
    steps,
    slope: p.slope,
    stepSize: 4 * p.slope * p.timeStep,
    holds: steps !== null && complaint === null,
    warnings: complaint ? [`temperature ${temperature}: ${complaint}.`] : warnings,
  };
}

/**
 * The law's number, with twice the shift that steps of dt give it to first order (`balanceSteps`), a
 * bound on the second order, (4k dt)² of its distance from `origin`, as a step takes 4k dt of a
 * distance from k, and float32 states. null where that is beyond the tolerance.
 */
function prediction(
  { steps, holds, stepSize }: Claim,
  tolerance: number,
  of: (law: LawNumbers) => number,
  origin: number,
): Prediction & { readonly shift: number } {
  if (!steps || !holds) return { predicted: null, systematic: 0, shift: 0 };
  const value = of(steps.law);
  const first = 2 * Math.abs(of(steps.corrected) - value);
  const shift = (first + stepSize ** 2 * Math.abs(value - origin)) / value;
  if (!(shift <= tolerance)) return { predicted: null, systematic: 0, shift };
  return { predicted: value, systematic: (shift + 2 * F32) * value, shift };
}

export const quantilePrediction = (claim: Claim, p: number) =>
  prediction(
    claim,
    p < 0.25 ? SMALL : p <= 0.95 ? BULK : OUTSIDE,
    (law) => law.quantile(p),
    claim.slope,
  );

export const hillPrediction = (claim: Claim, fraction: number) =>
  prediction(claim, HILL, (law) => law.hillExponent(fraction), 0);

export const meanPrediction = (claim: Claim) =>
  prediction(claim, BULK, (law) => law.mean, claim.slope);

/** Density of v, by its nodes: P(v) = weight/(spacing of ln v)/v. */
export function densityCurve(law: BalanceLaw, from: number, to: number): [number[], number[]] {
  const x: number[] = [];
  const y: number[] = [];
  const { nodes, weights } = law;
  for (let i = 1; i + 1 < nodes.length; i += 1) {
    const v = nodes[i]!;
    if (v < from || v > to) continue;
    x.push(v);
    y.push((2 * weights[i]!) / Math.log(nodes[i + 1]! / nodes[i - 1]!) / v);
  }
  return [x, y];
}
