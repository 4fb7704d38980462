/**
 * Training on many data sets (card 4A): one ensemble for each, the learning rates its conditions.
 *
 * Data belong to an ensemble, so data sets cannot share one; the shader is the same for all and is compiled
 * once. Ensembles are shards of one: data set s is replica s, with random numbers of its own.
 */
import { fixed } from "../../engine/initial.ts";
import { snapshot } from "../../engine/observe/snapshot.ts";
import type { RunInfo, SnapshotRecord } from "../../engine/record.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { merge, mergeShards } from "../../engine/run/merge.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { mulberry32 } from "../../models/mulberry.ts";
import { type SparseTask, sparseRegression, sparseTask } from "../../models/sparseRegression.ts";
import type { RunContext } from "../experiment.ts";
import type { Stages } from "../stages.ts";
import { lengthsOf, type SparseSettings } from "./settings.ts";

export type Method = "SGD" | "gradient descent";

export const ratesOf = (p: SparseSettings, method: Method): readonly number[] =>
  method === "SGD" ? p.learningRates : [p.descentRate];

export const setup = (p: SparseSettings, method: Method) => ({
  model: sparseRegression(p.inputs),
  sampling: method === "SGD" ? ("withReplacement" as const) : ("fullBatch" as const),
  update: method === "SGD" ? sgd({ batchSize: 1 }) : sgd({}),
  sweep: { learningRate: ratesOf(p, method) },
});

/** (p, m) = (u + v, u − v)/√2. */
export const start = ({ u, v, inputs }: SparseSettings): number[] => [
  ...new Array<number>(inputs).fill((u + v) / Math.SQRT2),
  ...new Array<number>(inputs).fill((u - v) / Math.SQRT2),
];

/** The data sets of a run, from seeds drawn from its own. */
export function tasksOf(p: SparseSettings, seed: number): SparseTask[] {
  const uniform = mulberry32(seed);
  return Array.from({ length: p.dataSeeds }, () =>
    sparseTask({
      samples: p.samples,
      inputs: p.inputs,
      teachers: p.teachers,
      seed: Math.floor(uniform() * 2 ** 32),
    }),
  );
}

/** Operations of a step of one lane: dot products and updates of every batch member. */
const stepWork = (p: SparseSettings, method: Method): number =>
  80 + 14 * p.inputs * (method === "SGD" ? 1 : p.samples);

export function totalWork(p: SparseSettings): number {
  const lanes = (method: Method): number => ratesOf(p, method).length * p.dataSeeds;
  const of = (method: Method): number => lanes(method) * stepWork(p, method);
  return lengthsOf(p).total * (of("SGD") + of("gradient descent"));
}

export interface Trained {
  readonly method: Method;
  readonly rates: readonly number[];
  /** [time, condition, replica, coordinate]; NaN from where a replica diverged. */
  readonly states: SnapshotRecord;
  readonly run: RunInfo;
}

/** All data sets, one after the other. */
export async function trained(
  p: SparseSettings,
  method: Method,
  tasks: readonly SparseTask[],
  stages: Stages,
  context: RunContext,
): Promise<Trained> {
  let shards: { states: SnapshotRecord; run: RunInfo }[] = [];
  for (const [s, task] of tasks.entries()) {
    await stages.pause();
    shards.push(await onTask(p, method, s, task, stages, context));
  }
  // Neighbors in pairs, so that each number is copied a few times only.
  while (shards.length > 1) {
    shards = shards.flatMap((shard, i) => {
      if (i % 2 === 1) return [];
      const next = shards[i + 1];
      return [next ? mergeShards(shard, next) : shard];
    });
  }
  return { method, rates: ratesOf(p, method), ...shards[0]! };
}

async function onTask(
  p: SparseSettings,
  method: Method,
  s: number,
  { data }: SparseTask,
  stages: Stages,
  context: RunContext,
): Promise<{ states: SnapshotRecord; run: RunInfo }> {
  const { every, decay, total } = lengthsOf(p);
  await using ensemble = await createEnsemble(context.device, {
    ...setup(p, method),
    data,
    replicas: { first: s, count: 1 },
    seed: context.seed,
    initial: fixed(start(p)),
    observables: { states: snapshot({ every }) },
  });
  const stage = { ensemble, burnIn: 0, multiple: every, work: stepWork(p, method) };
  const label = `${method}, data set ${s}`;
  const { observed: before } = await stages.run({ ...stage, label, steps: decay });
  ratesOf(p, method).forEach((rate, c) => {
    if (rate > p.decayAbove) ensemble.set({ learningRate: rate / p.decayFactor }, c);
  });
  // One step more, for a record of the state after all of them.
  const { observed: after } = await stages.run({
    ...stage,
    label: `${label}, decayed`,
    steps: total - decay + 1,
  });
  return merge(before, after);
}
