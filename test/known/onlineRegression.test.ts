/**
 * Theory of online regression: the numbers of card B2, the closed form against the moment map it
 * solves, and fourth moments against a closed form and against the definition.
 */
import { Matrix, solve } from "ml-matrix";
import { describe, expect, test } from "vitest";
import { ArgumentError } from "../../engine/errors.ts";
import { evaluate } from "../../engine/reference.ts";
import { gaussian, mulberry32 } from "../../models/mulberry.ts";
import { onlineRegressionModel } from "../../models/onlineRegression.ts";
import { momentMatrix } from "../../models/theory/gaussianInputMoments.ts";
import {
  inputVariance,
  type OnlineRegressionOptions,
  onlineFourthMomentRadius,
  onlineRegression,
  secondMomentMatrix,
} from "../../models/theory/onlineRegression.ts";
import { spectralRadius } from "../../models/theory/spectralRadius.ts";

const CARD: OnlineRegressionOptions = {
  inputVariances: [1, 0.1],
  learningRate: 0.1,
  momentum: 0.9,
  batchSize: 16,
  labelNoise: 1,
};

/** Settings nobody tuned: small and large rates, no momentum, decay, one to four inputs. */
const SETTINGS: readonly OnlineRegressionOptions[] = [
  CARD,
  { ...CARD, learningRate: 1e-5 },
  { ...CARD, learningRate: 0.9, labelNoise: 3 },
  { ...CARD, momentum: 0, batchSize: 2, weightDecay: 0.3 },
  {
    ...CARD,
    inputVariances: [2, 1, 1, 0.01],
    weightDecay: 0.05,
    momentum: 0.99,
    learningRate: 0.01,
  },
  { inputVariances: [1.3], learningRate: 0.2, momentum: 0.5, batchSize: 1, labelNoise: 0.2 },
];

describe("stationary second moments", () => {
  test("are the card's", () => {
    const exact = onlineRegression(CARD);
    const rounded = (values: readonly number[]): number[] =>
      values.map((x) => Number(x.toFixed(6)));
    expect(rounded(exact.positionVariance)).toEqual([0.034408, 0.032615]);
    expect(rounded(exact.velocityVariance)).toEqual([0.362188, 0.034331]);
    expect(rounded(exact.additiveVariance)).toEqual([0.032095, 0.031332]);
    expect(rounded(exact.isotropicVariance)).toEqual([0.03125, 0.03125]);
    const slow = onlineRegression({ ...CARD, learningRate: 0.02 });
    expect(rounded(slow.positionVariance)).toEqual([0.006367, 0.006301]);
    expect(rounded(slow.isotropicVariance)).toEqual([0.00625, 0.00625]);
    const ratio = exact.positionVariance[0]! / exact.positionVariance[1]!;
    expect(ratio.toFixed(3)).toBe("1.055");
  });

  test.each(SETTINGS)("solve the moment map: %o", (options) => {
    const exact = onlineRegression(options);
    const { inputVariances: h, learningRate: eta, batchSize, labelNoise } = options;
    const map = new Matrix(secondMomentMatrix(options));
    const noise = h.map((hi) => (labelNoise ** 2 * hi) / batchSize);
    const source = noise.flatMap((n) => [eta * eta * n, eta * n, n]);
    const identity = Matrix.eye(map.rows, map.rows);
    const moments = solve(Matrix.sub(identity, map), Matrix.columnVector(source)).to1DArray();
    h.forEach((hi, i) => {
      const { positionVariance, covariance, velocityVariance, excess } = exact;
      const expected = [positionVariance[i]!, covariance[i]!, velocityVariance[i]!];
      expected.forEach((value, k) => {
        expect(Math.abs(moments[3 * i + k]! / value - 1)).toBeLessThan(1e-8);
      });
      expect(inputVariance(options, excess, hi)).toBe(positionVariance[i]);
    });
    const tr = h.reduce((sum, hi, i) => sum + hi * moments[3 * i]!, 0);
    expect(Math.abs(tr / exact.excess - 1)).toBeLessThan(1e-8);
  });

  test("the radius is that of the eigenvalues, and the general map's of degree two", () => {
    for (const options of SETTINGS) {
      const noise = { weightDecay: 0, ...options };
      const general = momentMatrix(noise, 2);
      const special = secondMomentMatrix(options);
      special.forEach((row, i) => {
        row.forEach((value, j) => {
          expect(Math.abs(value - general[i]![j]!)).toBeLessThan(1e-12);
        });
      });
      const radius = spectralRadius(special);
      expect(radius).toBe(onlineRegression(options).momentRadius);
      // det(M − ρ) = 0, by inverse iteration: |(M − ρ)⁻¹ b| is huge.
      const shifted = new Matrix(special).sub(Matrix.eye(special.length, special.length, radius));
      const ones = Matrix.ones(special.length, 1);
      const found = solve(
        Matrix.add(shifted, Matrix.eye(special.length, special.length, 1e-9)),
        ones,
      );
      expect(found.norm()).toBeGreaterThan(1e6);
    }
  });

  test("exist up to the edge: σ enters as σ², and beyond it is refused", () => {
    const edge = (learningRate: number) => () => onlineRegression({ ...CARD, learningRate });
    expect(edge(1.1)().excess).toBeGreaterThan(0);
    expect(edge(1.2)).toThrow(ArgumentError);
    expect(edge(1.2)).toThrow(/second moments grow by 1\.0\d+ per step at learningRate 1\.2/);
    const louder = onlineRegression({ ...CARD, labelNoise: 3 }).positionVariance[1]!;
    expect(louder / onlineRegression(CARD).positionVariance[1]!).toBeCloseTo(9, 12);
  });
});

describe("fourth moments", () => {
  test("of one input without momentum: E(1 − ηhR/S)⁴ with the moments of χ²", () => {
    const [h, S, x] = [1.3, 3, 0.26];
    const exact =
      1 -
      4 * x +
      (6 * x ** 2 * (S + 2)) / S -
      (4 * x ** 3 * (S + 2) * (S + 4)) / S ** 2 +
      (x ** 4 * (S + 2) * (S + 4) * (S + 6)) / S ** 3;
    const options = {
      ...CARD,
      inputVariances: [h],
      learningRate: x / h,
      momentum: 0,
      batchSize: S,
    };
    expect(onlineFourthMomentRadius(options)).toBeCloseTo(exact, 9);
  });

  // 4·10⁵ samples, fixed seed; 19 comparisons at 4 standard errors: false alarm 1e-3.
  test("are those of simulated steps from a fixed state", () => {
    const noise = {
      inputVariances: [1, 0.4],
      learningRate: 0.3,
      momentum: 0.6,
      weightDecay: 0.1,
      batchSize: 2,
    };
    const start = [0.7, -0.4, 1.1, 0.5];
    const normal = (() => {
      const uniform = mulberry32(5);
      return () => gaussian(uniform);
    })();
    const monomials: number[][] = [];
    const squares = [
      [0, 0],
      [0, 1],
      [1, 1],
      [2, 2],
      [2, 3],
      [3, 3],
    ];
    const seen = new Set<string>();
    for (const a of squares) {
      for (const b of squares) {
        const key = [...a, ...b].sort((x, y) => x - y);
        if (!seen.has(key.join())) monomials.push(key);
        seen.add(key.join());
      }
    }
    const of = (z: readonly number[], m: readonly number[]): number =>
      m.reduce((value, k) => value * z[k]!, 1);
    const rows = momentMatrix(noise, 4);
    const state = monomials.map((m) => of(start, m));
    const samples = 400_000;
    const sums = monomials.map(() => [0, 0]);
    for (let n = 0; n < samples; n += 1) {
      const u = [0, 0];
      for (let s = 0; s < noise.batchSize; s += 1) {
        const x = noise.inputVariances.map((h) => Math.sqrt(h) * normal());
        const output = x[0]! * start[0]! + x[1]! * start[2]!;
        x.forEach((xi, i) => {
          u[i]! += (xi * output) / noise.batchSize;
        });
      }
      const z = [0, 1].flatMap((i) => {
        const [e, v] = [start[2 * i]!, start[2 * i + 1]!];
        const next = noise.momentum * v - noise.weightDecay * e - u[i]!;
        return [e + noise.learningRate * next, next];
      });
      monomials.forEach((m, k) => {
        const value = of(z, m);
        sums[k]![0]! += value / samples;
        sums[k]![1]! += value ** 2 / samples;
      });
    }
    let wrong = 0;
    sums.forEach(([mean, square], k) => {
      const exact = rows[k]!.reduce((sum, value, j) => sum + value * state[j]!, 0);
      const error = Math.sqrt((square! - mean! ** 2) / samples);
      expect(Math.abs(mean! - exact), monomials[k]!.join()).toBeLessThanOrEqual(4 * error);
      if (Math.abs(mean! - 1.1 * exact) > 4 * error) wrong += 1;
    });
    expect(wrong, "negative control: 10 % are seen").toBeGreaterThan(monomials.length / 2);
  });

  test("cease to exist before the second do", () => {
    const at = (learningRate: number): number =>
      onlineFourthMomentRadius({ ...CARD, learningRate });
    expect(at(0.1)).toBeLessThan(0.9);
    expect(at(0.8)).toBeLessThan(1);
    expect(at(1)).toBeGreaterThan(1);
    expect(onlineRegression({ ...CARD, learningRate: 1 }).momentRadius).toBeLessThan(1);
  });
});

describe("refuses", () => {
  const ERRORS: readonly (readonly [Partial<OnlineRegressionOptions>, string])[] = [
    [{ inputVariances: [] }, "onlineRegression: inputVariances has 0 numbers; give 1 to 8."],
    [{ inputVariances: [1, 0] }, "onlineRegression: inputVariances holds 0; give numbers > 0."],
    [{ learningRate: 0 }, "onlineRegression: learningRate is 0; give a number > 0."],
    [{ momentum: 1 }, "onlineRegression: momentum is 1; it must be in [0, 1)."],
    [{ batchSize: 1.5 }, "onlineRegression: batchSize is 1.5; give a whole number >= 1."],
    [{ labelNoise: -1 }, "onlineRegression: labelNoise is -1; give a number >= 0."],
    [{ weightDecay: -1 }, "onlineRegression: weightDecay is -1; give a number >= 0."],
  ];
  test.each(ERRORS)("%o", (change, message) => {
    expect(() => onlineRegression({ ...CARD, ...change })).toThrow(message);
    expect(() => onlineFourthMomentRadius({ ...CARD, ...change })).toThrow(ArgumentError);
  });
});

test("the model's loss and expected loss, by hand", () => {
  const model = onlineRegressionModel([4, 0.25]);
  const given = {
    params: { theta: Float64Array.of(0.5, -2) },
    sample: {},
    draws: { x: Float64Array.of(1, 3), xi: -1 },
    settings: { labelNoise: 0.5 },
  };
  // x·θ = 2·1·½ − ½·3·2 = −2; (−2 − ½)²/2.
  const [loss, expected] = evaluate([model.loss, model.metrics.expectedLoss!], given);
  expect(loss![0]).toBeCloseTo(3.125, 14);
  expect(expected![0]).toBeCloseTo(0.5 * (1 + 1 + 0.25), 14);
  expect(() => onlineRegressionModel([1, -1])).toThrow("inputVariances are [1, -1]");
});
