/**
 * Since when the origins of displacements count, and how they survive: from one call of `observe` to
 * the next that follows it directly, and in a checkpoint.
 */
import type { ObservationPlan } from "../observe/observation.ts";
import type { LaneMemory } from "./laneMemory.ts";

/** Steps: at which origins began, and up to which they were observed without a gap. */
export interface OriginClock {
  readonly began: number;
  readonly level: number;
}

/** Before anything was observed. */
export const NO_ORIGINS: OriginClock = { began: 0, level: -1 };

/** For an observation from `step` on: goes on where the last one ended, else begins anew. */
export const clockFrom = (clock: OriginClock, step: number): OriginClock =>
  clock.level === step ? clock : { began: step, level: step };

/** The constants of the observables with the clock in them. */
export function withClock(
  constants: Float32Array<ArrayBuffer>,
  { displacements }: ObservationPlan,
  { began }: OriginClock,
): Float32Array<ArrayBuffer> {
  if (displacements.length === 0) return constants;
  const next = Float32Array.from(constants);
  // In two halves: float32 numbers hold 24 bits.
  for (const { beganAt } of displacements) next.set([began >>> 16, began & 0xffff], beganAt);
  return next;
}

/** What a checkpoint keeps of origins; empty where none go on. */
export interface SavedOrigins {
  readonly clock: OriginClock;
  /** The displacements they are of. */
  readonly of: string;
  /** [lane, word] */
  readonly origins: Float32Array;
}

const described = ({ displacements }: ObservationPlan): string =>
  JSON.stringify(displacements.map(({ spec }) => spec));

export async function saveOrigins(
  plan: ObservationPlan | null,
  memory: LaneMemory,
  clock: OriginClock,
  step: number,
): Promise<SavedOrigins> {
  if (!plan || plan.originWords === 0 || clock.level !== step) {
    return { clock: NO_ORIGINS, of: "", origins: new Float32Array(0) };
  }
  return { clock, of: described(plan), origins: await memory.readOrigins(plan) };
}

/** Puts origins back; the clock they go on with. Other displacements begin anew. */
export function restoreOrigins(
  plan: ObservationPlan | null,
  memory: LaneMemory,
  { clock, of, origins }: SavedOrigins,
): OriginClock {
  if (!plan || plan.originWords === 0 || of !== described(plan)) return NO_ORIGINS;
  memory.writeOrigins(plan, origins);
  return clock;
}
