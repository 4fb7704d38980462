/** I' = I(1 − η²a²) step by step (card 3B): on recorded steps of the device, and in the float64 twin. */
import { fixed } from "../../engine/initial.ts";
import type { Model } from "../../engine/model.ts";
import type { SeriesRecord } from "../../engine/record.ts";
import { type ReferenceMoment, referenceTrajectory } from "../../engine/referenceTrajectory.ts";
import type { SamplingLaw } from "../../engine/sampling.ts";
import type { UpdateRule } from "../../engine/update/updateRule.ts";
import { onlineData } from "../../engine/wgsl/row.ts";

/** What a run of single steps found. */
export interface ImbalanceStep {
  /** Largest |I' − I(1 − η²a²)| relative to (|u| + |Δu|)² + (|w| + |Δw|)². */
  readonly worst: number;
  readonly steps: number;
  /** I of replica 0, [step]. */
  readonly imbalance: readonly number[];
  /** I_0 Π(1 − η²a²) of replica 0, [step]. */
  readonly product: readonly number[];
}

interface Pair {
  readonly u: number;
  readonly w: number;
}

/** 1 − η²a² with a from the gradient (a w, a u), and the scale of rounding. */
function factorOf({ u, w }: Pair, gradient: Pair, eta: number): { factor: number; scale: number } {
  const a = (gradient.u * w + gradient.w * u) / (u * u + w * w);
  const scale =
    (Math.abs(u) + Math.abs(eta * gradient.u)) ** 2 +
    (Math.abs(w) + Math.abs(eta * gradient.w)) ** 2;
  return { factor: 1 - (eta * a) ** 2, scale };
}

const imbalanceOf = ({ u, w }: Pair): number => u * u - w * w;

interface Ledger {
  readonly take: (before: Pair, gradient: Pair, after: Pair, isFirst: boolean) => void;
  readonly found: () => ImbalanceStep;
}

/** Keeps the largest violation, and I of the first replica. */
function ledgerOf(eta: number): Ledger {
  let worst = 0;
  let steps = 0;
  const imbalance: number[] = [];
  const product: number[] = [];
  const take: Ledger["take"] = (before, gradient, after, isFirst) => {
    const { factor, scale } = factorOf(before, gradient, eta);
    const difference = Math.abs(imbalanceOf(after) - imbalanceOf(before) * factor) / scale;
    if (!Number.isFinite(difference)) return;
    worst = Math.max(worst, difference);
    steps += 1;
    if (!isFirst) return;
    if (product.length === 0) {
      imbalance.push(imbalanceOf(before));
      product.push(imbalanceOf(before));
    }
    imbalance.push(imbalanceOf(after));
    product.push(product[product.length - 1]! * factor);
  };
  return { take, found: () => ({ worst, steps, imbalance, product }) };
}

/** From a series of u, w, g.u, g.w at every step. */
export function deviceViolation(record: SeriesRecord, learningRate: number): ImbalanceStep {
  const [, , replicas, times] = record.values.axes.map((axis) => axis.length) as number[];
  const { data } = record.values;
  // The learning rate as the device has it.
  const ledger = ledgerOf(Math.fround(learningRate));
  const at = (quantity: number, replica: number, time: number): number =>
    data[(quantity * replicas! + replica) * times! + time]!;
  for (let r = 0; r < replicas!; r += 1) {
    for (let t = 0; t + 1 < times!; t += 1) {
      const pair = (first: number, time: number): Pair => ({
        u: at(first, r, time),
        w: at(first + 1, r, time),
      });
      ledger.take(pair(0, t), pair(2, t), pair(0, t + 1), r === 0);
    }
  }
  return ledger.found();
}

/** The same in float64, for a few replicas. */
export function twinViolation(request: {
  readonly model: Model;
  readonly sampling: SamplingLaw;
  readonly update: UpdateRule;
  readonly sweep: Readonly<Record<string, readonly number[]>>;
  readonly start: readonly number[];
  readonly steps: number;
  readonly learningRate: number;
  readonly lanes: readonly { seed: number; condition: number; replica: number }[];
}): ImbalanceStep {
  const { model, sampling, update, sweep, steps, learningRate } = request;
  const setting = Object.fromEntries(
    Object.entries(sweep).map(([name, values]) => [name, values[0]!]),
  );
  const ledger = ledgerOf(learningRate);
  for (const [r, lane] of request.lanes.entries()) {
    let before: { theta: Pair; gradient: Pair } | null = null;
    const pair = (values: Float64Array): Pair => ({ u: values[0]!, w: values[1]! });
    const onStep = ({ theta, gradient }: ReferenceMoment): void => {
      if (before) ledger.take(before.theta, before.gradient, pair(theta), r === 0);
      before = { theta: pair(theta), gradient: pair(gradient) };
    };
    referenceTrajectory({
      model,
      data: onlineData,
      rule: update,
      setting,
      sampling,
      initial: fixed(request.start)(model),
      lane,
      steps: steps + 1,
      onStep,
    });
  }
  return ledger.found();
}
