/** What is known beforehand of card C5: the minimum, and the stationary excess loss at any rate. */
import { ArgumentError } from "../../engine/errors.ts";
import type { SamplingLaw } from "../../engine/sampling.ts";
import type { Dataset } from "../../models/dataset.ts";
import {
  fourthMomentRadius,
  type IndependentSampling,
  type RegressionMomentum,
  regressionMinimum,
  regressionMomentum,
} from "../../models/theory/index.ts";

export interface SchedulerSettings {
  readonly optimizer: "sgd" | "adam";
  readonly learningRate: number;
  readonly momentum: number;
  readonly dampening: number;
  readonly weightDecay: number;
  readonly batchSize: number;
  readonly sampling: SamplingLaw;
}

export interface SchedulerTheory {
  /** w*, weight decay included. */
  readonly minimum: readonly number[];
  readonly hessian: readonly (readonly number[])[];
  /** Stationary state at a rate; null where none is known. */
  readonly at: (learningRate: number) => RegressionMomentum | null;
  /** Fourth moments exist at the first rate: a mean of squares has a standard error. */
  readonly hasErrors: boolean;
  /** Why nothing is predicted, if so. */
  readonly warnings: readonly string[];
}

/** Laws whose batches are independent from step to step. */
const INDEPENDENT: readonly SamplingLaw[] = ["withReplacement", "distinct", "fullBatch"];

/** (w − w*)ᵀH(w − w*)/2, the loss (weight decay included) above its minimum. */
export function excessLoss({ minimum, hessian }: SchedulerTheory, w: readonly number[]): number {
  const delta = w.map((value, i) => value - minimum[i]!);
  return hessian.reduce(
    (sum, row, i) => sum + row.reduce((s, h, j) => s + 0.5 * h * delta[i]! * delta[j]!, 0),
    0,
  );
}

/** tr(HS)/2 */
export const stationaryExcess = ({ hessian, covariance }: RegressionMomentum): number =>
  hessian.reduce(
    (sum, row, i) => sum + row.reduce((s, h, j) => s + 0.5 * h * covariance[j]![i]!, 0),
    0,
  );

function unknown(p: SchedulerSettings): string[] {
  if (p.optimizer !== "sgd") return [`no prediction of the loss: none is known for ${p.optimizer}`];
  return INDEPENDENT.includes(p.sampling)
    ? []
    : [`no prediction of the loss: batches of sampling ${p.sampling} depend on each other`];
}

export function schedulerTheory(p: SchedulerSettings, data: Dataset): SchedulerTheory {
  const { weightDecay, batchSize, momentum, dampening } = p;
  const inputs = data.fields.x!.data;
  const targets = data.fields.y!.data;
  const warnings = unknown(p);
  const isKnown = warnings.length === 0;
  const at = (learningRate: number): RegressionMomentum | null => {
    if (!isKnown) return null;
    const sampling = p.sampling as IndependentSampling;
    const rule = { learningRate, momentum, dampening };
    try {
      return regressionMomentum({ inputs, targets, weightDecay, batchSize, sampling, ...rule });
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
      return null;
    }
  };
  const first = at(p.learningRate);
  const tails =
    first === null
      ? 0
      : fourthMomentRadius({ ...p, inputs, targets, sampling: p.sampling as IndependentSampling });
  const none = `no prediction of the loss: at learningRate ${p.learningRate}`;
  if (isKnown && first === null) {
    warnings.push(`${none} second moments have no stationary state; lower it`);
  }
  if (tails >= 1) {
    warnings.push(
      `${none} fourth moments grow by ${tails.toPrecision(5)} per step, so that its mean has no ` +
        "standard error (power-law tails); lower it, or raise batchSize",
    );
  }
  return {
    ...regressionMinimum({ inputs, targets, weightDecay }),
    at,
    hasErrors: tails < 1,
    warnings,
  };
}
