/**
 * Graph entropy: scaling, its exact expectation on Gaussians, honest errors, and that the iterates of a
 * run are no independent draws (card 1E).
 *
 * z over 40 fixed seeds as in `zScan.ts`; the card's numbers within its tolerance, 0.15.
 */
import { describe, expect, test } from "vitest";
import {
  expectedGraphEntropy,
  type GraphOptions,
  graphEntropy,
  graphEntropyOf,
  trajectoryGraphEntropy,
} from "../../analysis/graphEntropy.ts";
import { gaussianNeighborLaw } from "../../analysis/nearestNeighborBias.ts";
import { neighborSquares } from "../../analysis/nearestNeighbors.ts";
import { RefusalError } from "../../engine/errors.ts";
import { generator } from "../generator.ts";
import { expectHonest, isHonest, zScan } from "../zScan.ts";

const normals = (n: number, k: number, seed: number, scale = 1) => {
  const { normal } = generator(seed);
  return { data: Float64Array.from({ length: n * k }, () => scale * normal()), replicas: n, k };
};

test("neighborSquares: as by brute force, in order, with ties", () => {
  for (const round of [1e9, 3]) {
    const points = normals(200, 2, 4).data.map((x) => Math.round(x * round) / round);
    const found = neighborSquares(points, 2, 7);
    for (let i = 0; i < 200; i++) {
      const squares = Array.from({ length: 200 }, (_, j) =>
        j === i
          ? Infinity
          : (points[2 * j]! - points[2 * i]!) ** 2 + (points[2 * j + 1]! - points[2 * i + 1]!) ** 2,
      ).sort((a, b) => a - b);
      expect([...found.subarray(7 * i, 7 * i + 7)]).toEqual(squares.slice(0, 7));
    }
  }
  expect(() => neighborSquares(Float64Array.of(1, 2), 1, 2)).toThrow("neighbor 2 among 2");
});

describe("graphEntropyOf", () => {
  test.each([1, 2, 0.5])("stretched by c it grows by D ln c, exponent %f", (exponent) => {
    const { data } = normals(300, 4, 1);
    const options = { neighbors: 10, exponent };
    const grown = graphEntropyOf(
      data.map((x) => 3 * x),
      4,
      options,
    );
    const difference = grown - graphEntropyOf(data, 4, options);
    expect(Math.abs(difference - 4 * Math.log(3))).toBeLessThan(1e-11);
  });

  test("is the formula, on four points of a square", () => {
    // Side 1, k = 2: each point has two neighbors at 1, L = 8.
    const square = Float64Array.of(0, 0, 1, 0, 0, 1, 1, 1);
    const S = 2 * (Math.log(8) - 0.5 * Math.log(4));
    expect(graphEntropyOf(square, 2, { neighbors: 2 })).toBeCloseTo(S, 14);
  });

  test("bad input", () => {
    const { data } = normals(20, 2, 1);
    expect(() => graphEntropyOf(data, 2, { exponent: 2 })).toThrow("0 < exponent < dimensions");
    expect(() => graphEntropyOf(data, 2, { neighbors: 20 })).toThrow("neighbor 20 among 20");
    expect(() => graphEntropy(normals(20, 2, 1))).toThrow("20 samples, need 102");
    expect(() => graphEntropy({ data: new Float64Array(400), replicas: 200, k: 2 })).toThrow(
      RefusalError,
    );
  });
});

describe("graphEntropy of Gaussians", () => {
  test.each<[number, number, GraphOptions]>([
    [250, 4, { neighbors: 10 }],
    [300, 2, { neighbors: 5 }],
    [300, 3, { neighbors: 8, exponent: 2 }],
  ])("%i samples in %i dimensions: expectation by quadrature, honest errors", (n, d, options) => {
    const exponent = options.exponent ?? 1;
    const exact = expectedGraphEntropy(gaussianNeighborLaw(d), n, d, options);
    const estimateOf = (seed: number) => {
      const estimate = graphEntropy(normals(n, d, seed), options);
      // ln L lies below ln E L by half its variance.
      const value = estimate.value + (exponent * estimate.standardError ** 2) / (2 * d);
      return { ...estimate, value };
    };
    expectHonest(zScan(estimateOf, exact));
    // Negative controls: 10 % wider; one neighbor more.
    expect(isHonest(zScan(estimateOf, exact + d * Math.log(1.1)))).toBe(false);
    const more = { ...options, neighbors: options.neighbors! + 1 };
    const other = expectedGraphEntropy(gaussianNeighborLaw(d), n, d, more);
    expect(isHonest(zScan(estimateOf, other))).toBe(false);
  });
});

describe("iterates of a run are not the stationary state (card 1E)", () => {
  const D = 4;
  const TIMES = 1000;
  /** x' = (1 − η) x − η ξ from a stationary state, [replica, time, coordinate]. */
  function runs(eta: number, replicas: number) {
    const { normal } = generator(Math.round(1000 * eta));
    const width = Math.sqrt(eta / (2 - eta));
    const data = new Float64Array(replicas * TIMES * D);
    for (let r = 0; r < replicas; r++) {
      for (let i = 0; i < D; i++) {
        let x = width * normal();
        for (let t = 0; t < TIMES; t++) {
          data[(r * TIMES + t) * D + i] = x;
          x = (1 - eta) * x - eta * normal();
        }
      }
    }
    return { data, replicas, times: TIMES, coordinates: D };
  }

  test.each([
    [0.002, -4.64],
    [0.05, -0.45],
    [0.5, -0.01],
  ])("η = %f: %f nats beside independent draws", (eta, card) => {
    const path = trajectoryGraphEntropy(runs(eta, 6));
    const draws =
      expectedGraphEntropy(gaussianNeighborLaw(D), TIMES, D) + (D / 2) * Math.log(eta / (2 - eta));
    const miss = Math.abs(path.value - draws - card);
    expect(miss).toBeLessThan(4 * path.standardError + 0.15);
    expect(path.warnings.join()).toContain("of a path");
    // Taken for the stationary entropy it fails wherever the run is short.
    if (eta < 0.1) expect(Math.abs(path.value - draws)).toBeGreaterThan(4 * path.standardError);
  });

  test("a run that is not finite is left out", () => {
    const given = runs(0.5, 3);
    given.data[5] = Number.NaN;
    const { n, warnings } = trajectoryGraphEntropy(given);
    expect(n).toBe(2);
    expect(warnings.join()).toContain("1 of 3 replicas dropped");
  });
});
