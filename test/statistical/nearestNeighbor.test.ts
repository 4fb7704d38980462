/**
 * Nearest-neighbor entropy: distances against brute force, bias against card E4 and simulation,
 * entropies against closed forms, error bars against repetition.
 *
 * Fixed seeds; |estimate − exact| <= 4 standardError + bias, the bias that of a Gaussian by quadrature
 * (0 where the density is constant). About 15 such assertions: a fresh seed would raise a false alarm in
 * 1 of 1000 runs.
 */
import { describe, expect, test } from "vitest";
import { entropyOfCovariance } from "../../analysis/gaussianEntropy.ts";
import { gaussianNeighborBias, logBallVolume } from "../../analysis/nearestNeighborBias.ts";
import {
  type NearestNeighborOptions,
  nearestNeighborEntropy,
} from "../../analysis/nearestNeighborEntropy.ts";
import { kthNeighborSquares } from "../../analysis/nearestNeighbors.ts";
import { RefusalError } from "../../engine/errors.ts";
import { generator } from "../generator.ts";

const normals = (replicas: number, k: number, seed: number) => ({
  data: Float64Array.from({ length: replicas * k }, generator(seed).normal),
  replicas,
  k,
});
const HALF_LN_2PIE = Math.log(2 * Math.PI * Math.E) / 2;

describe("kthNeighborSquares", () => {
  test.each([
    [1, 1],
    [2, 4],
    [3, 7],
    [5, 3],
  ])("%i dimensions, neighbor %i: as by brute force", (d, k) => {
    // Rounded coordinates make ties and coinciding points.
    for (const round of [1e9, 4]) {
      const points = normals(300, d, 10 * d + k).data.map((x) => Math.round(x * round) / round);
      const found = kthNeighborSquares(points, d, k);
      for (let i = 0; i < 300; i++) {
        const squares = Array.from({ length: 300 }, (_, j) => {
          let sum = 0;
          for (let a = 0; a < d; a++) sum += (points[j * d + a]! - points[i * d + a]!) ** 2;
          return j === i ? Infinity : sum;
        });
        expect(found[i]).toBe(squares.sort((a, b) => a - b)[k - 1]);
      }
    }
  });

  test("refuses more neighbors than points", () => {
    expect(() => kthNeighborSquares(Float64Array.of(1, 2), 1, 2)).toThrow("neighbor 2 among 2");
  });
});

describe("gaussianNeighborBias", () => {
  test("volumes of unit balls", () => {
    const volumes = [1, 2, 3, 4, 5].map((d) => Math.exp(logBallVolume(d)));
    const exact = [2, Math.PI, (4 / 3) * Math.PI, Math.PI ** 2 / 2, (8 / 15) * Math.PI ** 2];
    volumes.forEach((volume, i) => {
      expect(Math.abs(volume / exact[i]! - 1)).toBeLessThan(1e-14);
    });
  });

  // Card E4, k = 3: simulated bias at n = 2000 and 10000, one repetition with scatter 0.02 to 0.07.
  test.each([
    [1, 0.004, 0.0],
    [2, -0.003, 0.006],
    [5, -0.074, -0.052],
    [10, 0.04, -0.01],
    [20, 1.06, 0.73],
  ])("card E4, d = %i", (d, few, many) => {
    const scatter = d === 20 ? 0.07 : 0.02;
    expect(Math.abs(gaussianNeighborBias(d, 2000, 3) - few)).toBeLessThan(3 * scatter);
    expect(Math.abs(gaussianNeighborBias(d, 10_000, 3) - many)).toBeLessThan(3 * scatter);
  });

  test("d = 1 falls as 1/n, d = 5 more slowly than n^{-2/5}", () => {
    // From n to 4n: a factor 4, and at most 4^{2/5} = 1.74.
    expect(gaussianNeighborBias(1, 1000, 4) / gaussianNeighborBias(1, 4000, 4)).toBeGreaterThan(
      2.5,
    );
    const ratio = gaussianNeighborBias(5, 5000, 4) / gaussianNeighborBias(5, 20_000, 4);
    expect(ratio).toBeGreaterThan(1.2);
    expect(ratio).toBeLessThan(1.75);
  });

  test.each([
    [1, 50, 1],
    [2, 100, 4],
    [4, 200, 4],
    [5, 400, 3],
  ])("is the mean of simulations, d = %i, n = %i, k = %i", (d, n, k) => {
    const repetitions = 400;
    const { normal } = generator(100 + d);
    const options = { neighbors: k, whiten: false, quiet: true };
    const misses = Array.from({ length: repetitions }, () => {
      const data = Float64Array.from({ length: n * d }, normal);
      return nearestNeighborEntropy({ data, replicas: n, k: d }, options).value - d * HALF_LN_2PIE;
    });
    const mean = misses.reduce((sum, x) => sum + x, 0) / repetitions;
    const variance = misses.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (repetitions - 1);
    const standardError = Math.sqrt(variance / repetitions);
    const bias = gaussianNeighborBias(d, n, k);
    // Quadrature error 1e-4.
    expect(Math.abs(mean - bias)).toBeLessThan(4 * standardError + 1e-4);
    // Power: the neighbor below is told from it, ψ(k + 1) − ψ(k) = 1/k.
    expect(Math.abs(mean - bias - 1 / k)).toBeGreaterThan(4 * standardError + 1e-4);
  });
});

describe("nearestNeighborEntropy", () => {
  const check = (
    samples: { data: Float64Array; replicas: number; k: number },
    exact: number,
    bias: number,
    options: NearestNeighborOptions = {},
  ) => {
    const { value, standardError } = nearestNeighborEntropy(samples, options);
    return Math.abs(value - exact) / (4 * standardError + bias);
  };
  // A badly scaled, correlated Gaussian.
  const COVARIANCE = [
    [1e4, 90, 0],
    [90, 1, 0.002],
    [0, 0.002, 1e-4],
  ];
  const FACTOR = [
    [100, 0, 0],
    [0.9, Math.sqrt(0.19), 0],
    [0, 0.002 / Math.sqrt(0.19), Math.sqrt(1e-4 - 4e-6 / 0.19)],
  ];
  const correlated = (n: number) => {
    const { normal } = generator(8);
    const data = Float64Array.from(
      Array.from({ length: n }, () => {
        const z = [normal(), normal(), normal()];
        return FACTOR.map((row) => row.reduce((sum, f, i) => sum + f * z[i]!, 5));
      }).flat(),
    );
    return { data, replicas: n, k: 3 };
  };

  test("a correlated Gaussian in any units, whitened", () => {
    const exact = entropyOfCovariance(COVARIANCE);
    const bias = Math.abs(gaussianNeighborBias(3, 20_000, 4));
    expect(check(correlated(20_000), exact, bias)).toBeLessThan(1);
    // Negative controls: a wrong covariance, and no whitening, whose balls do not fit.
    expect(check(correlated(20_000), exact + Math.log(1.1), bias)).toBeGreaterThan(1);
    expect(check(correlated(20_000), exact, bias, { whiten: false })).toBeGreaterThan(1);
  });

  test("what is not Gaussian: exponential and uniform coordinates", () => {
    const { uniform } = generator(5);
    const n = 10_000;
    const data = Float64Array.from({ length: 2 * n }, (_, i) =>
      i % 2 === 0 ? -3 * Math.log(1 - uniform()) : 2 * uniform(),
    );
    // 1 + ln 3 and ln 2; edges lower the density within balls: bias of order n^{-1/2}, seen as < 0.04.
    const exact = 1 + Math.log(3) + Math.log(2);
    expect(check({ data, replicas: n, k: 2 }, exact, 0.04)).toBeLessThan(1);
    expect(check({ data, replicas: n, k: 2 }, exact + Math.log(1.2), 0.04)).toBeGreaterThan(1);
  });

  test("uniform on the sphere by chords: ln 4π, without bias", () => {
    const n = 10_000;
    const { data } = normals(n, 3, 21);
    for (let i = 0; i < n; i++) {
      const x = data.subarray(3 * i, 3 * i + 3);
      const norm = Math.hypot(...x);
      for (let a = 0; a < 3; a++) x[a]! /= norm;
    }
    const sphere = { data, replicas: n, k: 3 };
    const options = { dimensions: 2, whiten: false };
    expect(check(sphere, Math.log(4 * Math.PI), 0, options)).toBeLessThan(1);
    expect(check(sphere, Math.log(3.5 * Math.PI), 0, options)).toBeGreaterThan(1);
  });

  test("error bars are those of repetition", () => {
    const repetitions = 120;
    const estimates = Array.from({ length: repetitions }, (_, r) =>
      nearestNeighborEntropy(normals(800, 2, 1000 + r)),
    );
    const exact = 2 * HALF_LN_2PIE + gaussianNeighborBias(2, 800, 4);
    const z = estimates.map(({ value, standardError }) => (value - exact) / standardError);
    const square = z.reduce((sum, x) => sum + x * x, 0) / repetitions;
    // Student's t with 31 degrees of freedom: E z² = 31/29; χ² scatter √(2/120) = 0.13, 4 of them.
    expect(Math.abs(square - 31 / 29)).toBeLessThan(4 * 1.1 * Math.sqrt(2 / repetitions));
    const halved = z.map((x) => x * Math.SQRT2);
    const negative = halved.reduce((sum, x) => sum + x * x, 0) / repetitions;
    expect(Math.abs(negative - 31 / 29)).toBeGreaterThan(4 * 1.1 * Math.sqrt(2 / repetitions));
  });

  test("leaves out rows that are not finite and says so; blocks name the rows kept", () => {
    const samples = normals(500, 2, 3);
    samples.data[7] = Number.NaN;
    const estimate = nearestNeighborEntropy(samples);
    expect(estimate.n).toBe(499);
    expect(estimate.warnings.join()).toContain("1 of 500 samples are not finite");
    expect(estimate.blocks).toHaveLength(32);
    expect(estimate.blocks[0]!.rows.slice(0, 5)).toEqual([0, 1, 2, 4, 5]);
  });

  test("refuses beyond its reach, with the estimate so far", () => {
    const six = normals(2000, 6, 1);
    expect(() => nearestNeighborEntropy(six)).toThrow(/2000 samples in 6 dimensions .* at most 5/);
    try {
      nearestNeighborEntropy(six);
    } catch (error) {
      expect((error as RefusalError<{ value: number }>).estimate.value).toBeGreaterThan(8);
    }
    expect(nearestNeighborEntropy(six, { quiet: true }).warnings.join()).toContain("at most 5");
    expect(() => nearestNeighborEntropy(normals(1900, 5, 1))).toThrow(RefusalError);
    expect(() => nearestNeighborEntropy(normals(2100, 5, 1), { neighbors: 400 })).toThrow(
      /bias of about 0\.[12]/,
    );
    expect(() => nearestNeighborEntropy(normals(10, 1, 1))).toThrow("10 samples, need 20");
    const copies = normals(100, 1, 1);
    copies.data.fill(1, 0, 10);
    expect(() => nearestNeighborEntropy(copies)).toThrow("samples coincide");
    const flat = normals(100, 2, 1);
    for (let i = 0; i < 100; i++) flat.data[2 * i + 1] = 3 * flat.data[2 * i]!;
    expect(() => nearestNeighborEntropy(flat)).toThrow("the covariance is singular");
    const options: [NearestNeighborOptions, string][] = [
      [{ neighbors: 0 }, "neighbors is 0"],
      [{ dimensions: 3 }, "dimensions is 3 with 2 coordinates"],
      [{ dimensions: 1 }, "give whiten: false"],
    ];
    for (const [given, message] of options) {
      expect(() => nearestNeighborEntropy(normals(50, 2, 1), given)).toThrow(message);
    }
  });
});
