/** Estimates of card C4: the relation centered and from 0, SGD's in its place, and what drifts. */
import {
  type DisplacementSides,
  displacementDissipation,
  displacementError,
  displacementSides,
  type Estimate,
  type FluctuationDissipation,
  fluctuationDissipation,
  noEstimate,
  ratioOfMeans,
  withWarnings,
} from "../../analysis/index.ts";
import { RefusalError } from "../../engine/errors.ts";
import type { MomentsRecord, RunInfo } from "../../engine/record.ts";
import type { EnsembleState } from "../../engine/run/ensemble.ts";
import type { Quantity } from "../experiment.ts";
import { estimateOf } from "../outcome.ts";
import {
  type AdamPrediction,
  type FdrAdamSettings,
  isBounded,
  leftOfStart,
  MAX_DRIFT,
  MAX_LEFT,
  MAX_ROUNDING,
  ratioBias,
  residualBound,
  roundingDiffusion,
} from "./theory.ts";

export type Optimizer = "adam" | "amsgrad";

const OPTIMIZERS = ["adam", "amsgrad"] as const;

export interface ObservedAdam {
  readonly record: MomentsRecord;
  readonly run: RunInfo;
  /** States before and after the observed steps. */
  readonly start: EnsembleState;
  readonly end: EnsembleState;
  readonly burnIn: number;
  readonly steps: number;
}

/** One rule at one learning rate. */
export interface AdamPoint {
  readonly learningRate: number;
  readonly optimizer: Optimizer;
  readonly centered: FluctuationDissipation;
  readonly raw: FluctuationDissipation;
  /** Each replica's sides, as drawn. */
  readonly centeredSides: DisplacementSides;
  readonly rawSides: DisplacementSides;
  /** The relation is claimed: the state is stationary, or nearly so. */
  readonly claimed: boolean;
}

/** Fewer replicas have no honest standard error: 4 of them would be passed too often. */
const LEAST_REPLICAS = 10;
/** Fewer steps may all have small displacements, beside which rounding is large. */
const LEAST_STEPS = 20;

export function measureAdam(
  p: FdrAdamSettings,
  theory: AdamPrediction,
  observed: ObservedAdam,
): { points: AdamPoint[]; quantities: Quantity[]; warnings: string[] } {
  const points: AdamPoint[] = [];
  const quantities: Quantity[] = [];
  const warnings: string[] = [];
  for (const [k, learningRate] of p.learningRates.entries()) {
    for (const [a, optimizer] of OPTIMIZERS.entries()) {
      const condition = { index: 2 * k + a, k, learningRate, optimizer };
      const measured = measure(p, theory, observed, condition);
      points.push(measured.point);
      quantities.push(...measured.quantities);
      warnings.push(...measured.warnings);
    }
  }
  return { points, quantities, warnings: [...new Set(warnings)] };
}

interface Condition {
  readonly index: number;
  /** Number of the learning rate. */
  readonly k: number;
  readonly learningRate: number;
  readonly optimizer: Optimizer;
}

function measure(
  p: FdrAdamSettings,
  { center, fields }: AdamPrediction,
  observed: ObservedAdam,
  condition: Condition,
) {
  const { index, k, learningRate, optimizer } = condition;
  const { record, start, end, burnIn, steps } = observed;
  const from = (origin: readonly number[]) => ({ learningRate, condition: index, center: origin });
  const zero = center.map(() => 0);
  const centered = attempt(() => displacementDissipation(record, from(center)));
  const raw = attempt(() => displacementDissipation(record, from(zero)));
  const naive = attempt(() =>
    fluctuationDissipation(record, {
      ...from(center),
      momentum: p.beta1,
      dampening: p.beta1,
    }),
  );
  const rates = adaptiveRates(p, observed, condition);
  const residual = estimateOf(() =>
    displacementError(record, { ...from(center), steps, start, end }),
  );
  const spread = Math.max(spreadOf(start, index, center), spreadOf(end, index, center));
  const right = centered.right.value;
  const field = fields[k] ?? null;
  const left = field && leftOfStart(field, p.sampling, burnIn);
  const sizes = { learningRate, steps, right, center };
  const rounding = roundingDiffusion(sizes);
  const doubts = { left: left?.square ?? 0, drift: rates.drift, rounding };
  const refusal = whyNot(p, observed, condition, doubts);
  const claimed = field !== null && refusal === null;
  const bias =
    claimed && left
      ? ratioBias({ ...sizes, spread, left, drift: rates.drift, stiffness: field.stiffness })
      : { centered: 0, raw: 0 };
  const row = (
    name: string,
    estimate: Estimate,
    unit: string,
    predicted: number | null = null,
    systematic = 0,
  ): Quantity => ({
    ...{ name, estimate, unit, predicted },
    condition: { learningRate, rule: optimizer },
    systematic: predicted === null ? 0 : systematic,
  });
  const one = claimed ? 1 : null;
  // The identity needs no stationary state, but something to sum.
  const moves = residual.n > 0 && field !== null && rounding <= MAX_ROUNDING;
  const summed = moves && steps >= LEAST_STEPS;
  const quantities = [
    row("OL", centered.left, "w²/η"),
    row("OR", centered.right, "w²/η"),
    row("OL/OR centered", centered.ratio, "1", one, bias.centered),
    row("OL/OR uncentered", raw.ratio, "1", one, bias.raw),
    row("SGD's FDR1", naive.ratio, "1"),
    row("adaptive rate, end/start", rates.ratio, "1"),
    row(
      "telescoping residual",
      residual,
      "1",
      summed ? 0 : null,
      residualBound(sizes, spread, p.sampling),
    ),
  ];
  const sides = {
    centeredSides: displacementSides(record, from(center)),
    rawSides: displacementSides(record, from(zero)),
  };
  const point: AdamPoint = { learningRate, optimizer, centered, raw, ...sides, claimed };
  return { point, quantities, warnings: refusal === null ? [] : [refusal] };
}

interface Doubts {
  readonly left: number;
  readonly drift: number;
  readonly rounding: number;
}

/** Why the relation is not claimed of a condition, or null. */
function whyNot(
  p: FdrAdamSettings,
  { run, burnIn }: ObservedAdam,
  { index, learningRate, optimizer }: Condition,
  { left, drift, rounding }: Doubts,
): string | null {
  if (p.sampling === "sequential") {
    return (
      "no prediction of OL/OR: in a fixed order of the samples all replicas take the same path, " +
      'and there is no standard error; use sampling "reshuffled".'
    );
  }
  const at = `no prediction for ${optimizer} at learning rate ${learningRate}:`;
  const { count } = run.replicas;
  const frozen = run.frozen.subarray(index * count, (index + 1) * count).some((step) => step >= 0);
  if (frozen) return `${at} replicas were frozen, and those left are no fair sample; lower it.`;
  if (!(rounding <= MAX_ROUNDING)) {
    return (
      `${at} the rounding of w to float32 diffuses ${rounding.toPrecision(2)} times as fast as its ` +
      `steps, more than ${MAX_ROUNDING}; raise it.`
    );
  }
  if (left > MAX_LEFT) {
    return (
      `${at} after a burn-in of ${burnIn} steps ${left.toPrecision(2)} of the start is left, more ` +
      `than ${MAX_LEFT}; raise burnIn or leave it to auto.`
    );
  }
  if (!(drift <= MAX_DRIFT)) {
    return (
      `${at} its adaptive rates still changed by ${(100 * drift).toPrecision(2)} % while observed; ` +
      "raise burnIn or lower beta2."
    );
  }
  if (optimizer === "adam" && !isBounded(p)) {
    return (
      `${at} beta1² = ${p.beta1 ** 2} is not below beta2 = ${p.beta2}, so that its steps have no bound ` +
      "and averages of |u|² no reliable error; raise beta2."
    );
  }
  if (count >= LEAST_REPLICAS) return null;
  return (
    `no prediction of OL/OR: ${count} replicas have no reliable standard error; give at least ` +
    `${LEAST_REPLICAS}.`
  );
}

/** Adam's rates η/(√ŝ + ε) of a replica, [param], from the moment that divides. */
function ratesOf(
  { beta2, epsilon }: FdrAdamSettings,
  { step, kept }: EnsembleState,
  { index, optimizer }: Condition,
  replica: number,
): number[] {
  const { axes, data } = kept[optimizer === "adam" ? "secondMoment" : "largestSecondMoment"]!;
  const [, replicas, params] = axes.map(({ length }) => length) as [number, number, number];
  const corrected = 1 - beta2 ** step;
  return Array.from({ length: params }, (_, i) => {
    const square = data[(index * replicas + replica) * params + i]!;
    return 1 / (Math.sqrt(corrected > 0 ? square / corrected : square) + epsilon);
  });
}

/**
 * How the adaptive rates changed while observed: the mean over parameters, with its error, and the
 * largest relative change of a parameter's mean. Adam's forgets its start as β₂ᵗ, so that what is
 * beyond that is scatter; AMSGrad's never stops falling.
 */
function adaptiveRates(
  p: FdrAdamSettings,
  { start, end, run, burnIn }: ObservedAdam,
  condition: Condition,
): { ratio: Estimate; drift: number } {
  const { count } = run.replicas;
  if (start.step === 0) return { ratio: noEstimate("no gradient before the first step"), drift: 1 };
  const before = Array.from({ length: count }, (_, r) => ratesOf(p, start, condition, r));
  const after = Array.from({ length: count }, (_, r) => ratesOf(p, end, condition, r));
  const mean = (rows: readonly number[][], i: number) =>
    rows.reduce((sum, row) => sum + row[i]!, 0) / count;
  const total = (rows: readonly number[][]) =>
    rows.map((row) => row.reduce((sum, rate) => sum + rate, 0));
  const changes = before[0]!.map((_, i) => Math.abs(mean(after, i) / mean(before, i) - 1));
  const measured = Math.max(...changes);
  const forgotten = p.beta2 ** burnIn / (1 - p.beta2 ** burnIn);
  return {
    ratio: estimateOf(() => ratioOfMeans(total(after), total(before))),
    drift: condition.optimizer === "adam" ? Math.min(measured, forgotten) : measured,
  };
}

/** ⟨|w−c|²⟩ over the replicas of a condition. */
function spreadOf({ theta }: EnsembleState, index: number, center: readonly number[]): number {
  const [, replicas, params] = theta.axes.map(({ length }) => length) as [number, number, number];
  let sum = 0;
  for (let k = 0; k < replicas * params; k++) {
    sum += (theta.data[index * replicas * params + k]! - center[k % params]!) ** 2;
  }
  return sum / replicas;
}

/** Both sides over a part of the run, at the first learning rate. */
export interface TimeCourse {
  readonly first: number;
  readonly steps: number;
  /** By rule, as `OPTIMIZERS`. */
  readonly sides: readonly { optimizer: Optimizer; sides: FluctuationDissipation }[];
}

export function timeCourse(
  p: FdrAdamSettings,
  { center }: AdamPrediction,
  record: MomentsRecord,
  span: { readonly first: number; readonly steps: number },
): TimeCourse {
  const learningRate = p.learningRates[0]!;
  const sides = OPTIMIZERS.map((optimizer, condition) => ({
    optimizer,
    sides: attempt(() => displacementDissipation(record, { learningRate, condition, center })),
  }));
  return { ...span, sides };
}

/** The sides, or none with the refusal as a warning when every replica froze. */
function attempt(estimator: () => FluctuationDissipation): FluctuationDissipation {
  try {
    return estimator();
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    const none = withWarnings(noEstimate("refused"), [error.message]);
    return { left: none, right: none, ratio: none, difference: none };
  }
}
