/**
 * Entropies from spacings and from polar angles, and the exact law of projected SGD on a sphere,
 * against simulations in float64 of the chain itself, in all its coordinates.
 *
 * Assertions at 4 standard errors, false alarms 6e-5 each for fresh seeds; bias as said at each.
 */
import { describe, expect, it } from "vitest";
import { axialEntropyScores, axialLadderPoint } from "../../analysis/axialEntropy.ts";
import { zScore } from "../../analysis/estimate.ts";
import { gaussianEntropy } from "../../analysis/gaussianEntropy.ts";
import { replicaMean } from "../../analysis/replicas.ts";
import { spacingOrder, spacingScores } from "../../analysis/spacingEntropy.ts";
import { ArgumentError, RefusalError } from "../../engine/errors.ts";
import { tiltedSphere } from "../../models/theory/index.ts";
import { generator } from "../generator.ts";

/** States of independent replicas of x ← normalize(x − η P_x(e₀ + sξ)), [replica][coordinate]. */
function simulate(
  { dimension: D, learningRate: eta, noise }: Parameters<typeof tiltedSphere>[0],
  { replicas, steps, seed }: { replicas: number; steps: number; seed: number },
): Float64Array[] {
  const { normal } = generator(seed);
  return Array.from({ length: replicas }, () => {
    const x = Float64Array.from({ length: D }, normal);
    const g = new Float64Array(D);
    let length = Math.hypot(...x);
    for (let p = 0; p < D; p++) x[p]! /= length;
    for (let step = 0; step < steps; step++) {
      let along = 0;
      for (let p = 0; p < D; p++) {
        g[p] = (p === 0 ? 1 : 0) + noise * normal();
        along += g[p]! * x[p]!;
      }
      for (let p = 0; p < D; p++) x[p]! -= eta * (g[p]! - along * x[p]!);
      length = Math.hypot(...x);
      for (let p = 0; p < D; p++) x[p]! /= length;
    }
    return x;
  });
}

const angleOf = ([first, ...others]: Float64Array): number =>
  Math.atan2(Math.hypot(...others), -first!);

describe("spacingScores", () => {
  const uniform = (seed: number, n: number) => {
    const one = generator(seed);
    return Float64Array.from({ length: n }, one.uniform).sort();
  };

  it("of uniform numbers have mean 0 exactly, at any n", () => {
    for (const n of [2, 5, 30]) {
      const means = Float64Array.from({ length: 4000 }, (_, k) => {
        const scores = spacingScores(uniform(100 * n + k, n));
        return scores.reduce((sum, z) => sum + z / n, 0);
      });
      const estimate = replicaMean(means);
      expect(Math.abs(zScore(estimate, 0)), `n = ${n}`).toBeLessThan(4);
      // Power: 1/n, the bias of the naive n in place of ψ, is seen.
      expect(Math.abs(zScore(estimate, 1 / n))).toBeGreaterThan(4);
    }
  });

  it("of the density 2v have mean ½ − ln 2", () => {
    const n = 20_000;
    const scores = spacingScores(uniform(3, n).map(Math.sqrt));
    const estimate = replicaMean(scores);
    expect(Math.abs(zScore(estimate, 0.5 - Math.LN2))).toBeLessThan(4);
    expect(Math.abs(zScore(estimate, 0))).toBeGreaterThan(4);
    // ln p has variance ¼, the spacings of 2m add about 1/(2m).
    const expected = Math.sqrt((0.25 + 1 / (2 * spacingOrder(n))) / n);
    expect(Math.abs(estimate.standardError / expected - 1)).toBeLessThan(0.05);
  });

  it("refuse what is not ascending in (0, 1)", () => {
    for (const bad of [[0.5], [0.6, 0.5], [-0.1, 0.5], [0.1, 1.5], [0.1, Number.NaN]]) {
      expect(() => spacingScores(Float64Array.from(bad))).toThrow(ArgumentError);
    }
  });
});

describe("projected SGD on a sphere in float64", () => {
  // D, η, s, steps after which the start is forgotten; the last two are far from any Gibbs law.
  it.each([
    [3, 0.1, 1, 150],
    [2, 0.5, 1, 60],
    [10, 0.3, 1, 60],
    [4, 0.8, 0.7, 40],
    [3, 2.5, 0.5, 60],
  ])("D = %i, η = %f, s = %f: mean loss and entropy", (dimension, learningRate, noise, steps) => {
    const options = { dimension, learningRate, noise };
    const exact = tiltedSphere(options);
    const replicas = 6000;
    const states = simulate(options, { replicas, steps, seed: 10 * dimension + 1 });
    const {
      energy: U,
      entropy: S,
      covariance,
    } = axialLadderPoint(
      states.map(([x0]) => 1 + x0!),
      [states.map(angleOf)],
      dimension,
    );
    // Windows at the ends see the density up to m/n of the ranks off, for 2m/n of the samples.
    const bias = 20 * (spacingOrder(replicas) / replicas) ** 2;
    const entropyAgrees = (value: number) =>
      Math.abs(S.value - value) <= 4 * S.standardError + bias;
    expect(Math.abs(zScore(U, exact.excess))).toBeLessThan(4);
    expect(entropyAgrees(exact.entropy)).toBe(true);
    // Both grow with the angle: where the Gibbs law holds −ln p is U/T but for a constant.
    const correlation = covariance / (U.standardError * S.standardError);
    expect(correlation).toBeGreaterThan(0.8);
    expect(correlation).toBeLessThan(1);
    // Negative controls: 10 % more noise; and the law of a step that is not small.
    const wrong = tiltedSphere({ ...options, noise: 1.1 * noise });
    expect(Math.abs(zScore(U, wrong.excess))).toBeGreaterThan(4);
    expect(entropyAgrees(wrong.entropy)).toBe(false);
    if (learningRate >= 0.3 && dimension > 2) {
      expect(Math.abs(zScore(U, exact.gibbs.excess))).toBeGreaterThan(4);
    }
  });

  it("the entropy of a Gaussian of the same covariance is wrong there", () => {
    const options = { dimension: 3, learningRate: 0.5, noise: 1 };
    const states = simulate(options, { replicas: 4000, steps: 60, seed: 5 });
    const data = Float64Array.from(states.flatMap((x) => [x[1]!, x[2]!]));
    const flat = gaussianEntropy({ data, replicas: states.length, k: 2 });
    const { entropy } = tiltedSphere(options);
    expect(Math.abs(zScore(flat, entropy))).toBeGreaterThan(4);
    const entropyOnSphere = entropyOf([states.map(angleOf)], 3);
    expect(Math.abs(zScore(entropyOnSphere, entropy))).toBeLessThan(4);
  });
});

/** The entropy alone. */
const entropyOf = (snapshots: readonly ArrayLike<number>[], dimension: number) =>
  axialLadderPoint(new Float64Array(snapshots[0]!.length), snapshots, dimension).entropy;

describe("axialLadderPoint", () => {
  it("of the uniform law is ln of the area, in any dimension, with an honest error", () => {
    // cos φ of a uniform point: for D = 3 uniform on [−1, 1]; the error is that of spacings alone.
    const n = 2000;
    const values = Array.from({ length: 200 }, (_, k) => {
      const { uniform } = generator(900 + k);
      const angles = Float64Array.from({ length: n }, () => Math.acos(2 * uniform() - 1));
      return entropyOf([angles], 3);
    });
    const mean = replicaMean(values.map(({ value }) => value));
    expect(Math.abs(zScore(mean, Math.log(4 * Math.PI)))).toBeLessThan(4);
    const scatter = mean.standardError * Math.sqrt(values.length);
    // Windows overlap, so that the scatter of scores overstates: 1/(2m) against about 1/(6m).
    expect(values[0]!.standardError).toBeGreaterThan(scatter);
    expect(values[0]!.standardError).toBeLessThan(2.5 * scatter);
  });

  it("scales by (D − 1) ln c when angles of a small cap are stretched", () => {
    const { normal } = generator(4);
    const cap = Float64Array.from({ length: 500 }, () => 1e-4 * Math.hypot(normal(), normal()));
    const one = entropyOf([cap], 3).value;
    const two = entropyOf([cap.map((angle) => 3 * angle)], 3).value;
    expect(Math.abs(two - one - 2 * Math.log(3))).toBeLessThan(1e-6);
  });

  it("averages snapshots within a replica and leaves out what is not finite", () => {
    const { uniform } = generator(8);
    const angles = Float64Array.from({ length: 400 }, () => Math.PI * uniform());
    const once = entropyOf([angles], 3);
    const twice = entropyOf([angles, angles], 3);
    expect(twice.standardError).toBe(once.standardError);
    const frozen = Float64Array.from([...angles, Number.NaN]);
    const others = entropyOf([frozen], 3);
    expect(others.value).toBe(once.value);
    expect(others.n).toBe(400);
    expect(axialEntropyScores(frozen, 3)[400]).toBeNaN();
  });

  it("refuses", () => {
    expect(() => axialEntropyScores(new Float64Array(10).fill(1), 3)).toThrow(RefusalError);
    expect(() => axialEntropyScores(new Float64Array(50).fill(1), 3)).toThrow("alike");
    const beyond = Float64Array.from({ length: 50 }, (_, i) => 0.1 * i);
    expect(() => axialEntropyScores(beyond, 3)).toThrow(ArgumentError);
    expect(() =>
      axialEntropyScores(
        beyond.map((x) => x / 5),
        1,
      ),
    ).toThrow(ArgumentError);
  });
});
