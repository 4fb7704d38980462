/**
 * The float64 chain of card 1D has the card's mean losses: where the orbit of reflections holds, where
 * excursions lift them off it, and where it does not hold; and its steps are those of the map.
 *
 * Fixed seed; the card's long runs, R = 200, 2·10⁵ + 2·10⁵ steps, beside 40 replicas of a quarter of that.
 * 4 standard errors of both, 4 comparisons: false alarm 3e-4 for a fresh seed.
 */
import { describe, expect, test } from "vitest";
import { replicaMean } from "../../analysis/index.ts";
import { laneKey, STREAM_MINIBATCH, threefry2x32 } from "../../engine/random.ts";
import { meanLoss } from "../../experiments/freeEnergyToy/doublePrecision.ts";
import { equatorialPair } from "../../models/directions.ts";
import { poleFrame, reflectionOrbit } from "../../models/theory/index.ts";

const frame = poleFrame(equatorialPair(30));
const start = [-0.8, 0.6, 0.1];
const key = (replica: number) => laneKey(11, STREAM_MINIBATCH, 0, replica);

const lossAt = (learningRate: number) =>
  replicaMean(
    Float64Array.from({ length: 40 }, (_, r) =>
      meanLoss({ frame, learningRate, start, burnIn: 20_000, steps: 50_000 }, key(r)),
    ),
  );

describe("mean loss above the critical rate", () => {
  test.each([
    [1.2, 0.055598, 2e-6, true],
    [1.6, 0.124997, 4e-6, true],
    [1.75, 0.143526, 5e-6, false],
    [1.8, 0.150488, 8e-6, false],
  ] as const)("card 1D's at %d", (rate, card, error, holds) => {
    const { value, standardError } = lossAt(rate);
    const bar = 4 * Math.hypot(standardError, error);
    expect(Math.abs(value - card)).toBeLessThan(bar);
    const { loss } = reflectionOrbit(rate);
    expect(Math.abs(value / loss - 1) < 0.002).toBe(holds);
    // A rate 1 % off is told apart.
    expect(Math.abs(lossAt(1.01 * rate).value - card)).toBeGreaterThan(bar);
  });

  test("three steps by hand", () => {
    const eta = 1.3;
    let x = start.map((value) => value / Math.hypot(...start));
    let total = 0;
    for (let t = 0; t < 3; t += 1) {
      total += frame.eigenvalues.reduce((sum, value, k) => sum + value * x[k]! ** 2, 0) / 3;
      const a = frame.directions[(threefry2x32(key(0), [0, 0])[0] >>> t) & 1 ? 0 : 1]!;
      const p = x.reduce((sum, value, k) => sum + value * a[k]!, 0);
      const moved = x.map((value, k) => value - 2 * eta * p * (a[k]! - p * value));
      x = moved.map((value) => value / Math.hypot(...moved));
    }
    const found = meanLoss({ frame, learningRate: eta, start, burnIn: 0, steps: 3 }, key(0));
    expect(Math.abs(found - total)).toBeLessThan(1e-15);
  });
});
