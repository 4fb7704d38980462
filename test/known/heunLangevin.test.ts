/** Heun's step written out by hand, for the float64 twin; and what may not be corrected. */
import { describe, expect, test } from "vitest";
import { ArgumentError } from "../../engine/errors.ts";
import { fixed } from "../../engine/initial.ts";
import { laneKey, normalPair, STREAM_THERMAL_NOISE, threefry2x32 } from "../../engine/random.ts";
import { referenceTrajectory } from "../../engine/referenceTrajectory.ts";
import { heunLangevin } from "../../engine/update/heunLangevin.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { ubu } from "../../engine/update/ubu.ts";
import type { UpdateRule } from "../../engine/update/updateRule.ts";
import { quadraticMode } from "../../models/quadraticMode.ts";

const K = 1.3;
const START = 0.8;
const lane = { seed: 5, condition: 0, replica: 3 };

const walk = (rule: UpdateRule, steps: number): number =>
  referenceTrajectory({
    ...quadraticMode(K),
    rule,
    sampling: "fullBatch",
    initial: fixed(START)(quadraticMode(K).model),
    lane,
    steps,
  }).theta[0]!;

describe("Heun's step on ½kθ²", () => {
  test("cold: θ' = (1 − z + z²/2) θ, z = hk", () => {
    const z = 0.6 * K;
    const after = walk(heunLangevin({ learningRate: 0.6, temperature: 0 }), 7);
    expect(Math.abs(after - START * (1 - z + (z * z) / 2) ** 7)).toBeLessThan(1e-14);
    expect(Math.abs(after - START * (1 - z) ** 7)).toBeGreaterThan(1e-3);
  });

  test("with noise: one ξ in the predicted point and in the step", () => {
    const [h, T] = [0.3, 0.7];
    const key = laneKey(lane.seed, STREAM_THERMAL_NOISE, lane.condition, lane.replica);
    const [xi] = normalPair(threefry2x32(key, [0, 0]));
    const jump = Math.sqrt(2 * h * T) * xi;
    const predicted = START - h * K * START + jump;
    const expected = START - (h / 2) * K * (START + predicted) + jump;
    const after = walk(heunLangevin({ learningRate: h, temperature: T }), 1);
    expect(Math.abs(after - expected)).toBeLessThan(1e-14);
  });

  test("rules that keep vectors, or prepare, are refused", () => {
    const corrected = (rule: UpdateRule): UpdateRule => ({ ...rule, gradient: "corrected" });
    const momentum = corrected(sgd({ learningRate: 0.1, momentum: 0.5 }));
    expect(() => walk(momentum, 1)).toThrow(ArgumentError);
    expect(() => walk(momentum, 1)).toThrow(/this one keeps velocity; leave gradient/);
    const prepared = corrected(ubu({ learningRate: 0.1, friction: 1 }));
    expect(() => walk(prepared, 1)).toThrow(/this one has a prepare/);
  });
});
