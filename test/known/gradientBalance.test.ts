/** Gradient balance of the linear bottleneck: the numbers of card 2C, symmetries of its formulas, its model. */
import { describe, expect, test } from "vitest";
import { replicaSquares } from "../../analysis/index.ts";
import type { MomentsRecord } from "../../engine/record.ts";
import { evaluate } from "../../engine/reference.ts";
import { bottleneck } from "../../models/bottleneck.ts";
import { decayedRatio, type FirstOrder, gradientBalance } from "../../models/theory/index.ts";

const net = (labelNoise: number, otherNoise: number) => ({
  inputs: 4,
  outputs: 4,
  signal: 1,
  labelNoise,
  otherNoise,
});

const at = ({ value, slope }: FirstOrder, eta: number): number => value + slope * eta;

describe("gradientBalance", () => {
  // Card 2C: |w|²/|u|² and tr H measured with 24 replicas over 0.6 M steps.
  test.each([
    [0.3, 0.3, 1, { 0.008: 0.9752, 0.004: 0.9872 }, 0.0006, 16, 16],
    [0.5, 0.1, 0.28, { 0.008: 0.2856, 0.004: 0.2828 }, 0.0002, 19.35, 19.29],
    [0.1, 0.5, 19, { 0.008: 14.98, 0.004: 16.86 }, 0.01, 36.7, 34.8],
  ])("card 2C, noise %f and %f", (s, other, limit, measured, error, sharp, sharpSlow) => {
    const { ratio, sharpness, scale, flattest } = gradientBalance(net(s, other));
    expect(ratio.value).toBeCloseTo(limit, 10);
    for (const [eta, value] of Object.entries(measured)) {
      const remainder = (scale * Number(eta)) ** 2 * limit;
      expect(Math.abs(at(ratio, Number(eta)) - value)).toBeLessThanOrEqual(4 * error + remainder);
      // Negative control: without the first order, or with its sign turned, theory misses.
      expect(Math.abs(ratio.value - ratio.slope * Number(eta) - value)).toBeGreaterThan(
        4 * error + remainder,
      );
    }
    expect(Math.abs(sharpness.value - sharp)).toBeLessThan(0.05);
    expect(Math.abs(at(sharpness, 0.004) - sharpSlow)).toBeLessThan(0.06);
    expect(flattest).toBe(16);
    // K = t/(d_y s²): the trace is (√K + 1/√K)/2 of its least.
    const K = (s * s + 3 * other * other) / (4 * s * s);
    expect(sharpness.value / 16).toBeCloseTo((Math.sqrt(K) + 1 / Math.sqrt(K)) / 2, 12);
  });

  test("relaxation: the drift of |u|² − |w|², by differences", () => {
    const options = { inputs: 3, outputs: 5, signal: 1.7, labelNoise: 0.4, otherNoise: 0.9 };
    const { ratio, relaxation } = gradientBalance(options);
    const t = 0.4 ** 2 + 4 * 0.9 ** 2;
    // d(|u|² − |w|²)/step/η² = 4(d_x s²|w|² − t|u|²) on |w|²|u|² = c²
    const I = (q: number): number => 1.7 * (1 / Math.sqrt(q) - Math.sqrt(q));
    const drift = (q: number): number => 4 * 1.7 * (3 * 0.4 ** 2 * Math.sqrt(q) - t / Math.sqrt(q));
    const q = ratio.value;
    const h = 1e-5 * q;
    expect(drift(q)).toBeCloseTo(0, 12);
    const slope = (drift(q + h) - drift(q - h)) / (I(q + h) - I(q - h));
    expect(-slope).toBeCloseTo(relaxation, 6);
  });

  test("scales: doubling y and θ² leaves the ratio, and four times its slope", () => {
    const options = { inputs: 3, outputs: 4, signal: 0.8, labelNoise: 0.4, otherNoise: 0.2 };
    const one = gradientBalance(options);
    // y → 2y, u → √2 u, w → √2 w multiplies g² by 8 and θ² by 2: η counts half as much.
    const two = gradientBalance({ ...options, signal: 1.6, labelNoise: 0.8, otherNoise: 0.4 });
    expect(two.ratio.value).toBeCloseTo(one.ratio.value, 12);
    expect(two.ratio.slope / one.ratio.slope).toBeCloseTo(2, 12);
    expect(two.sharpness.value / one.sharpness.value).toBeCloseTo(2, 12);
    expect(two.sharpness.slope / one.sharpness.slope).toBeCloseTo(4, 12);
  });

  test("refuses what is no net", () => {
    expect(() => gradientBalance({ ...net(0.3, 0.3), outputs: 1 })).toThrow(
      "give at least 1 and 2",
    );
    expect(() => gradientBalance(net(0, 0.3))).toThrow("labelNoise > 0");
  });
});

test("decay and noise: 1 without noise, the balance of gradients without decay", () => {
  expect(decayedRatio(net(0.1, 0.5), 0.01, 1e9)).toBeCloseTo(1, 9);
  expect(decayedRatio(net(0.1, 0.5), 0.01, 0)).toBeCloseTo(19, 10);
  expect(decayedRatio(net(0.1, 0.5), 0.008, 0.01)).toBeCloseTo(0.02216 / 0.01064, 10);
});

test("replicaSquares adds the reference point back", () => {
  const axes = (...names: readonly [string, number][]) =>
    names.map(([name, length]) => ({ name, length }));
  const record: MomentsRecord = {
    kind: "moments",
    coordinates: ["a"],
    every: 1,
    lags: [0],
    counts: [2],
    reference: {
      axes: axes(["condition", 1], ["coordinate", 1]),
      data: Float64Array.of(3),
      unit: "",
    },
    // Replica 0 had z = 4 and 6, replica 1 froze.
    first: {
      axes: axes(["condition", 1], ["replica", 2], ["lag", 1], ["coordinate", 1]),
      data: Float64Array.of(2, Number.NaN),
      unit: "",
    },
    firstEnd: {
      axes: axes(["condition", 1], ["replica", 2], ["lag", 1], ["coordinate", 1]),
      data: Float64Array.of(2, Number.NaN),
      unit: "",
    },
    second: {
      axes: axes(["condition", 1], ["replica", 2], ["lag", 1], ["i", 1], ["j", 1]),
      data: Float64Array.of(5, Number.NaN),
      unit: "",
    },
  };
  expect([...replicaSquares(record, { i: "a" })]).toEqual([26, Number.NaN]);
  expect(() => replicaSquares(record, { i: "b" })).toThrow('no coordinate "b"');
});

test("the model's loss, by hand", () => {
  const model = bottleneck({ inputs: 2, outputs: 3 });
  const given = {
    params: { u: Float64Array.of(1, -2), w: Float64Array.of(0.5, 1, -1) },
    sample: {},
    draws: { x: Float64Array.of(3, 1), epsilon: Float64Array.of(1, -1, 2) },
    settings: { signal: 2, labelNoise: 0.5, otherNoise: 0.1 },
  };
  const [loss] = evaluate([model.loss], given);
  // u·x = 1; y = (6 + 0.5, −0.1, 0.2)
  expect(loss![0]).toBeCloseTo(6 ** 2 + 1.1 ** 2 + 1.2 ** 2, 12);
  expect(() => bottleneck({ inputs: 1, outputs: 1 })).toThrow("at least 1 and 2");
});
