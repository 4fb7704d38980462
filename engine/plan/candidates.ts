/**
 * The settings an ensemble could be run with: schedule and geometry, in the order in which they are
 * worth measuring.
 *
 * The first is the rule: what is run where nothing is measured. The estimates know the model, the batch
 * and the lanes, and nothing of the adapter: they order candidates and leave out hopeless ones, the
 * device decides.
 */
import { LimitError } from "../errors.ts";
import { agrees, type PlanSetting, printSetting, type Schedule } from "../execution.ts";
import type { Model } from "../model.ts";
import type { EnsemblePlan } from "./ensemblePlan.ts";
import { floatingPointOperations } from "./floatingPointOperations.ts";
import { defaultWorkgroup } from "./threadPlan.ts";

/** What is run, as far as the estimates look. */
export interface Sizes {
  readonly model: Model;
  /** Samples of a step, of the condition with most of them. */
  readonly batch: number;
  readonly lanes: number;
}

/** Plans a setting. @throws LimitError where this ensemble or this device does not allow it. */
export type Planner<P extends { readonly plan: EnsemblePlan }> = (setting: PlanSetting) => P;

export interface Candidate<P> {
  readonly setting: PlanSetting;
  readonly planned: P;
  /** Operations a replica-step takes the time of, as a guess. */
  readonly estimate: number;
}

/** A setting that is not tried, and why. */
export interface Excluded {
  readonly setting: PlanSetting;
  readonly why: string;
}

export interface Candidates<P> {
  readonly candidates: readonly Candidate<P>[];
  readonly excluded: readonly Excluded[];
}

/** Beyond this many times the best estimate a candidate is hopeless. */
const HOPELESS = 20;
/** Within so many times the best estimate a schedule is tried before other geometries of another. */
const NEAR = 4;
/** Invocations that keep a device busy: fewer lanes leave `thread` waiting. */
const BUSY = 256;
/** A dispatch takes the time of so many operations (100 us at 10 GFLOP/s), a step of `batched` so many. */
const DISPATCH = 1_000_000;
const DISPATCHES = 16;
/** Operations in the time of a barrier, for each invocation that waits at it. */
const BARRIER = 50;

/**
 * The rule takes the first that fits. `thread` shares nothing and waits for nobody. A replica of
 * `workgroup` is held to one workgroup, part of which is idle in each level that has fewer elements than
 * invocations, and waits after each; `batched` spreads all elements of all lanes, and many lanes share
 * its dispatches.
 */
const RULE: readonly Schedule[] = ["thread", "batched", "workgroup"];

/** Two are enough: each takes a compile of its own, and what differs most is the number of barriers. */
const THREADS = [64, 128] as const;

/** Settings of one schedule, that of the rule first. */
function settingsOf(schedule: Schedule, lanes: number): readonly PlanSetting[] {
  if (schedule === "batched") return [{ schedule }, { schedule, tile: "registers" }];
  if (schedule === "workgroup") return THREADS.map((workgroup) => ({ schedule, workgroup }));
  const workgroup = defaultWorkgroup(lanes);
  const others = lanes < 4096 ? [64, 32] : [16, 256];
  return [
    { schedule, workgroup },
    { schedule, workgroup: others[0]! },
    { schedule, workgroup, unroll: 0 },
    // A workgroup that all lanes do not fill is another of these, with idle invocations.
    ...(lanes > others[1]! ? [{ schedule, workgroup: others[1]! }] : []),
  ];
}

/** Are two plans of `batched` the same kernels: has the model no product that the tiles' kind changes? */
const areSame = (one: EnsemblePlan, other: EnsemblePlan): boolean =>
  one.schedule === "batched" &&
  other.schedule === "batched" &&
  one.step.length === other.step.length &&
  one.step.every(({ shader }, i) => shader.code === other.step[i]!.shader.code);

/** Operations in the time of a replica-step, as a guess. */
function estimate(plan: EnsemblePlan, { work, lanes }: Work): number {
  if (plan.schedule === "batched") return work + (DISPATCHES * DISPATCH) / lanes;
  if (plan.schedule === "workgroup") {
    const busy = Math.max(1, BUSY / (lanes * plan.workgroup));
    return busy * work + plan.barriers * plan.workgroup * BARRIER;
  }
  return Math.max(1, BUSY / lanes) * work;
}

interface Work {
  /** Floating-point operations of a replica-step. */
  readonly work: number;
  readonly lanes: number;
}

const workOf = ({ model, batch, lanes }: Sizes): Work => ({
  work: batch * floatingPointOperations(model),
  lanes,
});

/** What the caller left open in `wanted`, of each schedule it allows. */
function open(wanted: PlanSetting, lanes: number): PlanSetting[] {
  const settings = RULE.flatMap((schedule) => settingsOf(schedule, lanes));
  const found = settings.filter((setting) => agrees(setting, wanted));
  const others = RULE.filter(
    (schedule) =>
      (wanted.schedule ?? schedule) === schedule &&
      !found.some((setting) => setting.schedule === schedule),
  );
  // A geometry that is on no list is the caller's: run as it was given.
  return [...found, ...others.map((schedule) => ({ ...wanted, schedule }))];
}

/** The error where no schedule can run the ensemble: what each one said. */
const nothingFits = (excluded: readonly Excluded[]): LimitError => {
  const reasons = [...new Set(excluded.map(({ why }) => why))];
  return new LimitError(reasons.join("\n"));
};

/** The setting of the rule: of the first schedule that can run the ensemble, its first geometry. */
export function byRule<P extends { readonly plan: EnsemblePlan }>(
  planner: Planner<P>,
  wanted: PlanSetting,
  sizes: Sizes,
): Candidate<P> {
  const excluded: Excluded[] = [];
  const work = workOf(sizes);
  for (const setting of open(wanted, sizes.lanes)) {
    const found = attempt(planner, setting, work, excluded);
    if (found) return found;
  }
  throw nothingFits(excluded);
}

function attempt<P extends { readonly plan: EnsemblePlan }>(
  planner: Planner<P>,
  setting: PlanSetting,
  work: Work,
  excluded: Excluded[],
): Candidate<P> | null {
  try {
    const planned = planner(setting);
    return { setting, planned, estimate: estimate(planned.plan, work) };
  } catch (error) {
    if (!(error instanceof LimitError)) throw error;
    excluded.push({ setting, why: error.message });
    return null;
  }
}

/**
 * The candidates: the rule's first, then one of each other schedule that may be as fast, then the rest,
 * each by estimate. At most eight.
 *
 * @throws LimitError, with what each schedule says, where none can run the ensemble.
 */
export function candidates<P extends { readonly plan: EnsemblePlan }>(
  planner: Planner<P>,
  wanted: PlanSetting,
  sizes: Sizes,
): Candidates<P> {
  const excluded: Excluded[] = [];
  const found: Candidate<P>[] = [];
  const work = workOf(sizes);
  for (const setting of open(wanted, sizes.lanes)) {
    const refused = excluded.some((one) => one.setting.schedule === setting.schedule);
    if (refused) continue; // What one geometry is too large for, the others are too.
    const candidate = attempt(planner, setting, work, excluded);
    if (!candidate) continue;
    const twin = found.find((one) => areSame(one.planned.plan, candidate.planned.plan));
    if (twin) excluded.push({ setting, why: `the same kernels as ${printSetting(twin.setting)}` });
    else found.push(candidate);
  }
  const [rule] = found;
  if (!rule) throw nothingFits(excluded);
  const isFirst = (one: Candidate<P>): boolean =>
    found.find(({ setting }) => setting.schedule === one.setting.schedule) === one;
  const best = Math.min(...found.map((one) => one.estimate));
  const hopeful = found.filter((one) => {
    if (one === rule || one.estimate <= HOPELESS * best) return true;
    const times = (one.estimate / best).toFixed(0);
    excluded.push({ setting: one.setting, why: `estimated ${times} times slower than the best` });
    return false;
  });
  const place = (one: Candidate<P>): number => {
    if (one === rule) return 0;
    return isFirst(one) && one.estimate <= NEAR * best ? 1 : 2;
  };
  const ordered = hopeful.sort((a, b) => place(a) - place(b) || a.estimate - b.estimate);
  for (const { setting } of ordered.slice(8)) {
    excluded.push({ setting, why: "behind eight others" });
  }
  return { candidates: ordered.slice(0, 8), excluded };
}
