/**
 * The schedules that tests compare with each other and with the float64 twin.
 *
 * All of them by name: a schedule that cannot run an ensemble says so with a `LimitError`, which a test
 * has to expect by its reason, never skip.
 */
import { SCHEDULES, type Schedule } from "../engine/plan/schedule.ts";
import type { Execution } from "../engine/run/options.ts";

/** Those that run in stages over a minibatch. */
export const STAGED: readonly Schedule[] = SCHEDULES.filter((schedule) => schedule !== "thread");

/** Short loops written out, long ones kept, where one invocation is a replica: quick to compile. */
export const by = (schedule: Schedule): Execution =>
  schedule === "thread" ? { schedule, unroll: 64 } : { schedule };
