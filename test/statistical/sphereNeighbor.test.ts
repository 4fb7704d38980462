/**
 * Nearest-neighbor entropy on spheres: areas of caps, laws whose entropy is known, honest errors,
 * and what must fail.
 *
 * z over 40 fixed seeds must have mean 0 within 4 errors and a spread of 0.7 to 1.4: a fresh set of
 * seeds would raise a false alarm in about 1 of 300 scans.
 */
import { describe, expect, test } from "vitest";
import { kthNeighborSquares } from "../../analysis/nearestNeighbors.ts";
import { logCapArea, logSphereArea } from "../../analysis/sphereCap.ts";
import { sphereNeighborEntropy } from "../../analysis/sphereNeighborEntropy.ts";
import { vonMisesFisher } from "../../models/theory/index.ts";
import { generator } from "../generator.ts";
import { expectHonest, isHonest, zScan } from "../zScan.ts";

/** Uniform directions, [replica, m + 1]. */
function uniform(n: number, m: number, seed: number) {
  const { normal } = generator(seed);
  const k = m + 1;
  const data = Float64Array.from({ length: n * k }, normal);
  for (let at = 0; at < data.length; at += k) {
    const length = Math.hypot(...data.subarray(at, at + k));
    for (let a = 0; a < k; a++) data[at + a]! /= length;
  }
  return { data, replicas: n, k };
}

/** The von Mises–Fisher law on S²: z = 1 + ln(u + (1 − u) e^{−2κ})/κ. */
function concentrated(n: number, kappa: number, seed: number) {
  const { uniform: u } = generator(seed);
  const data = new Float64Array(3 * n);
  for (let r = 0; r < n; r++) {
    const v = u();
    const z = 1 + Math.log(v + (1 - v) * Math.exp(-2 * kappa)) / kappa;
    const phi = 2 * Math.PI * u();
    const radius = Math.sqrt(1 - z * z);
    data.set([radius * Math.cos(phi), radius * Math.sin(phi), z], 3 * r);
  }
  return { data, replicas: n, k: 3 };
}

describe("logCapArea", () => {
  test.each([0.01, 0.7, 1.2, 1.5, 1.9, 2])("chord %f: closed forms for m = 1, 2, 3", (chord) => {
    const angle = 2 * Math.asin(chord / 2);
    const exact = [
      2 * angle,
      Math.PI * chord ** 2,
      4 * Math.PI * (angle / 2 - Math.sin(2 * angle) / 4),
    ];
    exact.forEach((area, i) => {
      // The closed form of m = 3 cancels to 1e-16/angle².
      expect(Math.abs(Math.exp(logCapArea(i + 1, chord)) / area - 1)).toBeLessThan(1e-11);
    });
  });

  test("the whole sphere at chord 2, its half at √2, nothing at 0, a flat ball when small", () => {
    for (const m of [1, 2, 5, 20]) {
      expect(logCapArea(m, 2)).toBeCloseTo(logSphereArea(m), 12);
      expect(logCapArea(m, Math.SQRT2)).toBeCloseTo(logSphereArea(m) - Math.LN2, 12);
      expect(logCapArea(m, 0)).toBe(-Infinity);
      const ball = logSphereArea(m - 1) - Math.log(m) + m * Math.log(1e-4);
      expect(logCapArea(m, 1e-4)).toBeCloseTo(ball, 6);
    }
  });
});

describe("sphereNeighborEntropy", () => {
  test.each([
    [1, 300],
    [2, 300],
    [4, 400],
  ])("uniform on S^%i: unbiased at any n, honest errors", (m, n) => {
    const exact = logSphereArea(m);
    expectHonest(zScan((seed) => sphereNeighborEntropy(uniform(n, m, seed)), exact));
    expect(isHonest(zScan((s) => sphereNeighborEntropy(uniform(n, m, s)), exact - 0.1))).toBe(
      false,
    );
  });

  test("antipodes held for one: ln 2 less, and no boundary to it", () => {
    const exact = logSphereArea(2) - Math.LN2;
    const folded = (seed: number) =>
      sphereNeighborEntropy(uniform(200, 2, seed), { antipodes: true });
    expectHonest(zScan(folded, exact));
    // The sign of a sample says nothing: turning some over changes nothing beyond rounding.
    const given = uniform(200, 2, 3);
    const turned = { ...given, data: given.data.map((x, i) => (i % 6 < 3 ? x : -x)) };
    const difference = sphereNeighborEntropy(turned, { antipodes: true }).value - folded(3).value;
    expect(Math.abs(difference)).toBeLessThan(1e-12);
    expect(isHonest(zScan((s) => sphereNeighborEntropy(uniform(200, 2, s)), exact))).toBe(false);
  });

  test.each([1, 10, 300])("von Mises–Fisher on S², κ = %i", (kappa) => {
    const { entropy } = vonMisesFisher({ dimension: 3, concentration: kappa });
    // Bias below 0.003 at n = 2000 (a Gaussian in two dimensions), errors 0.03.
    expectHonest(zScan((seed) => sphereNeighborEntropy(concentrated(2000, kappa, seed)), entropy));
    const wrong = vonMisesFisher({ dimension: 3, concentration: 1.1 * kappa + 0.5 }).entropy;
    expect(isHonest(zScan((s) => sphereNeighborEntropy(concentrated(2000, kappa, s)), wrong))).toBe(
      false,
    );
  });

  test("correlated replicas are caught: every sample twice, a hair apart", () => {
    const twice = (seed: number) => {
      const { data } = uniform(150, 2, seed);
      const both = Float64Array.from([...data, ...data.map((x) => x * (1 + 1e-6))]);
      for (let i = data.length; i < both.length; i += 3) both[i]! += 1e-6;
      return { data: both, replicas: 300, k: 3 };
    };
    const scan = zScan(
      (seed) => sphereNeighborEntropy(twice(seed), { neighbors: 1 }),
      logSphereArea(2),
    );
    expect(isHonest(scan)).toBe(false);
  });

  test("distances from elsewhere give the same number", () => {
    const given = uniform(400, 2, 1);
    const squares = kthNeighborSquares(given.data, 3, 4);
    const own = sphereNeighborEntropy(given);
    expect(sphereNeighborEntropy(given, { squares }).value).toBeCloseTo(own.value, 12);
    let asked = 0;
    const search: typeof kthNeighborSquares = (...args) => {
      asked++;
      return kthNeighborSquares(...args);
    };
    expect(sphereNeighborEntropy(given, { search })).toEqual(own);
    expect(asked).toBe(33);
    expect(() => sphereNeighborEntropy(given, { squares: [1] })).toThrow(
      "1 squared distances for 400",
    );
  });

  test("refuses", () => {
    expect(() => sphereNeighborEntropy(uniform(10, 2, 1))).toThrow("10 samples, need 20");
    expect(() => sphereNeighborEntropy(uniform(400, 6, 1))).toThrow("at most 5 dimensions");
    expect(() => sphereNeighborEntropy(uniform(150, 4, 1))).toThrow("need 200");
    const long = uniform(50, 2, 1);
    expect(() => sphereNeighborEntropy({ ...long, data: long.data.map((x) => 1.01 * x) })).toThrow(
      /has length 1\.0\d+, the sphere's is 1/,
    );
    const copies = uniform(50, 2, 1);
    for (let i = 0; i < 18; i++) copies.data[i] = [1, 0, 0][i % 3]!;
    expect(() => sphereNeighborEntropy(copies)).toThrow("samples coincide");
    expect(sphereNeighborEntropy(copies, { neighbors: 6 }).warnings.join()).toContain(
      "5 of 50 samples coincide",
    );
    expect(() => sphereNeighborEntropy({ data: new Float64Array(9), replicas: 9, k: 1 })).toThrow(
      "a sphere needs 2",
    );
  });
});
