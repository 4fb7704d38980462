/**
 * What a learning rate that finds itself keeps for every replica, and its steps in float64.
 *
 * On the device it is words of lane state behind the kept vectors (`ADAPTATION_WORDS`, then a ring
 * of block sums of O_L and one of O_R), all f32: the counts are whole numbers below 2²⁴.
 * twin: shaders/rate/fluctuation_dissipation.wgsl
 */
import type { Setting } from "../update/updateRule.ts";

/** Which pair of observables must balance. */
export type Relation = "velocity" | "displacement";

export interface Adaptation {
  readonly relation: Relation;
  /** Who decides: each replica, or the replicas of a condition together. */
  readonly scope: "replica" | "condition";
  /** Blocks of checkEvery/2 steps that are remembered. */
  readonly capacity: number;
  /** The fixed point c that θ is measured from, [param]; null: 0. */
  readonly center: readonly number[] | null;
}

/** The words of a lane before its rings, by name, in order. */
export const ADAPTATION_WORDS = [
  "factor",
  "drops",
  "count",
  "blocks",
  "left",
  "right",
  "leftPart",
  "rightPart",
  "checkedLeft",
  "checkedRight",
  "ratio",
] as const;

export type AdaptationWord = (typeof ADAPTATION_WORDS)[number];

/** Words of lane state. */
export const adaptationSize = (adaptation: Adaptation | undefined): number =>
  adaptation ? ADAPTATION_WORDS.length + 2 * adaptation.capacity : 0;

/** Those of a replica that has taken no step: the rate is whole, all else 0. */
export const initialAdaptation = (adaptation: Adaptation | undefined): Float32Array => {
  const words = new Float32Array(adaptationSize(adaptation));
  if (adaptation) words[ADAPTATION_WORDS.indexOf("factor")] = 1;
  return words;
};

/** A replica's memory in float64. */
export interface AdaptationState {
  /** η_t/η, the product of all drops. */
  factor: number;
  drops: number;
  /** Steps in the present block. */
  count: number;
  /** Whole blocks since the last drop. */
  blocks: number;
  /** Sums of O_L and O_R over the present block. */
  left: number;
  right: number;
  /** ⟨O_L⟩/⟨O_R⟩ of the last check; 0 before the first. */
  ratio: number;
  /** Sums over the last blocks, by number of the block modulo capacity. */
  readonly lefts: Float64Array;
  readonly rights: Float64Array;
}

export const adaptationState = (
  { capacity }: Adaptation,
  from?: AdaptationState,
): AdaptationState => ({
  factor: 1,
  drops: 0,
  count: 0,
  blocks: 0,
  left: 0,
  right: 0,
  ratio: 0,
  ...from,
  lefts: from ? Float64Array.from(from.lefts) : new Float64Array(capacity),
  rights: from ? Float64Array.from(from.rights) : new Float64Array(capacity),
});

/** O_L and O_R of one step. */
export interface Balance {
  readonly left: number;
  readonly right: number;
}

/** Takes a step's O_L and O_R; drops the rate, from the next step on, where they balance. */
export function adapt(
  state: AdaptationState,
  { left, right }: Balance,
  { ratioTolerance, dropFactor, checkEvery }: Setting,
): void {
  const capacity = state.lefts.length;
  state.left += left;
  state.right += right;
  state.count += 1;
  if (state.count < checkEvery! / 2) return;
  state.lefts[state.blocks % capacity] = state.left;
  state.rights[state.blocks % capacity] = state.right;
  Object.assign(state, { left: 0, right: 0, count: 0, blocks: state.blocks + 1 });
  if (state.blocks % 2 === 1) return;
  let [sumLeft, sumRight] = [0, 0];
  for (let back = 1; back <= Math.min(state.blocks / 2, capacity); back += 1) {
    sumLeft += state.lefts[(state.blocks - back) % capacity]!;
    sumRight += state.rights[(state.blocks - back) % capacity]!;
  }
  // Nothing moves: there is nothing to decide.
  if (!(sumRight > 0)) return;
  state.ratio = sumLeft / sumRight;
  if (Math.abs(state.ratio - 1) >= ratioTolerance!) return;
  Object.assign(state, { factor: state.factor * dropFactor!, drops: state.drops + 1, blocks: 0 });
}

/** Steps since the last drop, or since the start. */
export const stepsSinceDrop = (
  { blocks, count }: { readonly blocks: number; readonly count: number },
  { checkEvery }: Setting,
): number => (blocks * checkEvery!) / 2 + count;
