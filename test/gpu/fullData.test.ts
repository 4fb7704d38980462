/**
 * Full-data quantities on the device against float64: |∇f|², θ·∇f, v·H v and the third derivative
 * along v, of all replicas and conditions, with weight decay and without.
 *
 * The twin sums ∇f and H v as vectors, the third derivative is a central difference of H v; the
 * bounds are relative to sums of magnitudes, where float32 rounds.
 */
import { describe, expect, test } from "vitest";
import { ArgumentError } from "../../engine/errors.ts";
import { gaussian } from "../../engine/initial.ts";
import { defineModel, type Model } from "../../engine/model.ts";
import { FULL_DATA, type FullDataQuantity } from "../../engine/observe/fullData.ts";
import { moments } from "../../engine/observe/moments.ts";
import { series } from "../../engine/observe/series.ts";
import { op } from "../../engine/ops/index.ts";
import { referenceFullData } from "../../engine/referenceFullData.ts";
import { referenceLoss } from "../../engine/referenceTrajectory.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { EnsembleState } from "../../engine/run/ensemble.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { adam } from "../../engine/update/adam.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { type DataSource, onlineData } from "../../engine/wgsl/row.ts";
import { COMPOSITES, network, softmaxClassifier } from "../composites.ts";
import { flippedNetwork, online } from "../drawModels.ts";
import { describeWithDevice } from "../gpu.ts";
import { relativeError, sampleData } from "../parity.ts";
import { twins } from "../twins.ts";

/** 20 steps and a pass over the data in float32. */
const BOUND = 3e-5;
const SAMPLES = 150;
const STEPS = 20;

const MODELS: Readonly<Record<string, Model>> = {
  "MLP tanh": network(2, 5),
  "softmax classifier": softmaxClassifier(3, 4),
  "classifier with a hidden layer": COMPOSITES["classifier with a hidden layer"]!,
};

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a, (x, p) => x * b[p]!).reduce((sum, x) => sum + x, 0);

type Values = Readonly<Record<FullDataQuantity, number>>;

function expected(
  model: Model,
  data: DataSource,
  weightDecay: number,
  theta: Float64Array,
  velocity: Float64Array,
): Values {
  const f = referenceFullData(model, data, weightDecay);
  const g = f.gradient(theta).slice();
  const along = (epsilon: number): number => {
    const moved = theta.map((t, p) => t + epsilon * velocity[p]!);
    return dot(velocity, f.curvature(moved, velocity));
  };
  // v of length 1: the step's error is O(h²) of the fifth derivative.
  const h = 1e-4 / Math.sqrt(dot(velocity, velocity));
  return {
    fullLoss: referenceLoss(model, data, theta),
    fullGradientSquare: dot(g, g),
    "theta.fullGradient": dot(theta, g),
    velocityCurvature: along(0),
    velocityThirdDerivative: (along(h) - along(-h)) / (2 * h),
  };
}

const momentum = (weightDecay: number) =>
  sgd({ learningRate: 0.05, batchSize: 4, momentum: 0.8, weightDecay });

/** θ and v of a lane. */
function part({ theta, velocity }: EnsembleState, lane: number, count: number) {
  const from = (data: ArrayLike<number>): Float64Array =>
    Float64Array.from({ length: count }, (_, p) => data[lane * count + p]!);
  return { theta: from(theta.data), velocity: from(velocity!.data) };
}

const options = (model: Model) => ({
  model,
  data: sampleData(model, SAMPLES, 3),
  update: sgd({ learningRate: 0.05, batchSize: 4, momentum: 0.8 }),
  sweep: { weightDecay: [0, 0.3] },
  replicas: 3,
  seed: 0xfeed,
  initial: gaussian({ standardDeviation: 0.6, mean: 0.1 }),
});

/** [quantity][lane, record] in float64, with the given λ of each condition. */
function twinSeries(
  given: EnsembleOptions,
  steps: number,
  every: number,
  decays: readonly number[],
): Float64Array[] {
  const records = Math.ceil(steps / every);
  const out = FULL_DATA.map(() => new Float64Array(6 * records));
  twins(given, {
    steps,
    onStep: (lane, { step, theta, velocity }) => {
      if (step % every !== 0 || step === 0) return;
      const decay = decays[Math.floor(lane / 3)]!;
      const values = expected(given.model, given.data, decay, theta, velocity);
      FULL_DATA.forEach((name, q) => {
        out[q]![lane * records + step / every] = values[name];
      });
    },
  });
  return out;
}

/** The same without the first record, where v = 0. */
const later = (values: ArrayLike<number>, records: number): number[] =>
  Array.from(values).filter((_, i) => i % records > 0);

describeWithDevice("full-data quantities", "software", (device) => {
  test.each(Object.entries(MODELS))("series of %s", async (_name, model) => {
    const every = 5;
    const records = STEPS / every;
    const given = {
      ...options(model),
      observables: { full: series({ of: ["loss", ...FULL_DATA], every }) },
      execution: { lanesPerChunk: 2 },
    };
    await using ensemble = await createEnsemble(device(), given);
    const { full } = await ensemble.observe({ steps: STEPS });
    const right = twinSeries(given, STEPS, every, [0, 0.3]);
    const wrong = twinSeries(given, STEPS, every, [0.003, 0.303]);
    FULL_DATA.forEach((name, q) => {
      const row = full.values.data.subarray(6 * records * (q + 1), 6 * records * (q + 2));
      const measured = later(row, records);
      expect(relativeError(measured, later(right[q]!, records)), name).toBeLessThanOrEqual(BOUND);
      // Negative control: λ off by 0.003 is seen wherever λ enters.
      if (name === "fullLoss" || name === "velocityThirdDerivative") return;
      expect(relativeError(measured, later(wrong[q]!, records)), name).toBeGreaterThan(5 * BOUND);
    });
  });

  test("evaluate, also over other data, after set, and in any order", async () => {
    const model = network(2, 5);
    const given = options(model);
    await using ensemble = await createEnsemble(device(), given);
    await ensemble.advance({ steps: STEPS });
    ensemble.set({ weightDecay: 0.1 }, 1);
    const states = await ensemble.state();
    const of = [...FULL_DATA].reverse().map((name) => (name === "fullLoss" ? "loss" : name));
    for (const data of [undefined, sampleData(model, 67, 9)]) {
      const field = await ensemble.evaluate({ of, ...(data && { data }) });
      for (const [q, name] of [...FULL_DATA].reverse().entries()) {
        const twin = Array.from({ length: 6 }, (_, lane) => {
          const { theta, velocity } = part(states, lane, model.parameterCount);
          return expected(model, data ?? given.data, lane < 3 ? 0 : 0.1, theta, velocity)[name];
        });
        const measured = field.data.subarray(6 * q, 6 * q + 6);
        expect(relativeError(measured, twin), name).toBeLessThanOrEqual(BOUND);
      }
    }
  });

  test("more parameters than a group of them, more samples than one block, many slices", async () => {
    // f = ½ mean |θ − x|²: ∇f = θ − x̄ exactly.
    const size = 70;
    const model = defineModel({
      params: { a: [size] },
      sample: { x: [size] },
      loss: ({ a }, { x }) => op.scale(op.sum(op.square(op.sub(a, x))), 0.5),
    });
    const data = sampleData(model, 7001, 5);
    await using ensemble = await createEnsemble(device(), {
      model,
      data,
      update: sgd({ learningRate: 0.1, batchSize: 1, weightDecay: 0.5 }),
      replicas: 40,
      seed: 1,
      initial: gaussian({ standardDeviation: 1 }),
    });
    const field = await ensemble.evaluate({ of: ["fullGradientSquare"] });
    const { theta } = await ensemble.state();
    const mean = Float64Array.from({ length: size }, (_, p) => {
      let sum = 0;
      for (let i = 0; i < data.samples; i += 1) sum += data.fields.x!.data[i * size + p]!;
      return sum / data.samples;
    });
    const twin = Array.from({ length: 40 }, (_, r) =>
      mean.reduce((sum, x, p) => sum + (1.5 * theta.data[r * size + p]! - x) ** 2, 0),
    );
    expect(relativeError(field.data, twin)).toBeLessThanOrEqual(BOUND);
  });

  test("of a loss with draws and settings: draws have their means, settings are each condition's", async () => {
    const model = flippedNetwork;
    const flipProbability = [0.1, 0.4];
    const given = { ...options(model), sweep: { flipProbability }, update: momentum(0.2) };
    await using ensemble = await createEnsemble(device(), given);
    await ensemble.advance({ steps: STEPS });
    const states = await ensemble.state();
    const of = ["fullGradientSquare", "velocityCurvature"];
    const { data } = await ensemble.evaluate({ of });
    const at = (settings: readonly number[]): number[] => {
      const twin = Array.from({ length: 6 }, (_, lane) => {
        const setting = { flipProbability: settings[Math.floor(lane / 3)]!, labelNoise: 0.5 };
        const f = referenceFullData(model, given.data, 0.2, setting);
        const { theta, velocity } = part(states, lane, model.parameterCount);
        const g = f.gradient(theta);
        return [dot(g, g), dot(velocity, f.curvature(theta, velocity))];
      });
      return [...twin.map(([g]) => g!), ...twin.map(([, c]) => c!)];
    };
    expect(relativeError(data, at(flipProbability))).toBeLessThanOrEqual(BOUND);
    // Uniform draws are replaced by ½, so that a probability of 0.6 flips every label.
    expect(relativeError(data, at([0.1, 0.6]))).toBeGreaterThan(0.01);
  });

  test("along the displacement of a rule without a velocity, which stands behind its own vectors", async () => {
    const model = network(2, 5);
    const update = adam({ learningRate: 0.05, batchSize: 4, weightDecay: 0.2 });
    const given = { ...options(model), sweep: { beta1: [0.5, 0.9] }, update, keepVelocity: true };
    await using ensemble = await createEnsemble(device(), given);
    await ensemble.advance({ steps: STEPS });
    const states = await ensemble.state();
    const { data } = await ensemble.evaluate({ of: ["velocityCurvature"] });
    const twin = Array.from({ length: 6 }, (_, lane) => {
      const { theta, velocity } = part(states, lane, model.parameterCount);
      return expected(model, given.data, 0.2, theta, velocity).velocityCurvature;
    });
    expect(relativeError(data, twin)).toBeLessThanOrEqual(BOUND);
  });

  test("of a model that draws its samples are refused", async () => {
    const made = createEnsemble(device(), {
      ...options(network(2, 3)),
      model: online(2),
      data: onlineData,
      sweep: {},
      observables: { f: series({ of: "fullGradientSquare" }) },
    });
    await expect(made).rejects.toThrow("the full loss is a mean over a data set");
  });

  describe("a projection of the gradient", () => {
    const model = network(2, 3);
    const vector = Array.from({ length: model.parameterCount }, (_, p) => Math.sin(p + 1));
    const along = { name: "c.g", vector, gradient: true } as const;

    test("is the minibatch gradient's, in series and in moments", async () => {
      const given = {
        ...options(model),
        observables: { one: series({ of: along }), sums: moments({ of: [along] }) },
      };
      await using ensemble = await createEnsemble(device(), given);
      const record = await ensemble.observe({ steps: STEPS });
      const twin = new Float64Array(6 * STEPS);
      twins(given, {
        steps: STEPS,
        onStep: (lane, { step, gradient }) => {
          twin[lane * STEPS + step] = dot(vector, gradient);
        },
      });
      expect(relativeError(record.one.values.data, twin)).toBeLessThanOrEqual(BOUND);
      const means = Array.from({ length: 6 }, (_, lane) =>
        twin.subarray(lane * STEPS, (lane + 1) * STEPS).reduce((sum, x) => sum + x / STEPS, 0),
      );
      expect(relativeError(record.sums.first.data, means)).toBeLessThanOrEqual(BOUND);
    });

    test("cannot be the velocity's as well", async () => {
      const both = series({ of: { ...along, velocity: true } });
      const made = createEnsemble(device(), { ...options(model), observables: { both } });
      await expect(made).rejects.toThrow(
        'observables: projection "c.g" asks for the velocity and the gradient; name one of them.',
      );
    });
  });

  test("a velocity that is not kept is asked for; unknown names are told", async () => {
    const model = network(2, 3);
    const given = { ...options(model), update: sgd({ learningRate: 0.05, batchSize: 4 }) };
    const asked = createEnsemble(device(), {
      ...given,
      observables: { curvature: series({ of: "velocityCurvature" }) },
    });
    const remedy = "needs a velocity, and no condition has momentum > 0; keep it with keepVelocity";
    await expect(asked).rejects.toThrow(`observables: "velocityCurvature" ${remedy}`);
    await using ensemble = await createEnsemble(device(), given);
    const late = ensemble.evaluate({ of: ["velocityThirdDerivative"] });
    await expect(late).rejects.toThrow(`evaluate: "velocityThirdDerivative" ${remedy}`);
    await expect(ensemble.evaluate({ of: ["fullLos"] })).rejects.toThrow(ArgumentError);
    await using kept = await createEnsemble(device(), { ...given, keepVelocity: true });
    expect((await kept.evaluate({ of: ["velocityCurvature"] })).data).toEqual(new Float64Array(6));
  });
});
