/** Free energies, smoothed ladders and the temperature of gradient noise on exact ladders; refusals. */
import { describe, expect, test } from "vitest";
import {
  finiteDifferenceTemperature,
  freeEnergies,
  freeEnergyMinimum,
  logarithmicMean,
  noiseTemperature,
  smoothedLadder,
  smoothedTemperatures,
} from "../../analysis/index.ts";
import type { LadderPoint } from "../../analysis/ladderPoint.ts";
import { RefusalError } from "../../engine/errors.ts";
import { seeded } from "../seeded.ts";

const point = (U: number, S: number, errors = [0, 0], correlation = 0): LadderPoint => ({
  energy: { value: U, standardError: errors[0]!, n: 100, method: "given", warnings: [] },
  entropy: { value: S, standardError: errors[1]!, n: 100, method: "given", warnings: [] },
  covariance: correlation * errors[0]! * errors[1]!,
});

/** U = T₀η m/2·…: the family U = η, S = ln η, whose F at T = η_i is lowest at η_i. */
const rates = [0.5, 0.7, 1, 1.4, 2, 2.8];
const positions = rates.map(Math.log);
const ladder = (errors?: number[], correlation = 0): LadderPoint[] =>
  rates.map((eta) => point(eta, Math.log(eta), errors, correlation));

const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

describe("freeEnergies and their minimum", () => {
  test("F = U − T S with the covariance of the two errors", () => {
    const [F] = freeEnergies([point(3, 2, [0.3, 0.2], 0.5)], 0.5);
    expect(F!.value).toBe(2);
    expect(F!.standardError).toBeCloseTo(Math.sqrt(0.09 + 0.01 - 2 * 0.5 * 0.03), 14);
    expect(() => freeEnergies(ladder(), Number.NaN)).toThrow("temperature is NaN");
  });
  test("each temperature has its minimum at its own rate", () => {
    rates.slice(1, -2).forEach((eta, i) => {
      const { value } = freeEnergyMinimum(ladder(), positions, eta);
      // The parabola through three points of e^x − T x is off by a share of the spacing squared.
      expect(Math.abs(value - positions[i + 1]!)).toBeLessThan(0.03);
      expect(
        Math.abs(freeEnergyMinimum(ladder(), positions, 1.3 * eta).value - value),
      ).toBeGreaterThan(0.1);
    });
  });
  test("exact for a parabola, its error that of repeated draws", () => {
    const x = [-1, -0.3, 0.5, 1.2];
    const parabola = x.map((at) => point(2 * (at - 0.2) ** 2, 0, [0.05, 0]));
    const found = freeEnergyMinimum(parabola, x, 1);
    expect(found.value).toBeCloseTo(0.2, 14);
    const random = seeded(4);
    let [sum, square] = [0, 0];
    const draws = 4000;
    for (let k = 0; k < draws; k += 1) {
      const noisy = parabola.map(({ energy }) =>
        point(energy.value + 0.05 * normal(random), 0, [0.05, 0]),
      );
      const { value } = freeEnergyMinimum(noisy, x, 1);
      sum += value / draws;
      square += value ** 2 / draws;
    }
    const spread = Math.sqrt(square - sum ** 2);
    expect(Math.abs(spread / found.standardError - 1)).toBeLessThan(
      4 / Math.sqrt(2 * draws) + 0.03,
    );
  });
  test("refuses an end of the ladder and a curvature that noise may have made", () => {
    expect(() => freeEnergyMinimum(ladder(), positions, 0.4)).toThrow(RefusalError);
    expect(() => freeEnergyMinimum(ladder([0.1, 0.1]), positions, 1)).toThrow(
      "less than 4 of its errors",
    );
    expect(() => freeEnergyMinimum(ladder(), positions.slice(1), 1)).toThrow("5 positions");
    expect(() => freeEnergyMinimum(ladder(), [...positions].reverse(), 1)).toThrow(
      "does not ascend",
    );
  });
});

describe("smoothedLadder", () => {
  test("h below the spacing changes nothing; a straight line stays within", () => {
    const same = smoothedLadder(ladder([0.1, 0.2], 0.3), positions);
    same.forEach((one, i) => {
      expect(one.energy.value).toBe(rates[i]);
      expect(one.covariance).toBeCloseTo(0.3 * 0.02, 15);
    });
    const x = Array.from({ length: 21 }, (_, i) => 0.1 * i);
    const line = x.map((at) => point(3 * at + 1, 2 * at, [0.1, 0]));
    const smooth = smoothedLadder(line, x);
    // Weights 1, 2, 3, 2, 1 over 9.
    expect(smooth[10]!.energy.value).toBeCloseTo(4, 13);
    expect(smooth[10]!.energy.standardError).toBeCloseTo((0.1 * Math.sqrt(19)) / 9, 13);
    expect(smoothedTemperatures(line, x)[10]!.value).toBeCloseTo(1.5, 13);
  });
  test("without smoothing temperatures are T1, errors included", () => {
    const points = ladder([0.002, 0.003], 0.4);
    smoothedTemperatures(points, positions).forEach((T, i) => {
      const plain = finiteDifferenceTemperature(points[i]!, points[i + 1]!);
      expect(T.value).toBeCloseTo(plain.value, 13);
      expect(T.standardError).toBeCloseTo(plain.standardError, 13);
    });
  });
  test("errors of smoothed temperatures are those of repeated draws, not of independent points", () => {
    const x = Array.from({ length: 9 }, (_, i) => 0.1 * i);
    const draw = (random: () => number) =>
      x.map((at) =>
        point(Math.exp(at) + 0.002 * normal(random), at + 0.002 * normal(random), [0.002, 0.002]),
      );
    const random = seeded(8);
    const values = Array.from({ length: 2000 }, () => smoothedTemperatures(draw(random), x)[3]!);
    const mean = values.reduce((sum, { value }) => sum + value / values.length, 0);
    const spread = Math.sqrt(
      values.reduce((sum, { value }) => sum + (value - mean) ** 2, 0) / values.length,
    );
    expect(Math.abs(spread / values[0]!.standardError - 1)).toBeLessThan(0.1);
    const smooth = smoothedLadder(draw(random), x);
    const wrong = finiteDifferenceTemperature(smooth[3]!, smooth[4]!).standardError;
    expect(wrong / spread).toBeGreaterThan(1.5);
  });
  test("refuses", () => {
    expect(() => smoothedLadder(ladder(), positions, { halfWidth: 0 })).toThrow("halfWidth is 0");
    expect(() => smoothedLadder(ladder(), [1])).toThrow("6 points at 1 positions");
    expect(() => smoothedTemperatures(ladder([0, 0.2]), positions)).toThrow("no denominator");
  });
});

describe("noiseTemperature", () => {
  test("η tr C/(2m) and its error; logarithmic mean", () => {
    const T = noiseTemperature([2, 4, 6], { learningRate: 0.1, dimensions: 2 });
    expect(T.value).toBeCloseTo(0.1, 15);
    expect(T.standardError).toBeCloseTo((0.1 / 4) * (2 / Math.sqrt(3)), 15);
    expect(() => noiseTemperature([1], { learningRate: 0, dimensions: 2 })).toThrow(
      "learningRate 0",
    );
    expect(logarithmicMean(1, Math.E)).toBeCloseTo(Math.E - 1, 14);
    expect(logarithmicMean(2, 2)).toBe(2);
  });
});
