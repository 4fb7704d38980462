/** The cubic map of the edge of stability: cycles, exponents, bounds on rounding, distinct states. */
import { describe, expect, it } from "vitest";
import type { SeriesRecord } from "../../engine/record.ts";
import { exponentPrediction } from "../../experiments/edgeOfStability/predictions.ts";
import { edgeSettings } from "../../experiments/edgeOfStability/settings.ts";
import { coalescedMean, distinctStates } from "../../experiments/edgeOfStability/states.ts";
import { largestBound } from "../../experiments/edgeOfStability/trajectories.ts";
import {
  balancedLyapunov,
  balancedSlope,
  balancedStep,
  localExponent,
} from "../../models/theory/index.ts";

/** Mean exponent of one orbit. */
function iterated(eta: number, steps = 20_000): number {
  let u = 0.5123;
  for (let t = 0; t < 2000; t += 1) u = balancedStep(u, eta);
  let sum = 0;
  for (let t = 0; t < steps; t += 1) {
    sum += localExponent(u, eta);
    u = balancedStep(u, eta);
  }
  return sum / steps;
}

describe("balancedLyapunov", () => {
  it.each([0.05, 0.3, 0.9, 1.1, 1.15, 1.22])("is the exponent of orbits at η = %f", (eta) => {
    expect(Math.abs(balancedLyapunov(eta)!.exponent - iterated(eta))).toBeLessThan(1e-9);
  });

  // Card 4C, measured there with 2000 starts; tolerance .02 on the card.
  it.each([
    [0.9, -0.223],
    [1.1, -0.857],
    [1.22, -0.077],
    [1.26, -0.541],
    [1.35, 0.277],
    [1.5, 0.491],
    [1.8, 0.807],
    [1.999, 1.08],
    [2, Math.log(3)],
  ])("card 4C at η = %f", (eta, exponent) => {
    expect(Math.abs(iterated(eta) - exponent)).toBeLessThan(0.02);
  });

  it("names points that map onto each other", () => {
    const [p, q] = balancedLyapunov(1.2)!.points as [number, number];
    expect(Math.abs(balancedStep(p, 1.2) - q)).toBeLessThan(1e-14);
    expect(Math.abs(balancedStep(q, 1.2) - p)).toBeLessThan(1e-14);
    expect(balancedLyapunov(0.5)!.exponent).toBe(-Infinity);
    // 9 = 2(1 + η)²: one point of the two-cycle has slope 0.
    const superstable = balancedLyapunov(3 / Math.SQRT2 - 1)!;
    expect(
      Math.min(...superstable.points.map((u) => Math.abs(balancedSlope(u, 3 / Math.SQRT2 - 1)))),
    ).toBeLessThan(1e-7);
  });

  it("is the Chebyshev polynomial at η = 2", () => {
    for (const phi of [0.1, 0.7, 1.9, 3]) {
      const u = Math.SQRT2 * Math.cos(phi);
      expect(Math.abs(balancedStep(u, 2) + Math.SQRT2 * Math.cos(3 * phi))).toBeLessThan(1e-14);
    }
  });

  it("claims nothing where there is no closed form", () => {
    expect(balancedLyapunov(1)).toBeNull();
    expect(balancedLyapunov(1.3)).toBeNull();
    expect(balancedLyapunov(2.1)).toBeNull();
    expect(() => balancedLyapunov(0)).toThrow("is 0");
  });
});

describe("exponentPrediction", () => {
  const p = edgeSettings.parse({});

  it("bounds what float32 and the start leave of an exponent", () => {
    const f = Math.fround;
    for (const [eta, burnIn] of [
      [0.04, 150],
      [0.3, 500],
      [0.9, 500],
      [0.9, 30],
      [0.97, 100],
      [1.05, 500],
      [1.1, 500],
      [1.22, 500],
    ] as const) {
      const setting = { ...p, burnIn, steps: 448 };
      const { value, systematic } = exponentPrediction(setting, eta, 2 ** -24);
      for (const start of [0.31, 0.5, 0.69]) {
        let u = f(start);
        let sum = 0;
        for (let t = 0; t < burnIn + 448; t += 1) {
          if (t >= burnIn) sum += localExponent(u, eta);
          const residual = f(f(u * u) - 1);
          u = f(u - f(f(eta) * f(residual * u)));
        }
        expect(Math.abs(sum / 448 - value!), `${eta}, ${burnIn}`).toBeLessThan(systematic);
      }
      expect(systematic).toBeLessThan(0.1);
    }
  });

  it("bounds what starts leave at η = 2, and what means over many replicas round", () => {
    const bias = (burnIn: number): { off: number; systematic: number } => {
      const setting = { ...p, burnIn, steps: 448 };
      const { value, systematic } = exponentPrediction(setting, 2, 2 ** -53);
      let sum = 0;
      for (let r = 0; r < 1e5; r += 1) {
        let u = 0.3 + (0.4 * (r + 0.5)) / 1e5;
        for (let t = 0; t < burnIn + 448; t += 1) {
          if (t >= burnIn) sum += localExponent(u, 2) / 448;
          u = balancedStep(u, 2);
        }
      }
      return { off: Math.abs(sum / 1e5 - value!), systematic };
    };
    // 10⁵ starts: the standard error of the mean of ln |cos φ|/448 is 1e-5.
    const [early, late] = [bias(0), bias(12)];
    expect(early.off).toBeGreaterThan(4e-5);
    expect(early.off).toBeLessThan(early.systematic + 4e-5);
    expect(late.off).toBeLessThan(4e-5);
    expect(late.systematic).toBeLessThan(1e-6);
    const many = exponentPrediction({ ...p, replicas: 1e6 }, 0.9, 2 ** -53).systematic;
    expect(many).toBeGreaterThan(1e6 * 2 ** -53);
  });

  it("refuses where convergence is too slow or the slope too small", () => {
    expect(exponentPrediction(p, 0.999, 2 ** -24)).toMatchObject({ value: null });
    expect(exponentPrediction(p, 0.999, 2 ** -24).warning).toMatch("raise burnIn");
    expect(exponentPrediction(p, 0.5, 2 ** -24).warning).toMatch("superstable");
    expect(exponentPrediction(p, 1.5, 2 ** -24)).toMatchObject({ value: null, warning: null });
  });
});

describe("largestBound", () => {
  const f = Math.fround;
  type Point = [number, number];
  const path = (eta: number, round: (x: number) => number, steps: number): Point[] => {
    let [u, w] = [round(0.7), round(0.6)];
    return Array.from({ length: steps }, () => {
      const now: Point = [u, w];
      const residual = round(round(u * w) - 1);
      const rate = round(eta);
      const next = round(u - round(rate * round(residual * w)));
      w = round(w - round(rate * round(residual * u)));
      u = next;
      return now;
    });
  };
  const parting = (eta: number): { largest: number; bound: number } => {
    const exact = path(eta, (x) => x, 300);
    const rounded = path(eta, f, 300);
    const largest = Math.max(
      ...exact.map(([u, w], n) => Math.abs(u * w - rounded[n]![0] * rounded[n]![1])),
    );
    return { largest, bound: largestBound(exact, eta) };
  };

  // Card 4C: at most 1.4e-6 for all η <= 1.26.
  it.each([0.2, 0.9, 1, 1.1, 1.2, 1.22, 1.26])("holds at η = %f", (eta) => {
    const { largest, bound } = parting(eta);
    expect(largest).toBeLessThan(1.4e-6);
    expect(largest).toBeLessThanOrEqual(bound);
    expect(bound).toBeLessThan(1e-4);
  });

  it("is no more than ten times what rounding does at η = 0.9", () => {
    const { largest, bound } = parting(0.9);
    expect(largest).toBeGreaterThan(bound / 10);
  });

  it("is empty where the exponent is positive", () => {
    expect(parting(1.5).largest).toBeGreaterThan(0.1);
    expect(parting(1.5).bound).toBeGreaterThan(1);
  });
});

describe("distinctStates", () => {
  /** One condition, `replicas` orbits of `times` records. */
  const record = (values: readonly number[], replicas: number): SeriesRecord => {
    const lengths = [1, 1, replicas, values.length / replicas];
    const axes = ["quantity", "condition", "replica", "time"].map((name, i) => ({
      name,
      length: lengths[i]!,
    }));
    return {
      kind: "series",
      quantities: ["u"],
      every: 1,
      steps: new Float64Array(lengths[3]!),
      values: { axes, data: Float64Array.from(values), unit: "θ" },
    };
  };

  it("counts values, signs and frozen records aside", () => {
    const states = distinctStates(record([1, -1, 2, NaN, 3, 4, 4, 4], 2), 0, 1.5);
    // |u|: 1 twice, 2 and 3 once, 4 three times: 7² / (4 + 1 + 1 + 9)
    expect(states.records).toBe(7);
    expect(states.effective).toBeCloseTo(49 / 15, 12);
  });

  it("takes the variance of means, which bands that take turns do not scatter", () => {
    // Replica r: 0.5, then 1 + r/100, over and over; the third replica froze.
    const orbit = (r: number) => Array.from({ length: 64 }, (_, t) => (t % 2 ? 1 + r / 100 : 0.5));
    const frozen = orbit(7).map((u, t) => (t > 40 ? NaN : u));
    const states = distinctStates(record([...orbit(0), ...orbit(1), ...frozen], 3), 0, 1.5);
    const means = [(0.25 + 1) / 2, (0.25 + 1.01 ** 2) / 2];
    const variance = (64 * (means[1]! - means[0]!) ** 2) / 2;
    expect(states.variance.product).toBeCloseTo(variance, 12);
    // Single records scatter by (0.75/2)².
    expect(states.variance.product).toBeLessThan(0.1 * 0.375 ** 2);
  });

  it("gives orbits that are copies the error of one of them", () => {
    const random = Array.from({ length: 128 }, (_, t) => 0.5 + 0.5 * Math.sin(t * t));
    const copies = Array.from({ length: 50 }, () => random).flat();
    const states = distinctStates(record(copies, 50), 0, 1.5);
    expect(states.effective).toBeCloseTo(128, 10);
    expect(states.variance.product).toBeGreaterThan(0);
    const means = new Float64Array(50).fill(0.33);
    const estimate = coalescedMean(means, "product", states);
    // The replicas' scatter alone is zero.
    expect(estimate.standardError).toBeCloseTo(Math.sqrt(states.variance.product / 128), 10);
  });
});
