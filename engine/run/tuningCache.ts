/**
 * What the tuner found, kept by a digest of what it depends on: the adapter and its driver, the
 * program (graph, rule, sampling, observables' memory), the sizes of the run, what the caller fixed.
 *
 * Hyperparameters, seed and data are not among it: they change no kernel. A text that cannot be read
 * as an answer is none.
 */
import type { TuningStore } from "../adapter/platform.ts";
import type { Device } from "../device.ts";
import { type PlanSetting, readSetting } from "../execution.ts";
import { dynamicsWords, stateWords } from "../update/dynamics.ts";
import { hex, sha256 } from "./container.ts";
import { graphWords, type Resolved } from "./options.ts";
import type { Trial, Tuned } from "./tune.ts";

/** Raised when candidates, kernels or the way of measuring change between two versions. */
const REVISION = 3;

/** `functionWords`: what the observables keep in function memory, which may exclude a schedule. */
export async function tuningKey(
  { info, gpu }: Device,
  resolved: Resolved,
  wanted: PlanSetting,
  functionWords: number,
): Promise<string> {
  const { version, model, data, rule, conditions, sampling, groupSize, dynamics } = resolved;
  const { lanesPerChunk, stepsPerDispatch } = resolved.execution;
  const text = JSON.stringify({
    revision: REVISION,
    version,
    adapter: [info.adapter, info.driver, gpu.limits.maxComputeWorkgroupStorageSize],
    graph: graphWords(model),
    params: model.params,
    fields: model.fields,
    draws: model.draws,
    rule: rule.shader,
    gradient: [rule.gradient, dynamics.gradientNoise, dynamics.clip, dynamics.normals],
    rate: dynamics.rate && [dynamics.rate.name, stateWords(dynamics, model.parameterCount)],
    kept: dynamics.kept,
    shared: dynamicsWords(dynamics).length,
    spheres: dynamics.spheres,
    sampling,
    samples: data.samples,
    batches: conditions.map(({ batchSize }) => batchSize),
    replicas: resolved.replicas.count,
    groupSize,
    functionWords,
    wanted: [wanted, lanesPerChunk, stepsPerDispatch],
  });
  return hex(await sha256(new TextEncoder().encode(text)));
}

const isTrial = (value: unknown): value is Trial =>
  typeof value === "object" &&
  value !== null &&
  readSetting((value as Trial).setting) !== null &&
  ((value as Trial).replicaStepsPerSecond === null || (value as Trial).replicaStepsPerSecond! > 0);

export async function readTuned(store: TuningStore, key: string): Promise<Tuned | null> {
  const text = await store.read(key);
  if (text === null) return null;
  try {
    const { setting, trials } = JSON.parse(text) as Record<string, unknown>;
    const own = readSetting(setting);
    if (own === null || !Array.isArray(trials) || !trials.every(isTrial)) return null;
    return { setting: own, trials, seconds: 0 };
  } catch {
    return null; // cut short or not ours: measured again, and written over
  }
}

export const writeTuned = (store: TuningStore, key: string, tuned: Tuned): Promise<void> =>
  store.write(key, JSON.stringify({ setting: tuned.setting, trials: tuned.trials }));
