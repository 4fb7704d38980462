/**
 * Adam's mean-field theory against its own definition and against deterministic iterations: the
 * fixed point makes the mean step vanish, the relaxation is that of the iterated linear map, and
 * values that are known without it.
 */
import { describe, expect, test } from "vitest";
import { noiseFactor } from "../../engine/sampling.ts";
import { cosineRegression } from "../../models/cosineRegression.ts";
import {
  adamMeanField,
  regressionMinimum,
  regressionStationary,
} from "../../models/theory/index.ts";

const { x, y } = cosineRegression().fields;
const problem = { inputs: x!.data, targets: y!.data };
const base = {
  ...problem,
  noiseFactor: noiseFactor("distinct", 16, 4),
  learningRate: 0.01,
  beta1: 0.9,
  epsilon: 1e-8,
  weightDecay: 0.1,
};

const close = (value: number, expected: number, relative: number) =>
  expect(Math.abs(value / expected - 1), `${value} for ${expected}`).toBeLessThan(relative);

/** ∇L of the mean loss with weight decay. */
function gradient(theta: readonly number[], weightDecay: number): number[] {
  const { hessian, minimum } = regressionMinimum({ ...problem, weightDecay });
  return hessian.map((row) => row.reduce((sum, h, j) => sum + h * (theta[j]! - minimum[j]!), 0));
}

/** |(δ, ηm)| of the mean steps about the fixed point, with the adaptive rates held. */
function meanSteps(options: typeof base & { decoupledDecay?: number }, steps: number): number[] {
  const { learningRate: eta, beta1, epsilon, weightDecay, decoupledDecay = 0 } = options;
  const { point, gradientSize } = adamMeanField(options);
  const rates = gradientSize.map((size) => eta / (size + epsilon));
  const { hessian } = regressionMinimum({ ...problem, weightDecay });
  const delta = point.map(() => 1e-3);
  const m = point.map(() => 0);
  const sizes: number[] = [];
  for (let t = 0; t < steps; t++) {
    const slope = hessian.map((row) => row.reduce((sum, h, j) => sum + h * delta[j]!, 0));
    for (const i of delta.keys()) {
      m[i] = beta1 * m[i]! + (1 - beta1) * slope[i]!;
      delta[i]! -= rates[i]! * m[i]! + eta * decoupledDecay * delta[i]!;
    }
    sizes.push(Math.hypot(...delta, ...m.map((value) => value * eta)));
  }
  return sizes;
}

describe("adamMeanField", () => {
  test("ends at the minimum, where s is the noise of a batch", () => {
    const { point, gradientSize } = adamMeanField(base);
    const { minimum } = regressionMinimum({ ...problem, weightDecay: 0.1 });
    for (const [i, value] of point.entries()) close(value, minimum[i]!, 1e-12);
    const { gradientCovariance } = regressionStationary({
      ...{ ...base, batchSize: 4, sampling: "distinct" as const },
    });
    for (const [i, size] of gradientSize.entries()) {
      close(size ** 2, 0.2 * gradientCovariance[i]![i]!, 1e-12);
    }
  });

  test.each([0.01, 0.3, 2])("decoupled decay %f: the mean step vanishes", (decoupledDecay) => {
    const { point, gradientSize } = adamMeanField({ ...base, decoupledDecay });
    const mean = gradient(point, 0.1);
    for (const [i, value] of point.entries()) {
      const step = mean[i]! / (gradientSize[i]! + base.epsilon) + decoupledDecay * value;
      expect(Math.abs(step)).toBeLessThan(1e-10);
    }
    const free = adamMeanField(base).point;
    expect(Math.abs(point[0]!)).toBeLessThan(0.999 * Math.abs(free[0]!));
  });

  // Slow modes of both kinds: overdamped (η small, or no momentum) and oscillating.
  test.each([
    [0.0005, 0.9, 0],
    [0.003, 0, 0],
    [0.02, 0.9, 0],
    [0.0005, 0.9, 0.5],
  ])("relaxation at η = %f, β₁ = %f, w = %f is that of the mean steps", (eta, beta1, decay) => {
    const options = { ...base, learningRate: eta, beta1, decoupledDecay: decay };
    const { relaxation } = adamMeanField(options);
    const sizes = meanSteps(options, 8 * relaxation);
    // The envelope over the second half, oscillations included: largest values of two stretches.
    const stretch = Math.floor(2 * relaxation);
    const largest = (from: number) => Math.max(...sizes.slice(from, from + stretch));
    const measured = stretch / Math.log(largest(2 * stretch) / largest(3 * stretch));
    close(measured, relaxation, 0.1);
    const wrong = adamMeanField({ ...options, learningRate: 2 * eta }).relaxation;
    if (beta1 === 0) expect(Math.abs(measured / wrong - 1)).toBeGreaterThan(0.5);
  });

  test("stiffness 1 is where the mean steps begin to grow", () => {
    const { stiffness } = adamMeanField({ ...base, learningRate: 1 });
    for (const [share, grows] of [
      [0.98, false],
      [1.02, true],
    ] as const) {
      const sizes = meanSteps({ ...base, learningRate: share / stiffness }, 2000);
      expect(sizes[1999]! > sizes[999]!).toBe(grows);
    }
  });

  test("refuses what has no noise or does not fit", () => {
    expect(() => adamMeanField({ ...base, noiseFactor: 0 })).toThrow(
      /has no noise.*lower batchSize/,
    );
    expect(() => adamMeanField({ ...base, inputs: [1, 2, 3] })).toThrow(/3 inputs for 16 targets/);
    const flat = { inputs: [1, 1, 2, 2], targets: [1, 3], weightDecay: 0 };
    expect(() => adamMeanField({ ...base, ...flat })).toThrow(/minimum is not unique/);
  });
});
