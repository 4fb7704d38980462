/** Implicit and modelled gradients without a device: bad input, exact identities of the twin. */
import { describe, expect, test } from "vitest";
import { ArgumentError } from "../../engine/errors.ts";
import { explain } from "../../engine/explain.ts";
import { gaussian } from "../../engine/initial.ts";
import type { Model } from "../../engine/model.ts";
import { referenceTrajectory } from "../../engine/referenceTrajectory.ts";
import { misfit } from "../../engine/run/conditions.ts";
import { type EnsembleOptions, resolve } from "../../engine/run/options.ts";
import { continuousSgd } from "../../engine/update/continuousSgd.ts";
import { implicitSgd } from "../../engine/update/implicitSgd.ts";
import { implicitMode } from "../../models/theory/index.ts";
import { linearRegression, network } from "../composites.ts";
import { sampleData } from "../parity.ts";

const model = linearRegression(2);
const data = sampleData(model, 12, 3);
const common = { learningRate: 0.1, batchSize: 4 };
const options = (change: Partial<EnsembleOptions>): EnsembleOptions => ({
  model,
  data,
  update: continuousSgd(common),
  replicas: 2,
  seed: 1,
  ...change,
});
const said = (change: Partial<EnsembleOptions>): string => {
  try {
    resolve(options(change));
  } catch (error) {
    expect(error).toBeInstanceOf(ArgumentError);
    return (error as Error).message;
  }
  return "";
};

test("bad input gives one sentence", () => {
  const clipped = { ...implicitSgd(common), setting: { ...common, clipNorm: 1 } };
  expect([
    said({ update: continuousSgd({ ...common, noiseModel: 1 }) }),
    said({ update: continuousSgd({ ...common, noiseModel: 4 }) }),
    said({ update: continuousSgd({ ...common, timeStep: 0 }) }),
    said({ sampling: "reshuffled" }),
    said({ update: implicitSgd({ ...common, tolerance: 1 }) }),
    said({ update: implicitSgd({ ...common, newtonSteps: 0 }) }),
    said({ update: clipped }),
  ]).toMatchInlineSnapshot(`
    [
      "continuous-sgd: noiseModel 1 is noise of a constant covariance, and the ensemble has none; create it with noiseCovariance, [param, param] of one sample's gradient.",
      "continuous-sgd: noiseModel is 4, it must be 0, 1, 2 or 3.",
      "continuous-sgd: timeStep is 0, it must be a finite number > 0.",
      "sampling: continuous-sgd is defined for withReplacement, distinct, fullBatch batches, not for reshuffled; use sampling: "withReplacement".",
      "implicit-sgd: tolerance is 1, it must be above 0 and below 1.",
      "implicit-sgd: newtonSteps is 0, it must be a whole number from 1 to 10000.",
      "implicit-sgd: "clipNorm" is no hyperparameter of this rule; there are batchSize, learningRate, weightDecay, gradientNoise, tolerance, newtonSteps, cgSteps.",
    ]
  `);
  expect(said({ sampling: "distinct" })).toBe("");
});

test("a noise model that needs a covariance cannot be set later", () => {
  const made = resolve(options({ sweep: { noiseModel: [0, 2] } }));
  const change = made.conditions.map((setting) => ({ ...setting, noiseModel: 1 }));
  const plan = { schedule: "thread", maxBatch: null } as const;
  expect(misfit(made, plan, change)).toContain(
    "the ensemble has none; create it with noiseCovariance",
  );
  expect(misfit(made, plan, made.conditions)).toBeNull();
});

test("explain shows the sources' own text", () => {
  const text = (update: EnsembleOptions["update"]): string =>
    explain(network(2, 3), { update, samples: 24, replicas: 8 }).kernels[0]!.shader.code;
  expect(text(implicitSgd(common))).toContain("fn hessian_vector(");
  expect(text(continuousSgd(common))).toContain("fn full_gradient_noise(");
});

describe.each([linearRegression(2), network(2, 3)])("the twin on $name", (one: Model) => {
  const request = {
    model: one,
    data: sampleData(one, 24, 5),
    sampling: "distinct" as const,
    initial: gaussian({ standardDeviation: 0.4 })(one),
    lane: { seed: 3, condition: 0, replica: 0 },
    steps: 40,
  };
  const rules = [
    implicitSgd({ learningRate: 0.5, batchSize: 4, weightDecay: 0.1, gradientNoise: 0.2 }),
    ...[0, 2, 3].map((noiseModel) =>
      continuousSgd({ learningRate: 0.1, batchSize: 4, noiseModel, timeStep: 0.5 }),
    ),
  ];

  // θ' = θ − hG gives |θ'|² − |θ|² = −2hθ·G + h²|G|² at every step of every trajectory.
  test.each(rules)("$name: the telescoping identity holds to 1e-12", (rule) => {
    const { learningRate, noiseModel, timeStep = 1 } = rule.setting;
    const h = learningRate! * (noiseModel === 0 ? 1 : timeStep);
    let change = 0;
    let first: number | null = null;
    let size = 0;
    const { theta } = referenceTrajectory({
      ...request,
      rule,
      onStep: ({ theta, gradient }) => {
        let now = 0;
        theta.forEach((x, p) => {
          now += x * x;
          change += -2 * h * x * gradient[p]! + (h * gradient[p]!) ** 2;
        });
        first ??= now;
        size = Math.max(size, now);
      },
    });
    const last = theta.reduce((sum, x) => sum + x * x, 0);
    expect(Math.abs(last - first! - change)).toBeLessThanOrEqual(1e-12 * size);
    // Negative control: a rate that is off by 1e-6.
    expect(Math.abs(last - first! - (1 + 1e-6) * change)).toBeGreaterThan(1e-12 * size);
  });

  test("every implicit step is solved", () => {
    const { kept } = referenceTrajectory({ ...request, rule: rules[0]! });
    expect(kept!.unsolved!.every((count) => count === 0)).toBe(true);
  });
});

test("implicit variance of card 4E, and its limit of small steps", () => {
  const at = (learningRate: number): number =>
    implicitMode({ learningRate, curvature: 5, noiseVariance: 1 }).variance;
  expect([0.1, 0.3, 0.39, 1].map(at).map((v) => v.toFixed(6))).toEqual([
    "0.008000",
    "0.017143",
    "0.019747",
    "0.028571",
  ]);
  expect(at(1e-6) / (1e-6 / 10)).toBeCloseTo(1, 5);
  expect(() => at(0)).toThrow("above 0");
});

// Strong and weak limits: b → 0 is the closed form; for η → ∞, θ' solves kθ' + bθ'³ = −ξ, and with
// k → 0 ⟨θ²⟩ = ⟨|ξ/b|^{2/3}⟩ = 2^{1/3} Γ(5/6)/√π (s/b)^{2/3}, Γ(5/6) = 1.1287870299081260.
test("implicit variance with a quartic term, in its limits", () => {
  const at = (learningRate: number, curvature: number, quartic: number): number =>
    implicitMode({ learningRate, curvature, quartic, noiseVariance: 1 }).variance;
  expect(at(0.3, 5, 1e-12) / at(0.3, 5, 0)).toBeCloseTo(1, 9);
  const large = (2 ** (1 / 3) * 1.128787029908126) / Math.sqrt(Math.PI) / 4 ** (2 / 3);
  expect(at(1e7, 1e-8, 4) / large).toBeCloseTo(1, 5);
  expect(at(0.3, 5, 10)).toBeLessThan(0.99 * at(0.3, 5, 0));
});
