/**
 * Correlation times of processes whose ρ is known. Assertions at 4 standard errors of the estimate
 * plus the window's own bias: false alarms 6e-5 each for fresh seeds.
 */
import { describe, expect, it } from "vitest";
import { autocovariance, commonMean } from "../../analysis/autocovariance.ts";
import type { Estimate } from "../../analysis/estimate.ts";
import { integratedTime } from "../../analysis/integratedTime.ts";
import { RefusalError } from "../../engine/errors.ts";
import { generator } from "../generator.ts";
import { firstOrder, linearTrajectory, seriesOf } from "../trajectories.ts";

const PHI = 0.9;
const TAU = (1 + PHI) / (1 - PHI); // 19

const expectWithin = (estimate: Estimate, exact: number, bias: number) =>
  expect(Math.abs(estimate.value - exact)).toBeLessThan(4 * estimate.standardError + bias);

/** (2M+1)τ/n from the estimated mean, with M about 5 τ, and the tail beyond the window. */
const windowBias = (tau: number, samples: number) =>
  ((10 * tau + 1) * tau) / samples + 2 * tau * PHI ** (5 * tau);

describe("autocovariance", () => {
  it("is the same by direct sums and by FFT, odd numbers of series included", () => {
    const one = generator(1);
    for (const replicas of [1, 2, 5]) {
      const series = Array.from({ length: replicas }, () => firstOrder(one, 0.8, 300));
      const mean = commonMean(series);
      const direct = autocovariance(series, mean, 40); // below the switch at 8 log2(301) = 66
      const spectral = autocovariance(series, mean, 299);
      for (let t = 0; t < 40; t++) {
        expect(Math.abs(direct[t]! - spectral[t]!)).toBeLessThan(1e-13);
      }
      // The last lag has two products per series.
      const last = series.reduce((sum, x) => {
        const product = (s: number) => (x[s]! - mean) * (x[s + 298]! - mean);
        return sum + (product(0) + product(1)) / 2 / replicas;
      }, 0);
      expect(Math.abs(spectral[298]! - last)).toBeLessThan(1e-12);
    }
  });
});

describe("integratedTime", () => {
  it("finds τ = 19 for AR(1), phi 0.9, from one series", () => {
    const estimate = integratedTime([firstOrder(generator(1), PHI, 200_000)]);
    expectWithin(estimate, TAU, windowBias(TAU, 200_000));
    // Card E8: standard error about 0.8 for n = 200 000.
    expect(Math.abs(estimate.standardError - 0.82)).toBeLessThan(0.1);
    // Negative control: half the convention, Σρ + ½ = 9.5.
    expect(() => expectWithin(estimate, TAU / 2, windowBias(TAU, 200_000))).toThrow();
  });

  it("uses the common mean: many short replicas give the same τ", () => {
    const one = generator(2);
    const series = Array.from({ length: 200 }, () => firstOrder(one, PHI, 1000));
    const estimate = integratedTime(series);
    expectWithin(estimate, TAU, windowBias(TAU, 200_000));
    // Negative control: with its own mean subtracted each series gives a τ that is too small.
    const own = series.map((x) => {
      const mean = commonMean([x]);
      return x.map((value) => value - mean);
    });
    expect(() => expectWithin(integratedTime(own), TAU, windowBias(TAU, 200_000))).toThrow();
  });

  it("counts in SGD steps, whatever the sampling interval", () => {
    const fine = firstOrder(generator(3), PHI, 400_000);
    for (const every of [2, 5]) {
      const coarse = fine.filter((_, t) => t % every === 0);
      const rho = PHI ** every;
      const exact = (every * (1 + rho)) / (1 - rho);
      const record = seriesOf([[coarse]], every);
      expectWithin(integratedTime(record), exact, windowBias(exact, 400_000));
    }
    const far = fine.filter((_, t) => t % 100 === 0);
    const estimate = integratedTime(seriesOf([[far]], 100));
    expect(estimate.warnings.join()).toMatch(/not resolved: samples are 100 steps apart/);
  });

  it("has honest errors over many seeds", () => {
    const z = Array.from({ length: 200 }, (_, seed) => {
      const { value, standardError } = integratedTime([firstOrder(generator(seed), 0.5, 20_000)]);
      return (value - 3) / standardError;
    });
    const mean = z.reduce((sum, x) => sum + x, 0) / z.length;
    const variance = z.reduce((sum, x) => sum + (x - mean) ** 2, 0) / z.length;
    // Bias of z: the mean's, −(2M+1)τ/n over τ√(2(2M+1)/n), is −√((2M+1)/2n) = −0.03; the window
    // stops early where ρ fluctuates down: below 0.15 by construction of M >= 5 τ.
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(200) + 0.18);
    // Madras and Sokal's formula is an approximation to relative order 1/M: 1/15.
    expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / 200) + 1 / 15);
  });

  it("does not close the window on the first negative swing of an oscillation", () => {
    // Heavy ball with eta k = 0.1, beta = 0.9: z² − 1.8 z + 0.9, decay √0.9, 19.5 steps a turn.
    const process = {
      F: [
        [0.9, 0.09],
        [-1, 0.9],
      ],
      Q: [
        [0.01, 0.1],
        [0.1, 1],
      ],
      center: [0, 0],
    };
    // theta' = theta + eta v', v' = beta v − k theta + xi, with eta = 0.1 and k = 1:
    const one = generator(4);
    const flat = linearTrajectory(process, one, 400_000);
    const theta = flat.filter((_, i) => i % 2 === 0);
    const velocity = flat.filter((_, i) => i % 2 === 1);
    // Spectrum at zero: Σ theta = −(1/k)·Σ noise, so Var theta · τ = s2/k² with s2 = 1, and
    // Var theta = eta(1+beta)/(2k)/((1−beta)(1+beta−eta k/2)) = 0.5135: τ = 1.947.
    const variance = (0.1 * 1.9) / 2 / (0.1 * 1.85);
    expectWithin(integratedTime([theta]), 1 / variance, windowBias(2, 400_000));
    // v is a difference of theta: its sum does not grow, so τ = 0.
    const estimate = integratedTime([velocity]);
    expect(Math.abs(estimate.value)).toBeLessThan(0.05);
  });

  it("refuses a series shorter than 50 τ, naming what is needed, unless quiet", () => {
    const short = [firstOrder(generator(5), PHI, 400)];
    const quiet = integratedTime(short, { quiet: true });
    const message =
      /400 steps are [\d.]+ τ, need 50 \(τ ≈ [\d.]+ ± [\d.]+\); observe at least \d+ steps/;
    expect(quiet.warnings.join()).toMatch(message);
    try {
      integratedTime(short);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(RefusalError);
      expect((error as RefusalError<Estimate>).message).toMatch(message);
      expect((error as RefusalError<Estimate>).estimate.value).toBe(quiet.value);
    }
    expect(integratedTime(short, { times: 10 }).warnings).toEqual([]);
  });

  it("refuses replicas that stay apart and a constant", () => {
    const one = generator(6);
    const apart = [0, 5].map((center) => firstOrder(one, 0.5, 500).map((x) => x + center));
    expect(() => integratedTime(apart)).toThrow(/does not close/);
    expect(integratedTime(apart, { quiet: true }).warnings.join()).toMatch(/lower bound/);
    expect(() => integratedTime([new Float64Array(100)], { quiet: true })).toThrow(/not fluctuate/);
  });
});
