/** Exact predictions against published card values, enumeration and closed forms of other kinds. */
import { describe, expect, it } from "vitest";
import { cosineRegression } from "../../models/cosineRegression.ts";
import { heavyBallMode, regressionStationary } from "../../models/theory/index.ts";
import { generator } from "../generator.ts";

const close = (value: number, expected: number, relative: number) =>
  expect(Math.abs(value / expected - 1), `${value} for ${expected}`).toBeLessThan(relative);

describe("heavyBallMode", () => {
  // Card B1: eta, beta, rho, lambda, S; Var theta, Var v, <theta v>, area, with s2 = rho/S.
  it.each([
    [0.1, 0.9, 1, 0, 4, 0.128378, 1.35135, 0.0675676, -0.125],
    [0.05, 0.9, 2, 0.5, 8, 0.0258503, 1.36054, 0.0340136, -0.0625],
    [0.02, 0.5, 1, 0.1, 4, 0.00457903, 0.335796, 0.00335796, -0.005],
    [0.5, 0.9, 1, 0, 4, 0.719697, 1.51515, 0.378788, -0.625],
  ])("card B1, eta %f beta %f", (eta, beta, rho, lambda, S, theta, v, cross, area) => {
    const mode = heavyBallMode({
      learningRate: eta,
      momentum: beta,
      curvature: rho,
      weightDecay: lambda,
      noiseVariance: rho / S,
    });
    close(mode.positionVariance, theta, 5e-6);
    close(mode.velocityVariance, v, 5e-6);
    close(mode.covariance, cross, 5e-6);
    close(mode.areaRate, area, 1e-12);
  });

  it("is the fixed point of the moment recursion, momentum negative included", () => {
    for (const [eta, beta, k, s2] of [
      [0.3, 0.8, 1.7, 0.4],
      [0.3, -0.5, 1.1, 0.4],
      [1.9, 0, 1, 2],
    ] as const) {
      const mode = heavyBallMode({
        learningRate: eta,
        momentum: beta,
        curvature: k,
        noiseVariance: s2,
      });
      const { positionVariance: tt, velocityVariance: vv, covariance: tv } = mode;
      const nextVV = beta * beta * vv + k * k * tt - 2 * beta * k * tv + s2;
      const thetaNextV = beta * tv - k * tt;
      close(nextVV, vv, 1e-12);
      close(tt + 2 * eta * thetaNextV + eta * eta * nextVV, tt, 1e-12);
      close(thetaNextV + eta * nextVV, tv, 1e-12);
      // theta_t v_{t+1} − v_t theta_{t+1}, theta_{t+1} = theta_t + eta v_{t+1}
      const vNextV = beta * vv - k * tv;
      close(0.5 * (thetaNextV - tv - eta * vNextV), mode.areaRate, 1e-12);
    }
  });

  it("turns by the card's angle and refuses what is unstable", () => {
    const common = { learningRate: 0.1, curvature: 1, noiseVariance: 0.25 };
    const mode = heavyBallMode({ ...common, momentum: 0.9 });
    close(mode.angle, 0.321751, 2e-6);
    close(mode.decay, Math.sqrt(0.9), 1e-12);
    expect(heavyBallMode({ ...common, momentum: 0 })).toMatchObject({ angle: 0, decay: 0.9 });
    expect(() => heavyBallMode({ ...common, momentum: 1 })).toThrow(/momentum/);
    expect(() => heavyBallMode({ ...common, momentum: 0, curvature: 20 })).toThrow(/unstable/);
    expect(() => heavyBallMode({ ...common, momentum: 0, curvature: 0 })).toThrow(/unstable/);
  });
});

type Rows = readonly (readonly number[])[];

/** One step of the exact second-moment map in d dimensions by running over all batches. */
function enumeratedStep(
  problem: { x: ArrayLike<number>; y: ArrayLike<number>; mean: readonly number[] },
  batches: number[][],
  eta: number,
  decay: number,
  S: Rows,
): number[][] {
  const d = problem.mean.length;
  const next = Array.from({ length: d }, () => new Array<number>(d).fill(0));
  for (const batch of batches) {
    const A = Array.from({ length: d }, (_, i) =>
      Array.from({ length: d }, (_, j) => (i === j ? 1 - eta * decay : 0)),
    );
    const G = problem.mean.map((w) => decay * w);
    for (const n of batch) {
      let residual = -problem.y[n]!;
      for (let i = 0; i < d; i++) residual += problem.x[n * d + i]! * problem.mean[i]!;
      for (let i = 0; i < d; i++) {
        G[i]! += (problem.x[n * d + i]! * residual) / batch.length;
        for (let j = 0; j < d; j++) {
          A[i]![j]! -= (eta * problem.x[n * d + i]! * problem.x[n * d + j]!) / batch.length;
        }
      }
    }
    for (let i = 0; i < d; i++) {
      for (let j = 0; j < d; j++) {
        let value = eta * eta * G[i]! * G[j]!;
        for (let k = 0; k < d; k++) {
          for (let l = 0; l < d; l++) value += A[i]![k]! * S[k]![l]! * A[j]![l]!;
        }
        next[i]![j]! += value / batches.length;
      }
    }
  }
  return next;
}

function combinations(n: number, m: number, first = 0): number[][] {
  if (m === 0) return [[]];
  const all: number[][] = [];
  for (let i = first; i <= n - m; i++) {
    for (const rest of combinations(n, m - 1, i + 1)) all.push([i, ...rest]);
  }
  return all;
}

function tuples(n: number, m: number): number[][] {
  if (m === 0) return [[]];
  return tuples(n, m - 1).flatMap((head) => Array.from({ length: n }, (_, i) => [...head, i]));
}

const expectFixedPoint = (next: Rows, S: Rows, relative: number) => {
  const scale = Math.max(...S.flat().map(Math.abs));
  for (const [i, row] of next.entries()) {
    for (const [j, value] of row.entries()) {
      expect(Math.abs(value - S[i]![j]!) / scale).toBeLessThan(relative);
    }
  }
};

describe("regressionStationary", () => {
  const { x, y } = cosineRegression().fields;
  const card = { inputs: x!.data, targets: y!.data, batchSize: 4, sampling: "distinct" } as const;

  it("has the data of card A1", () => {
    close(y!.data[1]!, 2.18553307, 1e-8);
    const { hessian, mean, gradientCovariance } = regressionStationary({
      ...card,
      learningRate: 0.1,
    });
    close(hessian[0]![0]!, 1.375, 1e-12);
    close(hessian[1]![1]!, 0.29, 1e-12);
    expect(Math.abs(hessian[0]![1]!)).toBeLessThan(1e-15);
    close(mean[0]!, 1.23383085, 1e-8);
    close(mean[1]!, -0.34046777, 1e-7);
    close(gradientCovariance[0]![0]!, 0.51761621, 1e-7);
    close(gradientCovariance[0]![1]!, -0.03743168, 1e-6);
    close(gradientCovariance[1]![1]!, 0.10841456, 1e-7);
  });

  it("gives card A1 at eta 0.1 and 0.01", () => {
    const coarse = regressionStationary({ ...card, learningRate: 0.1 });
    close(coarse.covariance[0]![0]!, 0.00410479, 3e-6);
    close(coarse.covariance[0]![1]!, -0.00045117, 2e-5);
    close(coarse.covariance[1]![1]!, 0.00384276, 3e-6);
    close(coarse.additiveCovariance[0]![0]!, 0.0040424, 2e-5);
    close(coarse.additiveCovariance[0]![1]!, -0.00046066, 2e-5);
    close(coarse.additiveCovariance[1]![1]!, 0.0037934, 2e-5);
    close(coarse.lyapunovCovariance[0]![0]!, 0.0037645, 2e-5);
    close(coarse.lyapunovCovariance[0]![1]!, -0.00044963, 2e-5);
    close(coarse.lyapunovCovariance[1]![1]!, 0.0037384, 2e-5);
    close(coarse.areaRate[0]![1]!, -2.44757e-5, 3e-6);
    close(coarse.areaRate[1]![0]!, 2.44757e-5, 3e-6);
    const fine = regressionStationary({ ...card, learningRate: 0.01 });
    close(fine.covariance[0]![0]!, 3.79598e-4, 3e-6);
    close(fine.covariance[0]![1]!, -4.49868e-5, 3e-6);
    close(fine.covariance[1]![1]!, 3.74843e-4, 3e-6);
    close(fine.lyapunovAreaRate[0]![1]!, -2.43924e-7, 3e-6);
  });

  it("is the fixed point of the map averaged over all 1820 batches, and only that one", () => {
    const stationary = regressionStationary({ ...card, learningRate: 0.1 });
    const problem = { x: x!.data, y: y!.data, mean: stationary.mean };
    const S = stationary.covariance;
    const batches = combinations(16, 4);
    expect(batches).toHaveLength(1820);
    expectFixedPoint(enumeratedStep(problem, batches, 0.1, 0, S), S, 1e-13);
    const additive = enumeratedStep(problem, batches, 0.1, 0, stationary.additiveCovariance);
    expect(() => expectFixedPoint(additive, stationary.additiveCovariance, 1e-4)).toThrow();
  });

  it("holds with weight decay, in three dimensions, for every independent law and batch size", () => {
    const { normal } = generator(5);
    const samples = 5;
    const inputs = Float64Array.from({ length: 3 * samples }, normal);
    const targets = Float64Array.from({ length: samples }, normal);
    for (const sampling of ["distinct", "withReplacement"] as const) {
      for (const batchSize of [1, 2, 3, 5]) {
        const stationary = regressionStationary({
          inputs,
          targets,
          learningRate: 0.11,
          batchSize,
          sampling,
          weightDecay: 0.3,
        });
        const batches = (sampling === "distinct" ? combinations : tuples)(samples, batchSize);
        const problem = { x: inputs, y: targets, mean: stationary.mean };
        const S = stationary.covariance;
        if (sampling === "distinct" && batchSize === samples) {
          expect(Math.max(...S.flat().map(Math.abs))).toBe(0);
        } else {
          expectFixedPoint(enumeratedStep(problem, batches, 0.11, 0.3, S), S, 1e-12);
        }
      }
    }
  });

  it("refuses when second moments diverge or the minimum is not unique", () => {
    const wild = { ...card, batchSize: 1 };
    expect(regressionStationary({ ...wild, learningRate: 0.4 }).momentRadius).toBeLessThan(1);
    expect(() => regressionStationary({ ...wild, learningRate: 1 })).toThrow(/second moments grow/);
    const flat = { inputs: [1, 0, 2, 0], targets: [1, 2], batchSize: 1, learningRate: 0.1 };
    expect(() => regressionStationary({ ...flat, sampling: "distinct" })).toThrow(/not unique/);
    const decayed = regressionStationary({ ...flat, sampling: "distinct", weightDecay: 0.1 });
    expect(decayed.covariance[0]![0]).toBeGreaterThan(1e-6);
    expect(Math.abs(decayed.covariance[1]![1]!)).toBeLessThan(1e-15);
  });
});
