/** The von Mises–Fisher law and the exact chain of projected SGD against closed forms and limits. */
import { describe, expect, it } from "vitest";
import { ArgumentError } from "../../engine/errors.ts";
import { gaussLegendre } from "../../models/theory/gaussLegendre.ts";
import { tiltedSphere, vonMisesFisher } from "../../models/theory/index.ts";
import { stationaryDistribution } from "../../models/theory/stationaryDistribution.ts";

const close = (value: number, expected: number, relative: number) =>
  expect(Math.abs(value / expected - 1), `${value} for ${expected}`).toBeLessThan(relative);

const law = (dimension: number, concentration: number) =>
  vonMisesFisher({ dimension, concentration });

describe("gaussLegendre", () => {
  it("is exact to degree 2n − 1 and no further", () => {
    const { nodes, weights } = gaussLegendre(4, 0, 2);
    const power = (k: number) => nodes.reduce((sum, x, i) => sum + weights[i]! * x ** k, 0);
    for (let k = 0; k <= 7; k++) close(power(k), 2 ** (k + 1) / (k + 1), 1e-13);
    expect(Math.abs(power(8) / (2 ** 9 / 9) - 1)).toBeGreaterThan(1e-6);
  });
  it("holds for many nodes", () => {
    const { nodes, weights } = gaussLegendre(501, -1, 3);
    const sum = nodes.reduce((total, x, i) => total + weights[i]! * Math.exp(-x), 0);
    close(sum, Math.E - Math.exp(-3), 1e-13);
    expect([...nodes]).toEqual([...nodes].sort((a, b) => a - b));
  });
});

describe("stationaryDistribution", () => {
  it("keeps relative accuracy where a state is rare", () => {
    // Up with probability 1e-9, down with 1/2: p_i ∝ (2e-9)^i by detailed balance.
    const up = 1e-9;
    const matrix = Float64Array.of(1 - up, up, 0, 0.5, 0.5 - up, up, 0, 0.5, 0.5);
    const p = stationaryDistribution(matrix, 3);
    close(p[1]! / p[0]!, 2e-9, 1e-12);
    close(p[2]! / p[0]!, 4e-18, 1e-12);
  });
  it("solves a chain that turns", () => {
    // 0 → 1 → 2 → 0, 2 waits with probability ½: p ∝ (1, 1, 2).
    const p = stationaryDistribution(Float64Array.of(0, 1, 0, 0, 0, 1, 0.5, 0, 0.5), 3);
    expect([...p].map((x) => Math.round(x * 1e12) / 1e12)).toEqual([0.25, 0.25, 0.5]);
  });
});

describe("vonMisesFisher", () => {
  it.each([0.01, 1, 20, 300])("on S², κ = %f: hyperbolic functions", (kappa) => {
    const { excess, logNormalizer, entropy } = law(3, kappa);
    const langevin = 1 / Math.tanh(kappa) - 1 / kappa;
    close(excess, 1 - langevin, 1e-11);
    const logC = Math.log(kappa / (4 * Math.PI * Math.sinh(kappa)));
    close(logNormalizer, logC, 1e-12);
    close(entropy, -logC - kappa * langevin, 1e-11);
  });

  it("on the circle: Bessel functions of order 0 and 1 by their series", () => {
    for (const kappa of [0.3, 2, 9]) {
      let [zero, one, term] = [0, 0, 1];
      for (let k = 0; k < 60; k++) {
        zero += term;
        one += (term * (kappa / 2)) / (k + 1);
        term *= (kappa / 2) ** 2 / (k + 1) ** 2;
      }
      close(law(2, kappa).excess, 1 - one / zero, 1e-12);
      close(law(2, kappa).logNormalizer, -Math.log(2 * Math.PI * zero), 1e-12);
    }
  });

  it("1/A_D = D/κ + A_{D+2}, the recurrence of Bessel functions", () => {
    for (const D of [2, 3, 10, 41, 98]) {
      for (const kappa of [0.1, 3, 50, 2000]) {
        const [A, next] = [1 - law(D, kappa).excess, 1 - law(D + 2, kappa).excess];
        close(1 / A, D / kappa + next, 1e-10);
      }
    }
  });

  it("becomes a Gaussian of the tangent space for large κ", () => {
    for (const D of [2, 3, 10]) {
      const kappa = 1e6;
      const { excess, entropy } = law(D, kappa);
      // Mardia & Jupp (2000), eq. 10.3.6: A = 1 − (D−1)/(2κ) + (D−1)(D−3)/(8κ²) + …
      close(excess, (D - 1) / (2 * kappa) - ((D - 1) * (D - 3)) / (8 * kappa ** 2), 1e-11);
      const flat = ((D - 1) / 2) * Math.log((2 * Math.PI * Math.E) / kappa);
      expect(Math.abs(entropy - flat)).toBeLessThan((D * D) / kappa);
    }
  });

  it("is uniform at κ = 0: the spheres' areas", () => {
    const areas = { 2: 2 * Math.PI, 3: 4 * Math.PI, 4: 2 * Math.PI ** 2, 10: Math.PI ** 5 / 12 };
    for (const [D, area] of Object.entries(areas)) {
      close(law(Number(D), 0).entropy, Math.log(area), 1e-12);
      close(law(Number(D), 0).excess, 1, 1e-12);
    }
  });

  it("refuses", () => {
    expect(() => law(1, 1)).toThrow("vonMisesFisher: dimension is 1");
    expect(() => law(3, -1)).toThrow("vonMisesFisher: concentration is -1");
  });
});

describe("tiltedSphere", () => {
  // Card 1B, simulated there: D, η, U, its standard error, and S of 20000 samples (± 0.02).
  it.each([
    [3, 0.01, 0.00499, 4e-5, -2.467],
    [3, 0.03, 0.0152, 1.1e-4, -1.345],
    [3, 0.1, 0.05145, 3.6e-4, -0.129],
    [10, 0.01, 0.02251, 8e-5, -11.159],
  ])("card 1B, D = %i, η = %f", (dimension, learningRate, U, error, S) => {
    const exact = tiltedSphere({ dimension, learningRate, noise: 1 });
    expect(Math.abs(exact.excess - U)).toBeLessThan(3 * error);
    expect(Math.abs(exact.entropy - S)).toBeLessThan(0.04);
  });

  it("card 1B, D = 10, η = 0.3, where the Gibbs law fails", () => {
    const { excess, gibbs } = tiltedSphere({ dimension: 10, learningRate: 0.3, noise: 1 });
    expect(Math.abs(excess - 0.449)).toBeLessThan(0.002);
    expect(Math.abs(gibbs.excess - 0.488)).toBeLessThan(5e-4);
  });

  it("deviates from the Gibbs law of the same T in proportion to η, also where extrapolated", () => {
    for (const [dimension, temperature] of [
      [2, 0.3],
      [3, 0.01],
      [8, 1],
    ] as const) {
      const slopes = [0.016, 0.008, 0.004, 0.002, 0.0005].map((learningRate) => {
        const noise = Math.sqrt((2 * temperature) / learningRate);
        const { excess, entropy, gibbs } = tiltedSphere({ dimension, learningRate, noise });
        close(gibbs.excess, law(dimension, 1 / temperature).excess, 1e-12);
        return [(excess - gibbs.excess) / learningRate, (entropy - gibbs.entropy) / learningRate];
      });
      for (const k of [0, 1]) {
        const [a, b, c, d, e] = slopes.map((slope) => slope[k]!) as [
          number,
          number,
          number,
          number,
          number,
        ];
        // Second order: differences of the slope halve with η.
        const [far, near] = [(a - b) / (b - c), (b - c) / (c - d)];
        expect(Math.abs(near - 2), `${dimension} ${k}`).toBeLessThan(0.25);
        expect(Math.abs(near - 2)).toBeLessThan(Math.abs(far - 2));
        close(e, d, 1e-6);
      }
    }
  });

  it("has the variance of the linear map in the plane when all is small", () => {
    // φ² is the sum of D − 1 independent squares of variance ηs²/(2 − η).
    const { excess } = tiltedSphere({ dimension: 4, learningRate: 0.7, noise: 1e-3 });
    close(excess, (3 / 2) * ((0.7 * 1e-6) / 1.3), 1e-5);
  });

  it("gives a density that is normalized and has the mean", () => {
    const { angles, excess } = tiltedSphere({ dimension: 5, learningRate: 0.2, noise: 2 });
    const { angle, density } = angles!;
    const { nodes, weights } = gaussLegendre(angle.length, 0, Math.PI);
    expect(angle[0]).toBeLessThan(0.01);
    expect([...angle]).toEqual([...angle].sort((a, b) => a - b));
    // The law reaches over the whole sphere here, so these are the nodes' own weights.
    close(angle[7]!, nodes[7]!, 1e-12);
    const sum = (f: (angle: number) => number) =>
      density.reduce((total, p, i) => total + weights[i]! * p * f(angle[i]!), 0);
    close(
      sum(() => 1),
      1,
      1e-12,
    );
    close(
      sum((phi) => 1 - Math.cos(phi)),
      excess,
      1e-12,
    );
  });

  it("refuses what it cannot resolve, and bad values", () => {
    const at =
      (learningRate: number, noise: number, dimension = 3) =>
      () =>
        tiltedSphere({ dimension, learningRate, noise });
    expect(at(1.5, 1e-3)).toThrow("not resolved");
    expect(at(5, 5)).toThrow("not resolved");
    for (const bad of [at(0, 1), at(0.1, 0), at(0.1, 1, 2.5), at(Number.NaN, 1)]) {
      expect(bad).toThrow(ArgumentError);
    }
  });
});
