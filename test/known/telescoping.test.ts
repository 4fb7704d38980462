/**
 * The telescoping identity of a float64 trajectory, to rounding: every setting of SGD, with and
 * without a center, on a network with weight decay and gradient noise. Rounding of T = 400 steps is
 * about √T·10⁻¹⁶ of the terms' size; 10⁻¹² is asked for. Negative control: η wrong by 10 %.
 */
import { describe, expect, test } from "vitest";
import { telescopingError, telescopingResidual } from "../../analysis/telescoping.ts";
import { gaussian } from "../../engine/initial.ts";
import type { MomentsRecord } from "../../engine/record.ts";
import { referenceTrajectory } from "../../engine/referenceTrajectory.ts";
import type { SamplingLaw } from "../../engine/sampling.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { digits } from "../../models/digits.ts";
import { tanhClassifier } from "../../models/digitsClassifiers.ts";
import { momentsOf } from "../trajectories.ts";

const T = 400;

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, x, i) => sum + x * b[i]!, 0);

interface Rate {
  readonly learningRate: number;
  readonly momentum?: number;
  readonly dampening?: number;
}

/** A trajectory's sums, from v = 0 or, continued, from wherever it was after 50 steps. */
function sumsOf(rate: Rate, sampling: SamplingLaw, center: number) {
  const data = digits({ seed: 1 }).train;
  const model = tanhClassifier(2);
  const request = {
    model,
    data,
    rule: sgd({ ...rate, batchSize: 4, weightDecay: 0.02, gradientNoise: 0.05 }),
    sampling,
    initial: gaussian({ standardDeviation: 0.3 })(model),
    lane: { seed: 3, condition: 0, replica: 1 },
  };
  const start = referenceTrajectory({ ...request, steps: 50 });
  const c = new Float64Array(model.parameterCount).fill(center);
  let thetaG = 0;
  let magnitude = 0;
  let velocitySquare = 0;
  const end = referenceTrajectory({
    ...request,
    steps: T,
    from: start,
    onStep: ({ theta, gradient, velocity, step }) => {
      const product = dot(
        theta.map((x, p) => x - c[p]!),
        gradient,
      );
      thetaG += product;
      magnitude += Math.abs(product);
      if (step > start.step) velocitySquare += dot(velocity, velocity);
    },
  });
  velocitySquare += dot(end.velocity, end.velocity);
  return { thetaG, magnitude, velocitySquare, start, end, center: c };
}

describe("the telescoping identity in float64", () => {
  test.each([
    [{ learningRate: 0.3 }, "distinct", 0],
    [{ learningRate: 0.05, momentum: 0.9 }, "withReplacement", 0],
    [{ learningRate: 0.05, momentum: 0.9, dampening: 0.9 }, "reshuffled", 1],
    [{ learningRate: 0.2, momentum: 0.5, dampening: 0.5 }, "sequential", -2],
    [{ learningRate: 0.2, dampening: 0.25 }, "symmetric", 0.3],
  ] as const)("%o, %s, c = %f", (rate, sampling, center) => {
    const sums = sumsOf(rate, sampling, center);
    expect(Math.abs(telescopingResidual(sums, rate))).toBeLessThanOrEqual(1e-12);
    const wrong = { ...rate, learningRate: 1.1 * rate.learningRate };
    expect(Math.abs(telescopingResidual(sums, wrong))).toBeGreaterThan(1e-4);
  });
});

/** z = (x, v, g) of one parameter under v' = −G, x' = x + ηv' with given gradients. */
function record(
  eta: number,
  gradients: readonly number[],
): { record: MomentsRecord; x: number[]; v: number[] } {
  const x = [2];
  const v = [0.5];
  const flat: number[] = [];
  for (const [t, g] of gradients.entries()) {
    flat.push(x[t]!, v[t]!, g);
    v.push(0.25 * v[t]! - g);
    x.push(x[t]! + eta * v[t + 1]!);
  }
  const names = ["x", "v.x", "g.x"];
  return { record: momentsOf([[Float64Array.from(flat)]], names, [0], [1, 0.1, 0.2]), x, v };
}

describe("telescopingError of a record", () => {
  const eta = 0.5;
  const gradients = [1, -2, 0.5, 3, -1, -1, 2, 0.25];
  const made = record(eta, gradients);
  const states = (t: number) => {
    const axes = [1, 1, 1].map((length) => ({ name: "", length }));
    const field = (value: number) => ({ axes, data: Float64Array.of(value), unit: "" });
    return { theta: field(made.x[t]!), velocity: field(made.v[t]!) };
  };
  const choice = {
    learningRate: eta,
    momentum: 0.25,
    steps: gradients.length,
    start: states(0),
    end: states(gradients.length),
  };

  test("is rounding for any center, from moments about any reference", () => {
    for (const center of [[0], [1.7], [-30]]) {
      const error = telescopingError(made.record, { ...choice, center });
      expect(error.value).toBeLessThan(1e-14);
      expect(error).toMatchObject({ standardError: 0, n: 1, warnings: [] });
    }
  });

  test("sees a wrong rate, momentum, end, and a missing step", () => {
    const value = (change: object) => telescopingError(made.record, { ...choice, ...change }).value;
    expect(value({ learningRate: 0.55 })).toBeGreaterThan(0.01);
    expect(value({ momentum: 0.3 })).toBeGreaterThan(0.001);
    expect(value({ end: states(7) })).toBeGreaterThan(0.01);
    expect(() => value({ steps: 7 })).toThrow(/8 records, one in 1 steps, for 7 steps/);
    expect(() => value({ coordinates: ["y"] })).toThrow(/no coordinate "y"/);
  });

  test("refuses settings that are none", () => {
    expect(() => telescopingError(made.record, { ...choice, learningRate: 0 })).toThrow(
      /learningRate 0/,
    );
    expect(() => telescopingError(made.record, { ...choice, momentum: 1 })).toThrow(/momentum 1/);
  });
});
