/** Runs the chains of card A7: one ensemble a chain and learning rate, sampler and control in step. */
import type { ExplainRequest } from "../../engine/explain.ts";
import { moments } from "../../engine/observe/moments.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { RecordOf } from "../../engine/run/ensemble.ts";
import { gaussianAt } from "../../engine/start/gaussianAt.ts";
import { gaussianPosterior, regressionPosterior } from "../../models/index.ts";
import type { RunContext } from "../experiment.ts";
import { Stages } from "../stages.ts";
import { CHAINS, type ChainName, type SamplerSettings, updateOf } from "./chains.ts";
import type { Rung } from "./plan.ts";

export interface RunSettings extends SamplerSettings {
  readonly replicas: number;
  readonly noiseVariance: number;
  readonly priorPrecision: number;
}

/** A pair of normal numbers costs about 150 operations, a sample's gradient 20. */
const workOf = (name: ChainName, batchSize: number, samples: number): number => {
  const { gradientsPerStep, sampling } = CHAINS[name];
  return 250 + 20 * gradientsPerStep * (sampling === "fullBatch" ? samples : batchSize);
};

const setup = (p: RunSettings, name: ChainName, learningRate: number, every: number) => {
  const { model, data } = gaussianPosterior(p);
  const observables = { moments: moments({ of: model.coordinateNames, every }) };
  const update = updateOf(CHAINS[name], learningRate, p);
  return { model, data, sampling: CHAINS[name].sampling, update, observables };
};

export type Observed = RecordOf<ReturnType<typeof setup>["observables"]>;

/** The models and how they are trained, for `thermograd explain`. */
export const explainChain = (
  p: RunSettings,
  name: ChainName,
  learningRate: number,
): ExplainRequest => {
  const { data, ...setting } = setup(p, name, learningRate, 1);
  return { ...setting, replicas: p.replicas, samples: data.samples };
};

const labelOf = (name: ChainName, learningRate: number): string =>
  `${CHAINS[name].title}, learning rate ${learningRate}`;

/** Records of the chains of every rung, in its order. */
export async function runChains(
  p: RunSettings,
  rungs: readonly Rung[],
  context: RunContext,
): Promise<Observed[][]> {
  const samples = gaussianPosterior(p).data.samples;
  const work = (name: ChainName) => workOf(name, p.batchSize, samples);
  const total = rungs.reduce(
    (sum, { burnIn, steps, chains }) =>
      sum + (burnIn + steps) * chains.reduce((one, { name }) => one + work(name), 0),
    0,
  );
  const stages = await Stages.open(context, total * p.replicas);
  const records: Observed[][] = [];
  for (const rung of rungs) {
    const ofRung: Observed[] = [];
    for (const { name } of rung.chains) {
      ofRung.push(await runChain(p, rung, name, work(name), stages, context));
    }
    records.push(ofRung);
  }
  return records;
}

async function runChain(
  p: RunSettings,
  rung: Rung,
  name: ChainName,
  work: number,
  stages: Stages,
  { device, seed }: RunContext,
): Promise<Observed> {
  const { learningRate, first, burnIn, steps, every } = rung;
  const { mean, covariance } = regressionPosterior(gaussianPosterior(p).posterior);
  const isKinetic = CHAINS[name].pace === "kinetic";
  const size =
    Math.hypot(...mean) + Math.sqrt(p.temperature * (covariance[0]![0]! + covariance[1]![1]!));
  await using ensemble = await createEnsemble(device, {
    ...setup(p, name, learningRate, every),
    // Sampler and control have one seed and the same replicas: the same noise and the same starts.
    replicas: { first, count: p.replicas },
    seed,
    initial: posteriorStart(mean, covariance, p.temperature, isKinetic),
    bounds: { theta: Math.max(1e6, 1e4 * size), loss: 1e30 },
  });
  const label = labelOf(name, learningRate);
  const stage = { label, ensemble, burnIn, steps, multiple: every, work };
  return (await stages.run(stage)).observed;
}

/** Draws of the target itself; of (w, v) for kinetic chains, v of unit mass. */
function posteriorStart(
  mean: readonly number[],
  covariance: readonly (readonly number[])[],
  temperature: number,
  isKinetic: boolean,
) {
  const d = mean.length;
  const states = isKinetic ? 2 * d : d;
  const entry = (i: number, j: number): number => {
    if (i < d && j < d) return temperature * covariance[i]![j]!;
    return i === j ? temperature : 0;
  };
  return gaussianAt({
    mean: Array.from({ length: states }, (_, i) => mean[i] ?? 0),
    covariance: Array.from({ length: states }, (_, i) =>
      Array.from({ length: states }, (_, j) => entry(i, j)),
    ),
  });
}
