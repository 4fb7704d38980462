/**
 * Theory of the fluctuation-dissipation experiments: card C1 and C2 values, closed forms, the fixed
 * point over all batches, enumeration of fourth moments, and what must be refused.
 */
import { describe, expect, test } from "vitest";
import { cosineRegression } from "../../models/cosineRegression.ts";
import {
  anharmonicMode,
  fourthMomentRadius,
  heavyBallMode,
  meanRadius,
  regressionMomentum,
  regressionStationary,
} from "../../models/theory/index.ts";
import { stationaryDensity } from "../../models/theory/noisyMap.ts";
import { generator } from "../generator.ts";

const close = (value: number, expected: number, relative: number) =>
  expect(Math.abs(value / expected - 1), `${value} for ${expected}`).toBeLessThan(relative);

const { x, y } = cosineRegression().fields;
const problem = { inputs: x!.data, targets: y!.data, batchSize: 4, sampling: "distinct" } as const;

describe("regressionMomentum", () => {
  // Card C1: eta, mu, nu, lambda; OL or OR and FDR2 as simulated there, with their errors.
  test.each([
    [0.1, 0, 0, 0.01, 0.0067803, 2e-6, 0.0082026, 4e-6],
    [0.1, 0.9, 0, 0.01, 0.07582, 5e-5, 0.091723, 6e-5],
  ])("card C1: eta %f mu %f nu %f lambda %f", (eta, mu, nu, lambda, right, sr, fdr2, s2) => {
    const theory = regressionMomentum({
      ...problem,
      learningRate: eta,
      momentum: mu,
      dampening: nu,
      weightDecay: lambda,
    });
    expect(Math.abs(theory.right - right)).toBeLessThan(4 * sr);
    expect(Math.abs(theory.dissipation - fdr2)).toBeLessThan(4 * s2);
  });

  test("both relations are exact, for any settings", () => {
    for (const [learningRate, momentum, dampening, weightDecay] of [
      [0.1, 0, 0, 0.01],
      [0.05, 0.5, 0.5, 0.1],
      [0.02, 0.95, 0, 0],
      [0.9, 0, 0.2, 0.3],
    ] as const) {
      const rate = { learningRate, momentum, dampening, weightDecay };
      const theory = regressionMomentum({ ...problem, ...rate });
      close(theory.left, theory.right, 1e-11);
      close(theory.gradientSquare, theory.dissipation, 1e-11);
    }
  });

  test("is regressionStationary without momentum", () => {
    const rate = { ...problem, learningRate: 0.3, weightDecay: 0.05 };
    const [with_, without] = [regressionMomentum(rate), regressionStationary(rate)];
    for (const [i, row] of without.covariance.entries()) {
      for (const [j, value] of row.entries()) close(with_.covariance[i]![j]!, value, 1e-11);
    }
    close(with_.momentRadius, without.momentRadius, 1e-10);
  });

  test("is heavyBallMode where the noise is additive, dampening included", () => {
    // Equal inputs: A_B does not fluctuate; targets ±1 give C₁ = 1 and f = (N−m)/(m(N−1)).
    const equal = { inputs: [1, 1, 1, 1], targets: [1, -1, 1, -1], batchSize: 2 };
    const nu = 0.4;
    const theory = regressionMomentum({
      ...equal,
      sampling: "distinct",
      learningRate: 0.3,
      momentum: 0.8,
      dampening: nu,
    });
    // Dampening scales the gradient: v in units of (1 − ν), η(1 − ν) in place of η.
    const mode = heavyBallMode({
      learningRate: 0.3 * (1 - nu),
      momentum: 0.8,
      curvature: 1,
      noiseVariance: 1 / 3,
    });
    close(theory.covariance[0]![0]!, mode.positionVariance, 1e-12);
    close(theory.velocityCovariance[0]![0]!, mode.velocityVariance * (1 - nu) ** 2, 1e-12);
    close(theory.crossCovariance[0]![0]!, mode.covariance * (1 - nu), 1e-12);
    const hessian = [[1]];
    const radius = meanRadius(hessian, { learningRate: 0.3, momentum: 0.8, dampening: nu });
    close(radius, mode.decay, 1e-12);
  });

  test("refuses what has no stationary second moments", () => {
    expect(() => regressionMomentum({ ...problem, learningRate: 1.3 })).toThrow(/grow by 1\./);
    const wild = { ...problem, learningRate: 0.1, momentum: 0.99 };
    expect(() => regressionMomentum(wild)).toThrow(/lower it or momentum/);
    // The mean is stable there: only the noise is not.
    const { hessian } = regressionMomentum({ ...problem, learningRate: 0.1 });
    expect(meanRadius(hessian, wild)).toBeLessThan(1);
  });
});

describe("fourthMomentRadius", () => {
  test("is the mean of (1 − ηx²)⁴ in one dimension, batches enumerated", () => {
    const inputs = [0.3, 1.1, -0.7, 1.6];
    const targets = [0, 0, 0, 0];
    const one = { inputs, targets, learningRate: 0.8, weightDecay: 0.1 };
    const factor = (h: number) => (1 - 0.8 * (h + 0.1)) ** 4;
    const singles = inputs.map((value) => factor(value * value));
    const single = singles.reduce((sum, value) => sum + value, 0) / 4;
    close(fourthMomentRadius({ ...one, batchSize: 1, sampling: "distinct" }), single, 1e-9);
    const pairs = inputs.flatMap((a) => inputs.map((b) => factor((a * a + b * b) / 2)));
    const pair = pairs.reduce((sum, value) => sum + value, 0) / 16;
    close(fourthMomentRadius({ ...one, batchSize: 2, sampling: "withReplacement" }), pair, 1e-9);
    // Three distinct of four: each leaves one out.
    const squares = inputs.reduce((sum, value) => sum + value * value, 0);
    const triples = inputs.map((value) => factor((squares - value * value) / 3));
    const triple = triples.reduce((sum, value) => sum + value, 0) / 4;
    close(fourthMomentRadius({ ...one, batchSize: 3, sampling: "distinct" }), triple, 1e-9);
    expect(Math.abs(single / pair - 1)).toBeGreaterThan(0.1);
  });

  test("of a full batch is the fourth power of the mean's, momentum included", () => {
    const { hessian } = regressionMomentum({ ...problem, learningRate: 0.1 });
    for (const rate of [
      { learningRate: 0.3 },
      { learningRate: 0.1, momentum: 0.2 },
      { learningRate: 0.3, momentum: 0.2, dampening: 0.3 },
    ]) {
      const radius = fourthMomentRadius({ ...problem, ...rate, sampling: "fullBatch" });
      close(radius, meanRadius(hessian, rate) ** 4, 1e-8);
    }
  });

  test("stays below 1 at tiny rates, by 4 ηh of the slowest mode", () => {
    const learningRate = 1e-6;
    for (const momentum of [0, 0.9]) {
      const radius = fourthMomentRadius({ ...problem, learningRate, momentum });
      const slowest = (4 * learningRate * 0.29) / (1 - momentum);
      close((1 - radius) / slowest, 1, 2e-2);
    }
  });

  test("passes 1 by batches too rare to be drawn: all of 8 draws the longest input", () => {
    // (1/4)⁸ (1 − ηx²)⁴ alone is above 1 where 1 − ηx² is below −16.
    const rare = { inputs: [0.1, 0.1, 0.1, 3], targets: [0, 0, 0, 0], learningRate: 2 };
    const radius = fourthMomentRadius({ ...rare, batchSize: 8, sampling: "withReplacement" });
    expect(radius).toBeGreaterThan(1);
  });

  test("passes 1 where second moments are still finite", () => {
    const near = { ...problem, learningRate: 1.1, weightDecay: 0.01 };
    expect(regressionMomentum(near).momentRadius).toBeLessThan(0.8);
    expect(fourthMomentRadius(near)).toBeGreaterThan(1.3);
    const drawn = { ...problem, sampling: "withReplacement", learningRate: 0.1 } as const;
    expect(fourthMomentRadius(drawn)).toBeLessThan(0.95);
  });
});

describe("anharmonicMode", () => {
  const unit = { curvature: 1, quartic: 1, noise: 1 };

  // Card C2, simulated there: eta, O_FB and its error, lead, lead − cubic + quartic.
  test.each([
    [0.01, 5.1028e-3, 4.7e-6, 5.1008e-3, 5.1001e-3],
    [0.03, 0.0159124, 6.1e-6, 0.0159296, 0.0159085],
    [0.1, 0.060578, 2.5e-5, 0.061429, 0.060569],
    [0.2, 0.1479, 6e-5, 0.15657, 0.14791],
  ])("card C2 at eta %f", (learningRate, measured, standardError, leading, all) => {
    const mode = anharmonicMode({ ...unit, learningRate });
    expect(Math.abs(mode.gradientSquare - measured)).toBeLessThan(4 * standardError);
    close(mode.leading, leading, 3e-4);
    close(mode.leading - mode.cubic + mode.fourth, all, 3e-4);
    close(mode.leading - mode.cubic + mode.fourth, mode.gradientSquare, 1e-11);
    close(mode.left, mode.right, 1e-11);
    expect(mode.error).toBeLessThan(1e-11);
  });

  test("the leading order alone is 5.5 % off at eta 0.2", () => {
    const mode = anharmonicMode({ ...unit, learningRate: 0.2 });
    close(mode.gradientSquare / mode.leading, 1 - 0.0553, 1e-3);
  });

  test("is Gaussian without a quartic, up to the edge of stability", () => {
    for (const learningRate of [1e-4, 0.3, 1, 1.7, 1.99]) {
      const mode = anharmonicMode({ learningRate, curvature: 1, quartic: 0, noise: 0.7 });
      const variance = (learningRate * 0.49) / (2 - learningRate);
      close(mode.variance, variance, 1e-10);
      close(mode.gradientSquare, variance, 1e-10);
      close(mode.leading, variance, 1e-10);
      expect(mode.correlation).toBeCloseTo(1 - learningRate, 10);
      expect(mode).toMatchObject({ cubic: 0, fourth: 0, escape: 0 });
    }
  });

  test("has the first-order anharmonic slope at small rates, and units as it should", () => {
    // O_FB/η = a s²/2 + η(a²s²/4 + 3 b s⁴/(4a)) + O(η²)
    const [a, b, s] = [1.5, 0.8, 0.6];
    for (const learningRate of [1e-3, 1e-4]) {
      const mode = anharmonicMode({ learningRate, curvature: a, quartic: b, noise: s });
      const first = (a * a * s * s) / 4 + (3 * b * s ** 4) / (4 * a);
      const found = (mode.gradientSquare / learningRate - (a * s * s) / 2) / learningRate;
      expect(Math.abs(found / first - 1)).toBeLessThan(3 * learningRate);
    }
    // w → k w, noise → noise/k, a → a/k², b → b/k⁴, η → k²η leaves η f alone.
    const k = 3;
    const here = anharmonicMode({ learningRate: 0.2, curvature: 1, quartic: 1, noise: 1 });
    const there = anharmonicMode({
      learningRate: 0.2 * k * k,
      curvature: 1 / k ** 2,
      quartic: 1 / k ** 4,
      noise: 1 / k,
    });
    close(there.variance, here.variance * k * k, 1e-10);
    close(there.gradientSquare, here.gradientSquare / k ** 2, 1e-10);
  });

  test("a pure quartic has the Boltzmann moment of exp(−2f/(ηs²)) at small rates", () => {
    // ∫ w² exp(−w⁴/(2η)) / ∫ exp(−w⁴/(2η)) = √(2η) Γ(3/4)/Γ(1/4), Γ(3/4)/Γ(1/4) = 0.3379891200
    const learningRate = 1e-4;
    const mode = anharmonicMode({ learningRate, curvature: 0, quartic: 1, noise: 1 });
    // Relative correction O(√η).
    close(mode.variance, Math.sqrt(2 * learningRate) * 0.33798912, 0.02);
  });

  test("refuses what is no stationary state", () => {
    const refused = (change: object) => () =>
      anharmonicMode({ ...unit, learningRate: 0.1, ...change });
    expect(refused({ learningRate: 0.5 })).toThrow(/pass \|w\| = 1\.73.*lower learningRate 0\.5/);
    expect(refused({ learningRate: 2 })).toThrow(/unstable/);
    expect(refused({ curvature: 0, quartic: 0 })).toThrow(/random walk/);
    expect(refused({ noise: 0 })).toThrow(/noise > 0/);
    expect(refused({ curvature: -1 })).toThrow(/curvature and quartic >= 0/);
    const { escape: rate, edge } = anharmonicMode({ ...unit, learningRate: 0.3 });
    expect(edge).toBeCloseTo(Math.sqrt(1.7 / 0.3), 12);
    expect(rate).toBeGreaterThan(1e-12);
    expect(rate).toBeLessThan(1e-9);
  });
});

describe("stationaryDensity", () => {
  test("the probability to leave is that of simulated steps from it", () => {
    // w' = 0.5 w + ξ killed beyond 2: often, so that simulation sees it.
    const chain = { map: (w: number) => 0.5 * w, deviation: 1, bound: 2, resolution: 40 };
    const { escape: lost } = stationaryDensity(chain);
    // The grid's ends count by a whole cell: error of first order in h, the next grid's is half.
    const bias = Math.abs(lost - stationaryDensity({ ...chain, resolution: 80 }).escape) * 2;
    const { normal, uniform } = generator(11);
    const walkers = new Float64Array(40_000);
    let [left, steps] = [0, 0];
    for (let t = 0; t < 40; t++) {
      for (let k = 0; k < walkers.length; k++) {
        let next = 0.5 * walkers[k]! + normal();
        if (t >= 10) steps++;
        if (Math.abs(next) > 2) {
          if (t >= 10) left++;
          // A new walker where another one is: the conditioned law is kept.
          next = walkers[Math.floor(uniform() * walkers.length)]!;
        }
        walkers[k] = next;
      }
    }
    const found = left / steps;
    // Positions are correlated by 0.5 a step: (1 + 0.5)/(1 − 0.5) in the variance.
    const standardError = Math.sqrt((3 * found * (1 - found)) / steps);
    expect(Math.abs(found - lost)).toBeLessThanOrEqual(4 * standardError + bias);
    expect(bias).toBeLessThan(0.05 * lost);
    expect(lost).toBeGreaterThan(0.03);
  });

  test("refuses grids without end", () => {
    const tiny = { map: (w: number) => 0.999 * w, deviation: 1e-9, bound: 1, resolution: 3 };
    expect(() => stationaryDensity(tiny)).toThrow(/too many/);
  });
});
