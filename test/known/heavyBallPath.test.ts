/** Paths, envelopes and rounding bounds of a mode under momentum, against recurrences and integration. */
import { describe, expect, it } from "vitest";
import { pathRounding } from "../../experiments/heavyBallRounding.ts";
import {
  continuousPath,
  heavyBallPath,
  heavyBallRoots,
  type ModeState,
  momentumEnvelope,
} from "../../models/theory/index.ts";
import { generator } from "../generator.ts";

const START = { position: 1, velocity: 0 };
const CARD = { learningRate: 0.01, momentum: 0.9, curvature: 1 };

/** Under-, over- and critically damped, no momentum, alternating, growing. */
const SETTINGS = [
  CARD,
  { learningRate: 0.1, momentum: 0.5, curvature: 0.3 },
  // 1 + β − ηk = 2√β at β = 1/4: ηk = 1/4
  { learningRate: 0.25, momentum: 0.25, curvature: 1 },
  { learningRate: 0.25, momentum: 0.25, curvature: 1 + 1e-9 },
  { learningRate: 0.25, momentum: 0.25, curvature: 1 - 1e-9 },
  { learningRate: 0.3, momentum: 0, curvature: 1 },
  { learningRate: 1, momentum: 0, curvature: 1 },
  { learningRate: 1.9, momentum: 0, curvature: 1 },
  { learningRate: 3.79, momentum: 0.9, curvature: 1 },
  { learningRate: 4.5, momentum: 0.9, curvature: 1 },
] as const;

const step = ({ learningRate: eta, momentum, curvature }: typeof CARD, s: ModeState): ModeState => {
  const velocity = momentum * s.velocity - curvature * s.position;
  return { position: s.position + eta * velocity, velocity };
};

describe("heavyBallPath", () => {
  it("has the values of card B3", () => {
    // Card B3: x and v of the steps, x of the continuous model.
    for (const [n, x, v, continuous] of [
      [5, 0.871634, -3.925228, 0.891092],
      [20, 0.1178222, -4.098116, 0.138683],
      [50, -0.058453, 0.819921, -0.06285],
    ] as const) {
      const path = heavyBallPath(CARD, START, n);
      expect(Math.abs(path.position - x)).toBeLessThan(1e-6);
      expect(Math.abs(path.velocity - v)).toBeLessThan(1e-6);
      expect(Math.abs(continuousPath(CARD, START, n).position - continuous)).toBeLessThan(1e-6);
    }
  });

  it.each(SETTINGS)("is the recurrence at %o", (setting) => {
    let state: ModeState = { position: 0.7, velocity: -1.3 };
    const from = state;
    let largest = 0;
    for (let n = 0; n <= 60; n += 1) {
      const path = heavyBallPath(setting, from, n);
      largest = Math.max(largest, Math.abs(state.position), Math.abs(state.velocity));
      expect(Math.abs(path.position - state.position)).toBeLessThan(1e-11 * largest);
      expect(Math.abs(path.velocity - state.velocity)).toBeLessThan(1e-10 * largest);
      state = step(setting, state);
    }
  });

  it("refuses what is no heavy ball", () => {
    expect(() => heavyBallRoots({ ...CARD, momentum: 1 })).toThrow("momentum is 1");
    expect(() => heavyBallRoots({ ...CARD, curvature: 0 })).toThrow("curvature is 0");
    expect(() => heavyBallPath(CARD, START, 0.5)).toThrow("n is 0.5");
  });
});

describe("continuousPath", () => {
  // dx = v dt, dv = −(2γ v + ω² x) dt by the classical Runge-Kutta method.
  const integrate = (setting: typeof CARD, from: ModeState, n: number): ModeState => {
    const { learningRate: eta, momentum, curvature } = setting;
    const damping = (2 * (1 - momentum)) / (eta * (1 + momentum));
    const square = (2 * curvature) / (eta * (1 + momentum));
    const slope = (x: number, v: number): [number, number] => [v, -damping * v - square * x];
    const h = (eta * n) / 20_000;
    let [x, v] = [from.position, from.velocity];
    for (let i = 0; i < 20_000; i += 1) {
      const a = slope(x, v);
      const b = slope(x + (h / 2) * a[0], v + (h / 2) * a[1]);
      const c = slope(x + (h / 2) * b[0], v + (h / 2) * b[1]);
      const d = slope(x + h * c[0], v + h * c[1]);
      x += (h / 6) * (a[0] + 2 * b[0] + 2 * c[0] + d[0]);
      v += (h / 6) * (a[1] + 2 * b[1] + 2 * c[1] + d[1]);
    }
    return { position: x, velocity: v };
  };

  it.each([
    CARD,
    { learningRate: 0.1, momentum: 0.5, curvature: 0.3 },
    { learningRate: 0.3, momentum: 0, curvature: 0.2 },
    // γ = ω: (1 − β)² = 2ηk(1 + β)
    { learningRate: 0.5, momentum: 0.5, curvature: 0.25 / 1.5 },
  ])("solves the damped oscillator at %o", (setting) => {
    const from = { position: 0.7, velocity: -1.3 };
    const [exact, solved] = [continuousPath(setting, from, 12), integrate(setting, from, 12)];
    expect(Math.abs(exact.position - solved.position)).toBeLessThan(1e-9);
    expect(Math.abs(exact.velocity - solved.velocity)).toBeLessThan(1e-8);
  });

  it("tends to the steps as the rate falls", () => {
    const largest = (learningRate: number): number => {
      const setting = { ...CARD, learningRate };
      const off = (n: number): number =>
        Math.abs(
          heavyBallPath(setting, START, n).position - continuousPath(setting, START, n).position,
        );
      return Math.max(...Array.from({ length: 400 }, (_, n) => off(n)));
    };
    // Card B3: largest deviation .028 at η = .01.
    expect(Math.abs(largest(0.01) - 0.028)).toBeLessThan(3e-4);
    expect(largest(0.001)).toBeLessThan(0.3 * largest(0.01));
  });
});

describe("momentumEnvelope", () => {
  it("has the rates of card 4D", () => {
    const rates = (momentum: number): number[] =>
      [1, 0.1, 0.01].map(
        (curvature) => momentumEnvelope({ learningRate: 0.5, momentum, curvature }).rate,
      );
    [0.5, 0.95, 0.995].forEach((rate, i) => {
      expect(Math.abs(rates(0)[i]! - rate)).toBeLessThan(1e-12);
    });
    for (const rate of rates(0.9)) expect(Math.abs(rate - 0.9487)).toBeLessThan(1e-4);
    for (const rate of rates(0.99)) expect(Math.abs(rate - 0.99499)).toBeLessThan(1e-5);
  });

  it.each(SETTINGS)("falls by the same factor at each step of %o", (setting) => {
    const { of, rate } = momentumEnvelope(setting);
    let state: ModeState = START;
    for (let n = 0; n < 40; n += 1) {
      const envelope = of(state.position, setting.learningRate * state.velocity);
      // Next to critical damping E is the root of a nearly degenerate form.
      expect(Math.abs(envelope - rate ** n)).toBeLessThan(1e-7 * rate ** n + 1e-300);
      state = step(setting, state);
    }
  });
});

describe("pathRounding", () => {
  const f = Math.fround;
  /** The device's arithmetic without fused multiply-add. */
  const float32Path = ({ learningRate, momentum, curvature }: typeof CARD, n: number) => {
    const [eta, beta, k] = [f(learningRate), f(momentum), f(curvature)];
    const path: ModeState[] = [{ position: 1, velocity: 0 }];
    for (let i = 0; i < n; i += 1) {
      const { position, velocity } = path.at(-1)!;
      const next = f(f(beta * velocity) - f(k * position));
      path.push({ position: f(position + f(eta * next)), velocity: next });
    }
    return path;
  };

  it("bounds float32, and a momentum wrong by 10⁻⁴ breaks it", () => {
    const random = generator(5).uniform;
    for (let trial = 0; trial < 40; trial += 1) {
      const setting = {
        learningRate: 0.01 + random(),
        momentum: 0.99 * random(),
        curvature: 0.05 + random(),
      };
      const exact = Array.from({ length: 81 }, (_, n) => heavyBallPath(setting, START, n));
      const bound = pathRounding(setting, exact, { position: 0, displacement: 0 });
      const breaks = (path: readonly ModeState[]): number =>
        path.filter(
          ({ position, velocity }, n) =>
            Math.abs(position - exact[n]!.position) > bound.position[n]! ||
            Math.abs(velocity - exact[n]!.velocity) > bound.velocity[n]!,
        ).length;
      expect(breaks(float32Path(setting, 80))).toBe(0);
      const wrong = { ...setting, momentum: setting.momentum + 1e-4 };
      expect(breaks(float32Path(wrong, 80))).toBeGreaterThan(10);
    }
  });
});
