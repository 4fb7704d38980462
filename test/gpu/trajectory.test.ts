/**
 * Trajectories on the device against their float64 twin, over 50 steps: every sampling law, every
 * hyperparameter, several conditions in one ensemble, and every number a series can record.
 *
 * Errors are |a − b|₂ / |b|₂ for each replica's θ and v (and for each replica's series); the bound
 * is 2e-5: 50 steps of a few float32 roundings each, in dynamics that is not chaotic.
 */
import { describe, expect, test } from "vitest";
import { fanIn, fixed, gaussian } from "../../engine/initial.ts";
import type { Model } from "../../engine/model.ts";
import { series } from "../../engine/observe/series.ts";
import { snapshot } from "../../engine/observe/snapshot.ts";
import { referenceLoss, referenceTrajectory } from "../../engine/referenceTrajectory.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { SAMPLING_LAWS } from "../../engine/sampling.ts";
import { type SgdSettings, sgd } from "../../engine/update/sgd.ts";
import { linearRegression, network, softmaxClassifier } from "../composites.ts";
import { describeWithDevice } from "../gpu.ts";
import { relativeError, sampleData } from "../parity.ts";
import { stateError, twins } from "../twins.ts";

const BOUND = 2e-5;
const STEPS = 50;
const SAMPLES = 24;

const MODELS: Readonly<Record<string, Model>> = {
  "MLP tanh": network(2, 3),
  "softmax classifier": softmaxClassifier(3, 3),
};
const linear = linearRegression(2);

const RULES: Readonly<Record<string, SgdSettings>> = {
  plain: {},
  momentum: { momentum: 0.9 },
  dampening: { momentum: 0.5, dampening: 0.3 },
  "dampening without momentum": { dampening: 0.3 },
  Nesterov: { momentum: 0.8, nesterov: true },
  "weight decay": { weightDecay: 0.1 },
  "gradient noise": { gradientNoise: 0.5 },
  everything: { momentum: 0.7, dampening: 0.2, weightDecay: 0.05, gradientNoise: 0.3 },
};

const options = (model: Model, settings: SgdSettings = {}): EnsembleOptions => ({
  model,
  data: sampleData(model, SAMPLES, 3),
  update: sgd({ learningRate: 0.05, batchSize: 4, ...settings }),
  replicas: 3,
  seed: 0xfeed,
  initial: gaussian({ standardDeviation: 0.4, mean: 0.1 }),
});

describeWithDevice("trajectories", "software", (device) => {
  const deviceError = async (given: EnsembleOptions, steps = STEPS): Promise<number> => {
    await using ensemble = await createEnsemble(device(), given);
    await ensemble.advance({ steps });
    return stateError(await ensemble.state(), twins(given, { steps }));
  };

  describe("linear regression", () => {
    test.each(SAMPLING_LAWS)("sampling %s", async (sampling) => {
      const given = { ...options(linear, { momentum: 0.5 }), sampling };
      expect(await deviceError(given)).toBeLessThanOrEqual(BOUND);
    });

    test.each(Object.entries(RULES))("sgd %s", async (_rule, settings) => {
      expect(await deviceError(options(linear, settings))).toBeLessThanOrEqual(BOUND);
    });
  });

  describe.each(Object.entries(MODELS))("%s", (_name, model) => {
    test("sampling reshuffled", async () => {
      const given = { ...options(model), sampling: "reshuffled" as const };
      expect(await deviceError(given)).toBeLessThanOrEqual(BOUND);
    });

    // A second condition with momentum and noise, so that one kernel serves all.
    test.each(Object.entries(RULES))("sgd %s", async (_rule, settings) => {
      const { momentum = 0, gradientNoise = 0 } = settings;
      const given = {
        ...options(model, settings),
        sweep: { momentum: [momentum, 0.7], gradientNoise: [gradientNoise, 0.5] },
      };
      expect(await deviceError(given)).toBeLessThanOrEqual(BOUND);
    });
  });

  test("several conditions of different batch sizes, rates and momenta in one ensemble", async () => {
    for (const sampling of SAMPLING_LAWS) {
      if (sampling === "fullBatch") continue;
      const given: EnsembleOptions = {
        ...options(linear),
        sampling,
        sweep: { batchSize: [1, 3, 4], learningRate: [0.01, 0.1], momentum: [0, 0.9] },
      };
      expect(await deviceError(given), sampling).toBeLessThanOrEqual(BOUND);
    }
  });

  test("batches that do not divide the data, with the last one dropped", async () => {
    for (const sampling of ["reshuffled", "sequential", "symmetric"] as const) {
      const given: EnsembleOptions = {
        ...options(linear, { batchSize: 5, momentum: 0.5 }),
        sampling,
        lastBatch: "drop",
      };
      expect(await deviceError(given), sampling).toBeLessThanOrEqual(BOUND);
    }
  });

  test("common noise, a shard of the replicas, other initial conditions", async () => {
    const model = network(2, 3);
    const given: EnsembleOptions = {
      ...options(model, { gradientNoise: 0.2 }),
      sweep: { learningRate: [0.01, 0.05] },
      replicas: { first: 1000, count: 2 },
      commonNoise: true,
      initial: fanIn({ gain: 1.5 }),
    };
    expect(await deviceError(given)).toBeLessThanOrEqual(BOUND);
    const from = Array.from({ length: model.parameterCount }, (_, p) => Math.cos(p));
    expect(await deviceError({ ...given, initial: fixed(from) })).toBeLessThanOrEqual(BOUND);
  });

  test("negative controls: another seed, law, or rate off by 1 in 1000 is seen", async () => {
    const given = options(linear);
    await using ensemble = await createEnsemble(device(), given);
    await ensemble.advance({ steps: STEPS });
    const state = await ensemble.state();
    const wrong: EnsembleOptions[] = [
      { ...given, seed: 1 },
      { ...given, sampling: "distinct" },
      { ...given, update: sgd({ learningRate: 0.05005, batchSize: 4 }) },
    ];
    for (const other of wrong) {
      expect(stateError(state, twins(other, { steps: STEPS }))).toBeGreaterThan(5 * BOUND);
    }
  });

  test("every number a series records", async () => {
    const model = network(2, 3);
    const vector = Array.from({ length: model.parameterCount }, (_, p) => Math.sin(p + 1));
    const projections = [
      { name: "along", vector },
      { name: "v along", vector, velocity: true },
    ];
    const named = ["loss", "fullLoss", "theta.theta", "g.g", "theta.g", "v.v"] as const;
    const of = [...named, "W[2,1]", "v.a[2]", ...projections];
    const sparse = ["v.a[2]", "fullLoss", "loss"];
    const given = {
      ...options(model, { momentum: 0.8, weightDecay: 0.05, gradientNoise: 0.3 }),
      sweep: { batchSize: [2, 6] },
      observables: { each: series({ of }), third: series({ of: sparse, every: 3 }) },
    };
    await using ensemble = await createEnsemble(device(), given);
    const record = await ensemble.observe({ steps: STEPS });

    const lanes = 6;
    const expected = of.map(() => new Float64Array(lanes * STEPS));
    const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
      Array.from(a, (x, p) => x * b[p]!).reduce((sum, x) => sum + x, 0);
    const at = (name: string): number => model.coordinateNames.indexOf(name);
    twins(given, {
      steps: STEPS,
      onStep: (lane, { step, loss, theta, velocity, gradient: g }) => {
        const values = [
          loss,
          referenceLoss(model, given.data, theta),
          dot(theta, theta),
          dot(g, g),
          dot(theta, g),
          dot(velocity, velocity),
          theta[at("W[2,1]")]!,
          velocity[at("a[2]")]!,
          dot(vector, theta),
          dot(vector, velocity),
        ];
        values.forEach((value, q) => {
          expected[q]![lane * STEPS + step] = value;
        });
      },
    });
    of.forEach((quantity, q) => {
      const name = typeof quantity === "string" ? quantity : quantity.name;
      expect(record.each.quantities[q]).toBe(name);
      const each = record.each.values.data.subarray(q * lanes * STEPS, (q + 1) * lanes * STEPS);
      expect(relativeError(each, expected[q]!), name).toBeLessThanOrEqual(BOUND);
      const at = sparse.indexOf(name);
      if (at < 0) return;
      const thirds = expected[q]!.filter((_, i) => (i % STEPS) % 3 === 0);
      const own = record.third.values.data.subarray(at * thirds.length, (at + 1) * thirds.length);
      expect(relativeError(own, thirds), `${name} every 3`).toBeLessThanOrEqual(BOUND);
    });
    expect([...record.third.steps]).toEqual(Array.from({ length: 17 }, (_, t) => 3 * t));
  });
});

/**
 * Σ_{t<T} θ_t·G_t = η(1+μ)/(2(1−ν)) Σ_{t≤T} v_t² − [(1−μ) D₁/(2η) + μ D₂]/(1−ν), t ≥ 1 on the right,
 * D₁ = |θ_T|² − |θ_0|², D₂ = θ_T·v_T − θ_0·v_0: exact for any T, since v' = μv − (1−ν)G and
 * θ' = θ + ηv' give |θ'|² − |θ|² = 2ηθ·v' + η²v'² and θ'·v' = θ·v' + ηv'². The stationary case is
 * FDR1 of arXiv 1810.00004. Returns |left − right| / Σ|θ_t·G_t|.
 */
function telescopingError(
  thetaG: ArrayLike<number>,
  squares: ArrayLike<number>,
  ends: { readonly d1: number; readonly d2: number },
  rule: { learningRate: number; momentum: number; dampening: number },
): number {
  const { learningRate: eta, momentum: mu, dampening: nu } = rule;
  const left = Array.from(thetaG).reduce((sum, x) => sum + x, 0);
  const scale = Array.from(thetaG).reduce((sum, x) => sum + Math.abs(x), 0);
  const kinetic = Array.from(squares).reduce((sum, x) => sum + x, 0);
  const boundary = ((1 - mu) * ends.d1) / (2 * eta) + mu * ends.d2;
  const right = ((eta * (1 + mu)) / (2 * (1 - nu))) * kinetic - boundary / (1 - nu);
  return Math.abs(left - right) / scale;
}

const dotOf = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, x, i) => sum + x * b[i]!, 0);

describeWithDevice("the telescoping fluctuation-dissipation identity", "software", (device) => {
  const T = 300;
  const settings = [
    { learningRate: 0.1, momentum: 0, dampening: 0 },
    { learningRate: 0.05, momentum: 0.9, dampening: 0 },
    { learningRate: 0.05, momentum: 0.5, dampening: 0.5 },
  ];
  const model = network(2, 3);
  const given = (rule: (typeof settings)[number]) => ({
    ...options(model, { ...rule, weightDecay: 0.1, gradientNoise: 0.1 }),
    sampling: "distinct" as const,
  });

  test.each(settings)("in float64: %o", (rule) => {
    const { data, update, seed } = given(rule);
    const squares: number[] = [];
    const thetaG: number[] = [];
    const { theta, velocity } = referenceTrajectory({
      model,
      data,
      rule: update,
      sampling: "distinct",
      initial: given(rule).initial!(model),
      lane: { seed, condition: 0, replica: 0 },
      steps: T,
      onStep: (moment) => {
        thetaG.push(dotOf(moment.theta, moment.gradient));
        squares.push(dotOf(moment.velocity, moment.velocity));
      },
    });
    squares.push(dotOf(velocity, velocity));
    const start = referenceTrajectory({
      model,
      data,
      rule: update,
      sampling: "distinct",
      initial: given(rule).initial!(model),
      lane: { seed, condition: 0, replica: 0 },
      steps: 0,
    });
    const ends = {
      d1: dotOf(theta, theta) - dotOf(start.theta, start.theta),
      d2: dotOf(theta, velocity),
    };
    expect(telescopingError(thetaG, squares, ends, rule)).toBeLessThanOrEqual(1e-12);
    const wrong = { ...rule, learningRate: 1.1 * rule.learningRate };
    expect(telescopingError(thetaG, squares, ends, wrong)).toBeGreaterThan(3e-4);
  });

  test.each(settings)("on the device: %o", async (rule) => {
    await using ensemble = await createEnsemble(device(), {
      ...given(rule),
      observables: {
        // Without momentum v_{t+1} = −G_t, and no velocity is kept.
        dots: series({ of: ["theta.g", rule.momentum > 0 ? "v.v" : "g.g"] }),
        ends: snapshot({ every: T }),
      },
    });
    const { dots, ends } = await ensemble.observe({ steps: T + 1 });
    const [lanes, count] = [3, model.parameterCount];
    const width = ends.coordinates.length;
    for (let lane = 0; lane < lanes; lane += 1) {
      const row = (q: number): Float64Array =>
        Float64Array.from(dots.values.data)
          .subarray((q * lanes + lane) * (T + 1))
          .slice(0, T + 1);
      const state = (time: number, from: number): Float64Array => {
        if (from >= width) return new Float64Array(count); // μ = 0: D₂ has no weight
        const at = (time * lanes + lane) * width + from;
        return Float64Array.from(ends.values.data.subarray(at, at + count));
      };
      const [theta0, thetaT] = [state(0, 0), state(1, 0)];
      const [v0, vT] = [state(0, count), state(1, count)];
      const telescoped = {
        d1: dotOf(thetaT, thetaT) - dotOf(theta0, theta0),
        d2: dotOf(thetaT, vT) - dotOf(theta0, v0),
      };
      const squares = rule.momentum > 0 ? row(1).slice(1) : row(1).slice(0, T);
      const thetaG = row(0).slice(0, T);
      expect(telescopingError(thetaG, squares, telescoped, rule)).toBeLessThanOrEqual(1e-5);
      const wrong = { ...rule, learningRate: 1.1 * rule.learningRate };
      expect(telescopingError(thetaG, squares, telescoped, wrong)).toBeGreaterThan(3e-4);
    }
  });
});
