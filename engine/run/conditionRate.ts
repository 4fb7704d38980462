/**
 * Learning rates that the replicas of a condition find together: every `checkEvery` steps the host
 * adds the sums that the lanes hold of O_L and O_R, decides, and writes the decision back.
 *
 * Checks fall on multiples of `checkEvery`, counted from the start, and on no other step.
 */
import { ADAPTATION_WORDS, type AdaptationWord } from "../rate/adaptation.ts";
import type { Dynamics } from "../update/dynamics.ts";
import type { Setting } from "../update/updateRule.ts";
import type { LaneMemory } from "./laneMemory.ts";
import type { Resolved } from "./options.ts";

const WIDTH = ADAPTATION_WORDS.length;

const isShared = ({ rate }: Dynamics): boolean => rate?.adaptation?.scope === "condition";

/** Steps from `step` to the next check of any condition; ∞ where the host has nothing to decide. */
export function stepsToCheck(
  dynamics: Dynamics,
  settings: readonly Setting[],
  step: number,
): number {
  if (!isShared(dynamics)) return Number.POSITIVE_INFINITY;
  return Math.min(...settings.map(({ checkEvery }) => checkEvery! - (step % checkEvery!)));
}

/** Takes the decisions that are due after `step` steps. */
export async function checkConditions(
  memory: LaneMemory,
  { dynamics, replicas }: Pick<Resolved, "dynamics" | "replicas">,
  settings: readonly Setting[],
  step: number,
): Promise<void> {
  if (!isShared(dynamics) || step === 0) return;
  const due = settings.map(({ checkEvery }) => step % checkEvery! === 0);
  if (!due.includes(true)) return;
  const words = await memory.readAdaptation(WIDTH);
  const frozen = await memory.readFrozen();
  let changed = false;
  settings.forEach((setting, condition) => {
    if (!due[condition]) return;
    const first = condition * replicas.count;
    const lanes: number[] = [];
    for (let lane = first; lane < first + replicas.count; lane += 1) {
      if (frozen[lane]! < 0) lanes.push(lane);
    }
    changed = decide(words, lanes, setting) || changed;
  });
  if (changed) memory.writeAdaptation(words, WIDTH);
}

/** Decides for the living lanes of a condition, in place; false when nothing moves. */
function decide(words: Float32Array, lanes: readonly number[], setting: Setting): boolean {
  const at = (lane: number, word: AdaptationWord): number =>
    lane * WIDTH + ADAPTATION_WORDS.indexOf(word);
  let [left, right] = [0, 0];
  for (const lane of lanes) {
    left += words[at(lane, "checkedLeft")]!;
    right += words[at(lane, "checkedRight")]!;
  }
  if (!(right > 0)) return false;
  // As the lanes hold it, so that what is observed is what was decided on.
  const ratio = Math.fround(left / right);
  const drop = Math.abs(ratio - 1) < Math.fround(setting.ratioTolerance!);
  for (const lane of lanes) {
    words[at(lane, "ratio")] = ratio;
    if (!drop) continue;
    words[at(lane, "factor")]! *= Math.fround(setting.dropFactor!);
    words[at(lane, "drops")]! += 1;
    words[at(lane, "blocks")] = 0;
  }
  return true;
}
