/**
 * I' = I(1 − γ²r²x_i²), I_i = u_i² − v_i² = 2 p_i m_i, step by step (card 4A): on recorded steps of the
 * device, and in the float64 twin. Each element's a = r x_i is read off its gradient, g.p = a p.
 */
import { fixed } from "../../engine/initial.ts";
import { series } from "../../engine/observe/series.ts";
import type { RunInfo, SeriesRecord } from "../../engine/record.ts";
import { type ReferenceMoment, referenceTrajectory } from "../../engine/referenceTrajectory.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { SparseTask } from "../../models/sparseRegression.ts";
import { exactly } from "../exactly.ts";
import type { Quantity, RunContext } from "../experiment.ts";
import type { Stages } from "../stages.ts";
import { F32 } from "../systematic.ts";
import { setup, start } from "./runs.ts";
import type { SparseSettings } from "./settings.ts";

/** Elements that are recorded: their gradients are four numbers a step each. */
const ELEMENTS = 8;

interface Ledger {
  readonly worst: number;
  readonly count: number;
}

/**
 * |I' − I(1 − γ²a²)| of one element and step, relative to |I|(1 + γ|a|)²: the size of what is rounded.
 * 0 where p or m is 0.
 */
export function violation(
  before: readonly [number, number],
  gradient: number,
  after: readonly [number, number],
  rate: number,
): number {
  const [p, m] = before;
  if (p === 0 || m === 0) return 0;
  const a = (rate * gradient) / p;
  return (
    Math.abs(after[0] * after[1] - p * m * (1 - a * a)) / (Math.abs(p * m) * (1 + Math.abs(a)) ** 2)
  );
}

/** From series of p, m, g.p at every step, [quantity, condition, replica, time]. */
export function deviceLedger(record: SeriesRecord, rates: readonly number[]): Ledger {
  const [quantities, conditions, , times] = record.values.axes.map(
    ({ length }) => length,
  ) as number[];
  const { data } = record.values;
  const at = (quantity: number, c: number, t: number): number =>
    data[(quantity * conditions! + c) * times! + t]!;
  const elements = quantities! / 3;
  let worst = 0;
  let count = 0;
  for (const [c, rate] of rates.entries()) {
    for (let t = 0; t + 1 < times!; t += 1) {
      for (let i = 0; i < elements; i += 1) {
        const state = (time: number): [number, number] => [
          at(i, c, time),
          at(elements + i, c, time),
        ];
        const found = violation(
          state(t),
          at(2 * elements + i, c, t),
          state(t + 1),
          Math.fround(rate),
        );
        if (!Number.isFinite(found)) continue;
        worst = Math.max(worst, found);
        count += 1;
      }
    }
  }
  return { worst, count };
}

function twinLedger(p: SparseSettings, task: SparseTask, seed: number): Ledger {
  const { model, sampling, update } = setup(p, "SGD");
  let worst = 0;
  let count = 0;
  for (const [condition, rate] of p.learningRates.entries()) {
    let before: ReferenceMoment | null = null;
    const onStep = (now: ReferenceMoment): void => {
      for (let i = 0; before && i < p.inputs; i += 1) {
        const pair = ({ theta }: ReferenceMoment): [number, number] => [
          theta[i]!,
          theta[p.inputs + i]!,
        ];
        const found = violation(pair(before), before.gradient[i]!, pair(now), rate);
        if (!Number.isFinite(found)) continue;
        worst = Math.max(worst, found);
        count += 1;
      }
      before = { ...now, theta: now.theta.slice(), gradient: now.gradient.slice() };
    };
    referenceTrajectory({
      model,
      data: task.data,
      rule: update,
      setting: { learningRate: rate },
      sampling,
      initial: fixed(start(p))(model),
      lane: { seed, condition, replica: 0 },
      steps: p.identitySteps + 1,
      onStep,
    });
  }
  return { worst, count };
}

const quantityOf = (arithmetic: string, { worst, count }: Ledger, bound: number): Quantity => ({
  name: "|I' - I(1 - gamma² r² x²)|",
  condition: { arithmetic },
  estimate: exactly(worst, `largest of ${count} elements and steps`, count),
  unit: "|I|(1 + γ|rx|)²",
  predicted: count > 0 ? 0 : null,
  systematic: bound,
});

/** The identity on the first data set at every rate. */
export async function identity(
  p: SparseSettings,
  task: SparseTask,
  stages: Stages,
  context: RunContext,
): Promise<{ quantities: Quantity[]; record: { steps: SeriesRecord; run: RunInfo } }> {
  const elements = Array.from({ length: Math.min(ELEMENTS, p.inputs) }, (_, i) => i);
  const of = [
    ...elements.map((i) => `p[${i}]`),
    ...elements.map((i) => `m[${i}]`),
    ...elements.map((i) => `g.p[${i}]`),
  ];
  await using ensemble = await createEnsemble(context.device, {
    ...setup(p, "SGD"),
    data: task.data,
    replicas: 1,
    seed: context.seed,
    initial: fixed(start(p)),
    observables: { steps: series({ of }) },
  });
  const stage = { label: "identity", ensemble, burnIn: 0, work: 1000 };
  const { observed } = await stages.run({ ...stage, steps: p.identitySteps + 1 });
  await stages.pause();
  return {
    record: observed,
    quantities: [
      // p' and m' are rounded once, γg and its factors a few times: 12 roundings of I at the most.
      quantityOf("float32 on the device", deviceLedger(observed.steps, p.learningRates), 12 * F32),
      quantityOf("float64", twinLedger(p, task, context.seed), 12 * Number.EPSILON),
    ],
  };
}
