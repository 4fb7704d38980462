/**
 * Entropies from shrunk covariances, histograms, extrapolated neighbor distances, and differences
 * between conditions: closed forms, honest errors, controls that must fail.
 *
 * z over 40 fixed seeds as in `zScan.ts`.
 */
import { describe, expect, test } from "vitest";
import {
  entropyDifference,
  gaussianEntropyDifference,
  neighborEntropyDifference,
} from "../../analysis/entropyDifference.ts";
import { gaussianEntropy } from "../../analysis/gaussianEntropy.ts";
import { densityEntropy, histogramEntropy } from "../../analysis/histogramEntropy.ts";
import { extrapolatedBias, nearestNeighborEntropy } from "../../analysis/nearestNeighborEntropy.ts";
import { kthNeighborSquares } from "../../analysis/nearestNeighbors.ts";
import { whitenedPoints } from "../../analysis/samplePoints.ts";
import { shrunkEntropy } from "../../analysis/shrunkEntropy.ts";
import { erf } from "../../engine/ops/index.ts";
import type { DensityRecord, GridAxis } from "../../engine/record.ts";
import { generator } from "../generator.ts";
import { expectHonest, isHonest, zScan } from "../zScan.ts";

const H = Math.log(2 * Math.PI * Math.E) / 2;
const normals = (n: number, k: number, seed: number) => ({
  data: Float64Array.from({ length: n * k }, generator(seed).normal),
  replicas: n,
  k,
});

/** Each row `times` times. */
const repeated = ({ data, replicas, k }: ReturnType<typeof normals>, times: number) => ({
  data: Float64Array.from({ length: times * data.length }, (_, i) => {
    const row = Math.floor(i / k / times);
    return data[row * k + (i % k)]!;
  }),
  replicas: times * replicas,
  k,
});

describe("effective samples", () => {
  test("rows that stand there three times are worth a third: the very same estimate", () => {
    const one = normals(60, 3, 1);
    const many = repeated(one, 3);
    const [exact, found] = [gaussianEntropy(one), gaussianEntropy(many, { effectiveSamples: 60 })];
    expect(Math.abs(found.value - exact.value)).toBeLessThan(1e-12);
    expect(found.standardError).toBe(exact.standardError);
    expect(gaussianEntropy(many).standardError).toBeLessThan(0.6 * exact.standardError);
    const shrunk = [shrunkEntropy(one), shrunkEntropy(many, { effectiveSamples: 60 })];
    expect(Math.abs(shrunk[0]!.value - shrunk[1]!.value)).toBeLessThan(1e-12);
    expect(() => gaussianEntropy(one, { effectiveSamples: 61 })).toThrow("give 1 to 60");
  });
});

describe("shrunkEntropy", () => {
  test.each(["oas", "ledoitWolf"] as const)(
    "%s: right on a sphere, above elsewhere",
    (shrinkage) => {
      const [n, d] = [50, 25];
      const onSphere = zScan((seed) => shrunkEntropy(normals(n, d, seed), { shrinkage }), d * H);
      expect(Math.abs(onSphere.mean)).toBeLessThan(1);
      // Widths from 1 to √10: above the entropy by several errors, as the warning says.
      const widths = Array.from({ length: d }, (_, i) => 10 ** (i / (2 * (d - 1))));
      const exact = d * H + widths.reduce((sum, width) => sum + Math.log(width), 0);
      const wide = zScan((seed) => {
        const given = normals(n, d, seed);
        const data = given.data.map((x, i) => x * widths[i % d]!);
        return shrunkEntropy({ ...given, data }, { shrinkage });
      }, exact);
      expect(wide.mean).toBeGreaterThan(2);
      expect(wide.spread).toBeLessThan(1.6);
    },
  );

  test("fewer samples than dimensions; intensity of the formula; scaling", () => {
    const few = normals(20, 50, 1);
    const estimate = shrunkEntropy(few);
    expect(estimate.value / (50 * H)).toBeGreaterThan(0.95);
    expect(estimate.warnings.join()).toContain("rather an upper bound");
    const grown = shrunkEntropy({ ...few, data: few.data.map((x) => 5 * x + 7) });
    expect(Math.abs(grown.value - estimate.value - 50 * Math.log(5))).toBeLessThan(1e-9);
    expect(grown.shrinkage).toBeCloseTo(estimate.shrinkage, 9);
    // Samples (±1, 0), (0, ±c), mean 0, n = 4: S = diag(2, 2c²)/3; eq. 23 with tr S², tr² S, d = 2.
    const c = 20;
    const cross = { data: Float64Array.of(1, 0, -1, 0, 0, c, 0, -c), replicas: 4, k: 2 };
    const [trace, squares] = [(2 + 2 * c * c) / 3, (4 + 4 * c ** 4) / 9];
    const a = trace ** 2 / (4 - 1) / (squares - trace ** 2 / 2);
    expect(shrunkEntropy(cross).shrinkage).toBeCloseTo(a, 12);
  });

  test("refuses", () => {
    expect(() => shrunkEntropy(normals(3, 5, 1))).toThrow("3 samples, need 4");
    expect(() => shrunkEntropy(normals(30, 1, 1))).toThrow("use gaussianEntropy");
    expect(() => shrunkEntropy({ data: new Float64Array(20), replicas: 10, k: 2 })).toThrow(
      "alike",
    );
  });
});

const AXIS = (bins: number): GridAxis => ({ name: "x", from: -6, to: 6, bins });
/** Entropy of N(0, 1) averaged over the cells, and Σ p ln² p. */
function cellEntropy({ from, to, bins }: GridAxis): number {
  const width = (to - from) / bins;
  const below = (x: number) => 0.5 * (1 + erf(x / Math.SQRT2));
  let sum = 0;
  for (let i = 0; i < bins; i++) {
    const p = below(from + (i + 1) * width) - below(from + i * width);
    if (p > 0) sum -= p * Math.log(p / width);
  }
  return sum;
}

describe("histogramEntropy", () => {
  test.each([
    [1, 500, 24],
    [2, 3000, 12],
  ])("N(0, I) in %i dimensions: the law averaged over cells, honest errors", (k, n, bins) => {
    const grid = Array.from({ length: k }, () => AXIS(bins));
    const exact = k * cellEntropy(AXIS(bins));
    const estimateOf = (seed: number) =>
      histogramEntropy(normals(n, k, seed), { grid, quiet: true });
    expectHonest(zScan(estimateOf, exact));
    // Above ln √2πe by about w²/24 a dimension; 10 % wider is seen.
    expect(exact / k - H).toBeGreaterThan(0);
    expect(exact / k - H).toBeLessThan(1.1 * ((12 / bins) ** 2 / 24));
    expect(isHonest(zScan(estimateOf, exact + k * Math.log(1.1)))).toBe(false);
  });

  test("uniform in 3 dimensions: 0 at any n, the error of the second order", () => {
    const axis = { name: "x", from: 0, to: 1, bins: 5 };
    const estimateOf = (seed: number) => {
      const { uniform } = generator(seed);
      const data = Float64Array.from({ length: 3 * 2000 }, uniform);
      return histogramEntropy({ data, replicas: 2000, k: 3 }, { grid: [axis, axis, axis] });
    };
    expectHonest(zScan(estimateOf, 0));
    // Without the correction, 124/4000.
    expect(isHonest(zScan(estimateOf, 124 / 4000))).toBe(false);
  });

  test("cells visited once are spoken of", () => {
    const grid = [AXIS(12), AXIS(12), AXIS(12)];
    const estimate = histogramEntropy(normals(6000, 3, 1), { grid });
    expect(estimate.warnings.join()).toMatch(/\d+ of \d+ cells were visited once/);
    const exact = 3 * cellEntropy(AXIS(12));
    expect(estimate.value).toBeLessThan(exact);
    expect(exact - estimate.value).toBeLessThan(4 * estimate.standardError + 0.02);
  });

  test("card E6: 2.837877 of N(0, I₂); without the correction it fails", () => {
    const grid = [AXIS(48), AXIS(48)];
    const n = 20_000;
    const bias = (12 / 48) ** 2 / 12;
    const estimate = histogramEntropy(normals(n, 2, 5), { grid });
    expect(Math.abs(estimate.value - 2.837877)).toBeLessThan(4 * estimate.standardError + bias);
    const exact = 2 * cellEntropy(AXIS(48));
    const plain = (seed: number) => {
      const one = histogramEntropy(normals(n, 2, seed), { grid });
      // About 700 occupied cells.
      return { ...one, value: one.value - 700 / (2 * n) };
    };
    expect(isHonest(zScan(plain, exact))).toBe(false);
  });

  test("refuses few samples and a narrow grid, says what lies outside", () => {
    const grid = [AXIS(60), AXIS(60)];
    expect(() => histogramEntropy(normals(300, 2, 1), { grid })).toThrow(
      /300 samples in \d+ cells/,
    );
    const narrow = { ...AXIS(10), from: -2, to: 2 };
    expect(() => histogramEntropy(normals(3000, 1, 1), { grid: [narrow] })).toThrow(
      "widen its range",
    );
    const fair = { ...AXIS(10), from: -3, to: 3 };
    const warned = histogramEntropy(normals(3000, 1, 1), { grid: [fair] });
    expect(warned.warnings.join()).toMatch(/0\.\d+ % of the samples lie beyond the grid/);
    expect(() => histogramEntropy(normals(30, 1, 1), { grid })).toThrow("2 axes for 1 coordinates");
    const away = { ...AXIS(10), from: 50, to: 51 };
    expect(() => histogramEntropy(normals(30, 1, 1), { grid: [away] })).toThrow(
      "no sample lies on",
    );
  });
});

/** A density record of one axis from values [replica][visit], replicas dealt to 64 groups. */
function densityRecord(visits: readonly (readonly number[])[], axis: GridAxis): DensityRecord {
  const counts = new Float64Array(64 * axis.bins);
  const outside = new Float64Array(64);
  const replicas = new Float64Array(64);
  visits.forEach((own, r) => {
    replicas[r % 64]!++;
    for (const x of own) {
      const cell = Math.floor(((x - axis.from) / (axis.to - axis.from)) * axis.bins);
      if (cell >= 0 && cell < axis.bins) counts[(r % 64) * axis.bins + cell]!++;
      else outside[r % 64]!++;
    }
  });
  const axes = [
    { name: "condition", length: 1 },
    { name: "group", length: 64 },
  ];
  const field = (data: Float64Array, more: { name: string; length: number }[] = []) => ({
    axes: [...axes, ...more],
    data,
    unit: "1",
  });
  return {
    kind: "density",
    grid: [axis],
    every: 1,
    records: visits[0]!.length,
    replicas: field(replicas),
    frozen: field(new Float64Array(64)),
    counts: field(counts, [{ name: "x", length: axis.bins }]),
    outside: field(outside),
  };
}

describe("densityEntropy", () => {
  /** 128 replicas with visits of an AR(1) chain, stationary N(0, 1). */
  const record = (seed: number, memory: number) => {
    const { normal } = generator(seed);
    const visits = Array.from({ length: 128 }, () => {
      let x = normal();
      return Array.from({ length: 40 }, () => {
        x = memory * x + Math.sqrt(1 - memory ** 2) * normal();
        return x;
      });
    });
    return densityRecord(visits, AXIS(24));
  };

  test.each([0, 0.95])("visits with memory %f: unbiased, honest errors", (memory) => {
    const exact = cellEntropy(AXIS(24));
    expectHonest(zScan((seed) => densityEntropy(record(seed, memory)), exact));
    const wrong = exact + Math.log(1.1);
    expect(isHonest(zScan((seed) => densityEntropy(record(seed, memory)), wrong))).toBe(false);
  });

  test("correlated visits taken for independent samples are caught", () => {
    const naive = (seed: number) => {
      const { counts } = record(seed, 0.95);
      const n = Float64Array.from(counts.data).reduce((a, b) => a + b, 0);
      const estimate = densityEntropy(record(seed, 0.95));
      // The error of n independent samples: √(Var(ln p)/n), Var(ln p) = ½.
      return { ...estimate, standardError: Math.sqrt(0.5 / n) };
    };
    expect(isHonest(zScan(naive, cellEntropy(AXIS(24))))).toBe(false);
  });

  test("refuses few visits and one group", () => {
    const { uniform } = generator(2);
    const few = Array.from({ length: 64 }, () => [12 * uniform() - 6]);
    expect(() => densityEntropy(densityRecord(few, AXIS(100)))).toThrow(
      "correction for few visits",
    );
    expect(() => densityEntropy(densityRecord([few[0]!], AXIS(10)))).toThrow("1 groups");
    expect(() => densityEntropy(record(1, 0), { condition: 1 })).toThrow("condition");
  });
});

describe("nearestNeighborEntropy, extrapolated", () => {
  test.each([
    [1, 300, 3],
    [3, 400, 4],
    [4, 500, 2],
  ])("d = %i, n = %i, k = %i: the bias is that by quadrature", (d, n, neighbors) => {
    const options = { neighbors, extrapolate: true, whiten: false, quiet: true };
    const exact = d * H + extrapolatedBias(d, n, neighbors);
    const estimateOf = (seed: number) => nearestNeighborEntropy(normals(n, d, seed), options);
    expectHonest(zScan(estimateOf, exact));
    expect(isHonest(zScan(estimateOf, exact - 0.2))).toBe(false);
  });

  test("distances from elsewhere: of whitened points, in any units", () => {
    const given = normals(500, 2, 1);
    const data = given.data.map((x, i) => (i % 2 === 0 ? 100 * x : x + 3));
    const own = nearestNeighborEntropy({ ...given, data });
    const { points } = whitenedPoints({ ...given, data });
    const squares = kthNeighborSquares(points, 2, 4);
    expect(nearestNeighborEntropy({ ...given, data }, { squares })).toEqual(own);
    const wrong = squares.map((x) => 2 * x);
    expect(nearestNeighborEntropy({ ...given, data }, { squares: wrong }).value).toBeCloseTo(
      own.value + Math.LN2,
      12,
    );
  });

  test("coinciding samples are said, and refused when there are more than k", () => {
    const given = normals(100, 2, 1);
    given.data.copyWithin(0, 2, 4);
    expect(nearestNeighborEntropy(given).warnings.join()).toContain("1 of 100 samples coincide");
    expect(() => nearestNeighborEntropy(given, { neighbors: 1 })).toThrow("or raise neighbors");
  });
});

describe("differences between conditions", () => {
  /** b = 2a + a tenth of noise of its own: S_b − S_a = k ln √4.01. */
  const pair = (seed: number, k: number) => {
    const a = normals(400, k, 2 * seed);
    const noise = normals(400, k, 2 * seed + 1).data;
    return { a, b: { ...a, data: a.data.map((x, i) => 2 * x + 0.1 * noise[i]!) } };
  };
  const exact = (k: number) => (k / 2) * Math.log(4.01);

  test.each([true, false])("Gaussian, paired: %s", (paired) => {
    const estimateOf = (seed: number) => {
      const { a, b } = pair(seed, 3);
      return paired
        ? gaussianEntropyDifference(a, b, { paired })
        : gaussianEntropyDifference(a, pair(1000 + seed, 3).b, { paired });
    };
    expectHonest(zScan(estimateOf, exact(3)));
    expect(isHonest(zScan(estimateOf, exact(3) * 1.1))).toBe(false);
  });

  test("nearest neighbors, paired and not", () => {
    const difference = (seed: number, other: number, options: { paired: boolean }) =>
      neighborEntropyDifference(pair(seed, 2).a, pair(other, 2).b, { whiten: false, ...options });
    const paired = (seed: number) => difference(seed, seed, { paired: true });
    const apart = (seed: number) => difference(seed, 1000 + seed, { paired: false });
    expectHonest(zScan(apart, exact(2)));
    // The jackknife of pairs is an upper bound, up to twice too large.
    const { mean, spread } = zScan(paired, exact(2));
    expect(Math.abs(mean)).toBeLessThan((4 * spread) / Math.sqrt(40));
    expect(spread).toBeGreaterThan(0.4);
    expect(spread).toBeLessThan(1);
    expect(paired(1).standardError).toBeLessThan(0.7 * apart(1).standardError);
    // Pairs taken for independent have errors that are too large.
    const wrong = (seed: number) => {
      const { a, b } = pair(seed, 2);
      return gaussianEntropyDifference(a, b, { paired: false });
    };
    expect(isHonest(zScan(wrong, exact(2)))).toBe(false);
  });

  test("refuses pairs that are none; errors of independent estimates in quadrature", () => {
    const { a, b } = pair(1, 2);
    const fewer = { ...b, data: b.data.subarray(0, 600), replicas: 300 };
    expect(() => gaussianEntropyDifference(a, fewer, { paired: true })).toThrow("paired: false");
    expect(() => neighborEntropyDifference(a, fewer, { paired: true })).toThrow("paired: false");
    const [one, other] = [nearestNeighborEntropy(a), nearestNeighborEntropy(fewer)];
    const { value, standardError } = entropyDifference(one, other);
    expect(value).toBe(other.value - one.value);
    expect(standardError).toBe(Math.hypot(one.standardError, other.standardError));
  });
});
