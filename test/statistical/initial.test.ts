/**
 * Moments of the drawn initial states against those asked for.
 *
 * Fixed seed, 20 000 lanes. z of a mean is (m − μ)/√(v/R), of a second moment about the given mean
 * (s − Σ_ij)/√(var/R) with the sample variance of the products. About 60 scores, |z| < 4 each: a fresh
 * seed would raise a false alarm in 1 of 260 runs.
 */
import { describe, expect, test } from "vitest";
import {
  defineModel,
  gaussian,
  gaussianAt,
  type InitialLaw,
  op,
  overdispersed,
} from "../../engine/index.ts";
import { initialState } from "../../engine/initial.ts";
import { glorot, he, perBlock, uniformElements } from "../../engine/start/perBlock.ts";

const REPLICAS = 20_000;
const model = defineModel({
  name: "three",
  params: { W: [2, 1], b: [] },
  sample: { x: [1] },
  loss: ({ W, b }, { x }) => op.square(op.add(op.sum(op.matvec(W, x)), b)),
});
const P = model.parameterCount;

/** States [replica, θ then v]. */
function draw(law: InitialLaw, seed = 11, condition = 0): Float64Array[] {
  const initial = law(model);
  return Array.from({ length: REPLICAS }, (_, replica) => {
    const z = new Float64Array(2 * P);
    initialState(initial, { seed, condition, replica }, z.subarray(0, P), z.subarray(P));
    return z;
  });
}

function score(values: Float64Array, expected: number): number {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1);
  if (variance === 0) return mean === expected ? 0 : Infinity;
  return Math.abs(mean - expected) / Math.sqrt(variance / values.length);
}

/** Largest |z| of all means and second moments about the mean. */
function worst(
  states: readonly Float64Array[],
  mean: readonly number[],
  covariance: readonly (readonly number[])[],
): number {
  const scores = mean.flatMap((mu, i) => [
    score(
      Float64Array.from(states, (z) => z[i]!),
      mu,
    ),
    ...covariance[i]!.map((expected, j) =>
      score(
        Float64Array.from(states, (z) => (z[i]! - mu) * (z[j]! - mean[j]!)),
        expected,
      ),
    ),
  ]);
  return Math.max(...scores);
}
const diagonal = (variances: readonly number[]) =>
  variances.map((v, i) => variances.map((_, j) => (i === j ? v : 0)));

const COVARIANCE = [
  [2, 0.9, -0.3],
  [0.9, 1, 0.2],
  [-0.3, 0.2, 0.5],
];
/** (θ, v) of three modes: correlated within a mode, and the first two modes with each other. */
const JOINT = [
  [2, 0.5, 0, 0.3, 0, 0],
  [0.5, 1, 0, 0, -0.4, 0],
  [0, 0, 3, 0, 0, 1],
  [0.3, 0, 0, 4, 0, 0],
  [0, -0.4, 0, 0, 0.7, 0],
  [0, 0, 1, 0, 0, 0.4],
];

describe("gaussianAt", () => {
  const mean = [1, -2, 10];
  test("has the mean and covariance asked for", () => {
    expect(
      worst(draw(gaussianAt({ mean, covariance: COVARIANCE })), mean, COVARIANCE),
    ).toBeLessThan(4);
  });

  test("of (θ, v), with all cross terms", () => {
    const both = [1, 2, 3, -1, -2, -3];
    expect(worst(draw(gaussianAt({ mean: both, covariance: JOINT })), both, JOINT)).toBeLessThan(4);
  });

  test("a semi-definite covariance is held exactly", () => {
    // rank 2: the third coordinate is the sum of the first two
    const states = draw(
      gaussianAt({
        covariance: [
          [1, 0.2, 1.2],
          [0.2, 2, 2.2],
          [1.2, 2.2, 3.4],
        ],
      }),
    );
    const off = Math.max(...states.map((z) => Math.abs(z[0]! + z[1]! - z[2]!)));
    expect(off).toBeLessThan(1e-13);
  });

  test("negative control: a variance, a correlation or a mean that is 10 % off is refused", () => {
    const states = draw(gaussianAt({ mean, covariance: COVARIANCE }));
    const wider = COVARIANCE.map((row, i) => row.map((x, j) => (i === 1 && j === 1 ? 1.1 * x : x)));
    const turned = COVARIANCE.map((row, i) =>
      row.map((x, j) => (i !== j && i + j === 1 ? 0.9 * x : x)),
    );
    expect(worst(states, mean, wider)).toBeGreaterThan(4);
    expect(worst(states, mean, turned)).toBeGreaterThan(4);
    expect(worst(states, [1.1, -2, 10], COVARIANCE)).toBeGreaterThan(4);
  });
});

describe("independent laws", () => {
  test("uniform and normal blocks side by side are independent", () => {
    // W: 1 input, 2 outputs: uniform of variance 2/3; b uniform on [1, 3]
    const law = perBlock({ W: glorot({ distribution: "uniform" }), b: uniformElements(1, 3) });
    const states = draw(law);
    expect(worst(states, [0, 0, 2], diagonal([2 / 3, 2 / 3, 1 / 3]))).toBeLessThan(4);
    const edge = Math.sqrt(2);
    const reach = Math.max(...states.map((z) => Math.abs(z[0]!)));
    expect(reach).toBeLessThan(edge);
    expect(reach).toBeGreaterThan(0.999 * edge);
    // A normal number takes both words of its pair: a uniform one beside it must have words of its own.
    const mixed = draw((m) => {
      const initial = law(m);
      if (initial.kind !== "independent") throw new Error(initial.kind);
      return { ...initial, uniform: [false, true, false] };
    });
    expect(worst(mixed, [0, 0, 2], diagonal([2 / 3, 2 / 3, 1 / 3]))).toBeLessThan(4);
    const squares = Float64Array.from(mixed, (z) => z[0]! ** 2 * z[1]! ** 2);
    expect(score(squares, 4 / 9)).toBeLessThan(4);
  });

  test("He's law", () => {
    expect(worst(draw(perBlock({ W: he() })), [0, 0, 0], diagonal([2, 2, 0]))).toBeLessThan(4);
  });
});

describe("overdispersed", () => {
  const center = [5, 5, 5];
  const wide = COVARIANCE.map((row) => row.map((x) => 9 * x));
  test("normal: factor² times the covariance", () => {
    const law = overdispersed({ center: 5, covariance: COVARIANCE, factor: 3 });
    expect(worst(draw(law), center, wide)).toBeLessThan(4);
  });

  test("Student's t: the same covariance, kurtosis 3(ν − 2)/(ν − 4)", () => {
    const law = overdispersed({ center: 5, covariance: COVARIANCE, factor: 3, degrees: 10 });
    const states = draw(law);
    expect(worst(states, center, wide)).toBeLessThan(4);
    // E x⁴/(E x²)² = 3 (ν − 2)/(ν − 4) = 4 for ν = 10; the normal law's 3 is refused.
    const fourth = Float64Array.from(states, (z) => ((z[0]! - 5) ** 2 / 18) ** 2);
    expect(score(fourth, 4)).toBeLessThan(4);
    expect(score(fourth, 3)).toBeGreaterThan(4);
    // One χ² for all parameters of a replica: E x₀²x₂² = (1 + 2ρ²)(ν − 2)/(ν − 4), ρ² = 0.09.
    const cross = Float64Array.from(
      states,
      (z) => ((z[0]! - 5) ** 2 / 18) * ((z[2]! - 5) ** 2 / 4.5),
    );
    expect(score(cross, (1.18 * 8) / 6)).toBeLessThan(4);
    expect(score(cross, 1.18)).toBeGreaterThan(4);
  });

  test("by scale", () => {
    const law = overdispersed({ center, scale: [1, 2, 3], factor: 2, degrees: 6 });
    expect(worst(draw(law), center, diagonal([4, 16, 36]))).toBeLessThan(4);
  });
});

describe("a pure function of (seed, condition, replica)", () => {
  const laws = {
    gaussian: gaussian({ standardDeviation: 1 }),
    gaussianAt: gaussianAt({ covariance: JOINT }),
    uniform: perBlock({ W: uniformElements(-1, 1), b: uniformElements(0, 1) }),
    student: overdispersed({ center: 0, scale: 1, factor: 2, degrees: 5 }),
  };
  test.each(Object.entries(laws))("%s", (_name, law) => {
    const states = draw(law);
    expect(draw(law).slice(0, 200)).toEqual(states.slice(0, 200));
    const correlation = (others: readonly Float64Array[]) =>
      score(
        Float64Array.from(states, (z, r) => z[0]! * others[r]![0]!),
        0,
      );
    expect(correlation(draw(law, 12))).toBeLessThan(4);
    expect(correlation(draw(law, 11, 1))).toBeLessThan(4);
    expect(correlation(states.map((_, r) => states[(r + 1) % REPLICAS]!))).toBeLessThan(4);
    expect(correlation(states)).toBeGreaterThan(4);
  });
});
