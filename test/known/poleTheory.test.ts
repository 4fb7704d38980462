/**
 * Theory of projected SGD on directions (cards 1C, 1D, 1F): series, moments about the pole, negentropy,
 * random products on the projective line, the orbit of reflections.
 */
import { Matrix } from "ml-matrix";
import { describe, expect, test } from "vitest";
import { equatorialPair, polarDirections, randomDirections } from "../../models/directions.ts";
import {
  directionExponent,
  directionGrowth,
  poleFrame,
  poleMoments,
  poleNoise,
  reflectionOrbit,
  signalBounds,
  signalToNoise,
  squareDecay,
} from "../../models/theory/index.ts";
import { negentropy } from "../../models/theory/standardizedCumulants.ts";
import { monomialCount, seriesAlgebra } from "../../models/theory/truncatedSeries.ts";

const UP = poleFrame(polarDirections(3, 0.2));
const PAIR = equatorialPair(30).map(([a, b]) => [a, b] as const);

/** One step of projected SGD. */
function step(x: readonly number[], a: readonly number[], eta: number): number[] {
  const p = x.reduce((sum, value, k) => sum + value * a[k]!, 0);
  const y = x.map((value, k) => value - 2 * eta * p * (a[k]! - p * value));
  const length = Math.hypot(...y);
  return y.map((value) => value / length);
}

describe("seriesAlgebra", () => {
  test("a power is that of the number, up to the degree", () => {
    const { sum, constant, variable, power, product, exponents } = seriesAlgebra(2, 6);
    expect(exponents.length).toBe(monomialCount(2, 6));
    const a = sum([2, constant(1)], [0.3, variable(0)], [-0.2, product(variable(0), variable(1))]);
    const at = (series: Float64Array, x: number, y: number): number =>
      exponents.reduce((total, [i, j], k) => total + series[k]! * x ** i! * y ** j!, 0);
    for (const r of [0.5, -1, -0.5]) {
      const error = (scale: number): number =>
        Math.abs(at(power(a, r), scale, scale) - at(a, scale, scale) ** r);
      expect(error(0.1)).toBeLessThan(1e-9);
      // Cut beyond degree 6: the error falls at least as the seventh power.
      expect(error(0.2) / error(0.4)).toBeLessThan(1.3 * 2 ** -7);
    }
  });
});

describe("poleFrame", () => {
  test("M is diagonal, the pole last; what is there already stays", () => {
    const { directions, eigenvalues } = poleFrame(randomDirections(9, 4, 1));
    for (let j = 0; j < 4; j += 1) {
      for (let k = 0; k < 4; k += 1) {
        const mean = directions.reduce((sum, a) => sum + a[j]! * a[k]!, 0) / 9;
        expect(Math.abs(mean - (j === k ? eigenvalues[j]! : 0))).toBeLessThan(1e-14);
      }
    }
    expect([...eigenvalues].sort((a, b) => b - a)).toEqual(eigenvalues);
    expect(UP.directions[0]!.map((x) => x * Math.sqrt(1.04))).toEqual([1, 0, 0.2]);
    const op = poleFrame(randomDirections(2, 4, 1));
    expect(op.eigenvalues.slice(2)).toEqual([0, 0]);
    expect(op.directions.every((a) => a[2] === 0 && a[3] === 0)).toBe(true);
  });
  test("refuses vectors that are none", () => {
    expect(() => poleFrame([])).toThrow("0 directions");
    expect(() =>
      poleFrame([
        [1, 0],
        [0, 0],
      ]),
    ).toThrow("none of them zero");
    expect(() =>
      poleFrame([
        [1, 0, 0],
        [0, 1],
      ]),
    ).toThrow("of 3, 2 components");
  });
});

describe("poleMoments", () => {
  test("card 1C: constants of the minimum", () => {
    const noise = poleNoise(UP);
    expect(noise.minimum).toBeCloseTo(1 / 26, 15);
    expect(noise.curvatures.map((h) => h.toFixed(6))).toEqual(["0.884615", "0.884615"]);
    expect((noise.noise / 2).toFixed(7)).toBe("0.0739645");
    expect(noise.temperatureSlope.toFixed(7)).toBe("0.0369822");
  });

  // Card 1C: η, U and its standard error, rms SNR, as simulated there.
  test.each([
    [0.001, 0.03849843, 27e-8, 0.021],
    [0.01, 0.0388377, 9e-7, 0.0668],
    [0.03, 0.0396013, 16e-7, 0.1154],
    [0.1, 0.0424724, 41e-7, 0.2111],
    [0.3, 0.052565, 12e-6, null],
    [0.5, 0.065447, 17e-6, null],
  ])("card 1C at η = %f", (eta, U, error, signal) => {
    const exact = poleMoments(UP, eta);
    expect(Math.abs(1 / 26 + exact.excess - U)).toBeLessThan(4 * error);
    expect(exact.errors.excess).toBeLessThan(1e-4);
    if (signal !== null)
      expect(Math.abs(Math.sqrt(exact.signalSquare) / signal - 1)).toBeLessThan(0.01);
    // What small rates say is further off, from 0.1 on.
    if (eta >= 0.1)
      expect(Math.abs(poleNoise(UP).temperatureSlope * eta - exact.excess)).toBeGreaterThan(
        40 * error,
      );
  });

  test("small rates: U − U₀ = η tr C/4, dU/dS = η tr C/(2m), also with unequal curvatures", () => {
    for (const frame of [UP, poleFrame(randomDirections(8, 4, 3))]) {
      const { noise, temperatureSlope } = poleNoise(frame);
      const [a, b] = [poleMoments(frame, 1e-4), poleMoments(frame, 1.02e-4)];
      expect(Math.abs(a.excess / (1e-4 * noise) - 1 / 4)).toBeLessThan(2e-4);
      const T = (b.excess - a.excess) / (b.entropy - a.entropy);
      expect(Math.abs(T / (temperatureSlope * 1.01e-4) - 1)).toBeLessThan(2e-3);
    }
  });

  test("⟨y·∇L⟩ = (η/2)⟨|g|²⟩ + …: moments are those of a long float64 chain", () => {
    const eta = 0.2;
    let x = [0.1, 0.2, 0.97];
    let state = 12345;
    let total = 0;
    let area = 0;
    const steps = 400_000;
    for (let t = 0; t < steps; t += 1) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      x = step(x, UP.directions[Math.floor((state / 2 ** 32) * 3)]!, eta);
      total += (0.5 / 1.04 - 0.04 / 1.04) * (x[0]! ** 2 + x[1]! ** 2);
      area -= Math.log(Math.abs(x[2]!)) / steps;
    }
    const { excess, entropy, negentropy: below } = poleMoments(UP, eta);
    // S = S of a Gaussian − J + the tangent plane's stretch, as a threefold symmetric law has equal variances.
    const variance = total / steps / (2 * (0.46 / 1.04));
    const S = Math.log(2 * Math.PI * Math.E * variance) - below + area;
    // Relative error of the variance, of m = 2 dimensions halved twice: that of S.
    const error = 4 * Math.sqrt(2 / (2 * 0.177 * steps));
    expect(Math.abs(S - entropy)).toBeLessThan(error);
    expect(2 * area, "a wrong sign of the stretch would be seen").toBeGreaterThan(1.2 * error);
    // Standard error: √(2τ/steps) of a nearly exponential law, τ = 1/(2ηh).
    expect(Math.abs(total / steps / excess - 1)).toBeLessThan(
      4 * Math.sqrt(2 / (2 * 0.177 * steps)),
    );
    expect(Math.abs(total / steps / poleMoments(UP, 1.1 * eta).excess - 1)).toBeGreaterThan(0.05);
  });

  test("refuses where there is no such law", () => {
    expect(() => poleMoments(poleFrame(equatorialPair(30)), 0.1)).toThrow("the least loss is 0");
    expect(() => poleMoments(UP, 1.2)).toThrow("lower learningRate");
  });
});

describe("negentropy", () => {
  test.each([10, 40])("of a Gamma law of shape %i, alone, and two of them turned", (k) => {
    let [logGamma, psi] = [0, -0.5772156649015329];
    for (let j = 1; j < k; j += 1) {
      logGamma += Math.log(j);
      psi += 1 / j;
    }
    const entropy = k + logGamma + (1 - k) * psi;
    const exact = 0.5 * Math.log(2 * Math.PI * Math.E * k) - entropy;
    const moment = (n: number): number =>
      Array.from({ length: n }, (_, j) => k + j).reduce((a, b) => a * b, 1);
    const one = negentropy((i) => moment(i.length), [k], new Matrix([[k]]));
    expect(Math.abs(one.value - exact)).toBeLessThan(one.remainder);
    expect(Math.abs(1 / (3 * k) - exact)).toBeGreaterThan(2 * Math.abs(one.value - exact));
    const [c, s] = [0.6, 0.8];
    const turned = (indices: readonly number[]): number => {
      let terms: [number, number, number][] = [[1, 0, 0]];
      for (const i of indices) {
        const [u, v] = i === 0 ? [c, -s] : [s, c];
        terms = terms.flatMap(([w, p, q]): [number, number, number][] => [
          [w * u, p + 1, q],
          [w * v, p, q + 1],
        ]);
      }
      return terms.reduce((sum, [w, p, q]) => sum + w * moment(p) * moment(q), 0);
    };
    const two = negentropy(
      turned,
      [k * (c - s), k * (c + s)],
      new Matrix([
        [k, 0],
        [0, k],
      ]),
    );
    expect(Math.abs(two.value / (2 * one.value) - 1)).toBeLessThan(1e-9);
  });
});

describe("directionExponent", () => {
  test("closed forms: −ln 2 at ½, 0 at the critical rate, −η(1 + η/4) for small rates", () => {
    expect(Math.abs(directionExponent(PAIR, 0.5).exponent + Math.LN2)).toBeLessThan(1e-8);
    expect(directionExponent(PAIR, 0.5).signal).toBeCloseTo(1, 9);
    expect(Math.abs(directionExponent(PAIR, 1).exponent)).toBeLessThan(1e-12);
    const { exponent, signal } = directionExponent(PAIR, 0.01);
    expect(Math.abs(exponent / -0.01 - 1.0025)).toBeLessThan(1e-4);
    expect(Math.abs(signal! - 1 / Math.sqrt(3))).toBeLessThan(0.01);
  });
  // Card 1D, simulated there, to its tolerance of 2 % (+ 0.01 at ½).
  test.each([
    [0.1, -0.1009],
    [0.3, -0.3339],
    [0.5, -0.686],
    [0.9, -0.2032],
  ])("card 1D at η = %f", (eta, rate) => {
    const { exponent } = directionExponent(PAIR, eta);
    expect(Math.abs(exponent - rate)).toBeLessThan(
      0.02 * Math.abs(rate) + (eta === 0.5 ? 0.01 : 0),
    );
  });
  test("falls below 1 and grows above, for any angle; orthogonal directions in closed form", () => {
    for (const angle of [10, 45, 70]) {
      const plane = equatorialPair(angle).map(([a, b]) => [a, b] as const);
      expect(directionExponent(plane, 0.97).exponent).toBeLessThan(0);
      expect(directionExponent(plane, 1.03).exponent).toBeGreaterThan(0);
    }
    // Each component falls by |1 − 2η| in half of the steps; the larger one decides.
    const { exponent } = directionExponent(
      [
        [1, 0],
        [0, 1],
      ],
      1.5,
    );
    expect(Math.abs(exponent - Math.log(2))).toBeLessThan(0.05);
  });
  test("over finite times from uniform directions it tends to the same rate", () => {
    const { growth, signal } = directionGrowth(PAIR, 0.3, [20, 60]);
    const { exponent, signal: late } = directionExponent(PAIR, 0.3);
    expect(Math.abs((growth[1]! - growth[0]!) / 40 - exponent)).toBeLessThan(1e-5);
    expect(Math.abs(signal[1]! - late!)).toBeLessThan(1e-6);
    expect(directionGrowth(PAIR, 1, [7]).growth[0]).toBeCloseTo(0, 12);
    expect(() => directionGrowth(PAIR, 1, [3, 3])).toThrow("time 3");
  });
  test("refuses parallel directions", () => {
    expect(() =>
      directionExponent(
        [
          [1, 0],
          [-1, 0],
        ],
        0.3,
      ),
    ).toThrow("all parallel");
  });
});

describe("the overparametrized toy", () => {
  test("six reflected points are visited in turn, with the loss and signal of the orbit", () => {
    for (const eta of [1.05, 1.3, 1.7]) {
      const { loss, signal } = reflectionOrbit(eta);
      const [a, b] = equatorialPair(30);
      const c = Math.sqrt((1 - 1 / eta) / 2);
      // p₂ = 0, p₁ = c.
      const x = c / Math.sqrt(3);
      let state = [x, Math.sqrt(3) * x, Math.sqrt(1 - 4 * x * x)];
      let [L, S] = [0, 0];
      for (const [t, own] of [a, b, a, b, a, b].entries()) {
        const p = [a, b].map((d) => d!.reduce((sum, v, k) => sum + v * state[k]!, 0));
        expect(
          Math.min(...p.map((v) => Math.min(Math.abs(v), Math.abs(Math.abs(v) - c)))),
        ).toBeLessThan(1e-14);
        const g = [a, b].map((d, i) => d!.map((v, k) => 2 * p[i]! * (v - p[i]! * state[k]!)));
        const mean = g[0]!.map((v, k) => (v + g[1]![k]!) / 2);
        const noise = g.reduce(
          (sum, one) => sum + one.reduce((q, v, k) => q + (v - mean[k]!) ** 2, 0) / 2,
          0,
        );
        L += (p[0]! ** 2 + p[1]! ** 2) / 12;
        S += Math.hypot(...mean) / Math.sqrt(noise) / 6;
        const next = step(state, own, eta);
        expect(
          Math.abs(Math.hypot(next[0]!, next[1]!) - Math.hypot(state[0]!, state[1]!)),
          `${t}`,
        ).toBeLessThan(1e-14);
        state = next;
      }
      expect(Math.abs(L - loss)).toBeLessThan(1e-14);
      expect(Math.abs(S - signal)).toBeLessThan(1e-13);
    }
    expect(() => reflectionOrbit(1)).toThrow("above 1");
  });
  test("bounds of the signal-to-noise ratio: 1/√3 and √3, attained by directions", () => {
    const [least, most] = signalBounds(poleFrame(equatorialPair(30)));
    expect([least * Math.sqrt(3), most / Math.sqrt(3)].map((x) => x.toFixed(12))).toEqual([
      "1.000000000000",
      "1.000000000000",
    ]);
    const values = Array.from({ length: 360 }, (_, k) => signalToNoise(PAIR, (k * Math.PI) / 360));
    expect(Math.min(...values)).toBeCloseTo(least, 12);
    expect(Math.max(...values)).toBeCloseTo(most, 12);
  });
  test("mean square: 5/8 a step at ½, 1 at the critical rate", () => {
    // At ½ maps are projections: the next sample is the same (1) or not (cos² 60° = ¼).
    expect(squareDecay(poleFrame(equatorialPair(30)), 0.5)).toBeCloseTo(5 / 8, 8);
    expect(squareDecay(poleFrame(randomDirections(3, 5, 2)), 1)).toBeCloseTo(1, 8);
    expect(squareDecay(poleFrame(randomDirections(3, 5, 2)), 0.8)).toBeLessThan(0.99);
  });
});
