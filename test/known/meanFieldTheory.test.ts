/**
 * Laws of mean-field Langevin particles (card 4B) against the covariance of all N of them, stepped as a
 * matrix: Σ' = A Σ Aᵀ + σ² 1 with A = (1 − ηr) 1 − (ηk/N) 11ᵀ, and against the card's numbers.
 */
import { Matrix } from "ml-matrix";
import { describe, expect, test } from "vitest";
import {
  type MeanFieldOptions,
  meanFieldLangevin,
  meanFieldLimit,
  meanFieldPath,
  type ParticleLaw,
} from "../../models/theory/index.ts";

const CARD: MeanFieldOptions = {
  ...{ coupling: 2, confinement: 0.5, target: 1, temperature: 0.3 },
  ...{ gradientNoise: 0, learningRate: 0.05, particles: 2 },
};
const START = { mean: 4, standardDeviation: 2 };

/** ⟨x⟩ and Σ after `steps` steps, [particle, particle]. */
function stepped(options: MeanFieldOptions, steps: number): ParticleLaw {
  const { coupling: k, confinement: r, target, temperature, gradientNoise: s } = options;
  const { learningRate: eta, particles: N } = options;
  const A = Matrix.eye(N, N, 1 - eta * r).sub(Matrix.ones(N, N).mul((eta * k) / N));
  const kick = Matrix.eye(N, N, 2 * temperature * eta + (eta * s) ** 2);
  let mean = Matrix.ones(N, 1).mul(START.mean);
  let covariance: Matrix = Matrix.eye(N, N, START.standardDeviation ** 2);
  for (let t = 0; t < steps; t += 1) {
    mean = A.mmul(mean).add(eta * k * target);
    covariance = A.mmul(covariance).mmul(A.transpose()).add(kick);
  }
  const variance = covariance.get(0, 0);
  const meanVariance = covariance.sum() / N ** 2;
  return {
    mean: mean.get(0, 0),
    variance,
    meanVariance,
    relativeVariance: variance - meanVariance,
    // Vr = N/(N − 1) Var(x − mean)
    finiteSize: meanVariance - (variance - meanVariance) / (N - 1),
  };
}

const NAMES = ["mean", "variance", "meanVariance", "relativeVariance", "finiteSize"] as const;

function expectSame(a: ParticleLaw, b: ParticleLaw): void {
  for (const name of NAMES) expect(Math.abs(a[name] - b[name]), name).toBeLessThan(1e-12);
}

describe("meanFieldLangevin", () => {
  test.each([
    [2, 0.05, 0, 0.3678],
    [8, 0.05, 0, 0.54765],
    [32, 0.05, 0, 0.59261],
    [32, 0.2, 0, 0.61684],
    [32, 0.05, 2, 0.79014],
  ])(
    "N = %s, η = %s, s = %s: Var(x) of the card",
    (particles, learningRate, gradientNoise, value) => {
      const law = meanFieldLangevin({ ...CARD, particles, learningRate, gradientNoise });
      expect(Math.abs(law.variance - value)).toBeLessThan(6e-6);
      expect(law.mean).toBe(0.8);
    },
  );

  const others: Partial<MeanFieldOptions>[] = [
    { particles: 3, gradientNoise: 1.3, learningRate: 0.3 },
    { particles: 5, coupling: -0.2, target: -3 },
    { particles: 4, learningRate: 0.7, confinement: 0.9, coupling: 1.9 },
  ];

  test.each([{}, ...others])("%o: the path is that of all particles, at every step", (change) => {
    const options = { ...CARD, ...change };
    for (const t of [0, 1, 2, 7, 30])
      expectSame(meanFieldPath(options, START, t), stepped(options, t));
    const wrong = stepped({ ...options, learningRate: 1.01 * options.learningRate }, 7);
    expect(() => expectSame(meanFieldPath(options, START, 7), wrong)).toThrow();
  });

  test.each([{}, ...others])("%o: the path ends in the stationary law", (change) => {
    const options = { ...CARD, ...change };
    expectSame(meanFieldPath(options, START, 5000), meanFieldLangevin(options));
  });

  test("the path holds where nothing is stationary: growing modes, no confinement", () => {
    for (const change of [
      { learningRate: 0.9 },
      { confinement: 0 },
      { coupling: 0, confinement: 0 },
    ]) {
      const options = { ...CARD, ...change };
      expect(() => meanFieldLangevin(options)).toThrow(/no stationary state/);
      const [a, b] = [meanFieldPath(options, START, 6), stepped(options, 6)];
      for (const name of NAMES)
        expect(Math.abs(a[name] - b[name])).toBeLessThan(1e-12 * (1 + Math.abs(b[name])));
    }
  });

  test("one particle is its own mean, and needs no confinement", () => {
    const law = meanFieldLangevin({ ...CARD, particles: 1, confinement: 0 });
    // x' = (1 − 0.1) x + …: σ²/(1 − 0.9²)
    expect(Math.abs(law.variance - 0.03 / 0.19)).toBeLessThan(1e-15);
    expect(law.relativeVariance).toBe(0);
    expect(law.meanVariance).toBe(law.variance);
  });

  test("the gap is the sum of its three terms, the last of them 1/N exactly", () => {
    for (const change of others) {
      const options = { ...CARD, ...change };
      const law = meanFieldLangevin(options);
      const { gap, finiteSize, limit, variance } = law;
      const sum = gap.learningRate + gap.gradientNoise + finiteSize;
      expect(Math.abs(variance - limit - sum)).toBeLessThan(1e-14);
      const doubled = meanFieldLangevin({ ...options, particles: 2 * options.particles });
      expect(Math.abs(2 * doubled.finiteSize - finiteSize)).toBeLessThan(1e-14);
      const quiet = meanFieldLangevin({ ...options, gradientNoise: 0, particles: Infinity });
      expect(Math.abs(quiet.variance - quiet.limit - quiet.gap.learningRate)).toBeLessThan(1e-14);
    }
  });

  test("infinitely many particles at small steps follow the mean-field law", () => {
    const options = { ...CARD, particles: Infinity, learningRate: 1e-5 };
    const law = meanFieldPath(options, START, 1e5);
    const limit = meanFieldLimit(options, START, 1e5);
    expect(Math.abs(law.variance / limit - 1)).toBeLessThan(1e-4);
    expect(meanFieldLimit({ ...options, confinement: 0 }, START, 1e5)).toBeCloseTo(4.6, 12);
  });
});
