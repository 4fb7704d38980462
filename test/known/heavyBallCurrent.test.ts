/**
 * The current of a noisy heavy-ball mode, and what is missing of its moments early on, against the
 * linear recurrence worked out step by step.
 */
import { describe, expect, test } from "vitest";
import { missingMoments, missingShare } from "../../experiments/heavyBallMoments.ts";
import { heavyBallCurrent, heavyBallMode } from "../../models/index.ts";

const MODES = [
  { learningRate: 0.1, momentum: 0.9, curvature: 1 },
  { learningRate: 0.5, momentum: 0, curvature: 3.9 },
  { learningRate: 0.01, momentum: 0.99, curvature: 0.3 },
];
const momentsOf = (mode: (typeof MODES)[number]) => heavyBallMode({ ...mode, noiseVariance: 0.25 });

describe("current", () => {
  test.each(MODES)("turns by the area per step over √det D (%#)", (mode) => {
    const exact = momentsOf(mode);
    const { rotation, stretch, whiten } = heavyBallCurrent(mode, exact);
    const { positionVariance: A, velocityVariance: V, covariance: C } = exact;
    const root = Math.sqrt(A * V - C * C);
    expect(rotation / (exact.areaRate / root)).toBeCloseTo(1, 9);
    expect(stretch / (Math.sqrt(A * V) / root)).toBeCloseTo(1, 9);
    // z = L⁻¹x: |z|² = xᵀ D⁻¹ x.
    const [a, b] = whiten(0.7, -1.3);
    const form = (V * 0.49 - 2 * C * 0.7 * -1.3 + A * 1.69) / root ** 2;
    expect((a * a + b * b) / form).toBeCloseTo(1, 9);
  });

  test("card B1's mode: area −.125, Var .128378 and 1.35135, <th v> .0675676", () => {
    const mode = { learningRate: 0.1, momentum: 0.9, curvature: 1 };
    const { rotation, continuous } = heavyBallCurrent(mode, momentsOf(mode));
    const root = Math.sqrt(0.128378 * 1.35135 - 0.0675676 ** 2);
    expect(rotation).toBeCloseTo(-0.125 / root, 5);
    // η ω0 with the card's ω0 = 3.2444.
    expect(continuous).toBeCloseTo(-0.32444, 5);
  });
});

test("missing moments: D minus the covariance that the recurrence builds from rest", () => {
  for (const mode of MODES) {
    const { learningRate: eta, momentum: beta, curvature: k } = mode;
    const exact = momentsOf(mode);
    let [A, C, V] = [0, 0, 0];
    for (let t = 0; t <= 60; t += 1) {
      if (t % 20 === 0) {
        const missing = missingMoments(mode, exact, t);
        expect(missing.position + A).toBeCloseTo(exact.positionVariance, 9);
        expect(missing.product + C).toBeCloseTo(exact.covariance, 9);
        expect(missing.velocity + V).toBeCloseTo(exact.velocityVariance, 9);
      }
      // v' = βv − kθ − ξ, θ' = θ + ηv'.
      const v = beta * beta * V - 2 * beta * k * C + k * k * A + 0.25;
      const mixed = beta * C - k * A;
      [A, C, V] = [A + 2 * eta * mixed + eta * eta * v, mixed + eta * v, v];
    }
    expect(missingShare(mode, exact, 0)).toBeCloseTo(1, 12);
    expect(missingShare(mode, exact, 40)).toBeLessThan(missingShare(mode, exact, 20));
  }
});
