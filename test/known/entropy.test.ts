/** Gaussian entropy and the special functions behind its bias. */
import { describe, expect, it } from "vitest";
import { digamma, trigamma } from "../../analysis/digamma.ts";
import {
  entropyOfCovariance,
  gaussianEntropy,
  logDeterminantBias,
} from "../../analysis/gaussianEntropy.ts";
import { normalQuantile } from "../../analysis/normalQuantile.ts";
import { RefusalError } from "../../engine/errors.ts";
import { generator } from "../generator.ts";

describe("digamma and trigamma", () => {
  // psi(1) = −gamma, psi(1/2) = −gamma − 2 ln 2; psi'(1) = pi²/6, psi'(1/2) = pi²/2 (DLMF 5.4, 5.15).
  const EULER = 0.5772156649015329;
  it.each([
    [1, -EULER, Math.PI ** 2 / 6],
    [0.5, -EULER - 2 * Math.log(2), Math.PI ** 2 / 2],
    [3, 1.5 - EULER, Math.PI ** 2 / 6 - 1.25],
    // psi(n + 1/2) = psi(1/2) + 2 sum 1/(2k − 1), psi'(n + 1/2) = psi'(1/2) − 4 sum 1/(2k − 1)², n = 9
    [9.5, 2.1977378764029485, 0.11099728846909773],
  ])("at %f", (x, psi, prime) => {
    expect(Math.abs(digamma(x) / psi - 1)).toBeLessThan(1e-12);
    expect(Math.abs(trigamma(x) / prime - 1)).toBeLessThan(1e-9);
  });

  it("obey their recurrences across the switch at 16", () => {
    for (const x of [0.3, 9, 14.99, 15, 15.7, 16, 25]) {
      expect(Math.abs(digamma(x + 1) - digamma(x) - 1 / x)).toBeLessThan(4e-15 * (1 + 1 / x));
      expect(Math.abs(trigamma(x + 1) - trigamma(x) + 1 / (x * x))).toBeLessThan(
        4e-15 * (1 + 1 / (x * x)) * trigamma(x),
      );
    }
  });
});

describe("normalQuantile", () => {
  // Python 3 statistics.NormalDist().inv_cdf(p), one value in each branch and sign.
  it.each([
    [1e-12, -7.034483825301132],
    [0.001, -3.090232306167813],
    [0.07, -1.4757910281791702],
    [0.2, -0.8416212335729142],
    [0.6, 0.2533471031357998],
    [0.975, 1.9599639845400536],
    [1 - 1e-10, 6.361340889697421],
  ])("at %f", (p, z) => expect(Math.abs(normalQuantile(p) / z - 1)).toBeLessThan(1e-14));

  it("is 0, infinite or NaN where it must be", () => {
    expect(normalQuantile(0.5)).toBe(0);
    expect([normalQuantile(0), normalQuantile(1)]).toEqual([-Infinity, Infinity]);
    expect(normalQuantile(1.1)).toBeNaN();
  });
});

describe("entropyOfCovariance", () => {
  // Card E1: isotropic h = ln(2 pi e) = 2.837877; anisotropic 2.330512; gyrator 1.575013.
  it.each([
    [
      [
        [1, 0],
        [0, 1],
      ],
      2.837877,
    ],
    [
      [
        [0.7, -0.15],
        [-0.15, 0.55],
      ],
      2.330512,
    ],
    [
      [
        [0.6, -0.2],
        [-0.2, 0.2],
      ],
      1.575013,
    ],
  ])("gives card E1", (covariance, h) => {
    expect(Math.abs(entropyOfCovariance(covariance) - h)).toBeLessThan(5e-7);
  });

  it("is NaN for a singular covariance and gains ln c under scaling by c", () => {
    expect(
      entropyOfCovariance([
        [1, 1],
        [1, 1],
      ]),
    ).toBeNaN();
    expect(entropyOfCovariance([[9]]) - entropyOfCovariance([[1]])).toBeCloseTo(Math.log(3), 14);
  });
});

describe("logDeterminantBias", () => {
  it.each([
    [7, 50, -0.3012],
    [7, 500, -0.0282],
    [50, 100, -7.945],
    [50, 1000, -0.649],
  ])("gives card E5 for d = %i, n = %i", (d, n, bias) => {
    expect(Math.abs(logDeterminantBias(d, n) / bias - 1)).toBeLessThan(1e-3);
  });

  it("refuses a singular covariance", () => {
    expect(() => logDeterminantBias(5, 5)).toThrow(/5 samples in 5 dimensions/);
  });
});

describe("gaussianEntropy", () => {
  const { normal } = generator(1);
  const samples = (replicas: number, k: number) => ({
    data: Float64Array.from({ length: replicas * k }, normal),
    replicas,
    k,
  });

  it("refuses few samples, carries the estimate, and warns when asked to be quiet", () => {
    const few = samples(20, 5);
    const quiet = gaussianEntropy(few, { quiet: true });
    expect(quiet.warnings.join()).toMatch(/20 independent samples in 5 dimensions, need 25/);
    try {
      gaussianEntropy(few);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(RefusalError);
      expect((error as RefusalError<typeof quiet>).estimate.value).toBe(quiet.value);
    }
    expect(() => gaussianEntropy(samples(5, 5), { quiet: true })).toThrow(/need 25/);
  });

  it("refuses dependent coordinates", () => {
    const data = Float64Array.from(
      { length: 100 },
      (_, i) => Math.sin(i - (i % 2)) * (1 + (i % 2)),
    );
    expect(() => gaussianEntropy({ data, replicas: 50, k: 2 })).toThrow(/singular/);
  });

  it("leaves out samples that are not finite and says so", () => {
    const some = samples(60, 2);
    some.data[7] = Number.NaN;
    const estimate = gaussianEntropy(some);
    expect(estimate.n).toBe(59);
    expect(estimate.warnings).toEqual(["1 of 60 samples are not finite"]);
  });
});
