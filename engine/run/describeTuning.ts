/** The tuner asked by itself: what would an ensemble be run with, and what did the others take? */
import type { Device } from "../device.ts";
import { type PlanSetting, settingOf } from "../execution.ts";
import type { Observables } from "../observe/observation.ts";
import type { Excluded } from "../plan/candidates.ts";
import { chooseSetting, SURROUNDINGS } from "./chooseSetting.ts";
import { observationPlan } from "./observationPlan.ts";
import { type EnsembleOptions, resolve } from "./options.ts";
import { plannerOf } from "./planner.ts";
import type { Trial } from "./tune.ts";

/** Plain data; crosses `postMessage`. */
export interface TuningReport {
  readonly setting: PlanSetting;
  readonly by: "request" | "checkpoint" | "rule" | "cache" | "measurement";
  readonly reason: string;
  /** Candidates, with what was measured of each, or why it was not. */
  readonly trials: readonly Trial[];
  /** Not tried, and why; empty where an answer was kept. */
  readonly excluded: readonly Excluded[];
  /** Seconds of measuring, beyond compiling the rule's candidate; 0 where an answer was kept. */
  readonly seconds: number;
}

/**
 * The setting that `createEnsemble` would choose for these options on this device, and why.
 *
 * Rates are replica-steps per second of `advance`, medians of a few short timings. With `fresh` it is
 * measured anew; the answer is kept in any case.
 *
 * @throws what `createEnsemble` throws for options that cannot run.
 * @example
 * const { reason, trials } = await describeTuning(device, {
 *   model, data, update: sgd({ learningRate: 0.05, batchSize: 8 }), replicas: 64, seed: 1,
 * });
 */
export async function describeTuning<const O extends Observables>(
  device: Device,
  options: EnsembleOptions<O>,
  { fresh = false }: { readonly fresh?: boolean } = {},
): Promise<TuningReport> {
  const execution = { ...device.execution, ...options.execution };
  const resolved = resolve({ ...options, execution });
  const planner = plannerOf(device, resolved, options.observables);
  const { functionWords = 0 } = observationPlan(options.observables, resolved) ?? {};
  const choice = await chooseSetting(
    { device, resolved, planner, functionWords, saved: null },
    { ...SURROUNDINGS, fresh },
  );
  const { planned, by, reason, tuned, excluded = [] } = choice;
  const setting = settingOf(planned.setting);
  const { trials = [], seconds = 0 } = tuned ?? {};
  return { setting, by, reason, trials, excluded, seconds };
}
