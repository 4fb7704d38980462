/**
 * Estimators on MomentsRecords against the closed forms of linear processes z' = F z + noise:
 * Cov = S (Lyapunov), lagged S (Fᵀ)^L, area ½(SFᵀ − FS). Assertions at 4 standard errors, no bias:
 * the estimators are unbiased. False alarms 6e-5 each for fresh seeds.
 */
import { Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { type Estimate, zScore } from "../../analysis/estimate.ts";
import { entropyOfCovariance, stationaryEntropy } from "../../analysis/gaussianEntropy.ts";
import { areaRate, covariance, laggedCovariance, mean } from "../../analysis/moments.ts";
import { RefusalError } from "../../engine/errors.ts";
import { generator } from "../generator.ts";
import {
  exactArea,
  type LinearProcess,
  linearTrajectory,
  momentsOf,
  stationaryCovariance,
} from "../trajectories.ts";

const NAMES = ["theta[0]", "theta[1]"] as const;
const [I, J] = NAMES;

/** Card E1, anisotropic (D = (1, 0.25), k = 1, w = 2) at dt = 0.05, first order in dt. */
const ROTATION: LinearProcess = {
  F: [
    [0.95, 0.1],
    [-0.1, 0.95],
  ],
  Q: [
    [0.1, 0],
    [0, 0.025],
  ],
  center: [3, -2],
};

/** F and Q commute: equilibrium, no area. */
const EQUILIBRIUM: LinearProcess = {
  F: [
    [0.95, 0],
    [0, 0.7],
  ],
  Q: [
    [0.1, 0],
    [0, 0.025],
  ],
  center: [3, -2],
};

function record(
  process: LinearProcess,
  { seed, replicas, length }: { seed: number; replicas: number; length: number },
  lags = [0, 1, 5],
) {
  const one = generator(seed);
  const trajectories = Array.from({ length: replicas }, () =>
    linearTrajectory(process, one, length),
  );
  return momentsOf([trajectories], NAMES, lags, [2.5, -2.5]);
}

const expectWithin = (estimate: Estimate, exact: number) =>
  expect(Math.abs(zScore(estimate, exact)), `${estimate.value} for ${exact}`).toBeLessThan(4);

describe("moments of a rotation", () => {
  const S = stationaryCovariance(ROTATION);
  const area = exactArea(ROTATION).get(0, 1);
  const moments = record(ROTATION, { seed: 1, replicas: 200, length: 1500 });

  it("mean", () => {
    expectWithin(mean(moments, { i: I }), 3);
    expectWithin(mean(moments, { i: 1 }), -2);
    expect(() => expectWithin(mean(moments, { i: I }), 3.1)).toThrow();
  });

  it("covariance", () => {
    for (const [i, j] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ] as const) {
      expectWithin(covariance(moments, { i, j }), S.get(i, j));
    }
    // Errors are small enough to tell S from the leading order in dt, card E1 (0.7, −0.15, 0.55).
    expect(covariance(moments, { i: 0, j: 0 }).standardError).toBeLessThan(0.02 * S.get(0, 0));
    expect(() => expectWithin(covariance(moments, { i: 0, j: 0 }), 1.1 * S.get(0, 0))).toThrow();
  });

  it("lagged covariance, the second coordinate later", () => {
    const F = new Matrix(ROTATION.F.map((row) => [...row]));
    let exact = S;
    for (let t = 0; t < 5; t++) exact = exact.mmul(F.transpose());
    for (const [i, j] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ] as const) {
      expectWithin(laggedCovariance(moments, { i, j, lag: 5 }), exact.get(i, j));
    }
    // Negative control: time reversed.
    expect(() =>
      expectWithin(laggedCovariance(moments, { i: 1, j: 0, lag: 5 }), exact.get(0, 1)),
    ).toThrow();
  });

  it("area rate, with its sign", () => {
    expect(area).toBeLessThan(-0.05); // clockwise: −w(D1+D2)/(2k) dt = −0.0625 to first order
    const estimate = areaRate(moments, { i: I, j: J });
    expectWithin(estimate, area);
    expect(estimate.standardError).toBeLessThan(0.02 * Math.abs(area));
    expectWithin(areaRate(moments, { i: J, j: I }), -area);
    // Negative controls: the current reversed, and none.
    expect(() => expectWithin(estimate, -area)).toThrow();
    expect(() => expectWithin(estimate, 0)).toThrow();
    expect(areaRate(moments, { i: I, j: I }).value).toBe(0);
  });

  it("do not depend on the point that the record measures from", () => {
    const one = generator(7);
    const trajectories = Array.from({ length: 5 }, () => linearTrajectory(ROTATION, one, 60));
    const from = (origin: number[]) => momentsOf([trajectories], NAMES, [0, 1], origin);
    const [near, far] = [from([2.5, -2.5]), from([-40, 30])];
    for (const estimator of [areaRate, covariance]) {
      const [a, b] = [near, far].map((moments) => estimator(moments, { i: I, j: J }));
      expect(Math.abs(a!.value - b!.value)).toBeLessThan(1e-9 * a!.standardError);
      expect(Math.abs(a!.standardError / b!.standardError - 1)).toBeLessThan(1e-9);
    }
    expect(mean(near, { i: I }).value).toBeCloseTo(mean(far, { i: I }).value, 12);
  });

  it("area rate over a longer lag", () => {
    const F = new Matrix(ROTATION.F.map((row) => [...row]));
    let power = Matrix.eye(2);
    for (let t = 0; t < 5; t++) power = power.mmul(F);
    const exact = (S.mmul(power.transpose()).get(0, 1) - power.mmul(S).get(0, 1)) / 2 / 5;
    expectWithin(areaRate(moments, { i: I, j: J, lag: 5 }), exact);
    expect(Math.abs(exact)).toBeLessThan(0.9 * Math.abs(area));
  });

  it("entropy", () => {
    const estimate = stationaryEntropy(moments);
    expectWithin(estimate, entropyOfCovariance(S.to2DArray()));
    expectWithin(
      stationaryEntropy(moments, { coordinates: [J] }),
      entropyOfCovariance([[S.get(1, 1)]]),
    );
    expect(() => expectWithin(estimate, entropyOfCovariance(S.to2DArray()) + 0.1)).toThrow();
  });
});

describe("moments in equilibrium", () => {
  it("have no area", () => {
    expect(Math.abs(exactArea(EQUILIBRIUM).get(0, 1))).toBeLessThan(1e-16);
    const moments = record(EQUILIBRIUM, { seed: 2, replicas: 200, length: 1000 });
    const estimate = areaRate(moments, { i: I, j: J });
    expectWithin(estimate, 0);
    expect(estimate.standardError).toBeLessThan(2e-3);
  });
});

describe("few short replicas", () => {
  // Three replicas of 40 steps (2 τ): any bias of order 1/R or τ/T would be 30 % or more.
  const estimates = Array.from({ length: 1500 }, (_, seed) => {
    const moments = record(ROTATION, { seed, replicas: 3, length: 40 }, [0, 1]);
    const d = 2;
    // Negative control: the mean of each replica subtracted from its own second moment.
    let own = 0;
    for (let r = 0; r < 3; r++) {
      const row = r * 2 * d;
      const first = moments.first.data[row]!;
      own += (moments.second.data[row * d]! - first * first) / 3;
    }
    return {
      variance: covariance(moments, { i: 0, j: 0 }).value,
      area: areaRate(moments, { i: 0, j: 1 }).value,
      own,
    };
  });
  const average = (pick: (one: (typeof estimates)[number]) => number): Estimate => {
    const values = estimates.map(pick);
    const n = values.length;
    const value = values.reduce((sum, x) => sum + x, 0) / n;
    const squares = values.reduce((sum, x) => sum + (x - value) ** 2, 0);
    const standardError = Math.sqrt(squares / (n - 1) / n);
    return { value, standardError, n, method: "average over seeds", warnings: [] };
  };

  it("are unbiased", () => {
    const variance = stationaryCovariance(ROTATION).get(0, 0);
    expectWithin(
      average((one) => one.variance),
      variance,
    );
    expectWithin(
      average((one) => one.area),
      exactArea(ROTATION).get(0, 1),
    );
    expect(() =>
      expectWithin(
        average((one) => one.own),
        variance,
      ),
    ).toThrow();
  });
});

describe("records that cannot answer", () => {
  const moments = record(ROTATION, { seed: 3, replicas: 4, length: 50 }, [0, 2]);

  it("name what is missing", () => {
    expect(() => covariance(moments, { i: "theta[7]", j: 0 })).toThrow(/"theta\[7\]".*theta\[0\]/);
    expect(() => covariance(moments, { i: 2, j: 0 })).toThrow(/no coordinate 2 among the 2/);
    expect(() => areaRate(moments, { i: 0, j: 1 })).toThrow(/holds lags 0, 2, not 1/);
    expect(() => areaRate(moments, { i: 0, j: 1, lag: 0 })).toThrow(/at least 1 step/);
    expect(() => mean(moments, { condition: 1, i: 0 })).toThrow(/condition 1/);
    expect(() => stationaryEntropy(moments)).toThrow(/4 independent samples in 2 dimensions/);
  });

  it("leave out frozen replicas, and refuse when all are", () => {
    moments.second.data.fill(Number.NaN, 0, 8); // replica 0: two lags of 2 x 2
    const estimate = covariance(moments, { i: 0, j: 0 });
    expect(estimate.n).toBe(3);
    expect(estimate.warnings.join()).toMatch(/1 of 4 replicas dropped/);
    expect(mean(moments, { i: 0 }).n).toBe(3);
    moments.second.data.fill(Number.NaN);
    expect(() => covariance(moments, { i: 0, j: 0 })).toThrow(RefusalError);
  });

  it("reads the right condition", () => {
    const one = generator(4);
    const make = (center: number[]) =>
      Array.from({ length: 30 }, () => linearTrajectory({ ...ROTATION, center }, one, 400));
    const both = momentsOf([make([0, 0]), make([10, 20])], NAMES, [0, 1], [1, 1]);
    expectWithin(mean(both, { condition: 0, i: 1 }), 0);
    expectWithin(mean(both, { condition: 1, i: 0 }), 10);
    expectWithin(mean(both, { condition: 1, i: 1 }), 20);
  });
});
