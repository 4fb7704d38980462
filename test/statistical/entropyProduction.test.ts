/**
 * Estimators on records of entropy production, and of area matrices and mean vectors beside theory, on
 * laws whose answers are known: |z| <= 4, spread of z over 40 seeds 0.7–1.4, mean within 4 of its
 * errors, and controls that fail. False alarms: about 1 in 2000 for each of the spreads.
 */
import { describe, expect, test } from "vitest";
import {
  areaAgreement,
  detailedFluctuation,
  type Estimate,
  entropyEvents,
  entropyMoments,
  halfVarianceRatio,
  integralFluctuation,
  mean,
  SIGMA,
  shiftAgreement,
  shiftDistance,
} from "../../analysis/index.ts";
import {
  referenceEntropyCounts,
  referenceEntropySums,
} from "../../engine/observe/referenceEntropyProduction.ts";
import type { Axis, EntropyProductionRecord, Field } from "../../engine/record.ts";
import { gaussian, mulberry32 } from "../../models/mulberry.ts";
import { additiveNoise } from "../../models/theory/index.ts";
import { momentsOf } from "../trajectories.ts";

const SEEDS = Array.from({ length: 40 }, (_, k) => k + 1);
const GROUPS = 64;

/** A record of independent events of every replica. */
function recordOf(events: readonly Float64Array[], width: number, bins: number) {
  const R = events.length;
  const [first, second] = [new Float64Array(2 * R), new Float64Array(4 * R)];
  const kinds = ["positive", "negative", "weighted"] as const;
  const counts = kinds.map(() => new Float64Array(GROUPS * bins));
  const beyond = new Float64Array(GROUPS);
  events.forEach((own, r) => {
    const [s, ss, e, ee, se] = referenceEntropySums(own).map((sum) => sum / own.length);
    first.set([s!, e!], 2 * r);
    second.set([ss!, se!, se!, ee!], 4 * r);
    const found = referenceEntropyCounts(own, width, bins);
    kinds.forEach((kind, k) => {
      found[kind].forEach((count, bin) => {
        counts[k]![(r % GROUPS) * bins + bin]! += count;
      });
    });
    beyond[r % GROUPS]! += found.beyond;
  });
  const axis = (name: string, length: number): Axis => ({ name, length });
  const field = (axes: readonly Axis[], data: Float64Array): Field => ({ axes, data, unit: "1" });
  const lanes = [axis("condition", 1), axis("replica", R), axis("window", 1)];
  const grouped = [axis("condition", 1), axis("group", GROUPS)];
  const binned = [...grouped, axis("bin", bins)];
  const [positive, negative, weighted] = counts.map((data) => field(binned, data));
  const record: EntropyProductionRecord = {
    kind: "entropyProduction",
    coordinates: ["a"],
    every: 1,
    center: field([axis("condition", 1), axis("coordinate", 1)], new Float64Array(1)),
    form: field([axis("condition", 1)], new Float64Array(1)),
    windows: [1],
    counts: [events[0]!.length],
    first: field([...lanes, axis("statistic", 2)], first),
    second: field([...lanes, axis("statistic", 2), axis("statistic'", 2)], second),
    histograms: {
      window1: {
        window: 1,
        width: field([axis("condition", 1)], Float64Array.of(width)),
        ...{ positive: positive!, negative: negative!, weighted: weighted! },
        beyond: field(grouped, beyond),
      },
    },
  };
  return record;
}

const MEAN = 0.1;
/** σ ~ N(μ, 2μ c): both theorems hold for c = 1. */
function normalEvents(seed: number, excess = 1, length = 200): EntropyProductionRecord {
  const uniform = mulberry32(seed);
  const spread = Math.sqrt(2 * MEAN * excess);
  const events = Array.from({ length: 100 }, () =>
    Float64Array.from({ length }, () => MEAN + spread * gaussian(uniform)),
  );
  return recordOf(events, spread / 4, 24);
}

const zOf = ({ value, standardError }: Estimate, exact: number): number =>
  (value - exact) / standardError;

function expectHonest(zs: readonly number[]): void {
  const average = zs.reduce((sum, z) => sum + z, 0) / zs.length;
  const spread = Math.sqrt(zs.reduce((sum, z) => sum + (z - average) ** 2, 0) / (zs.length - 1));
  expect(Math.abs(average)).toBeLessThan(4 / Math.sqrt(zs.length));
  expect(spread).toBeGreaterThan(0.7);
  expect(spread).toBeLessThan(1.4);
}

describe("records of entropy production", () => {
  const results = SEEDS.map((seed) => normalEvents(seed)).map((record) => ({
    sigma: zOf(mean(entropyMoments(record), { i: SIGMA }), MEAN),
    integral: zOf(integralFluctuation(entropyMoments(record)), 1),
    ratio: zOf(halfVarianceRatio(record), 1),
    slope: zOf(detailedFluctuation(entropyEvents(record)).slope, 1),
    meanLogRatio: zOf(detailedFluctuation(entropyEvents(record)).meanLogRatio, 0),
  }));
  test.each(["sigma", "integral", "ratio", "slope", "meanLogRatio"] as const)(
    "%s: z of 40 seeds",
    (name) => {
      const zs = results.map((result) => result[name]);
      expectHonest(zs);
    },
  );

  test("negative controls: σ of a variance 10 % off", () => {
    const record = normalEvents(1, 1.1, 2000);
    expect(Math.abs(zOf(halfVarianceRatio(record), 1))).toBeGreaterThan(4);
    expect(Math.abs(zOf(detailedFluctuation(entropyEvents(record)).slope, 1))).toBeGreaterThan(4);
    // Replicas that are copies of each other: errors too small by √10.
    const copies = SEEDS.map((seed) => {
      const uniform = mulberry32(seed);
      const own = Array.from({ length: 10 }, () =>
        Float64Array.from({ length: 50 }, () => MEAN + Math.sqrt(2 * MEAN) * gaussian(uniform)),
      );
      const events = Array.from({ length: 100 }, (_, r) => own[r % 10]!);
      return zOf(halfVarianceRatio(recordOf(events, 0.1, 10)), 1);
    });
    expect(() => expectHonest(copies)).toThrow();
  });

  test("refuses lengths that were not observed", () => {
    const record = normalEvents(1);
    expect(() => entropyMoments(record, { window: 3 })).toThrow("sums of 3 σ were not observed");
    expect(() => entropyEvents(record, { window: 3 })).toThrow("no histogram of sums of 3 σ");
  });
});

/** Moments of lag 1 of a linear process in three dimensions, about its mean `offset`. */
function linearProcess(seed: number, offset: readonly number[]) {
  const curvatures = [2, 1, 0.3];
  const eta = 0.2;
  const noiseCovariance = [
    [1, 0.6, -0.3],
    [0.6, 1, 0.4],
    [-0.3, 0.4, 1],
  ];
  const hessian = curvatures.map((h, i) => curvatures.map((_, j) => (i === j ? h : 0)));
  const exact = additiveNoise({ hessian, noiseCovariance, learningRate: eta });
  const uniform = mulberry32(seed);
  const drawn = (root: readonly (readonly number[])[]): number[] => {
    const z = root.map(() => gaussian(uniform));
    return root.map((row) => row.reduce((sum, a, k) => sum + a * z[k]!, 0));
  };
  const [kick, start] = [noiseCovariance, exact.covariance].map(cholesky) as [
    number[][],
    number[][],
  ];
  const trajectories = Array.from({ length: 40 }, () => {
    const path = new Float64Array(3 * 300);
    let x = drawn(start);
    for (let t = 0; t < 300; t += 1) {
      path.set(
        x.map((v, i) => v + offset[i]!),
        3 * t,
      );
      const noise = drawn(kick);
      x = x.map((v, i) => v - eta * (curvatures[i]! * v + noise[i]!));
    }
    return path;
  });
  const record = momentsOf([trajectories], ["a", "b", "c"], [0, 1], [0.2, 0, 0]);
  return { record, exact };
}

function cholesky(A: readonly (readonly number[])[]): number[][] {
  const L = A.map((row) => row.map(() => 0));
  A.forEach((row, i) => {
    for (let j = 0; j <= i; j += 1) {
      const rest = row[j]! - L[i]!.slice(0, j).reduce((sum, x, k) => sum + x * L[j]![k]!, 0);
      L[i]![j] = i === j ? Math.sqrt(rest) : rest / L[j]![j]!;
    }
  });
  return L;
}

describe("area matrices and mean vectors beside theory", () => {
  const offset = [0.3, -0.2, 0.1];
  const found = SEEDS.map((seed) => linearProcess(seed, offset));
  const areas = found.map(({ record, exact }) => areaAgreement(record, exact.areaRate));

  test("slope of the areas and share of the mean: z of 40 seeds", () => {
    expectHonest(areas.map(({ slope }) => zOf(slope, 1)));
    expectHonest(found.map(({ record }) => zOf(shiftAgreement(record, offset), 1)));
    // A distance that is there: 0.1 of the length, across.
    const off = offset.map((x, i) => x + 0.1 * [0.2, 0.3, 0][i]!);
    const { length, away } = { length: Math.hypot(...off), away: 0.1 * Math.hypot(0.2, 0.3) };
    expectHonest(found.map(({ record }) => zOf(shiftDistance(record, off), away / length)));
  });

  test("correlation is 1 within its errors; reversed in time it is −1, and slopes 10 % off are seen", () => {
    // 40 seeds' slopes together know 10 %: the current of a rate that much lower.
    const together = (values: readonly Estimate[]) => {
      const weight = values.reduce((sum, { standardError }) => sum + standardError ** -2, 0);
      const value =
        values.reduce((sum, one) => sum + one.value * one.standardError ** -2, 0) / weight;
      return { value, standardError: Math.sqrt(1 / weight) };
    };
    const slope = together(areas.map((one) => one.slope));
    expect(Math.abs(slope.value - 1)).toBeLessThan(4 * slope.standardError);
    expect(Math.abs(slope.value - 1.1)).toBeGreaterThan(4 * slope.standardError);
    for (const { correlation } of areas) expect(correlation.value).toBeGreaterThan(0.9);
    const { record, exact } = found[0]!;
    const reversed = exact.areaRate.map((row) => row.map((c) => -c));
    expect(areaAgreement(record, reversed).correlation.value).toBeLessThan(-0.9);
  });

  test("refuse what does not fit", () => {
    const { record } = found[0]!;
    const zero = [0, 0, 0];
    expect(() => areaAgreement(record, [zero, zero, zero])).toThrow("the matrix is zero");
    expect(() => areaAgreement(record, [zero])).toThrow("a matrix of 1 rows for 3 coordinates");
    expect(() => shiftAgreement(record, zero)).toThrow("length 0 for 3 coordinates");
  });
});
