/** Mean squared displacement of mode sums: card B4's numbers, the recurrence, limits. */
import { describe, expect, test } from "vitest";
import { logLogSlope } from "../../analysis/index.ts";
import { logarithmicLags } from "../../engine/observe/displacement.ts";
import {
  diffusionExponent,
  heavyBallMode,
  type ModeSum,
  modeDiffusion,
  modeDisplacement,
} from "../../models/theory/index.ts";

const card: ModeSum = {
  learningRate: 0.1,
  momentum: 0,
  modes: 100_000,
  spectrumExponent: 2,
  noiseExponent: 1,
  noiseAmplitude: 1,
};

describe("card B4", () => {
  test("mean squares at 10³, 10⁴, 10⁵ and of a step", () => {
    const { meanSquare, local } = modeDiffusion(card, [1, 1000, 10_000, 100_000]);
    const [one, ...rest] = meanSquare;
    expect(rest.map((value) => value.toPrecision(6))).toEqual(["1.73064", "5.56243", "17.6730"]);
    expect(local.toPrecision(6)).toBe("0.0170172");
    expect(one).toBeCloseTo(local, 12);
  });

  test.each([
    [{}, 0.5042, 0.5],
    [{ spectrumExponent: 1.5 }, 0.6593, 2 / 3],
    [{ spectrumExponent: 4 }, 0.268, 0.25],
    [{ noiseExponent: 0 }, 0.9998, 1],
    [{ noiseExponent: 1.3 }, 0.24, 0.2],
    [{ momentum: 0.9, learningRate: 0.05 }, 0.5024, 0.5],
  ])("slope between 10³ and 10⁵ for %o", (change, slope, asymptotic) => {
    const sum = { ...card, ...change };
    const lags = logarithmicLags({ from: 1000, to: 100_000, perDecade: 10 });
    const got = logLogSlope(lags, modeDiffusion(sum, lags).meanSquare).value;
    // The card has as many digits; the slope is that of a fit with 10 lags a decade.
    expect(got).toBeCloseTo(slope, slope === 0.268 || slope === 0.24 ? 3 : 4);
    expect(diffusionExponent(sum)!.exponent).toBeCloseTo(asymptotic, 12);
  });

  test("400 modes with momentum", () => {
    const sum = { ...card, modes: 400, momentum: 0.9, learningRate: 0.05 };
    const { meanSquare } = modeDiffusion(sum, [10, 30, 100, 300, 1000, 3000, 10_000]);
    expect(meanSquare.map((value) => Number(value.toPrecision(6)))).toEqual([
      1.22312, 2.7761, 5.82084, 10.3466, 18.9123, 32.1933, 56.2076,
    ]);
  });
});

describe("one mode", () => {
  // C(k + 1) = (1 + β − ηk) C(k) − β C(k − 1).
  const byRecurrence = (learningRate: number, momentum: number, curvature: number, lag: number) => {
    const trace = 1 + momentum - learningRate * curvature;
    let [before, now] = [1, trace / (1 + momentum)];
    for (let k = 1; k < lag; k += 1) [before, now] = [now, trace * now - momentum * before];
    const mode = heavyBallMode({ learningRate, momentum, curvature, noiseVariance: 0.7 });
    return 2 * mode.positionVariance * (1 - now);
  };

  test.each([
    [0.1, 0, 1],
    [1.7, 0, 1],
    [0.1, 0.9, 1],
    [0.01, 0.9, 0.02],
    [0.1, 0.5, 27],
    // Next to critical damping, (1 − √β)², on both sides.
    [(1 - Math.sqrt(0.9)) ** 2, 0.9, 1],
    [0.9999 * (1 - Math.sqrt(0.9)) ** 2, 0.9, 1],
    [0.99 * (1 - Math.sqrt(0.9)) ** 2, 0.9, 1],
    [1.0001 * (1 - Math.sqrt(0.9)) ** 2, 0.9, 1],
    [1, 0.999, 1e-8],
  ])("η = %d, β = %d, k = %d obeys the recurrence", (learningRate, momentum, curvature) => {
    for (const lag of [1, 2, 3, 10, 57, 300]) {
      const options = { learningRate, momentum, curvature, noiseVariance: 0.7 };
      const exact = byRecurrence(learningRate, momentum, curvature, lag);
      // The recurrence loses digits where 1 − C is small.
      const lost = (1e-15 * lag * 100) / (learningRate * curvature);
      const got = modeDisplacement(options, lag);
      expect(Math.abs(got / exact - 1)).toBeLessThan(1e-9 + lost);
    }
  });

  test("a mode that hardly moves keeps its digits: η² Var v of a step", () => {
    const options = { learningRate: 0.1, momentum: 0.9, curvature: 1e-12, noiseVariance: 1 };
    const { velocityVariance } = heavyBallMode(options);
    expect(modeDisplacement(options, 1) / (0.01 * velocityVariance)).toBeCloseTo(1, 9);
  });

  test("weight decay adds to the curvature; long lags reach the saturation", () => {
    const sum = { ...card, modes: 5, weightDecay: 0.3 };
    const { meanSquare, saturation } = modeDiffusion(sum, [5000]);
    expect(meanSquare[0]).toBeCloseTo(saturation, 9);
    const mode = { learningRate: 0.1, momentum: 0, noiseVariance: 1 };
    expect(modeDisplacement({ ...mode, curvature: 1, weightDecay: 0.3 }, 7)).toBeCloseTo(
      modeDisplacement({ ...mode, curvature: 1.3 }, 7),
      14,
    );
  });
});

test("the range of the exponent, and where there is none", () => {
  const { from, to } = diffusionExponent({ ...card, modes: 100, momentum: 0.9 })!;
  expect(from).toBeCloseTo(1, 12);
  expect(to).toBeCloseTo(10_000, 8);
  expect(diffusionExponent({ ...card, noiseExponent: 1.5 })).toBeNull();
  const between = modeDiffusion(card, [300, 1000, 3000]).meanSquare;
  expect(logLogSlope([300, 1000, 3000], between).value).toBeCloseTo(0.5, 1);
  expect(() => modeDiffusion({ ...card, learningRate: 2 }, [1])).toThrow("unstable");
  expect(() => modeDiffusion({ ...card, modes: 0 }, [1])).toThrow("0 modes");
});
