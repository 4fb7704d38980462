/** What is known beforehand of card C5: the minimum, and the stationary excess loss at any rate. */
import { ArgumentError } from "../engine/errors.ts";
import type { SamplingLaw } from "../engine/sampling.ts";
import type { Dataset } from "../models/dataset.ts";
import {
  type IndependentSampling,
  type RegressionMomentum,
  regressionMinimum,
  regressionMomentum,
} from "../models/theory/index.ts";

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
  const at = (learningRate: number): RegressionMomentum | null => {
    if (warnings.length > 0) return null;
    const sampling = p.sampling as IndependentSampling;
    const rule = { learningRate, momentum, dampening };
    try {
      return regressionMomentum({ inputs, targets, weightDecay, batchSize, sampling, ...rule });
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
      return null;
    }
  };
  const unstable = warnings.length === 0 && at(p.learningRate) === null;
  return {
    ...regressionMinimum({ inputs, targets, weightDecay }),
    at,
    warnings: unstable
      ? [
          `no prediction of the loss: at learningRate ${p.learningRate} second moments have no ` +
            "stationary state; lower it",
        ]
      : warnings,
  };
}
