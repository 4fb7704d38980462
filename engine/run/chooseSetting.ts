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
import { agrees, isSame, type PlanSetting, printSetting, settingOf } from "../execution.ts";
import {
  byRule,
  type Candidate,
  candidates,
  type Excluded,
  type Planner,
  type Sizes,
} from "../plan/candidates.ts";
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
  /** Not tried: what cannot run the ensemble, what is hopeless. Absent where nothing was measured now. */
  readonly excluded?: readonly Excluded[];
  readonly reason: string;
}

/** What is to be run. */
export interface Request {
  readonly device: Device;
  /** `execution` has what the caller asks for. */
  readonly resolved: Resolved;
  readonly planner: Planner<Planned>;
  /** What the observables keep in function memory, which may exclude a schedule. */
  readonly functionWords: number;
  /** The setting of the checkpoint that is resumed. */
  readonly saved: PlanSetting | null;
}

/** What the choice is made with; tests put in their own. */
export interface Surroundings {
  readonly store: TuningStore;
  readonly mayTune: () => boolean;
  /** Measure even where an answer is kept. */
  readonly fresh?: boolean;
  readonly measurer: (
    device: Device,
    resolved: Resolved,
  ) => Measurer<Candidate<Planned>> & Disposable;
}

export const SURROUNDINGS: Surroundings = {
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
function planOf(
  planner: Planner<Planned>,
  setting: PlanSetting,
  wanted: PlanSetting,
): Planned | null {
  if (!agrees(setting, wanted)) return null;
  try {
    return planner(setting);
  } catch (error) {
    if (error instanceof LimitError) return null;
    throw error;
  }
}

/** The plan under a checkpoint's setting; null where it does not fit, or is not what is asked for. */
export function planOfCheckpoint(
  planner: Planner<Planned>,
  saved: PlanSetting,
  wanted: PlanSetting,
): Planned | null {
  const planned = planOf(planner, saved, wanted);
  const reason = `${printSetting(saved)}: as the checkpoint has it`;
  return planned && because(planned, "checkpoint", reason).planned;
}

const told = ({ trials, setting }: Tuned, { info }: Device, how: string): string =>
  `${how}: ${printTrials(trials)} on ${info.adapter}; chosen ${printSetting(setting)}`;

/** Measures, when whoever measures on this device is done. */
function measured(
  { device, resolved }: Request,
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

const answersOf = (gpu: GPUDevice): Map<string, Promise<Tuned>> => {
  const answers = known.get(gpu) ?? new Map<string, Promise<Tuned>>();
  known.set(gpu, answers);
  return answers;
};

/** An answer of this process, else of the store, else null. */
async function earlier(gpu: GPUDevice, key: string, store: TuningStore): Promise<Tuned | null> {
  const here = answersOf(gpu).get(key);
  if (here) return here.catch(() => null);
  const found = await readTuned(store, key);
  if (found) answersOf(gpu).set(key, Promise.resolve(found));
  return found;
}

/** Why nothing is measured, or null where it may be. */
function untuned(resolved: Resolved, { mayTune }: Surroundings): string | null {
  if (resolved.execution.tune === false) return "by rule: tuning is off (execution.tune)";
  return mayTune() ? null : "by rule: tuning is off (THERMOGRAD_TUNE)";
}

/**
 * Chooses the setting, and plans it.
 *
 * That of a checkpoint wins over measuring, so that the run goes on bitwise, but not over what the
 * caller asks for.
 *
 * @throws LimitError where no schedule, or not the one asked for, can run the ensemble.
 */
export async function chooseSetting(
  request: Request,
  surroundings: Surroundings = SURROUNDINGS,
): Promise<Choice> {
  const { resolved, planner, saved } = request;
  const wanted = settingOf(resolved.execution);
  if (saved) {
    const planned = planOf(planner, saved, wanted);
    const reason = `${printSetting(saved)}: as the checkpoint has it`;
    if (planned) return because(planned, "checkpoint", reason);
  }
  const choice = await freshChoice(request, wanted, surroundings);
  if (!saved) return choice;
  const note = `the checkpoint has ${printSetting(saved)}: the run goes on with its numbers up to rounding`;
  return because(choice.planned, choice.by, note, choice.tuned);
}

async function freshChoice(
  request: Request,
  wanted: PlanSetting,
  surroundings: Surroundings,
): Promise<Choice> {
  const { resolved, planner } = request;
  const off = untuned(resolved, surroundings);
  const asked = wanted.schedule !== undefined || wanted.workgroup !== undefined;
  const isWhole = wanted.schedule !== undefined && wanted.workgroup !== undefined;
  if (off !== null || isWhole) {
    const { planned } = byRule(planner, wanted, sizesOf(resolved));
    if (asked) return because(planned, "request", `${printSetting(planned.setting)}: asked for`);
    return because(planned, "rule", off!);
  }
  return tunedChoice(request, wanted, surroundings);
}

async function tunedChoice(
  request: Request,
  wanted: PlanSetting,
  surroundings: Surroundings,
): Promise<Choice> {
  const { device, resolved, planner, functionWords } = request;
  const { store, fresh = false } = surroundings;
  const key = await tuningKey(device, resolved, wanted, functionWords);
  const cached = fresh ? null : await earlier(device.gpu, key, store);
  const planned = cached && planOf(planner, cached.setting, wanted);
  if (planned) return because(planned, "cache", told(cached, device, "measured earlier"), cached);
  const { candidates: found, excluded } = candidates(planner, wanted, sizesOf(resolved));
  const [only] = found;
  if (found.length === 1) {
    const reason = `${printSetting(only!.setting)}: the only candidate`;
    return { ...because(only!.planned, "rule", reason), excluded };
  }
  const measuring = measured(request, found, surroundings);
  answersOf(device.gpu).set(key, measuring);
  measuring.catch(() => answersOf(device.gpu).delete(key));
  const answer = await measuring;
  await writeTuned(store, key, answer);
  const chosen = found.find(({ setting }) => isSame(setting, answer.setting))!;
  const reason = told(answer, device, "tuned");
  return { ...because(chosen.planned, "measurement", reason, answer), excluded };
}
