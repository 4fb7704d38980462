/** Moments of random affine maps: scalar closed forms, Lyapunov's equation and enumeration. */
import { describe, expect, it } from "vitest";
import { discreteLyapunov } from "../../analysis/lyapunov.ts";
import { curvatureToy } from "../../models/epochToy.ts";
import {
  type AffineMap,
  cycleMoments,
  cycleOperator,
  followedBy,
  type MomentOperator,
  momentOperator,
  type SamplingLaw,
  stationaryMoments,
} from "../../models/theory/index.ts";
import { generator } from "../generator.ts";

const close = (value: number, expected: number, relative: number) =>
  expect(Math.abs(value - expected), `${value} for ${expected}`).toBeLessThan(
    relative * Math.abs(expected) + 1e-300,
  );

const average = (operators: readonly MomentOperator[]): MomentOperator => ({
  dimension: operators[0]!.dimension,
  entries: operators[0]!.entries.map(
    (_, k) => operators.reduce((sum, { entries }) => sum + entries[k]!, 0) / operators.length,
  ),
});

/** Maps of contraction about `size` with a random shift and noise. */
function randomMaps(count: number, D: number, size: number, seed: number): AffineMap[] {
  const { normal } = generator(seed);
  const square = () => Array.from({ length: D }, () => Array.from({ length: D }, normal));
  return Array.from({ length: count }, () => {
    const root = square();
    return {
      matrix: square().map((row) => row.map((value) => (value * size) / Math.sqrt(D))),
      shift: Array.from({ length: D }, normal),
      noise: root.map((a) => root.map((b) => a.reduce((sum, value, k) => sum + value * b[k]!, 0))),
    };
  });
}

describe("stationaryMoments", () => {
  it("is the scalar formula for two equally likely maps", () => {
    // z' = a z + b + N(0, q), (a, b) = (0.9, 1) or (−0.3, 2), q = 0.5:
    // E z = ⟨b⟩/(1 − ⟨a⟩) = 1.5/0.7,  E z² = (2⟨ab⟩E z + ⟨b²⟩ + q)/(1 − ⟨a²⟩), ⟨a²⟩ = 0.45.
    const maps = [
      [0.9, 1],
      [-0.3, 2],
    ].map(([a, b]) => momentOperator({ matrix: [[a!]], shift: [b!], noise: [[0.5]] }));
    const { mean, covariance, radius, meanRadius } = stationaryMoments(average(maps));
    const m = 1.5 / 0.7;
    close(mean[0]!, m, 1e-14);
    close(covariance[0]![0]!, (2 * 0.15 * m + 2.5 + 0.5) / 0.55 - m * m, 1e-13);
    close(radius, 0.45, 1e-14);
    close(meanRadius, 0.3, 1e-14);
  });

  it("solves Lyapunov's equation for one map in four dimensions", () => {
    const [map] = randomMaps(1, 4, 0.4, 3) as [AffineMap];
    const { covariance } = stationaryMoments(momentOperator(map));
    const expected = discreteLyapunov(map.matrix, map.noise!);
    const scale = Math.max(...expected.flat().map(Math.abs));
    for (const [i, row] of expected.entries()) {
      for (const [j, value] of row.entries()) {
        expect(Math.abs(covariance[i]![j]! - value)).toBeLessThan(1e-13 * scale);
      }
    }
  });

  it("refuses maps whose second moments diverge, though means converge", () => {
    // ⟨a⟩ = 0.5 but ⟨a²⟩ = (1.5² + 0.5²)/2 = 1.25
    const maps = [1.5, -0.5].map((a) =>
      momentOperator({ matrix: [[a]], shift: [0], noise: [[1]] }),
    );
    expect(() => stationaryMoments(average(maps))).toThrow(
      /grow by 1\.25 in each cycle, .* no stationary state/,
    );
    const wild = momentOperator({ matrix: [[Number.NaN]], shift: [0] });
    expect(() => stationaryMoments(wild)).toThrow(/not finite/);
    expect(() => momentOperator({ matrix: [[1, 0]], shift: [0] })).toThrow(/must be \[1, 1\]/);
  });
});

describe("followedBy", () => {
  it("is the operator of the composed map", () => {
    const [f, g] = randomMaps(2, 3, 0.6, 5) as [AffineMap, AffineMap];
    const times = (A: AffineMap["matrix"], B: AffineMap["matrix"]) =>
      A.map((row) => B[0]!.map((_, j) => row.reduce((sum, a, k) => sum + a * B[k]![j]!, 0)));
    const plus = (A: AffineMap["matrix"], B: AffineMap["matrix"]) =>
      A.map((row, i) => row.map((a, j) => a + B[i]![j]!));
    const transposed = (A: AffineMap["matrix"]) => A[0]!.map((_, j) => A.map((row) => row[j]!));
    const composed = momentOperator({
      matrix: times(g.matrix, f.matrix),
      shift: g.shift.map((b, i) => b + g.matrix[i]!.reduce((s, a, k) => s + a * f.shift[k]!, 0)),
      noise: plus(times(times(g.matrix, f.noise!), transposed(g.matrix)), g.noise!),
    });
    const product = followedBy(momentOperator(f), momentOperator(g));
    for (const [k, entry] of product.entries.entries()) {
      expect(Math.abs(entry - composed.entries[k]!)).toBeLessThan(1e-12);
    }
  });
});

describe("cycleOperator", () => {
  const LAWS: SamplingLaw[] = [
    "withReplacement",
    "distinct",
    "fullBatch",
    "reshuffled",
    "sequential",
    "symmetric",
  ];

  it.each(LAWS)("agrees with the scalar theory of cycles, %s", (sampling) => {
    // cycleMoments.ts sums five scalar moments by formulas of its own.
    const { curvature, center } = curvatureToy().fields;
    const curvatures = curvature!.data;
    const centers = center!.data;
    const learningRate = 0.2;
    for (const batchSize of [1, 2, 4]) {
      const step = (batch: readonly number[]) => {
        const mean = (of: (i: number) => number) =>
          batch.reduce((sum, i) => sum + of(i), 0) / batch.length;
        return momentOperator({
          matrix: [[1 - learningRate * mean((i) => curvatures[i]!)]],
          shift: [learningRate * mean((i) => curvatures[i]! * centers[i]!)],
        });
      };
      const samples = curvatures.length;
      const { operator, steps } = cycleOperator({ samples, batchSize, sampling, step });
      const { mean, covariance } = stationaryMoments(operator);
      const expected = cycleMoments({ curvatures, centers, learningRate, batchSize, sampling });
      expect(steps).toBe(expected.stepsPerCycle);
      expect(Math.abs(mean[0]! - expected.mean)).toBeLessThan(1e-13);
      expect(Math.abs(covariance[0]![0]! - expected.variance)).toBeLessThan(1e-14);
    }
  });

  it.each([
    ["reshuffled", 1],
    ["reshuffled", 2],
    ["symmetric", 1],
    ["symmetric", 2],
  ] as const)("is the average over all orders, enumerated: %s, batches of %i", (sampling, m) => {
    const samples = 4;
    const maps = randomMaps(16, 2, 0.7, 9).map(momentOperator);
    // Any function of the set will do as a batch's map: bits choose it.
    const step = (batch: readonly number[]) => maps[batch.reduce((bits, i) => bits | (1 << i), 0)]!;
    const walks = orders([0, 1, 2, 3]).map((order) => {
      const walk: number[][] = [];
      for (let first = 0; first < samples; first += m) walk.push(order.slice(first, first + m));
      if (sampling === "symmetric") walk.push(...walk.toReversed());
      return walk.map(step).reduce(followedBy);
    });
    const expected = average(walks).entries;
    const { operator } = cycleOperator({ samples, batchSize: m, sampling, step });
    for (const [k, entry] of operator.entries.entries()) {
      expect(Math.abs(entry - expected[k]!)).toBeLessThan(1e-11);
    }
    // Negative control: one order is not the average.
    const gap = walks[0]!.entries.map((entry, k) => Math.abs(entry - expected[k]!));
    expect(Math.max(...gap)).toBeGreaterThan(1e-3);
  });

  it("refuses batches that do not fit and averages that take too long", () => {
    const step = () => momentOperator({ matrix: [[0.5]], shift: [0] });
    const cycle = (samples: number, batchSize: number, sampling: SamplingLaw) => () =>
      cycleOperator({ samples, batchSize, sampling, step });
    expect(cycle(6, 4, "reshuffled")).toThrow(/batchSize 4 does not divide 6 samples/);
    expect(cycle(6, 7, "distinct")).toThrow(/batchSize 7 does not fit 6 samples/);
    expect(cycle(28, 1, "symmetric")).toThrow(/28 samples takes .* use fewer samples/);
    expect(cycle(60, 20, "distinct")).toThrow(/use fewer samples/);
  });
});

function orders(items: number[]): number[][] {
  if (items.length <= 1) return [items];
  return items.flatMap((item, i) =>
    orders([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest]),
  );
}
