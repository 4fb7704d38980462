/**
 * The setting an ensemble is run with: the caller's, that of its checkpoint, one measured earlier,
 * one measured now, or the rule's; and why.
 *
 * It is decided once, before anything is made, so that the bits of a run do not depend on how its
 * steps are divided into calls.
 */
import { platform } from "#adapter";
import type { TuningStore } from "../adapter/platform.ts";
import type { Device } from "../device.ts";
import { LimitError } from "../errors.ts";
import { agrees, type PlanSetting, printSetting, settingOf } from "../execution.ts";
import { byRule, type Candidate, candidates, type Planner, type Sizes } from "../plan/candidates.ts";
import { largestBatch } from "./conditions.ts";
import { deviceMeasurer } from "./measureCandidates.ts";
import type { Resolved } from "./options.ts";
import type { Planned } from "./planner.ts";
import { type Measurer, printTrials, type Tuned, tune } from "./tune.ts";
import { readTuned, tuningKey, writeTuned } from "./tuningCache.ts";

export interface Choice {
  readonly planned: Planned;
  /** Where it comes from. */
  readonly by: "request" | "checkpoint" | "rule" | "cache" | "measurement";
  /** What was measured, now or earlier. */
  readonly tuned: Tuned | null;
  readonly reason: string;
}

/** What the choice is made with; tests put in their own. */
export interface Surroundings {
  readonly store: TuningStore;
  readonly mayTune: () => boolean;
  readonly measurer: (
    device: Device,
    resolved: Resolved,
  ) => Measurer<Candidate<Planned>> & Disposable;
}

const SURROUNDINGS: Surroundings = {
  store: platform.tunings,
  mayTune: platform.mayTune,
  measurer: deviceMeasurer,
};

/** Answers of this process by device and key; measurements of a device go one after the other. */
const known = new WeakMap<GPUDevice, Map<string, Promise<Tuned>>>();
const last = new WeakMap<GPUDevice, Promise<unknown>>();

const sizesOf = ({ model, conditions, lanes }: Resolved): Sizes => ({
  model,
  batch: largestBatch(conditions),
  lanes,
});

/** The plan with one more reason. */
const because = (
  planned: Planned,
  by: Choice["by"],
  reason: string,
  tuned: Tuned | null = null,
): Choice => ({
  planned: { ...planned, plan: { ...planned.plan, reasons: [...planned.plan.reasons, reason] } },
  by,
  tuned,
  reason,
});

/** The plan of a setting from elsewhere; null where it fits no longer, or is not what is asked for. */
function planOf(planner: Planner<Planned>, setting: PlanSetting, wanted: PlanSetting) {
  if (!agrees(setting, wanted)) return null;
  try {
    return planner(setting);
  } catch (error) {
    if (error instanceof LimitError) return null;
    throw error;
  }
}

function told({ trials, setting }: Tuned, adapter: string, how: string): string {
  return `${how}: ${printTrials(trials)} on ${adapter}; chosen ${printSetting(setting)}`;
}

async function measured(
  device: Device,
  resolved: Resolved,
  found: readonly Candidate<Planned>[],
  { measurer }: Surroundings,
): Promise<Tuned> {
  const before = last.get(device.gpu);
  const run = async (): Promise<Tuned> => {
    await before?.catch(() => undefined);
    using measuring = measurer(device, resolved);
    return await tune(found, measuring);
  };
  const running = run();
  last.set(device.gpu, running);
  return running;
}

/** An answer of this process, else of the store, else null. */
async function earlier(
  gpu: GPUDevice,
  key: string,
  store: TuningStore,
): Promise<Tuned | null> {
  const here = await known.get(gpu)?.get(key)?.catch(() => null);
  return here ?? (await readTuned(store, key));
}

function remember(gpu: GPUDevice, key: string, tuned: Promise<Tuned>): void {
  const answers = known.get(gpu) ?? new Map<string, Promise<Tuned>>();
  known.set(gpu, answers);
  answers.set(key, tuned);
  tuned.catch(() => answers.delete(key));
}

/** Why nothing is measured, or null where it may be. */
function untuned(resolved: Resolved, { mayTune }: Surroundings): string | null {
  if (resolved.execution.tune === false) return "by rule: tuning is off (execution.tune)";
  return mayTune() ? null : "by rule: tuning is off (THERMOGRAD_TUNE)";
}

/**
 * Chooses the setting, and plans it.
 *
 * `saved` is the setting of the checkpoint that is resumed: it wins over measuring, so that the run
 * goes on bitwise, but not over what the caller asks for.
 *
 * @throws LimitError where no schedule, or not the one asked for, can run the ensemble.
 */
export async function chooseSetting(
  device: Device,
  resolved: Resolved,
  planner: Planner<Planned>,
  saved: PlanSetting | null,
  surroundings: Surroundings = SURROUNDINGS,
): Promise<Choice> {
  const wanted = settingOf(resolved.execution);
  const sizes = sizesOf(resolved);
  if (saved) {
    const planned = planOf(planner, saved, wanted);
    const reason = `${printSetting(saved)}: as the checkpoint has it`;
    if (planned) return because(planned, "checkpoint", reason);
  }
  const off = untuned(resolved, surroundings);
  const isGiven = wanted.schedule !== undefined && wanted.workgroup !== undefined;
  if (off !== null || isGiven) {
    const { planned } = byRule(planner, wanted, sizes);
    const asked = wanted.schedule !== undefined || wanted.workgroup !== undefined;
    if (asked) return because(planned, "request", `${printSetting(planned.setting)}: asked for`);
    return because(planned, "rule", off!);
  }
  return tuned(device, resolved, planner, surroundings);
}

async function tuned(
  device: Device,
  resolved: Resolved,
  planner: Planner<Planned>,
  surroundings: Surroundings,
): Promise<Choice> {
  const { gpu, info } = device;
  const wanted = settingOf(resolved.execution);
  const sizes = sizesOf(resolved);
  const functionWords = byRule(planner, wanted, sizes).planned.observation?.functionWords ?? 0;
  const key = await tuningKey(device, resolved, wanted, functionWords);
  const cached = await earlier(gpu, key, surroundings.store);
  const planned = cached && planOf(planner, cached.setting, wanted);
  if (planned) {
    return because(planned, "cache", told(cached, info.adapter, "measured earlier"), cached);
  }
  const found = candidates(planner, wanted, sizes).candidates;
  if (found.length === 1) {
    const reason = `${printSetting(found[0]!.setting)}: the only candidate`;
    return because(found[0]!.planned, "rule", reason);
  }
  const measuring = measured(device, resolved, found, surroundings);
  remember(gpu, key, measuring);
  const answer = await measuring;
  await writeTuned(surroundings.store, key, answer);
  const chosen = found.find(({ setting }) => agrees(answer.setting, setting))!;
  return because(chosen.planned, "measurement", told(answer, info.adapter, "tuned"), answer);
}
