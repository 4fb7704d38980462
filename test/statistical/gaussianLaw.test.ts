/**
 * Laws read off moments, and means sharpened by control variates, over many synthetic experiments
 * with known answers: no bias, and z scores of variance 1.
 *
 * With E experiments the mean of the z has error 1/√E and their variance √(2/E) (normal z). Bounds
 * are 4 of those errors: false alarms 6e-5 each for fresh seeds.
 */
import { describe, expect, test } from "vitest";
import { controlledMeans } from "../../analysis/controlVariates.ts";
import { type Estimate, zScore } from "../../analysis/estimate.ts";
import { gaussianLaw } from "../../analysis/gaussianLaw.ts";
import type { ReplicaSamples } from "../../analysis/jackknife.ts";
import { momentCount, momentPairs } from "../../analysis/momentsAbout.ts";
import { RefusalError } from "../../engine/errors.ts";
import { gaussianDivergence } from "../../models/theory/index.ts";
import { generator } from "../generator.ts";

const EXPERIMENTS = 400;
const MEAN_BOUND = 4 / Math.sqrt(EXPERIMENTS);
const VARIANCE_BOUND = 4 * Math.sqrt(2 / EXPERIMENTS);

function scores(make: (seed: number) => number): { mean: number; variance: number; most: number } {
  const all = Array.from({ length: EXPERIMENTS }, (_, seed) => make(seed + 1));
  const mean = all.reduce((sum, z) => sum + z, 0) / EXPERIMENTS;
  const variance = all.reduce((sum, z) => sum + (z - mean) ** 2, 0) / (EXPERIMENTS - 1);
  return { mean, variance, most: Math.max(...all.map(Math.abs)) };
}

const samplesOf = (rows: readonly (readonly number[])[]): ReplicaSamples => ({
  data: Float64Array.from(rows.flat()),
  replicas: rows.length,
  k: rows[0]!.length,
});

describe("control variates", () => {
  /** x = 3 + 2c₁ − c₂ + 0.1 ξ; c normal with means 1 and −1, correlated. */
  const experiment = (seed: number, replicas = 60) => {
    const { normal } = generator(seed);
    const rows = Array.from({ length: replicas }, () => {
      const [a, b, xi] = [normal(), normal(), normal()];
      const [c1, c2] = [1 + a, -1 + 0.6 * a + 0.8 * b];
      return { x: [3 + 2 * c1 - c2 + 0.1 * xi], c: [c1, c2] };
    });
    return {
      samples: samplesOf(rows.map(({ x }) => x)),
      control: samplesOf(rows.map(({ c }) => c)),
    };
  };
  const first = ({ values, covariance }: ReturnType<typeof controlledMeans>): Estimate => ({
    value: values[0]!,
    standardError: Math.sqrt(covariance[0]![0]!),
    n: 0,
    method: "",
    warnings: [],
  });
  /** 3 + 2·1 + 1 */
  const EXACT = 6;

  test("have no bias and honest errors, smaller by √(1 − ρ²)", () => {
    const errors: number[] = [];
    const { mean, variance } = scores((seed) => {
      const { samples, control } = experiment(seed);
      const estimate = first(controlledMeans(samples, { samples: control, exact: [1, -1] }));
      errors.push(estimate.standardError);
      return zScore(estimate, EXACT);
    });
    expect(Math.abs(mean)).toBeLessThan(MEAN_BOUND);
    // t with 57 degrees of freedom: variance 57/55.
    expect(Math.abs(variance - 57 / 55)).toBeLessThan(VARIANCE_BOUND);
    const typical = errors.reduce((sum, error) => sum + error, 0) / EXPERIMENTS;
    expect(Math.abs(typical / (0.1 / Math.sqrt(60)) - 1)).toBeLessThan(0.1);
  });

  test("negative control: a wrong mean of a control is seen", () => {
    const { mean } = scores((seed) => {
      const { samples, control } = experiment(seed);
      return zScore(
        first(controlledMeans(samples, { samples: control, exact: [1.01, -1] })),
        EXACT,
      );
    });
    expect(Math.abs(mean)).toBeGreaterThan(MEAN_BOUND);
  });

  test("too few replicas, or controls that depend on each other: plain means", () => {
    const few = experiment(1, 15);
    const plain = controlledMeans(few.samples);
    expect(controlledMeans(few.samples, { samples: few.control, exact: [1, -1] })).toEqual(plain);
    const { samples, control } = experiment(2);
    const doubled = samplesOf(
      Array.from({ length: 60 }, (_, r) => [control.data[2 * r]!, 3 * control.data[2 * r]! + 1]),
    );
    const dependent = controlledMeans(samples, { samples: doubled, exact: [1, 4] });
    expect(dependent).toEqual(controlledMeans(samples));
    expect(dependent.method).toBe("mean over 60 replicas");
  });

  test("influences make the covariance; frozen replicas are left out of both", () => {
    const { samples, control } = experiment(3);
    control.data[8] = Number.NaN;
    const found = controlledMeans(samples, { samples: control, exact: [1, -1] });
    expect(found.n).toBe(59);
    expect(found.warnings.join()).toMatch(/1 of 60 replicas dropped/);
    expect(found.influence[4]).toBe(0);
    const squares = found.influence.reduce((sum, value) => sum + value * value, 0);
    expect(Math.abs(squares / found.covariance[0]![0]! - 1)).toBeLessThan(1e-12);
    const none = samplesOf([[Number.NaN], [1]]);
    expect(() => controlledMeans(none)).toThrow(RefusalError);
    expect(() => controlledMeans(none, { samples: control, exact: [1, -1] })).toThrow(
      /2 controls of 60 replicas, with 2 exact means, for 2 replicas/,
    );
  });
});

describe("Gaussian law", () => {
  const PRECISION = [
    [2, 0.4],
    [0.4, 1],
  ];
  /** z = mean + scale (a, 0.5a + b): S = scale² [[1, .5], [.5, 1.25]]. */
  interface Law {
    readonly mean: readonly [number, number];
    readonly scale: number;
  }
  const experiment = (seed: number, { mean, scale }: Law, replicas: number) => {
    const { normal } = generator(seed);
    const rows = Array.from({ length: replicas }, () => {
      const [a, b] = [normal(), normal()];
      const z = [mean[0] + scale * a, mean[1] + scale * (0.5 * a + b)];
      return [...z, ...momentPairs(2).map(([i, j]) => z[i]! * z[j]!)];
    });
    return gaussianLaw(controlledMeans(samplesOf(rows)));
  };
  const exactCovariance = (scale: number) => [
    [scale ** 2, 0.5 * scale ** 2],
    [0.5 * scale ** 2, 1.25 * scale ** 2],
  ];
  const REPLICAS = 1000;
  const FAR: Law = { mean: [0.3, -0.2], scale: 0.8 };

  test("counts the moments", () => {
    expect([1, 2, 3].map(momentCount)).toEqual([2, 5, 9]);
    const three = { values: [1, 2, 3], covariance: [[]], influence: new Float64Array(0) };
    expect(() => gaussianLaw({ ...three, n: 1, method: "", warnings: [] })).toThrow(
      /3 numbers are no first and second moments/,
    );
  });

  test.each([
    ["a law far from the target", FAR],
    ["one near it", { mean: [0.05, 0.02], scale: 1 }],
  ] as [string, Law][])("%s: no bias, honest errors", (_name, law) => {
    const covariance = exactCovariance(law.scale);
    const kl = gaussianDivergence(
      { mean: law.mean, covariance },
      { mean: [0, 0], precision: PRECISION },
    );
    const quantities: [string, (m: ReturnType<typeof gaussianLaw>) => Estimate, number][] = [
      ["mean", (m) => m.mean[1]!, law.mean[1]],
      ["variance", (m) => m.covariance[1]![1]!, covariance[1]![1]!],
      ["covariance", (m) => m.covariance[0]![1]!, covariance[0]![1]!],
      ["divergence", (m) => m.divergence(PRECISION), kl],
    ];
    const measured = Array.from({ length: EXPERIMENTS }, (_, e) =>
      experiment(e + 1, law, REPLICAS),
    );
    for (const [name, read, exact] of quantities) {
      const found = scores((seed) => zScore(read(measured[seed - 1]!), exact));
      expect(Math.abs(found.mean), name).toBeLessThan(MEAN_BOUND);
      expect(Math.abs(found.variance - 1), name).toBeLessThan(VARIANCE_BOUND);
    }
  });

  /** The target itself, [[a, b], [b, c]]⁻¹ of PRECISION being S of scale 1 up to a factor. */
  const AT_TARGET = () => {
    const S = exactCovariance(1);
    const det = S[0]![0]! * S[1]![1]! - S[0]![1]! ** 2;
    return [
      [S[1]![1]! / det, -S[0]![1]! / det],
      [-S[0]![1]! / det, S[0]![0]! / det],
    ];
  };
  const same: Law = { mean: [0, 0], scale: 1 };

  test("the target's own law: divergence 0 within its error, where only the parabola is left", () => {
    const values: number[] = [];
    const { most, variance } = scores((seed) => {
      const estimate = experiment(seed, same, REPLICAS).divergence(AT_TARGET());
      values.push(estimate.value * 2 * REPLICAS);
      return zScore(estimate, 0);
    });
    // 2n KL is χ² with 5 degrees of freedom before its mean is taken off: variance 10.
    const mean = values.reduce((sum, value) => sum + value, 0) / EXPERIMENTS;
    expect(Math.abs(mean)).toBeLessThan(4 * Math.sqrt(10 / EXPERIMENTS));
    expect(most).toBeLessThan(4);
    expect(variance).toBeGreaterThan(0.3);
    // Negative control: without the correction the mean is 5.
    expect(Math.abs(mean + 5)).toBeGreaterThan(4 * Math.sqrt(10 / EXPERIMENTS));
  });

  test("the energy is that of the moments", () => {
    const found = scores((seed) => {
      const S = exactCovariance(FAR.scale);
      const raw = (i: number, j: number) => S[i]![j]! + FAR.mean[i]! * FAR.mean[j]!;
      const exact = (2 * raw(0, 0) + 2 * 0.4 * raw(0, 1) + raw(1, 1)) / 2;
      return zScore(experiment(seed, FAR, 200).energy(PRECISION), exact);
    });
    expect(Math.abs(found.mean)).toBeLessThan(MEAN_BOUND);
    expect(Math.abs(found.variance - 1)).toBeLessThan(VARIANCE_BOUND);
  });

  test("a covariance that is not positive definite is refused", () => {
    const flat = samplesOf(Array.from({ length: 5 }, (_, r) => [r, r, r * r, r * r, r * r]));
    expect(() => gaussianLaw(controlledMeans(flat)).divergence(PRECISION)).toThrow(RefusalError);
  });
});
