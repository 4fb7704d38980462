/** The training of both networks, phase by phase: their states at the ends and on the way. */
import type { RunRecord, SnapshotRecord } from "../../engine/record.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { RunContext } from "../experiment.ts";
import { divergenceWarnings } from "../outcome.ts";
import type { Stages } from "../stages.ts";
import {
  type AlignmentSettings,
  type NetName,
  phasesOf,
  setup,
  snapshotEvery,
  type Training,
  workOf,
} from "./settings.ts";

export const METHODS = ["SGD", "GD", "GD + decay"] as const;
export type Method = (typeof METHODS)[number];

/** θ of every replica at one time, [replica][parameter]. */
export interface States {
  readonly step: number;
  readonly theta: readonly Float64Array[];
}

/** What one net does under one method. */
export interface Course {
  /** At the start, then after each phase. */
  readonly ends: readonly States[];
  /** Snapshots on the way. */
  readonly path: readonly States[];
}

/** The methods that share an ensemble, by its conditions. */
const methodsOf = (training: Training): readonly Method[] =>
  training === "noisy" ? ["SGD"] : ["GD", "GD + decay"];

/** States of one condition out of [condition, replica, coordinate], beginning at `offset`. */
function statesOf(
  data: ArrayLike<number>,
  { offset, replicas, size, step }: Record<"offset" | "replicas" | "size" | "step", number>,
): States {
  const theta = Array.from({ length: replicas }, (_, r) =>
    Float64Array.from({ length: size }, (_, k) => data[offset + r * size + k]!),
  );
  return { step, theta };
}

function pathOf({ values, steps }: SnapshotRecord, condition: number): States[] {
  const [, conditions, replicas, size] = values.axes.map(({ length }) => length) as number[];
  return Array.from(steps, (step, t) =>
    statesOf(values.data, {
      offset: (t * conditions! + condition) * replicas! * size!,
      replicas: replicas!,
      size: size!,
      step,
    }),
  );
}

/** Runs all phases of one net; courses by method. */
export async function train(
  p: AlignmentSettings,
  net: NetName,
  training: Training,
  stages: Stages,
  context: RunContext,
) {
  await using ensemble = await createEnsemble(context.device, {
    ...setup(p, net, training),
    seed: context.seed,
  });
  const methods = methodsOf(training);
  const courses = methods.map(() => ({ ends: [] as States[], path: [] as States[] }));
  const records: Record<string, RunRecord> = {};
  const warnings: string[] = [];
  const note = async (): Promise<void> => {
    const { step, theta } = await ensemble.state();
    const [, replicas, size] = theta.axes.map(({ length }) => length) as number[];
    courses.forEach(({ ends }, c) => {
      const offset = c * replicas! * size!;
      ends.push(statesOf(theta.data, { offset, replicas: replicas!, size: size!, step }));
    });
  };
  await note();
  const phases = phasesOf(p);
  for (const [k, { learningRate, steps }] of phases.entries()) {
    ensemble.set({ learningRate });
    const label = `net ${net}, ${methods.join(" and ")}, phase ${k + 1}`;
    const stage = { label, ensemble, burnIn: 0, steps, multiple: snapshotEvery(p) };
    const { observed } = await stages.run({ ...stage, work: workOf(p, net, training) });
    await note();
    courses.forEach(({ path }, c) => {
      path.push(...pathOf(observed.states, c));
    });
    records[`${net}-${training}-phase${k + 1}`] = observed;
    if (k === phases.length - 1) {
      warnings.push(...divergenceWarnings(observed.run).map((text) => `${label}: ${text}`));
    }
  }
  return {
    courses: Object.fromEntries(methods.map((method, c) => [method, courses[c]!])) as Partial<
      Record<Method, Course>
    >,
    records,
    warnings,
  };
}
