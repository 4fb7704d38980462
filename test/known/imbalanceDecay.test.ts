/** The decay of two factors' imbalance: its rate against simulated steps, and the intercept of a polynomial. */
import { describe, expect, test } from "vitest";
import { type Estimate, polynomialIntercept } from "../../analysis/index.ts";
import { evaluate } from "../../engine/reference.ts";
import { factorPair } from "../../models/factorPair.ts";
import { gaussian, mulberry32 } from "../../models/mulberry.ts";
import { imbalanceDecay, imbalanceScale } from "../../models/theory/index.ts";

const CARD = { slope: 1, noise: 0.5, u: 1.5 };

describe("imbalanceDecay", () => {
  // Card 3B: rates over −η² of 20000 replicas, and their standard errors.
  test.each([
    [0.002, 1.0169, 0.0005],
    [0.005, 1.0412, 0.0008],
    [0.01, 1.0882, 0.001],
  ])("card 3B at learning rate %f", (learningRate, ratio, error) => {
    const { rate, continuousRate, remainder } = imbalanceDecay({ ...CARD, learningRate });
    expect(continuousRate).toBeCloseTo(-(learningRate ** 2), 15);
    const distance = Math.abs(rate / continuousRate - ratio);
    expect(distance).toBeLessThanOrEqual(3 * error + remainder);
    expect(distance).toBeLessThan(0.003);
    expect(ratio - 1, "continuous time misses").toBeGreaterThan(10 * error + remainder);
  });

  // 2·10⁵ steps about v = k at fixed Λ, in float64; E ln(1 − η²a²) of E a² = 4(s² + 3 Var v).
  test("the mean of ln(1 − η²a²) at stationary v", () => {
    const [eta, s] = [0.02, 0.8];
    const [u, k] = [0.7, 1.2];
    const uniform = mulberry32(3);
    const blocks: number[] = [];
    let v = k;
    const lambda = imbalanceScale({ slope: k, u }) / 3;
    for (let block = 0; block < 40; block += 1) {
      let sum = 0;
      for (let t = 0; t < 5000; t += 1) {
        const x = gaussian(uniform);
        const a = 2 * x * ((v - k) * x - s * gaussian(uniform));
        sum += Math.log(Math.abs(1 - (eta * a) ** 2)) / 5000;
        v -= eta * lambda * a;
      }
      blocks.push(sum);
    }
    const mean = blocks.reduce((sum, value) => sum + value, 0) / blocks.length;
    const error = Math.sqrt(
      blocks.reduce((sum, value) => sum + (value - mean) ** 2, 0) / blocks.length / 39,
    );
    const { rate, remainder } = imbalanceDecay({ learningRate: eta, slope: k, noise: s, u });
    expect(Math.abs(mean - rate)).toBeLessThanOrEqual(4 * error + remainder * Math.abs(rate));
    expect(error).toBeLessThan(0.02 * Math.abs(rate));
    // Negative control: without the fluctuations of v.
    expect(Math.abs(mean + 4 * (s * eta) ** 2)).toBeGreaterThan(
      4 * error + remainder * Math.abs(rate),
    );
  });

  test("refuses learning rates beyond the expansion", () => {
    expect(() => imbalanceDecay({ ...CARD, learningRate: 0.1 })).toThrow(
      "imbalanceDecay: learningRate 0.1 times 3(u² + w²) is 0.808, the expansion needs less than 0.5; " +
        "lower it below 0.0619.",
    );
  });
});

describe("polynomialIntercept", () => {
  const estimate = (value: number, standardError: number): Estimate => ({
    value,
    standardError,
    n: 10,
    method: "",
    warnings: [],
  });

  test("goes through as many points as it has coefficients, with Lagrange's weights", () => {
    // 2 − 3x + 5x² at 1, 2, 4; weights at 0 are 8/3, −2, 1/3.
    const y = [estimate(4, 0.1), estimate(16, 0.2), estimate(70, 0.3)];
    const found = polynomialIntercept([1, 2, 4], y, 2);
    expect(found.value).toBeCloseTo(2, 10);
    expect(found.standardError).toBeCloseTo(Math.hypot(0.8 / 3, 0.4, 0.1), 10);
    expect(found.n).toBe(10);
  });

  test("weighs points by their errors", () => {
    const y = [estimate(1, 0.1), estimate(3, 0.1), estimate(100, 1e6)];
    expect(polynomialIntercept([1, 2, 3], y, 1).value).toBeCloseTo(-1, 6);
    const mean = polynomialIntercept([1, 2], [estimate(1, 1), estimate(4, 2)], 0);
    expect(mean.value).toBeCloseTo((1 + 4 / 4) / (1 + 1 / 4), 12);
    expect(mean.standardError).toBeCloseTo(1 / Math.sqrt(1 + 1 / 4), 12);
    expect(polynomialIntercept([1, 2], [estimate(3, 0), estimate(5, 0)], 1)).toMatchObject({
      value: expect.closeTo(1, 12),
      standardError: 0,
    });
  });

  test("refuses too few points", () => {
    const y = [estimate(1, 1), estimate(2, 1)];
    expect(() => polynomialIntercept([1, 1], y, 1)).toThrow("2 or more different x");
    expect(() => polynomialIntercept([1], y, 0)).toThrow("1 x and 2 y");
  });
});

test("the model's loss, by hand", () => {
  const model = factorPair();
  const given = {
    params: { u: Float64Array.of(2), w: Float64Array.of(0.75) },
    sample: {},
    draws: { x: 3, epsilon: -1 },
    settings: { slope: 1, labelNoise: 0.5 },
  };
  const [loss, expected] = evaluate([model.loss, model.metrics.expectedLoss!], given);
  // 1.5·3 − (3 − 0.5) = 2
  expect(loss![0]).toBeCloseTo(4, 14);
  expect(expected![0]).toBeCloseTo(0.25 + 0.25, 14);
});
