/**
 * The law of balance: the Gamma law of two factors, the numbers of cards 3A and 3C, its correction for
 * finite steps against exact identities of the chain, thresholds and rates of the collapse.
 */
import { describe, expect, test } from "vitest";
import { ArgumentError } from "../../engine/errors.ts";
import {
  balanceCorrection,
  balanceLaw,
  collapseRate,
  collapseThreshold,
  criticalTemperature,
  gaussianDataMoments,
  type LabelNoiseNet,
  labelNoiseMoments,
  labelNoiseRegression,
  labelNoiseRelaxation,
  lineDensity,
} from "../../models/theory/index.ts";

const near = (value: number, expected: number, relative: number): void =>
  expect(Math.abs(value / expected - 1), `${value} for ${expected}`).toBeLessThan(relative);

describe("lineDensity", () => {
  test("moments of normal and exponential tails", () => {
    const normal = lineDensity((x) => -(x - 3) / 4, 0);
    const of = (f: (x: number) => number): number =>
      normal.x.reduce((sum, x, i) => sum + normal.weight[i]! * f(x), 0);
    near(
      of((x) => x),
      3,
      1e-12,
    );
    near(
      of((x) => (x - 3) ** 4),
      48,
      1e-12,
    );
    // p ∝ 1/cosh x: variance π²/4.
    const hyperbolic = lineDensity((x) => -Math.tanh(x), 1);
    const square = hyperbolic.x.reduce((sum, x, i) => sum + hyperbolic.weight[i]! * x * x, 0);
    near(square, Math.PI ** 2 / 4, 1e-12);
  });

  test("refuses a density without a peak", () => {
    expect(() => lineDensity(() => 1, 0)).toThrow(ArgumentError);
  });
});

describe("balanceLaw", () => {
  test("two factors under label noise: the Gamma law, up to the critical temperature", () => {
    for (const T of [1e-6, 0.01, 0.025, 0.045, 0.0499]) {
      const [k, s] = [0.05, 1];
      const law = balanceLaw({ depth: 1, temperature: T, data: labelNoiseMoments(k, s) });
      near(law.mean, k - T, 1e-6);
      near(law.variance, 2 * T * (k - T), 1e-3);
      if (T < 0.04) {
        near(law.mean, k - T, 1e-10);
        near(law.variance, 2 * T * (k - T), 1e-9);
        const shape = k / (2 * T) - 0.5;
        // Third central moment of a Gamma law: 2 shape scale³.
        const third = law.expectation((v) => (v - law.mean) ** 3);
        near(third, 2 * shape * (2 * T) ** 3, 1e-7);
      }
      expect(law.tailExponent).toBe(Infinity);
    }
  });

  test("card 3A: more factors", () => {
    const mean = (depth: number, temperature: number): number =>
      balanceLaw({ depth, temperature, data: labelNoiseMoments(0.05, 1) }).mean;
    const rounded = (depth: number, rates: readonly number[]): number[] =>
      rates.map((T) => Number(mean(depth, T).toFixed(5)));
    expect(rounded(2, [0.005, 0.01, 0.02, 0.05, 0.08])).toEqual([
      0.04645, 0.04316, 0.0373, 0.02448, 0.01661,
    ]);
    expect(rounded(3, [0.01, 0.03, 0.05, 0.08])).toEqual([0.04385, 0.03433, 0.02746, 0.02035]);
    const variances = [0.005, 0.01, 0.02, 0.05, 0.08].map((temperature) =>
      Number(
        balanceLaw({
          depth: 2,
          temperature,
          data: labelNoiseMoments(0.05, 1),
        }).variance.toFixed(6),
      ),
    );
    expect(variances).toEqual([0.00025, 0.000454, 0.000749, 0.001077, 0.001048]);
  });

  // Means and quantiles by Simpson's rule on 2·10⁶ points of ln v in [−150, 40] (SciPy); the card's own
  // agree with them to 5·10⁻⁴.
  test.each([
    [0.05, 0.93763083, [0.44901, 0.71736, 0.91074, 1.11838, 1.50182, 1.93957]],
    [0.1, 0.84493647, [0.18276, 0.53255, 0.80611, 1.08561, 1.60841, 2.28974]],
    [0.2, 0.58090512, [0.0009, 0.0991, 0.47125, 0.89906, 1.54404, 2.35417]],
  ])("Gaussian data, T = %f", (temperature, mean, quantiles) => {
    const law = balanceLaw({ depth: 1, temperature, data: gaussianDataMoments(1, 1) });
    near(law.mean, mean, 1e-8);
    [0.05, 0.25, 0.5, 0.75, 0.95, 0.99].forEach((p, i) => {
      expect(Math.abs(law.quantile(p) - quantiles[i]!)).toBeLessThan(3e-5 * (1 + quantiles[i]!));
    });
    expect(law.tailExponent).toBe(3.5);
    near(criticalTemperature(1, gaussianDataMoments(1, 1)), 1 / 3, 1e-14);
  });

  test("refuses what has no law", () => {
    const data = labelNoiseMoments(0.05, 1);
    const law =
      (depth: number, temperature: number, moments = data) =>
      () =>
        balanceLaw({ depth, temperature, data: moments });
    expect(law(1, 0.05)).toThrow(
      "balanceLaw: temperature 0.05 is not below the critical b2/a3 = 0.05",
    );
    expect(law(2, 0.5)).not.toThrow();
    expect(law(0, 0.01)).toThrow("balanceLaw: depth is 0; give a whole number >= 1.");
    expect(law(1, 0)).toThrow("balanceLaw: temperature is 0; give a number > 0.");
    expect(law(1, 0.01, labelNoiseMoments(-1, 1))).toThrow("have no law of v > 0");
    expect(law(1, 0.01, { ...data, a2: 1 })).toThrow("a2² <= a1 a3");
    expect(() => law(1, 0.01)().quantile(1)).toThrow(ArgumentError);
  });
});

describe("balanceCorrection", () => {
  test("two factors, noise ±1: the mean of E ln(1 − 2ηa) = 0 expanded by hand", () => {
    // −E a − ηE a² − (4/3)η²E a³ − 2η³E a⁴ = 0 with a = v − k − sξ and the Gamma law's variance.
    for (const [learningRate, slope, noise] of [
      [0.01, 0.05, 1],
      [0.3, 1, 1.2],
      [0.002, 3, 7],
    ] as const) {
      const net: LabelNoiseNet = { depth: 1, learningRate, slope, noise, noiseLaw: "sign" };
      const found = balanceCorrection(net);
      const T = learningRate * noise ** 2;
      near(found.mean, learningRate * T * (3 * T - 2 * slope), 1e-8);
    }
  });

  /** E f(u') − f(u) over a step, exact for both laws of noise (Gauss–Hermite of 3 points up to ξ⁵). */
  function drift(net: LabelNoiseNet, f: (v: number) => number): (v: number) => number {
    const nodes =
      net.noiseLaw === "sign"
        ? ([
            [-1, 0.5],
            [1, 0.5],
          ] as const)
        : ([
            [-Math.sqrt(3), 1 / 6],
            [0, 2 / 3],
            [Math.sqrt(3), 1 / 6],
          ] as const);
    return (v) => {
      const u = v ** (1 / (net.depth + 1));
      let sum = -f(v);
      for (const [xi, weight] of nodes) {
        const next = u - 2 * net.learningRate * (v - net.slope - net.noise * xi) * u ** net.depth;
        sum += weight * f(Math.abs(next) ** (net.depth + 1));
      }
      return sum;
    };
  }

  // A stationary chain has E[f(u') − f(u)] = 0 for every f. At fixed ηs²/k the continuous law leaves
  // O(η²) of it, the corrected one O(η³): halving η must divide by 4 and by 8.
  test.each<[number, "sign" | "normal"]>([
    [1, "sign"],
    [1, "normal"],
    [2, "sign"],
    [2, "normal"],
    [3, "sign"],
    [5, "normal"],
  ])("takes the chain's stationarity one order further, D = %i, %s", (depth, noiseLaw) => {
    const [k, ratio] = [0.05, 0.4];
    const residuals = [0.008, 0.004].map((large) => {
      const epsilon = depth > 2 ? large / 16 : large;
      const learningRate = epsilon / k;
      const noise = Math.sqrt((ratio * k) / learningRate);
      const net: LabelNoiseNet = { depth, learningRate, slope: k, noise, noiseLaw };
      const found = balanceCorrection(net);
      const of = drift(net, (v) => v * v);
      return { continuous: found.law.expectation(of), corrected: found.expectation(of) };
    });
    const [a, b] = residuals as [(typeof residuals)[0], (typeof residuals)[0]];
    expect(Math.abs(a.continuous / b.continuous - 4)).toBeLessThan(0.4);
    expect(Math.abs(a.corrected / b.corrected - 8)).toBeLessThan(1);
    expect(Math.abs(a.corrected)).toBeLessThan(0.2 * Math.abs(a.continuous));
  });

  // Float64 chains of 4000 replicas over 30000 steps after 10000 (NumPy): relative deviation of the mean
  // from the continuous law and its standard error.
  test.each<[Omit<LabelNoiseNet, "noise">, number, number, number]>([
    [{ depth: 3, learningRate: 0.6, slope: 0.05, noiseLaw: "sign" }, 0.8, -0.0246, 0.0006],
    [{ depth: 2, learningRate: 0.01, slope: 1, noiseLaw: "sign" }, 0.3, -0.0259, 0.0007],
    [{ depth: 1, learningRate: 0.6, slope: 0.05, noiseLaw: "sign" }, 0.6, -0.021, 0.001],
  ])("bounds what it leaves out: %o", (net, ratio, deviation, error) => {
    const noise = Math.sqrt((ratio * net.slope) / net.learningRate);
    const { law, mean, meanRemainder } = balanceCorrection({ ...net, noise });
    const distance = Math.abs(mean / law.mean - deviation);
    expect(distance).toBeLessThanOrEqual(4 * error + meanRemainder / law.mean);
    // Negative control: four times the correction is outside.
    if (net.depth > 1) {
      expect(Math.abs((4 * mean) / law.mean - deviation)).toBeGreaterThan(
        4 * error + meanRemainder / law.mean,
      );
    }
  });
});

describe("the collapse of two factors", () => {
  test("noise ±1: the rate changes sign at k/(s² − k²), near the continuous k/s²", () => {
    const [slope, noise] = [0.05, 1];
    const edge = collapseThreshold(slope, noise);
    near(edge, 0.05 / (1 - 0.0025), 1e-12);
    const rate = (learningRate: number): number =>
      collapseRate({ learningRate, slope, noise, noiseLaw: "sign" });
    expect(Math.abs(rate(edge))).toBeLessThan(1e-15);
    expect(rate(0.999 * edge)).toBeGreaterThan(0);
    expect(rate(1.001 * edge)).toBeLessThan(0);
    near(rate(1e-4), 4e-4 * (0.05 - 1e-4), 1e-4);
    expect(collapseThreshold(1, 0.5)).toBe(Infinity);
  });

  test("normal noise: both formulas of E ln|1 + 2η(k + sξ)| against a fine midpoint sum", () => {
    for (const [learningRate, noise] of [
      [0.01, 1],
      [0.0109, 1.02],
      [0.3, 1],
      [2, 3],
    ] as const) {
      const slope = 0.05;
      let [sum, norm] = [0, 0];
      const h = 1 / 40_000;
      for (let z = -9 + h / 2; z < 9; z += h) {
        const weight = Math.exp(-0.5 * z * z);
        sum += weight * Math.log(Math.abs(1 + 2 * learningRate * (slope + noise * z)));
        norm += weight;
      }
      const exact = collapseRate({ learningRate, slope, noise, noiseLaw: "normal" });
      // The midpoint rule misses an integrable logarithm by less than its cell.
      expect(Math.abs(exact - (2 * sum) / norm)).toBeLessThan(4 * h);
    }
  });

  test("relaxation: the pull at small noise, the free end of the spectrum near the threshold", () => {
    const relaxation = (learningRate: number): number => {
      const net = { depth: 1, learningRate, slope: 0.05, noise: 1, noiseLaw: "sign" } as const;
      return labelNoiseRelaxation(net, balanceCorrection(net).law);
    };
    near(relaxation(1e-4), 1 / (4e-4 * 0.0499), 1e-6);
    near(relaxation(0.04), 2 / 0.01 ** 2, 1e-6);
  });
});

test("one factor: an autoregressive process of share 1 − 2η", () => {
  const { mean, variance, relaxation } = labelNoiseRegression({
    learningRate: 0.2,
    slope: 0.05,
    noise: 3,
  });
  expect(mean).toBe(0.05);
  near(variance, (0.4 ** 2 * 9) / (1 - 0.6 ** 2), 1e-12);
  near(relaxation, -1 / Math.log(0.6), 1e-12);
  const at = (learningRate: number) => () =>
    labelNoiseRegression({ learningRate, slope: 1, noise: 1 });
  expect(at(1)).toThrow("unstable, learningRate 1 is not between 0 and 1");
});
