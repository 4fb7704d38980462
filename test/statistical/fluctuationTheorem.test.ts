/**
 * Estimators of the fluctuation theorems on simulated linear chains with Gaussian noise, for which both
 * hold exactly in discrete time, and on laws of σ that are known.
 *
 * Assertions at 4 standard errors without bias; false alarms 6e-5 each for fresh seeds.
 */
import { describe, expect, it } from "vitest";
import {
  countEvents,
  detailedFluctuation,
  type EventCounts,
  emptyCounts,
} from "../../analysis/detailedFluctuation.ts";
import { type Estimate, zScore } from "../../analysis/estimate.ts";
import {
  DEVIATION,
  fluctuationRecord,
  integralFluctuation,
  SIGMA,
  stepEntropies,
  stretchSums,
} from "../../analysis/fluctuationTheorem.ts";
import type { Rows } from "../../analysis/lyapunov.ts";
import { covariance, mean } from "../../analysis/moments.ts";
import { ArgumentError, RefusalError } from "../../engine/errors.ts";
import { additiveNoise } from "../../models/theory/index.ts";
import { generator } from "../generator.ts";
import { linearTrajectory } from "../trajectories.ts";

/** Strongly circulating: ⟨σ⟩ is about 0.05 a step. */
const problem = {
  hessian: [
    [2, 0],
    [0, 0.4],
  ],
  noiseCovariance: [
    [1, 0.4],
    [0.4, 1],
  ],
  learningRate: 0.2,
};
const exact = additiveNoise(problem);
const { form } = exact.continuous;
const transposed: Rows = form.map((_, i) => form.map((row) => row[i]!));

const REPLICAS = 400;
const STEPS = 500;

/** [replica][coordinate][time], from the stationary state. */
const trajectories = (() => {
  const one = generator(21);
  const eta = problem.learningRate;
  const process = {
    F: problem.hessian.map((row, i) => row.map((h, j) => (i === j ? 1 : 0) - eta * h)),
    Q: problem.noiseCovariance.map((row) => row.map((s) => eta * eta * s)),
    center: [0, 0],
  };
  return Array.from({ length: REPLICAS }, () => {
    const path = linearTrajectory(process, one, STEPS + 1);
    return [0, 1].map((i) => path.filter((_, k) => k % 2 === i));
  });
})();

const axes = (replicas: number) =>
  [
    { name: "condition", length: 1 },
    { name: "replica", length: replicas },
  ] as const;

const recordOf = (events: readonly Float64Array[]) =>
  fluctuationRecord(axes(events.length), (lane) => events[lane]!);

const sigmasOf = (Q: Rows, factor = 1) =>
  trajectories.map((path) => stepEntropies(path, Q).map((sigma) => factor * sigma));

const agrees = (estimate: Estimate, value: number) => Math.abs(zScore(estimate, value)) < 4;

describe("entropy production of a chain that circulates", () => {
  const sigmas = sigmasOf(form);

  it("has the exact mean", () => {
    const record = recordOf(sigmas);
    expect(agrees(mean(record, { i: SIGMA }), exact.entropyProduction)).toBe(true);
    // The continuous theory is off by a fifth at this rate.
    expect(agrees(mean(record, { i: SIGMA }), exact.continuous.entropyProduction)).toBe(false);
    expect(
      agrees(mean(recordOf(sigmasOf(transposed)), { i: SIGMA }), exact.entropyProduction),
    ).toBe(false);
  });

  it.each([1, 2, 10])("obeys the integral theorem over %i steps", (length) => {
    const over = (events: readonly Float64Array[]) =>
      integralFluctuation(recordOf(events.map((sigma) => stretchSums(sigma, length))));
    expect(agrees(over(sigmas), 1)).toBe(true);
    // Negative controls: σ of a learning rate that is wrong by 10 %, and the transposed form.
    expect(agrees(over(sigmasOf(form, 1 / 1.1)), 1)).toBe(false);
    expect(agrees(over(sigmasOf(transposed)), 1)).toBe(false);
  });

  it("obeys the detailed theorem", () => {
    const found = (events: readonly Float64Array[]) => {
      const counts = emptyCounts(50, 40, Math.sqrt(2 * exact.entropyProduction) / 4);
      events.forEach((sigma, r) => {
        countEvents(counts, r % 50, sigma);
      });
      return detailedFluctuation(counts);
    };
    const { slope, meanLogRatio, bins } = found(sigmas);
    expect(agrees(slope, 1)).toBe(true);
    expect(agrees(meanLogRatio, 0)).toBe(true);
    expect(bins.length).toBeGreaterThan(15);
    expect(bins.filter(({ logRatio }) => Math.abs(zScore(logRatio, 0)) > 3).length).toBeLessThan(2);
    expect(agrees(found(sigmasOf(form, 1 / 1.1)).slope, 1)).toBe(false);
    expect(agrees(found(sigmasOf(transposed)).slope, 1)).toBe(false);
  });
});

/** Events of σ = μ + √(2μ) z, which obey both theorems: [group][event]. */
function gaussianEvents(mu: number, groups: number, events: number, seed: number): Float64Array[] {
  const { normal } = generator(seed);
  return Array.from({ length: groups }, () =>
    Float64Array.from({ length: events }, () => mu + Math.sqrt(2 * mu) * normal()),
  );
}

const countsOf = (events: readonly Float64Array[], width: number, bins = 30): EventCounts => {
  const counts = emptyCounts(events.length, bins, width);
  events.forEach((sigma, group) => {
    countEvents(counts, group, sigma);
  });
  return counts;
};

describe("detailedFluctuation", () => {
  it("is not biased by wide bins, ratios at their centers are", () => {
    // σ ~ N(1, 2): bins of 0.75 deviations. In a bin the density of |σ| falls by e^{-(s−1)w/2}.
    const width = 0.75 * Math.SQRT2;
    const { bins, slope } = detailedFluctuation(countsOf(gaussianEvents(1, 60, 5000, 3), width));
    expect(agrees(slope, 1)).toBe(true);
    for (const { logRatio } of bins) expect(agrees(logRatio, 0)).toBe(true);
    const outer = bins.find(({ sigma }) => sigma > 2)!;
    expect(Math.abs(outer.atCenter)).toBeGreaterThan(4 * outer.logRatio.standardError);
  });

  it("finds the slope of a law that breaks the theorem", () => {
    // N(μ, v) has ln p(σ)/p(−σ) = (2μ/v) σ: slope 0.8.
    const { normal } = generator(5);
    const events = Array.from({ length: 60 }, () =>
      Float64Array.from({ length: 5000 }, () => 0.2 + Math.sqrt(0.5) * normal()),
    );
    // Narrow bins: weights e^{|σ|} of a slope that is not 1 are biased by width² order.
    const { slope, meanLogRatio } = detailedFluctuation(countsOf(events, 0.1));
    expect(Math.abs(slope.value - 0.8)).toBeLessThan(4 * slope.standardError + 0.01);
    expect(agrees(slope, 1)).toBe(false);
    expect(agrees(meanLogRatio, 0)).toBe(false);
  });

  it("has an honest error", () => {
    const slopes = Array.from(
      { length: 60 },
      (_, k) => detailedFluctuation(countsOf(gaussianEvents(0.1, 32, 400, 100 + k), 0.1)).slope,
    );
    const average = slopes.reduce((sum, { value }) => sum + value, 0) / slopes.length;
    const scatter = Math.sqrt(
      slopes.reduce((sum, { value }) => sum + (value - average) ** 2, 0) / (slopes.length - 1),
    );
    const claimed =
      slopes.reduce((sum, { standardError }) => sum + standardError, 0) / slopes.length;
    // 60 slopes know their scatter to 9 %.
    expect(Math.abs(scatter / claimed - 1)).toBeLessThan(4 * 0.09);
    expect(Math.abs(average - 1)).toBeLessThan((4 * claimed) / Math.sqrt(slopes.length));
  });

  it("refuses too few events, and leaves out what is not finite", () => {
    expect(() => detailedFluctuation(countsOf(gaussianEvents(1, 4, 10, 1), 0.5))).toThrow(
      RefusalError,
    );
    expect(() => emptyCounts(4, 10, 0)).toThrow(ArgumentError);
    const counts = countsOf([Float64Array.of(Number.NaN, 0.05, -0.05, Infinity)], 0.1);
    expect([...counts.positive].reduce((a, b) => a + b)).toBe(1);
    expect([...counts.negative].reduce((a, b) => a + b)).toBe(1);
    expect(counts.weighted[0]).toBeCloseTo(Math.exp(0.05), 14);
  });
});

describe("integralFluctuation", () => {
  it("refuses where the average is undersampled, with the average", () => {
    // Card E1: at ⟨σ⟩ = 7.9 the naive average is far below 1.
    const events = gaussianEvents(7.9, 100, 10, 9);
    let refusal: unknown;
    try {
      integralFluctuation(recordOf(events));
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(RefusalError);
    const { estimate, message } = refusal as RefusalError<Estimate>;
    expect(estimate.value).toBeLessThan(0.9);
    expect(message).toMatch(/σ has the variance 1\d\.\d in 1000 events/);
    // Variance 2 needs many events: 400 are too few, 10⁵ are not.
    expect(() => integralFluctuation(recordOf(gaussianEvents(1, 40, 10, 2)))).toThrow(RefusalError);
    expect(agrees(integralFluctuation(recordOf(gaussianEvents(1, 100, 1000, 2))), 1)).toBe(true);
  });

  it("keeps digits where σ is small", () => {
    // σ = ±1e-9 alternating: ⟨e^{−σ}⟩ − 1 = 5e-19, lost in float64 unless summed by expm1.
    const events = Array.from({ length: 30 }, () => Float64Array.of(1e-9, -1e-9));
    const deviation = mean(recordOf(events), { i: DEVIATION }).value;
    expect(Math.abs(deviation / 5e-19 - 1)).toBeLessThan(1e-6);
  });
});

describe("stepEntropies and fluctuationRecord", () => {
  it("by hand", () => {
    const sigma = stepEntropies(
      [
        [1, 2, 0],
        [0, 1, 1],
      ],
      [
        [0, 2],
        [-1, 0],
      ],
    );
    // Step 0: x₀·2·dy − y₀·dx = 1·2·1 − 0 = 2; step 1: 2·2·0 − 1·(−2) = 2.
    expect([...sigma]).toEqual([2, 2]);
    expect([...stretchSums(Float64Array.of(1, 2, 3, 4, 5), 2)]).toEqual([3, 7]);
    expect(() => stepEntropies([[1, 2]], form)).toThrow(ArgumentError);
  });

  it("moments of σ are those of its events", () => {
    const record = recordOf([Float64Array.of(1, 3), Float64Array.of(-1, 1)]);
    expect(record.counts).toEqual([2]);
    expect(mean(record, { i: SIGMA }).value).toBe(1);
    const variance = covariance(record, { i: SIGMA, j: SIGMA });
    // Means 2 and 0 of squares 5 and 1: 3 − 1, less the scatter of the mean, 1 for two replicas.
    expect(variance.value).toBeCloseTo(3 - 1 + 1, 12);
  });
});
