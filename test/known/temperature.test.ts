/** Temperatures on exact ladders, error propagation, refusals; the exact theory of quadratic modes. */
import { describe, expect, test } from "vitest";
import type { Estimate } from "../../analysis/estimate.ts";
import type { LadderPoint } from "../../analysis/ladderPoint.ts";
import { finiteDifferenceTemperature, freeEnergyInterval } from "../../analysis/temperature.ts";
import { RefusalError } from "../../engine/errors.ts";
import { quadraticCalibration } from "../../models/theory/index.ts";

const CARD = { curvatures: [0.25, 0.5, 1, 2], noise: 1 };
const RATES = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32];
const exact = (learningRate: number) => quadraticCalibration({ ...CARD, learningRate });

const estimate = (value: number, standardError = 0): Estimate => ({
  value,
  standardError,
  n: 100,
  method: "given",
  warnings: [],
});
const point = (U: number, S: number, errors = [0, 0], correlation = 0): LadderPoint => ({
  energy: estimate(U, errors[0]),
  entropy: estimate(S, errors[1]),
  covariance: correlation * errors[0]! * errors[1]!,
});
const ladder = RATES.map((rate) => point(exact(rate).energy, exact(rate).entropy));

describe("quadraticCalibration", () => {
  test("card 1A: U at 0.08, temperatures between consecutive rates", () => {
    expect(Math.abs(exact(0.08).energy - 0.08318)).toBeLessThan(5e-6);
    expect(Math.abs(exact(0.08).entropy - 0.0084)).toBeLessThan(5e-5);
    const card = [0.007267, 0.014644, 0.029752, 0.06156, 0.133583];
    card.forEach((T, i) => {
      const found = finiteDifferenceTemperature(ladder[i]!, ladder[i + 1]!).value;
      expect(Math.abs(found - T)).toBeLessThan(6e-7);
    });
  });

  test("variances are the fixed point of the step, at any ηh below 2", () => {
    for (const [h, eta, s] of [
      [1, 0.1, 1],
      [3, 0.66, 0.2],
      [1e-3, 1, 5],
      [1, 1, 2],
    ] as const) {
      const [V] = quadraticCalibration({ curvatures: [h], learningRate: eta, noise: s }).variances;
      expect(Math.abs(((1 - eta * h) ** 2 * V! + eta ** 2 * s ** 2) / V! - 1)).toBeLessThan(1e-14);
    }
  });

  test("dU/dS is the limit of differences; η s²/2 its limit at small η; one mode: η s²/(2 − ηh)", () => {
    for (const eta of [0.01, 0.3, 0.9]) {
      const [a, b] = [exact(eta * (1 - 1e-4)), exact(eta * (1 + 1e-4))];
      const ratio = (b.energy - a.energy) / (b.entropy - a.entropy);
      expect(Math.abs(ratio / exact(eta).temperature - 1)).toBeLessThan(1e-6);
    }
    expect(Math.abs(exact(1e-6).temperature / 5e-7 - 1)).toBeLessThan(2e-6);
    expect(exact(0.4).continuousTemperature).toBe(0.2);
    const one = quadraticCalibration({ curvatures: [3], learningRate: 0.5, noise: 2 });
    expect(one.temperature).toBeCloseTo(2 / 0.5, 14);
    expect(one.equipartition).toBeCloseTo(4, 14);
  });

  test("slowest mode: stiff or soft", () => {
    expect(exact(0.01).relaxation).toBeCloseTo(-1 / Math.log(0.9975), 10);
    expect(exact(0.99).relaxation).toBeCloseTo(-1 / Math.log(0.98), 10);
  });

  test("refuses what has no stationary state", () => {
    expect(() => exact(1)).toThrow("no stationary state, eta h = 2 is not between 0 and 2");
    expect(() => exact(0)).toThrow("eta h = 0");
    expect(() => quadraticCalibration({ ...CARD, curvatures: [], learningRate: 1 })).toThrow(
      "0 curv",
    );
    expect(() => quadraticCalibration({ ...CARD, noise: -1, learningRate: 0.1 })).toThrow(
      "noise -1",
    );
  });
});

describe("finiteDifferenceTemperature", () => {
  test("errors: by hand, with the covariance within a condition", () => {
    // ΔU = 2, ΔS = 4, T = ½; Var T = Σ (u² − 2 T ρ u s + T² s²)/ΔS².
    const a = point(1, 1, [0.1, 0.3], 0.5);
    const b = point(3, 5, [0.2, 0.1], -0.9);
    const of = (u: number, s: number, rho: number) => u * u - 2 * 0.5 * rho * u * s + 0.25 * s * s;
    const expected = Math.sqrt((of(0.1, 0.3, 0.5) + of(0.2, 0.1, -0.9)) / 16);
    const { value, standardError } = finiteDifferenceTemperature(a, b);
    expect(value).toBe(0.5);
    expect(Math.abs(standardError / expected - 1)).toBeLessThan(1e-14);
    expect(finiteDifferenceTemperature(b, a).standardError).toBeCloseTo(expected, 14);
  });

  test("no error where U and S move along the slope together", () => {
    const moved = point(3, 5, [0.05, 0.1], 1);
    expect(finiteDifferenceTemperature(point(1, 1), moved).standardError).toBe(0);
  });

  test("refuses entropies that are not told apart, with the ratio", () => {
    const [a, b] = [point(1, 1, [0, 0.3]), point(2, 2, [0, 0.1])];
    expect(() => finiteDifferenceTemperature(a, b)).toThrow(/the entropies differ by 1 ± 0.316/);
    try {
      finiteDifferenceTemperature(a, b);
    } catch (error) {
      expect((error as RefusalError<Estimate>).estimate.value).toBe(1);
    }
  });
});

describe("freeEnergyInterval", () => {
  test("on an exact ladder: T1 of the intervals on either side", () => {
    for (let i = 1; i < ladder.length - 1; i++) {
      const { low, high, temperature } = freeEnergyInterval(ladder, i);
      expect(low.value).toBeCloseTo(
        finiteDifferenceTemperature(ladder[i - 1]!, ladder[i]!).value,
        14,
      );
      expect(high.value).toBeCloseTo(
        finiteDifferenceTemperature(ladder[i]!, ladder[i + 1]!).value,
        14,
      );
      expect(temperature.value).toBeCloseTo(Math.sqrt(low.value * high.value), 14);
      // The consistency check of the method: F_i has its minimum at rate i.
      const F = ladder.map(
        ({ energy, entropy }) => energy.value - temperature.value * entropy.value,
      );
      expect(F.indexOf(Math.min(...F))).toBe(i);
    }
  });

  test("takes the ladder in any order, and slack widens the interval", () => {
    const shuffled = [4, 2, 0, 5, 3, 1].map((i) => ladder[i]!);
    const { low, high } = freeEnergyInterval(shuffled, 1);
    const wide = freeEnergyInterval(shuffled, 1, { slack: 1e-3 });
    expect(low.value).toBeCloseTo(freeEnergyInterval(ladder, 2).low.value, 14);
    expect(wide.low.value).toBeLessThan(low.value);
    expect(wide.high.value).toBeGreaterThan(high.value);
  });

  test("the error of √(T_low T_high), against differences", () => {
    const points = [
      point(1, 1, [0.02, 0.01], 0.3),
      point(2, 2.2, [0.03, 0.02], 0.8),
      point(4, 3.5, [0.05, 0.04], -0.2),
    ];
    const base = freeEnergyInterval(points, 1).temperature;
    let variance = 0;
    points.forEach(({ energy, entropy, covariance }, i) => {
      const moved = (u: number, s: number) =>
        freeEnergyInterval(
          points.map((p, j) =>
            j === i
              ? { ...p, energy: estimate(energy.value + u), entropy: estimate(entropy.value + s) }
              : p,
          ),
          1,
        ).temperature.value;
      const h = 1e-6;
      const [u, s] = [
        (moved(h, 0) - moved(-h, 0)) / (2 * h),
        (moved(0, h) - moved(0, -h)) / (2 * h),
      ];
      variance +=
        u * u * energy.standardError ** 2 +
        2 * u * s * covariance +
        s * s * entropy.standardError ** 2;
    });
    expect(Math.abs(base.standardError / Math.sqrt(variance) - 1)).toBeLessThan(1e-6);
  });

  test("refuses ends, and states that no temperature makes the minimum", () => {
    expect(() => freeEnergyInterval(ladder, 0)).toThrow(
      "no condition has less entropy than number 0",
    );
    expect(() => freeEnergyInterval(ladder, 5)).toThrow(
      "no condition has more entropy than number 5",
    );
    expect(() => freeEnergyInterval(ladder, 6)).toThrow("no condition 6 among 6");
    const concave = [point(0, 0), point(3, 1), point(4, 2)];
    expect(() => freeEnergyInterval(concave, 1)).toThrow(RefusalError);
    expect(() => freeEnergyInterval(concave, 1)).toThrow("T above 3 and below 1");
    // Slack 2 makes up for it, and an error as large does.
    expect(freeEnergyInterval(concave, 1, { slack: 2 }).low.value).toBe(1);
    const noisy = [point(0, 0, [1, 0]), point(3, 1, [1, 0]), point(4, 2, [1, 0])];
    expect(freeEnergyInterval(noisy, 1).temperature.value).toBeCloseTo(Math.sqrt(3), 14);
  });
});
