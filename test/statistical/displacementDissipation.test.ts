/**
 * The generalized fluctuation-dissipation estimator on processes with closed forms: a linear one
 * under a learning-rate matrix, and sign descent, which is no gradient descent at all.
 *
 * |estimate − exact| <= 4 standard errors, no bias: the burn-in leaves less than 10⁻⁹ of the start.
 * False alarms 6e-5 each for fresh seeds. Negative controls: η wrong by 10 %, the matrix left out, a
 * transient, and SGD's relation applied to sign descent.
 */
import { Matrix } from "ml-matrix";
import { describe, expect, test } from "vitest";
import {
  displacementDissipation,
  displacementSides,
} from "../../analysis/displacementDissipation.ts";
import { type Estimate, zScore } from "../../analysis/estimate.ts";
import { discreteLyapunov } from "../../analysis/lyapunov.ts";
import { replicaMean } from "../../analysis/replicas.ts";
import type { MomentsRecord } from "../../engine/record.ts";
import { type Generator, generator } from "../generator.ts";
import { momentsOf } from "../trajectories.ts";

const H = [
  [1.2, 0.3],
  [0.3, 0.5],
];
/** Rows mix two normal numbers into the gradient noise: covariance N Nᵀ. */
const N = [
  [0.8, 0],
  [-0.3, 0.4],
];
const MINIMUM = [3, -1];
const [ETA, SCALE] = [0.2, [0.5, 2]];
const [REPLICAS, STEPS, BURN] = [300, 300, 200];

type Direction = (theta: readonly number[], random: Generator) => number[];

/** What the engine would record of θ' = θ − ηSu: θ and v = −u after each step. */
function recordOf(seed: number, u: Direction, start: readonly number[], burnIn = BURN) {
  const random = generator(seed);
  const scale = start.length === 1 ? [1] : SCALE;
  const d = start.length;
  const trajectories = Array.from({ length: REPLICAS }, () => {
    const theta = [...start];
    const flat = new Float64Array(2 * d * STEPS);
    for (let t = -burnIn; t < STEPS; t++) {
      const direction = u(theta, random);
      for (let i = 0; i < d; i++) theta[i]! -= ETA * scale[i]! * direction[i]!;
      if (t >= 0) flat.set([...theta, ...direction.map((value) => -value)], 2 * d * t);
    }
    return flat;
  });
  const names = ["x", "y"].slice(0, d);
  const coordinates = [...names, ...names.map((name) => `v.${name}`)];
  const origin = [...start.map((value) => value + 0.1), ...start.map(() => 0.02)];
  return momentsOf([trajectories], coordinates, [0], origin);
}

const linear: Direction = (theta, { normal }) => {
  const xi = [normal(), normal()];
  return H.map((row, i) =>
    row.reduce((sum, h, j) => sum + h * (theta[j]! - MINIMUM[j]!) + N[i]![j]! * xi[j]!, 0),
  );
};

/** u = sign of a noisy gradient of θ²/2: |u| = 1 whatever the noise. */
const sign: Direction = ([theta], { normal }) => [Math.sign(theta! + normal())];

/** OL = tr HΣ and OR = (η/2) tr S(HΣH + NNᵀ), with Σ = (1−ηSH)Σ(1−ηSH)ᵀ + η²S NNᵀ S. */
function exactSides(): { left: number; right: number } {
  const [h, noise, s] = [new Matrix(H), new Matrix(N), Matrix.diag(SCALE)];
  const Q = noise.mmul(noise.transpose());
  const A = Matrix.eye(2).sub(s.mmul(h).mul(ETA));
  const kick = s
    .mmul(Q)
    .mmul(s)
    .mul(ETA * ETA);
  const S = new Matrix(discreteLyapunov(A.to2DArray(), kick.to2DArray()));
  const square = h.mmul(S).mmul(h).add(Q);
  return { left: h.mmul(S).trace(), right: (ETA / 2) * s.mmul(square).trace() };
}

const expectAgrees = (estimate: Estimate, exact: number) =>
  expect(Math.abs(zScore(estimate, exact)), `${estimate.value} for ${exact}`).toBeLessThan(4);
const expectFails = (estimate: Estimate, exact: number) =>
  expect(Math.abs(zScore(estimate, exact)), `${estimate.value} for ${exact}`).toBeGreaterThan(4);

describe("the generalized relation of a linear process", () => {
  const choice = { learningRate: ETA, rateScale: SCALE, center: MINIMUM };
  const record: MomentsRecord = recordOf(1, linear, MINIMUM);
  const exact = exactSides();

  test("both sides are exact, equal, and their ratio is 1 for any center", () => {
    expect(Math.abs(exact.left / exact.right - 1)).toBeLessThan(1e-12);
    const centered = displacementDissipation(record, choice);
    const raw = displacementDissipation(record, { ...choice, center: [0, 0] });
    for (const { left, right, ratio, difference } of [centered, raw]) {
      expectAgrees(left, exact.left);
      expectAgrees(right, exact.right);
      expectAgrees(ratio, 1);
      expectAgrees(difference, 0);
    }
    expect(raw.ratio.standardError).toBeGreaterThan(5 * centered.ratio.standardError);
  });

  test("sides of the replicas are those of the estimate", () => {
    const { left, right } = displacementSides(record, choice);
    const estimate = displacementDissipation(record, choice);
    expect(replicaMean(left)).toEqual(estimate.left);
    expect(replicaMean(right)).toEqual(estimate.right);
  });

  test("fails for a rate wrong by 10 %, without the matrix, and in a transient", () => {
    const ratio = (of: MomentsRecord, change = {}) =>
      displacementDissipation(of, { ...choice, ...change }).ratio;
    expectFails(ratio(record, { learningRate: 1.1 * ETA }), 1);
    expectFails(ratio(record, { rateScale: [1, 1] }), 1);
    expectFails(ratio(recordOf(2, linear, [6, -1], 0)), 1);
  });
});

describe("the generalized relation of sign descent", () => {
  const record = recordOf(3, sign, [0]);

  test("O_L is half the rate, though no gradient is known", () => {
    const { left, right, ratio } = displacementDissipation(record, { learningRate: ETA });
    expect(Math.abs(right.value - ETA / 2)).toBeLessThan(1e-14);
    expectAgrees(left, ETA / 2);
    expectAgrees(ratio, 1);
  });

  test("SGD's relation, with the gradient in place of u, fails", () => {
    // ⟨θ·g⟩ = ⟨θ²⟩ and ⟨g²⟩ = ⟨θ²⟩ + 1 for g = θ + ξ.
    const second = replicaMean(
      Array.from({ length: REPLICAS }, (_, r) => {
        const [c, first, square] = [
          record.reference.data[0]!,
          record.first.data[2 * r]!,
          record.second.data[4 * r]!,
        ];
        return square + 2 * c * first + c * c;
      }),
    );
    // They would be equal at ⟨θ²⟩ = (η/2)/(1 − η/2).
    expectFails(second, ETA / 2 / (1 - ETA / 2));
  });
});
