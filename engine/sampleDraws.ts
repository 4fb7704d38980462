/**
 * The random numbers of a batch member's loss in float64: the twin of `shaders/lib/sample_draws.wgsl`.
 *
 * A pure function of (seed, condition, replica, step, b); places of the draws in `modelDraws.ts`.
 */
import type { Model } from "./model.ts";
import { drawPairs } from "./modelDraws.ts";
import { laneKey, normalPair, STREAM_SAMPLE, threefry2x32, uniformOpen } from "./random.ts";
import type { Lane } from "./sampling.ts";

/** Values of a model's draws, by name; the arrays are overwritten by the next call. */
export type SampleDraws = (step: number, b: number) => Readonly<Record<string, Float64Array>>;

/**
 * Draws of member `b` of the batch of `step` in one lane: normal ones are N(0, 1), signs ±1, uniform
 * ones in (0, 1).
 */
export function sampleDraws({ draws }: Model, lane: Lane): SampleDraws {
  const pairs = drawPairs(draws);
  const key = laneKey(lane.seed, STREAM_SAMPLE, lane.condition, lane.replica);
  const numbers = new Float64Array(2 * pairs.all);
  const values = Object.fromEntries(draws.map(({ name, size }) => [name, new Float64Array(size)]));
  return (step, b) => {
    for (let k = 0; k < pairs.all; k += 1) {
      const words = threefry2x32(key, [step, b * pairs.all + k]);
      const [x, y] =
        k < pairs.normal ? normalPair(words) : [uniformOpen(words[0]), uniformOpen(words[1])];
      numbers[2 * k] = x;
      numbers[2 * k + 1] = y;
    }
    for (const { name, law, at, size } of draws) {
      for (let i = 0; i < size; i += 1) {
        const number = numbers[at + i]!;
        values[name]![i] = law === "sign" ? (number > 0.5 ? 1 : -1) : number;
      }
    }
    return values;
  };
}
