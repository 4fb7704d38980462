/**
 * The telescoping identity of every update rule in float64, and its record form on hand-made steps.
 *
 * Rounding of T = 300 steps is about √T·10⁻¹⁶ of the terms' size; 10⁻¹² is asked for. Negative
 * control of each rule: u wrong by 1 %.
 */
import { describe, expect, test } from "vitest";
import { displacementError, displacementResidual } from "../../analysis/index.ts";
import { resolve } from "../../engine/run/options.ts";
import { type Instant, optionsOf, type RuleCase, rules, sumsOf } from "../displacements.ts";
import { sourceFiles } from "../sourceFiles.ts";
import { momentsOf } from "../trajectories.ts";
import { twins } from "../twins.ts";

const T = 300;

/** Paths of the replicas, [T + 1] instants each. */
function paths(options: ReturnType<typeof optionsOf>): Instant[][] {
  const found: Instant[][] = [];
  const ends = twins(options, {
    steps: T,
    onStep: (lane, { step, theta, velocity, kept, gradient, learningRate }) => {
      found[lane] ??= [];
      found[lane].push({
        ...{ step, learningRate, theta: theta.slice(), velocity: velocity.slice() },
        gradient: gradient.slice(),
        kept: Object.fromEntries(Object.entries(kept!).map(([name, x]) => [name, x.slice()])),
      });
    },
  });
  for (const [lane, end] of ends.entries()) {
    const { step, theta, velocity, kept } = end;
    found[lane]!.push({ step, theta, velocity, kept: kept!, gradient: [], learningRate: 0 });
  }
  return found;
}

const kept = ({ next }: { readonly next: number }): number => -next;

describe("the telescoping identity in float64", () => {
  test.each(Object.entries(rules(3)))("%s", (_name, rule) => {
    const options = optionsOf(3, {
      ...rule.change,
      update: {
        ...rule.change.update!,
        setting: {
          ...rule.change.update!.setting,
          // To rounding: steps of a quadratic loss are solved by one Newton iteration or two.
          ...(rule.change.update!.name === "implicit-sgd" && { tolerance: 1e-14 }),
        },
      },
    });
    const setting = resolve(options).conditions[0]!;
    const found = paths(options);
    const residual = (given: RuleCase, wrong = 1): number =>
      Math.max(
        ...found.map((path, replica) =>
          Math.abs(displacementResidual(sumsOf(given, options, setting, replica, path, wrong))),
        ),
      );
    expect(residual(rule)).toBeLessThanOrEqual(1e-12);
    expect(residual(rule, 1.01)).toBeGreaterThan(1e-4);
    // What keepVelocity keeps is −u.
    if (rule.displacement) expect(residual({ ...rule, u: kept })).toBeLessThanOrEqual(1e-12);
  });

  test("every rule is here", () => {
    const written = sourceFiles(".wgsl").filter((path) => path.startsWith("shaders/update/"));
    const shaders = written.map((path) => path.slice("shaders/".length, -".wgsl".length));
    const held = Object.values(rules(3)).map(({ change }) => change.update!.shader);
    expect(shaders.filter((shader) => !held.includes(shader))).toEqual(["update/clock"]);
  });

  test("v of Nesterov's step and of kinetic rules is no displacement", () => {
    for (const rule of Object.values(rules(3)).filter(({ displacement }) => !displacement)) {
      const options = optionsOf(3, rule.change);
      const path = paths(options)[0]!;
      const seen = sumsOf({ ...rule, u: kept }, options, resolve(options).conditions[0]!, 0, path);
      expect(Math.abs(displacementResidual(seen))).toBeGreaterThan(1e-3);
    }
  });
});

describe("displacementError of a record", () => {
  const eta = 0.5;
  const scale = 0.3;
  const u = [1, -2, 0.5, 3, -1, -1, 2, 0.25];
  const x = [2];
  const v = [-0.7];
  for (const [t, direction] of u.entries()) {
    v.push(-direction);
    x.push(x[t]! - eta * scale * direction);
  }
  const flat = Float64Array.from(u.flatMap((_, t) => [x[t]!, v[t]!]));
  const record = momentsOf([[flat]], ["x", "v.x"], [0], [1, 0.1]);
  const states = (t: number) => {
    const axes = [1, 1, 1].map((length) => ({ name: "", length }));
    const field = (value: number) => ({ axes, data: Float64Array.of(value), unit: "" });
    return { theta: field(x[t]!), velocity: field(v[t]!) };
  };
  const choice = {
    learningRate: eta,
    rateScale: [scale],
    steps: u.length,
    start: states(0),
    end: states(u.length),
  };

  test("is rounding for any center, from moments about any reference", () => {
    for (const center of [[0], [1.7], [-30]]) {
      const error = displacementError(record, { ...choice, center });
      expect(error.value).toBeLessThan(1e-14);
      expect(error).toMatchObject({ standardError: 0, n: 1, warnings: [] });
    }
  });

  test("sees a wrong rate, matrix, end, and a missing step", () => {
    const value = (change: object) => displacementError(record, { ...choice, ...change }).value;
    expect(value({ learningRate: 0.55 })).toBeGreaterThan(0.01);
    expect(value({ rateScale: [0.33] })).toBeGreaterThan(0.01);
    expect(value({ end: states(7) })).toBeGreaterThan(0.01);
    expect(() => value({ steps: 7 })).toThrow(/8 records, one in 1 steps, for 7 steps/);
    expect(() => value({ coordinates: ["y"] })).toThrow(/no coordinate "y"/);
  });

  test("refuses numbers that are none, and records without v", () => {
    const value = (change: object) => displacementError(record, { ...choice, ...change });
    expect(() => value({ learningRate: 0 })).toThrow(/learningRate is 0; give the rate/);
    expect(() => value({ rateScale: [-1] })).toThrow(/rateScale holds -1/);
    expect(() => value({ center: [1, 2] })).toThrow(/center is \[1, 2\] for 1 coordinates/);
    const bare = momentsOf([[Float64Array.of(1, 2)]], ["x"], [0], [0]);
    expect(() => displacementError(bare, choice)).toThrow(/no coordinate x with its velocity v\.x/);
  });
});
