/**
 * Steps of two balanced factors: their law to first order in dt against exact identities of the chain, the
 * finite-fraction Hill exponents of card 3C, the law over steps, jets.
 */
import { describe, expect, test } from "vitest";
import {
  type BalanceClock,
  balanceLaw,
  balanceSteps,
  clockRate,
  gaussianDataMoments,
} from "../../models/theory/index.ts";
import {
  differentiated,
  divided,
  type Jet,
  jetSum,
  multiplied,
  squareOf,
} from "../../models/theory/jet.ts";

const data = gaussianDataMoments(1, 1);

/** E over a standard normal number, by the trapezoid rule. */
function normalMean(f: (xi: number) => number): number {
  let [sum, norm] = [0, 0];
  for (let xi = -9; xi <= 9; xi += 1 / 16) {
    const weight = Math.exp(-0.5 * xi * xi);
    sum += weight * f(xi);
    norm += weight;
  }
  return sum / norm;
}

/** Test functions whose mean a stationary chain does not change. */
const FUNCTIONS = [
  (v: number): number => 1 / (1 + v),
  (v: number): number => 1 / (1 + v * v),
  (v: number): number => v / (1 + v * v * v),
];

/** E[f(v') − f(v)]/dt over the law of the SDE and over the corrected one; 0 in the chain's own. */
function drifts(clock: BalanceClock, T: number, dt: number, f: (v: number) => number) {
  const { law, corrected } = balanceSteps({ temperature: T, data, timeStep: dt, clock });
  const rise = (v: number): number => {
    const h = clockRate(clock, data, v);
    const pull = 2 * (v - 1) * h * dt;
    const noise = 2 * Math.sqrt(T * (2 * (v - 1) ** 2 + 1) * h * dt);
    // From the SDE's time to that of the steps.
    return normalMean((xi) => f(v * (1 - pull - noise * xi) ** 2) - f(v)) / h / dt;
  };
  return { before: Math.abs(law.expectation(rise)), after: Math.abs(corrected.expectation(rise)) };
}

describe("balanceSteps", () => {
  test.each([
    ["adapted", 0.1],
    ["adapted", 0.02],
    ["adapted", 0.2],
  ] as const)("the corrected law is stationary to first order: %s clock, T = %f", (clock, T) => {
    for (const f of FUNCTIONS) {
      const long = drifts(clock, T, 0.008, f);
      const short = drifts(clock, T, 0.004, f);
      expect(short.after).toBeLessThan(0.1 * short.before);
      // First order before, second order after.
      expect(long.before / short.before).toBeGreaterThan(1.7);
      expect(long.before / short.before).toBeLessThan(2.3);
      expect(long.after / short.after).toBeGreaterThan(3);
    }
  });

  test("the uniform clock, where its tail is thin", () => {
    for (const f of FUNCTIONS) {
      const { before, after } = drifts("uniform", 0.02, 0.002, f);
      expect(after).toBeLessThan(0.1 * before);
    }
  });

  test("a run may start from the law over steps: as large weights as the SDE's time is long", () => {
    const { start, law } = balanceSteps({
      temperature: 0.1,
      data,
      timeStep: 5e-4,
      clock: "adapted",
    });
    const count = 20_000;
    let [time, total] = [0, 0];
    for (let i = 0; i < count; i += 1) {
      const v = start((i + 0.5) / count);
      const h = clockRate("adapted", data, v);
      time += h;
      total += h * v;
    }
    expect(Math.abs(total / time / law.mean - 1)).toBeLessThan(1e-3);
    expect(clockRate("uniform", data, 7)).toBe(1);
    expect(clockRate("adapted", data, 1)).toBeCloseTo(0.6, 12);
  });

  test("card 3C: Hill exponents at finite fractions, and their limit", () => {
    const law = balanceLaw({ depth: 1, temperature: 0.1, data });
    const rounded = [0.01, 0.0032, 0.001].map((f) => Number(law.hillExponent(f).toFixed(2)));
    expect(rounded).toEqual([3.91, 3.51, 3.18]);
    expect(law.hillExponent(1e-8)).toBeLessThan(2.51);
    expect(law.hillExponent(1e-8)).toBeGreaterThan(2.5);
    expect(() => law.hillExponent(1)).toThrow("tail of 1; give a share between 0 and 1");
  });

  test("refuses a collapse", () => {
    const options = { data, timeStep: 1e-3, clock: "adapted" } as const;
    expect(() => balanceSteps({ ...options, temperature: 0.34 })).toThrow("below the critical");
  });
});

test("jets: derivatives of products and quotients", () => {
  // f = e^x, g = 1 + x² at x = 0.5.
  const e = Math.exp(0.5);
  const f: Jet = [e, e, e / 2, e / 6];
  const g: Jet = [1.25, 1, 1, 0];
  const quotient = divided(f, g);
  const back = multiplied(quotient, g);
  back.forEach((value, n) => {
    expect(value).toBeCloseTo(f[n]!, 12);
  });
  // (e^x/(1 + x²))' = e^x (1 − x)²/(1 + x²)²
  expect(differentiated(quotient)[0]).toBeCloseTo((e * 0.25) / 1.5625, 12);
  expect(squareOf(g)).toEqual([1.5625, 2.5, 3.5, 2]);
  expect(jetSum([2, f], [-1, g])).toHaveLength(4);
  expect(jetSum([2, f], [-1, differentiated(g)])).toEqual([2 * e - 1, 2 * e - 2, e - 0]);
});
