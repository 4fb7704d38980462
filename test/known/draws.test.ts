/** Draws and settings of a model: where they stand in the stream, what is refused, what is averaged. */
import { describe, expect, it } from "vitest";
import { gradient } from "../../engine/autodiff.ts";
import { ArgumentError, LimitError, ShapeError } from "../../engine/errors.ts";
import { explain } from "../../engine/explain.ts";
import { setting } from "../../engine/graph.ts";
import { defineModel } from "../../engine/model.ts";
import { type DrawShape, drawPairs } from "../../engine/modelDraws.ts";
import type { SettingDefinition } from "../../engine/modelSettings.ts";
import { op } from "../../engine/ops/index.ts";
import { laneKey, normalPair, threefry2x32, uniformOpen } from "../../engine/random.ts";
import { evaluate } from "../../engine/reference.ts";
import { fingerprint, resolve } from "../../engine/run/options.ts";
import { sampleDraws } from "../../engine/sampleDraws.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { onlineData } from "../../engine/wgsl/row.ts";
import { withoutDraws } from "../../engine/withoutDraws.ts";
import { flippedNetwork, noisyRegression, online } from "../drawModels.ts";
import { sampleData } from "../parity.ts";

it("places normal numbers first, in pairs, then signs and uniform numbers, a word each", () => {
  expect(flippedNetwork.draws.map(({ name, law, at, size }) => [name, law, at, size])).toEqual([
    ["flip", "sign", 4, 1],
    ["u", "uniform", 5, 1],
    ["xi", "normal", 0, 3],
  ]);
  expect(drawPairs(flippedNetwork.draws)).toEqual({ normal: 2, all: 3 });
  expect(drawPairs([])).toEqual({ normal: 0, all: 0 });
});

it("takes pair b · pairs + k of stream 4 at the step", () => {
  const [seed, condition, replica, step, b] = [9, 2, 5, 17, 3];
  const draws = sampleDraws(flippedNetwork, { seed, condition, replica })(step, b);
  const key = laneKey(seed, 4, condition, replica);
  const words = [0, 1, 2].map((k) => threefry2x32(key, [step, 3 * b + k]));
  expect([...draws.xi!]).toEqual([...normalPair(words[0]!), normalPair(words[1]!)[0]]);
  expect(draws.flip![0]).toBe(words[2]![0] >= 2 ** 31 ? 1 : -1);
  expect(draws.u![0]).toBe(uniformOpen(words[2]![1]));
});

it("is plain data, and its draws decide the fingerprint", async () => {
  expect(structuredClone(flippedNetwork)).toEqual(flippedNetwork);
  const print = (draws: Record<string, DrawShape>): Promise<string> => {
    const model = defineModel({
      params: { w: [] },
      sample: {},
      draws,
      loss: ({ w }, _, all) => op.square(op.sub(w, all.draws.x!)),
    });
    const update = sgd({ learningRate: 0.1, batchSize: 2 });
    return fingerprint(resolve({ model, data: onlineData, update, replicas: 1, seed: 1 }));
  };
  const one = await print({ x: [] });
  expect(await print({ x: [] })).toBe(one);
  expect(await print({ x: { sign: [] } })).not.toBe(one);
  // A draw that is not read moves those after it.
  expect(await print({ idle: [], x: [] })).not.toBe(one);
});

it("evaluates and differentiates with draws and settings as given", () => {
  const params = { w: Float64Array.of(2, -1), b: Float64Array.of(0.5) };
  const sample = { x: Float64Array.of(1, 3), y: 0.25 };
  const given = { params, sample, draws: { xi: -2 }, settings: { labelNoise: 0.1 } };
  const residual = 2 - 3 + 0.5 - (0.25 - 0.2);
  const slope = gradient(noisyRegression.loss, [setting("labelNoise")]);
  const [loss, dw, ds] = evaluate(
    [noisyRegression.loss, noisyRegression.gradients[0]!, ...slope],
    given,
  );
  expect(loss![0]).toBeCloseTo(0.5 * residual ** 2, 14);
  expect(dw![1]).toBeCloseTo(3 * residual, 14);
  expect(ds![0]).toBeCloseTo(2 * residual, 14);
  expect(() =>
    evaluate([noisyRegression.loss], { params, sample, settings: { labelNoise: 1 } }),
  ).toThrow("reference: no values for draw xi; given are: none.");
});

it("without draws has their means: 0 for normal ones and signs, ½ for uniform ones", () => {
  const quiet = withoutDraws(flippedNetwork);
  expect(quiet.draws).toEqual([]);
  const params = { W: new Float64Array(6).fill(0.3), a: Float64Array.of(1, 2, 3) };
  const sample = { x: Float64Array.of(1, -2), y: 2 };
  const at = (flipProbability: number): number =>
    evaluate([quiet.loss], {
      params,
      sample,
      settings: { labelNoise: 9, flipProbability },
    })[0]![0]!;
  const output = 6 * Math.tanh(-0.3);
  expect(at(0.4)).toBeCloseTo(0.5 * (output - 2) ** 2, 12);
  expect(at(0.6)).toBeCloseTo(0.5 * (output + 2) ** 2, 12);
  const plain = defineModel({ params: { w: [] }, sample: {}, loss: ({ w }) => op.square(w) });
  expect(withoutDraws(plain)).toBe(plain);
});

it("makes settings hyperparameters of the ensemble", () => {
  const base = {
    model: noisyRegression,
    data: sampleData(noisyRegression, 4, 1),
    update: sgd({ learningRate: 0.1, batchSize: 2 }),
    replicas: 1,
    seed: 1,
  };
  expect(resolve(base).conditions[0]!.labelNoise).toBe(0.5);
  const swept = resolve({ ...base, sweep: { labelNoise: [0, 3], momentum: [0, 0.5] } });
  expect(swept.conditions.map((c) => c.labelNoise)).toEqual([0, 0, 3, 3]);
  expect(swept.shape.labels[1]).toBe("momentum=0.5 labelNoise=0");
  expect(() => resolve({ ...base, sweep: { labelNoise: [-1] } })).toThrow(
    "sgd: labelNoise is -1, it must be a finite number >= 0.",
  );
  const text = explain(noisyRegression, { sweep: { labelNoise: [0, 1] } }).text;
  expect(text).toContain("xi []  drawn for each sample of each step: 1 normal");
  expect(text).toContain("labelNoise  hyperparameter: standard deviation of labels [y]");
  expect(text).toContain(
    "loss_gradient(minibatch_sample(&minibatch, b), &theta, &gradient, h, draw_key",
  );
  expect(text).toContain("minibatches of 8 out of 256 samples, withReplacement");
  // Without fields no index is drawn.
  expect(explain(online(2)).text).toContain("minibatches of 8 samples, drawn afresh");
  expect(explain(online(2)).text).toContain("loss_gradient(0u, &theta, &gradient, h, draw_key");
});

describe("refuses", () => {
  const build = (draws: Record<string, unknown>, settings: Record<string, unknown> = {}) =>
    defineModel({
      name: "m",
      params: { w: [] },
      sample: { x: [] },
      draws: draws as Record<string, DrawShape>,
      settings: settings as Record<string, SettingDefinition>,
      loss: ({ w }) => op.square(w),
    });
  const noise = { unit: "1", meaning: "noise", initial: 0.5 };

  const ERRORS: readonly (readonly [() => unknown, new (m: string) => Error, string])[] = [
    [
      () => build({ xi: [0] }),
      ShapeError,
      'defineModel(m): draw "xi" has shape [0]; give a list of integers of 1 or more, [] for a scalar.',
    ],
    [
      () => build({ xi: { cauchy: [] } }),
      ArgumentError,
      'defineModel(m): draw "xi" is {"cauchy":[]}; give a shape (standard normal), { sign: shape } ' +
        "or { uniform: shape }.",
    ],
    [
      () => build({ xi: { sign: [], uniform: [] } }),
      ArgumentError,
      'defineModel(m): draw "xi" is {"sign":[],"uniform":[]}; give a shape (standard normal), ' +
        "{ sign: shape } or { uniform: shape }.",
    ],
    [
      () => build({ x: [] }),
      ArgumentError,
      'defineModel(m): draw "x" is also a sample field; rename one of them.',
    ],
    [
      () => build({}, { w: noise }),
      ArgumentError,
      'defineModel(m): setting "w" is also a parameter block; rename one of them.',
    ],
    [
      () => build({}, { label_noise: noise }),
      ArgumentError,
      'defineModel(m): setting "label_noise" is no camelCase name of letters and digits; name it as ' +
        "hyperparameters are, e.g. labelNoise.",
    ],
    [
      () => build({}, { staticAssert: noise }),
      ArgumentError,
      'defineModel(m): setting "staticAssert" is a reserved word of WGSL; name it as hyperparameters ' +
        "are, e.g. labelNoise.",
    ],
    [
      () => build({}, { s: { ...noise, least: 1 } }),
      ArgumentError,
      'defineModel(m): setting "s" has the initial value 0.5, it must be a finite number >= 1.',
    ],
    [
      () => build({}, { s: { ...noise, initial: Number.NaN, least: 0, most: 1 } }),
      ArgumentError,
      'defineModel(m): setting "s" has the initial value NaN, it must be a finite number >= 0 and <= 1.',
    ],
    [
      () =>
        defineModel({
          name: "m",
          params: { w: [] },
          sample: {},
          draws: { xi: [] },
          loss: ({ w }, _, { draws }) => op.mul(w, draws.xi),
          metrics: { drawn: (_theta, _, { draws }) => draws.xi },
        }),
      ArgumentError,
      'defineModel(m): metric "drawn" depends on the draw "xi", and without sample fields there is ' +
        "nothing to average it over; write its expectation as a function of the parameters and settings.",
    ],
    [
      () =>
        resolve({
          model: build({}, { momentum: noise }),
          data: { name: "d", samples: 1, fields: { x: { data: [1], shape: [] } } },
          update: sgd({ learningRate: 0.1, batchSize: 1 }),
          replicas: 1,
          seed: 1,
        }),
      ArgumentError,
      "m: the setting momentum is also a hyperparameter of sgd or of its rate; rename the model's.",
    ],
    [
      () =>
        resolve({
          model: online(9),
          data: onlineData,
          update: sgd({ learningRate: 0.1, batchSize: 2 ** 30 }),
          replicas: 1,
          seed: 1,
        }),
      ArgumentError,
      "sgd: batches of 1073741824 samples with 7 pairs of draws each are more than 2^32 pairs a step; " +
        "use smaller batches.",
    ],
  ];
  it("more random numbers than function memory holds", () => {
    const loud = defineModel({
      name: "loud",
      params: { w: [] },
      sample: {},
      draws: { xi: [3000] },
      loss: ({ w }, _, { draws }) => op.square(op.add(w, op.mean(draws.xi))),
    });
    const setting = { schedule: "thread" } as const;
    expect(() => explain(loud, { setting })).toThrow(LimitError);
    expect(() => explain(loud, { setting })).toThrow(
      "thread schedule: θ, G and the draws of a sample of loud need 12008 bytes of function memory, " +
        "12000 of them for random numbers, WGSL allows 8192; draw fewer for each sample.",
    );
  });

  it.each(ERRORS.map(([make, kind, message]) => ({ make, kind, message })))(
    "$message",
    ({ make, kind, message }) => {
      expect(make).toThrow(kind);
      expect(make).toThrow(message);
    },
  );
});
