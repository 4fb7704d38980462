/**
 * Hyperparameter settings of an ensemble: a rule's own, with those of a sweep put in place.
 */
import { ArgumentError } from "../errors.ts";
import type { SchedulePlan } from "../plan/schedule.ts";
import type { SamplingLaw } from "../sampling.ts";
import type { Dynamics } from "../update/dynamics.ts";
import { noiseModelComplaint } from "../update/noiseModel.ts";
import { sphereComplaint } from "../update/spheres.ts";
import type { Setting, UpdateRule } from "../update/updateRule.ts";

/** Axis values by hyperparameter: conditions are all combinations, the last name fastest. */
export type Sweep = Readonly<Record<string, readonly number[]>>;

function combinations(sweep: Sweep): Setting[] {
  let settings: Setting[] = [{}];
  for (const [name, values] of Object.entries(sweep)) {
    if (values.length === 0) {
      throw new ArgumentError(`sweep: ${name} has no values; give at least one, or leave it out.`);
    }
    settings = settings.flatMap((setting) =>
      values.map((value) => ({ ...setting, [name]: value })),
    );
  }
  return settings;
}

/** The rule with the batch size that the sampling law dictates, if it does. */
export const ruleFor = (rule: UpdateRule, sampling: SamplingLaw, samples: number): UpdateRule =>
  sampling === "fullBatch" ? { ...rule, setting: { ...rule.setting, batchSize: samples } } : rule;

/** Complete, checked settings, one per condition. */
export function resolveConditions(rule: UpdateRule, sweep: Sweep = {}): Setting[] {
  const known = Object.keys(rule.hyperparameters);
  for (const name of [...Object.keys(rule.setting), ...Object.keys(sweep)]) {
    if (!known.includes(name)) {
      throw new ArgumentError(
        `${rule.name}: "${name}" is no hyperparameter of this rule; there are ${known.join(", ")}.`,
      );
    }
  }
  return combinations(sweep).map((swept) => completeSetting(rule, { ...rule.setting, ...swept }));
}

/** Fills in initial values and checks each number and their relations. */
export function completeSetting(rule: UpdateRule, given: Setting): Setting {
  const setting: Record<string, number> = {};
  for (const [name, hyperparameter] of Object.entries(rule.hyperparameters)) {
    const value = given[name] ?? hyperparameter.initial;
    if (value === null) {
      throw new ArgumentError(
        `${rule.name}: ${name} is missing (${hyperparameter.meaning}); ` +
          `give it to ${rule.name}({ ${name}: … }) or to sweep.`,
      );
    }
    const complaint = hyperparameter.complaint(value);
    if (complaint !== null) {
      throw new ArgumentError(`${rule.name}: ${name} is ${value}, it ${complaint}.`);
    }
    setting[name] = value;
  }
  const complaint = rule.complaint(setting);
  if (complaint !== null) throw new ArgumentError(`${rule.name}: ${complaint}.`);
  return setting;
}

/** The names whose values differ between conditions: what tells them apart. */
export function sweptNames(conditions: readonly Setting[]): string[] {
  const first = conditions[0] ?? {};
  return Object.keys(first).filter((name) => conditions.some((c) => c[name] !== first[name]));
}

export const largestBatch = (settings: readonly Setting[]): number =>
  Math.max(...settings.map(({ batchSize }) => batchSize!));

/** The settings with a change applied to all conditions, or to one. */
export function changedSettings(
  rule: UpdateRule,
  settings: readonly Setting[],
  change: Setting,
  condition: number | undefined,
): Setting[] {
  if (condition !== undefined && !settings[condition]) {
    throw new ArgumentError(
      `set: there is no condition ${condition}; there are ${settings.length}, counted from 0.`,
    );
  }
  const unknown = Object.keys(change).find((name) => !(name in rule.hyperparameters));
  if (unknown !== undefined) {
    throw new ArgumentError(
      `set: "${unknown}" is no hyperparameter of ${rule.name}; there are ` +
        `${Object.keys(rule.hyperparameters).join(", ")}.`,
    );
  }
  return settings.map((setting, c) =>
    condition === undefined || condition === c
      ? completeSetting(rule, { ...setting, ...change })
      : setting,
  );
}

/** What the kernels of an ensemble were made for. */
interface Made {
  readonly rule: UpdateRule;
  readonly conditions: readonly Setting[];
  readonly dynamics: Dynamics;
  readonly sampling: SamplingLaw;
}

/** What these settings need that the kernel was not made with. */
function absent(dynamics: Dynamics, rule: UpdateRule, settings: readonly Setting[]): string | null {
  const vector = rule.needs(settings).find((name) => !dynamics.kept.includes(name));
  if (vector !== undefined) return vector === "velocity" ? "momentum" : vector;
  if (settings.some((c) => (c.gradientNoise ?? 0) !== 0) && !dynamics.gradientNoise) {
    return "gradientNoise";
  }
  if (settings.some((c) => (c.clipNorm ?? 0) !== 0) && !dynamics.clip) return "clipNorm";
  const { prepare, update } = rule.normals(settings);
  const thermal = prepare > dynamics.normals.prepare || update > dynamics.normals.update;
  return thermal ? "random numbers of its own" : null;
}

/** Why kernels made for one set of conditions cannot run under `settings`, or null. */
export function misfit(
  made: Made,
  { schedule, maxBatch }: Pick<SchedulePlan, "schedule" | "maxBatch">,
  settings: readonly Setting[],
): string | null {
  const { rule, conditions, dynamics, sampling } = made;
  const onSpheres = dynamics.spheres && sphereComplaint(dynamics.spheres, rule, settings);
  if (onSpheres) return onSpheres;
  const missing = absent(dynamics, rule, settings);
  if (missing !== null) {
    return (
      `the ensemble was created without ${missing}, so its kernel has none; create it with a value ` +
      "above 0 in some condition."
    );
  }
  const ordered = settings.findIndex((c, k) => c.checkEvery !== conditions[k]?.checkEvery);
  if (dynamics.rate?.adaptation && ordered >= 0) {
    return (
      `checkEvery is ${settings[ordered]!.checkEvery} in condition ${ordered}, the ensemble was ` +
      `created with ${conditions[ordered]?.checkEvery}, and sums over blocks of half of it are under way; ` +
      "create it with the other value."
    );
  }
  const complaint = noiseModelComplaint(dynamics, settings);
  if (complaint !== null) return `${complaint}.`;
  if (maxBatch !== null && largestBatch(settings) > maxBatch) {
    const kind =
      sampling === "distinct" ? "distinct batches" : `batches, in the schedule ${schedule},`;
    return (
      `batchSize is ${largestBatch(settings)}, the ensemble was created for ${kind} of ` +
      `up to ${maxBatch} samples; create it with the larger batch in some condition.`
    );
  }
  return null;
}
