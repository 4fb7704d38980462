/**
 * Error bars from replicas: are they right on average, and do they fail when they must?
 *
 * Each estimate is repeated over hundreds of seeds. With exact errors z is normal with mean 0 and
 * variance 1 (times (n−1)/(n−3) for a variance from n replicas, Student); the mean and variance of
 * z are asserted at 4 of their own standard errors: false alarms 6e-5 each for fresh seeds.
 */
import { describe, expect, it } from "vitest";
import { blockMean } from "../../analysis/blocks.ts";
import { zScore } from "../../analysis/estimate.ts";
import { gaussianEntropy } from "../../analysis/gaussianEntropy.ts";
import { jackknife } from "../../analysis/jackknife.ts";
import { ratioOfMeans } from "../../analysis/ratio.ts";
import { replicaMean } from "../../analysis/replicas.ts";
import { replicaTimeMeans, timeAverage } from "../../analysis/series.ts";
import { RefusalError } from "../../engine/errors.ts";
import { generator } from "../generator.ts";
import { firstOrder, seriesOf } from "../trajectories.ts";

/** Throws unless the z look like draws of mean 0 and the given variance. */
function expectHonest(z: readonly number[], variance = 1, bias = 0): void {
  const n = z.length;
  const mean = z.reduce((sum, x) => sum + x, 0) / n;
  const spread = z.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1);
  expect(Math.abs(mean), "mean of z").toBeLessThan(4 * Math.sqrt(variance / n) + bias);
  expect(Math.abs(spread / variance - 1), "variance of z").toBeLessThan(4 * Math.sqrt(2 / n));
}

const seeds = (count: number) => Array.from({ length: count }, (_, seed) => generator(seed + 1));

describe("replicaMean", () => {
  it("is the textbook mean and standard error", () => {
    const estimate = replicaMean([1, 2, 3]);
    expect(estimate).toMatchObject({ value: 2, n: 3, warnings: [] });
    expect(Math.abs(estimate.standardError - Math.sqrt(1 / 3))).toBeLessThan(1e-15);
  });

  it("has honest errors, and correlated replicas do not", () => {
    const independent = seeds(400).map(({ normal }) =>
      zScore(replicaMean(Float64Array.from({ length: 50 }, normal)), 0),
    );
    expectHonest(independent, 49 / 47);
    // Negative control: a noise of variance 0.2 shared by all replicas.
    const correlated = seeds(400).map(({ normal }) => {
      const shared = Math.sqrt(0.2) * normal();
      return zScore(replicaMean(Float64Array.from({ length: 50 }, () => shared + normal())), 0);
    });
    expect(() => expectHonest(correlated, 49 / 47)).toThrow(/variance of z/);
  });

  it("leaves out frozen replicas, says so, and refuses when none is left", () => {
    const estimate = replicaMean([1, Number.NaN, 3, Number.POSITIVE_INFINITY]);
    expect(estimate).toMatchObject({ value: 2, n: 2 });
    expect(estimate.warnings[0]).toMatch(/2 of 4 replicas dropped/);
    const alone = replicaMean([7]);
    expect(alone.standardError).toBeNaN();
    expect(alone.warnings[0]).toMatch(/one replica/);
    expect(zScore(alone, 7.1)).toBe(-Infinity);
    expect(() => replicaMean([Number.NaN, Number.NaN])).toThrow(RefusalError);
    expect(() => replicaMean([])).toThrow(RefusalError);
  });
});

describe("jackknife", () => {
  const pairs = (replicas: number, { normal }: ReturnType<typeof generator>) => {
    const data = new Float64Array(2 * replicas);
    for (let r = 0; r < replicas; r++) {
      data[2 * r] = 3 + normal();
      data[2 * r + 1] = 2 + 0.5 * data[2 * r]! + 0.4 * normal();
    }
    return { data, replicas, k: 2 };
  };

  it("of the mean itself is the standard error of the mean", () => {
    const samples = pairs(37, generator(1));
    const direct = replicaMean(samples.data.filter((_, i) => i % 2 === 0));
    for (const biasCorrected of [false, true]) {
      const estimate = jackknife(samples, (means) => means[0]!, { biasCorrected });
      expect(Math.abs(estimate.value / direct.value - 1)).toBeLessThan(1e-14);
      expect(Math.abs(estimate.standardError / direct.standardError - 1)).toBeLessThan(1e-12);
    }
  });

  it("makes the variance unbiased exactly: R/(R−1) of the plug-in value", () => {
    const { data } = pairs(9, generator(2));
    const x = data.filter((_, i) => i % 2 === 0);
    const squares = Float64Array.from(Array.from(x).flatMap((value) => [value, value * value]));
    const samples = { data: squares, replicas: 9, k: 2 };
    const f = (means: Float64Array) => means[1]! - means[0]! ** 2;
    const plugIn = jackknife(samples, f).value;
    const corrected = jackknife(samples, f, { biasCorrected: true }).value;
    expect(Math.abs(corrected / plugIn - 9 / 8)).toBeLessThan(1e-12);
  });

  it("has honest errors for a ratio of correlated means; unpaired errors are not", () => {
    // E a = 3, E b = 3.5; bias of z from the skewness left at R = 100, O(1/√R)/10 = 0.1.
    const z: number[] = [];
    const control: number[] = [];
    for (const one of seeds(600)) {
      const samples = pairs(100, one);
      const a = samples.data.filter((_, i) => i % 2 === 0);
      const b = samples.data.filter((_, i) => i % 2 === 1);
      z.push(zScore(ratioOfMeans(a, b), 3 / 3.5));
      // Negative control: errors added as if a and b were independent.
      const [top, bottom] = [replicaMean(a), replicaMean(b)];
      const ratio = top.value / bottom.value;
      const relative = Math.hypot(
        top.standardError / top.value,
        bottom.standardError / bottom.value,
      );
      control.push((ratio - 3 / 3.5) / (ratio * relative));
    }
    expectHonest(z, 99 / 97, 0.1);
    expect(() => expectHonest(control, 99 / 97, 0.1)).toThrow(/variance of z/);
  });

  it("takes 100 000 replicas of 10 numbers without losing digits", () => {
    const { normal } = generator(3);
    const replicas = 100_000;
    const data = Float64Array.from({ length: 10 * replicas }, () => 1e4 + normal());
    const f = (means: Float64Array) => means.reduce((sum, value) => sum + value, 0);
    const estimate = jackknife({ data, replicas, k: 10 }, f, { biasCorrected: true });
    const sums = new Float64Array(replicas);
    for (let i = 0; i < data.length; i++) sums[Math.floor(i / 10)]! += data[i]!;
    const direct = replicaMean(sums);
    expect(Math.abs(estimate.standardError / direct.standardError - 1)).toBeLessThan(1e-6);
    expect(Math.abs(estimate.value - direct.value)).toBeLessThan(0.01 * direct.standardError);
  });

  it("leaves out whole rows, warns for one replica, refuses none", () => {
    const data = Float64Array.of(1, 2, Number.NaN, 5, 3, 4);
    const f = (means: Float64Array) => means[0]! + 10 * means[1]!;
    const estimate = jackknife({ data, replicas: 3, k: 2 }, f);
    expect(estimate).toMatchObject({ value: 32, n: 2 });
    expect(estimate.warnings[0]).toMatch(/1 of 3/);
    const alone = jackknife({ data: data.subarray(0, 2), replicas: 1, k: 2 }, f);
    expect(alone).toMatchObject({ value: 21, standardError: Number.NaN });
    expect(() => jackknife({ data: data.subarray(2, 4), replicas: 1, k: 2 }, f)).toThrow(
      RefusalError,
    );
  });
});

describe("ratioOfMeans", () => {
  it("warns of a denominator compatible with zero and refuses unpaired values", () => {
    const { normal } = generator(4);
    const a = Float64Array.from({ length: 20 }, () => 1 + normal());
    const b = Float64Array.from({ length: 20 }, normal);
    expect(ratioOfMeans(a, b).warnings.join()).toMatch(/compatible with zero/);
    expect(() => ratioOfMeans([1, 2], [1])).toThrow(/2 values over 1/);
  });
});

describe("timeAverage", () => {
  it("averages time within replicas, and keeps pairs where one is frozen", () => {
    const frozen = Float64Array.of(4, Number.NaN, Number.NaN);
    const record = seriesOf([
      [Float64Array.of(1, 2, 3), frozen, Float64Array.of(3, 4, 5)],
      [Float64Array.of(0, 0, 3), Float64Array.of(1, 1, 1), Float64Array.of(2, 2, 2)],
    ]);
    expect([...replicaTimeMeans(record)]).toEqual([2, Number.NaN, 4]);
    expect(timeAverage(record)).toMatchObject({ value: 3, standardError: 1, n: 2 });
    expect(timeAverage(record).warnings[0]).toMatch(/1 of 3 replicas/);
    expect(timeAverage(record, { quantity: "loss", condition: 1 })).toMatchObject({ value: 4 / 3 });
    expect(() => timeAverage(record, { quantity: "los" })).toThrow(/no quantity "los".*loss/);
    expect(() => timeAverage(record, { condition: 2 })).toThrow(/not one of 0 to 1/);
  });
});

describe("blockMean", () => {
  const TAU = 19; // AR(1) with phi = 0.9: 1 + 2 · 0.9/0.1

  it("has honest errors for one correlated trajectory; naive errors are not", () => {
    const z: number[] = [];
    const naive: number[] = [];
    for (const one of seeds(300)) {
      const series = firstOrder(one, 0.9, 20 * 12 * TAU);
      z.push(zScore(blockMean([series], { quiet: true }), 0));
      naive.push(zScore(replicaMean(series), 0));
    }
    // Student with 19 degrees of freedom; the error is low by τ/(4b) = 1/48, z² high by 1/24.
    expectHonest(z, (19 / 17) * (1 + 1 / 24));
    expect(() => expectHonest(naive, 1)).toThrow(/variance of z/);
  });

  it("refuses blocks shorter than 10 τ and carries the estimate", () => {
    const series = firstOrder(generator(5), 0.9, 20 * 4 * TAU);
    expect(() => blockMean([series])).toThrow(/need 10 .*observe at least/);
    const quiet = blockMean([series], { quiet: true });
    expect(quiet.warnings).toHaveLength(1);
    expect(quiet.n).toBe(20);
    expect(() => blockMean([series], { blocks: 1 })).toThrow(/2 to/);
    expect(blockMean([firstOrder(generator(6), 0.9, 20 * 15 * TAU)]).warnings).toEqual([]);
  });
});

describe("gaussianEntropy", () => {
  it("is unbiased with honest errors; without the bias correction it is not", () => {
    // Five dimensions, n = 40, covariance B Bᵀ with det B = 6.
    const exact = (5 * Math.log(2 * Math.PI * Math.E)) / 2 + Math.log(6);
    const z: number[] = [];
    const raw: number[] = [];
    for (const { normal } of seeds(400)) {
      const data = new Float64Array(200);
      for (let r = 0; r < 40; r++) {
        const x = Array.from({ length: 5 }, normal) as [number, number, number, number, number];
        data.set([3 * x[0], x[0] + 2 * x[1], x[2] - x[1], x[3] + 5 * x[0], x[4]], 5 * r);
      }
      const estimate = gaussianEntropy({ data, replicas: 40, k: 5 });
      z.push(zScore(estimate, exact));
      // Card E5: bias of the plain log-determinant, −0.42 here, beside an error of 0.27.
      raw.push(z[z.length - 1]! - 0.42 / estimate.standardError);
    }
    expectHonest(z);
    expect(() => expectHonest(raw)).toThrow(/mean of z/);
  });
});
