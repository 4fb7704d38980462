/**
 * Every bad input of `createEnsemble`, `set`, `observe` and `evaluate` is answered by one sentence
 * that names the argument, the fact and the remedy; nothing falls back in silence.
 */
import { describe, expect, test } from "vitest";
import { ArgumentError, DataError, LimitError, type ThermogradError } from "../../engine/errors.ts";
import { fixed, gaussian } from "../../engine/initial.ts";
import { defineModel } from "../../engine/model.ts";
import { moments } from "../../engine/observe/moments.ts";
import { series } from "../../engine/observe/series.ts";
import { snapshot } from "../../engine/observe/snapshot.ts";
import { op } from "../../engine/ops/index.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { linearRegression, softmaxClassifier } from "../composites.ts";
import { describeWithDevice } from "../gpu.ts";
import { sampleData } from "../parity.ts";

const model = linearRegression(2);
const data = sampleData(model, 12, 1);
const base = {
  model,
  data,
  update: sgd({ learningRate: 0.1, batchSize: 3 }),
  replicas: 4,
  seed: 1,
} satisfies EnsembleOptions;

type ErrorClass = abstract new (...args: never[]) => ThermogradError;
/** What is changed, the class of the error, and its whole message. */
type Refusal = readonly [Partial<EnsembleOptions>, ErrorClass, string];

const x = (values: number[], shape = [2]) => ({
  ...data,
  fields: { ...data.fields, x: { data: values, shape } },
});
const withBad = (value: number) =>
  x(data.fields.x!.data as unknown as number[]).fields.x!.data.map((v, i) => (i === 7 ? value : v));

const classifier = softmaxClassifier(2, 3);
const labeled = sampleData(classifier, 4, 1);
const badLabels = {
  ...labeled,
  fields: { ...labeled.fields, label: { data: [0, 1, 2, 3], shape: [] } },
};

const wide = defineModel({
  name: "wide",
  params: { w: [1200] },
  sample: { x: [] },
  loss: ({ w }, { x }) => op.mul(x, op.sum(w)),
});
const wideData = sampleData(wide, 2, 1);

const REFUSALS: Readonly<Record<string, Refusal>> = {
  "a fraction of a replica": [
    { replicas: 2.5 },
    ArgumentError,
    "replicas: 2.5 is no number of replicas; use a whole number >= 1, or { first, count } for a shard.",
  ],
  "no replicas": [
    { replicas: 0 },
    ArgumentError,
    "replicas: 0 is no number of replicas; use a whole number >= 1, or { first, count } for a shard.",
  ],
  "a shard before the first replica": [
    { replicas: { first: -1, count: 2 } },
    ArgumentError,
    'replicas: {"first":-1,"count":2} is no number of replicas; use a whole number >= 1, or { first, count } for a shard.',
  ],
  "replica numbers beyond 32 bits": [
    { replicas: { first: 2 ** 32 - 2, count: 3 } },
    ArgumentError,
    'replicas: {"first":4294967294,"count":3} is no number of replicas; use a whole number >= 1, or { first, count } for a shard.',
  ],
  "more lanes than numbers": [
    { replicas: 2 ** 31 },
    LimitError,
    "replicas: 1 conditions × 2147483648 replicas are 2147483648 lanes, at most 2^31 fit one ensemble; split them with replicas: { first, count }.",
  ],
  "a negative seed": [
    { seed: -1 },
    ArgumentError,
    "seed: -1 is no seed; use a whole number from 0 to 4294967295.",
  ],
  "a seed beyond 32 bits": [
    { seed: 2 ** 32 },
    ArgumentError,
    "seed: 4294967296 is no seed; use a whole number from 0 to 4294967295.",
  ],
  "no number as a seed": [
    { seed: Number.NaN },
    ArgumentError,
    "seed: NaN is no seed; use a whole number from 0 to 4294967295.",
  ],
  "an unknown law": [
    { sampling: "shuffled" as "distinct" },
    ArgumentError,
    'sampling: "shuffled" is no law; use one of withReplacement, distinct, reshuffled, sequential, symmetric, fullBatch.',
  ],
  "a batch larger than the data": [
    { update: sgd({ learningRate: 0.1, batchSize: 13 }), sampling: "distinct" },
    ArgumentError,
    'sampling: a distinct batch of 13 needs as many samples, the data set has 12; use a smaller batchSize or sampling: "withReplacement".',
  ],
  "a batch that does not divide the data": [
    { update: sgd({ learningRate: 0.1, batchSize: 5 }), sampling: "reshuffled" },
    ArgumentError,
    'sampling: reshuffled batches of 5 do not divide 12 samples, 2 are left over in each epoch; use a batchSize that divides, the nearest are 4 and 6, or lastBatch: "drop".',
  ],
  "a batch size swept under fullBatch": [
    { sampling: "fullBatch", sweep: { batchSize: [3, 12] } },
    ArgumentError,
    'sampling: a fullBatch batch has all 12 samples, batchSize is 3; do not set or sweep batchSize, or use sampling: "distinct".',
  ],
  "an unknown rule for divergence": [
    { onDiverge: "drop" as "freeze" },
    ArgumentError,
    'onDiverge: "drop" is unknown; use "freeze" or "throw".',
  ],
  "a bound of zero": [
    { bounds: { theta: 0 } },
    ArgumentError,
    "bounds: theta is 0; use a positive number below 1e19.",
  ],
  "a bound float32 cannot square": [
    { bounds: { theta: 1e20 } },
    ArgumentError,
    "bounds: theta is 100000000000000000000; use a positive number below 1e19.",
  ],
  "no number as a bound": [
    { bounds: { loss: Number.NaN } },
    ArgumentError,
    "bounds: loss is NaN; use a positive number below 3e38.",
  ],
  "a workgroup of nothing": [
    { execution: { workgroup: 0 } },
    ArgumentError,
    "execution: workgroup is 0; use a whole number >= 1.",
  ],
  "a workgroup beyond the limit": [
    { execution: { workgroup: 512 } },
    LimitError,
    "execution: workgroup is 512, WebGPU's default limit is 256 invocations; use 256 or fewer.",
  ],
  "half a step in a dispatch": [
    { execution: { stepsPerDispatch: 0.5 } },
    ArgumentError,
    "execution: stepsPerDispatch is 0.5; use a whole number >= 1.",
  ],
  "negative unrolling": [
    { execution: { unroll: -1 } },
    ArgumentError,
    "execution: unroll is -1; use a whole number >= 0.",
  ],
  "no learning rate": [
    { update: sgd({ batchSize: 3 }) },
    ArgumentError,
    "sgd: learningRate is missing (step size η); give it to sgd({ learningRate: … }) or to sweep.",
  ],
  "an unknown hyperparameter": [
    { sweep: { lr: [0.1] } },
    ArgumentError,
    'sgd: "lr" is no hyperparameter of this rule; there are batchSize, learningRate, momentum, dampening, nesterov, weightDecay, gradientNoise, clipNorm.',
  ],
  "an empty sweep": [
    { sweep: { momentum: [] } },
    ArgumentError,
    "sweep: momentum has no values; give at least one, or leave it out.",
  ],
  "momentum of 1": [
    { sweep: { momentum: [0.5, 1] } },
    ArgumentError,
    "sgd: momentum is 1, it must be in [0, 1).",
  ],
  "a batch of half a sample": [
    { sweep: { batchSize: [0.5] } },
    ArgumentError,
    "sgd: batchSize is 0.5, it must be a whole number >= 1.",
  ],
  "an infinite rate": [
    { sweep: { learningRate: [Number.POSITIVE_INFINITY] } },
    ArgumentError,
    "sgd: learningRate is Infinity, it must be a finite number >= 0.",
  ],
  "Nesterov without momentum": [
    { update: sgd({ learningRate: 0.1, batchSize: 3, nesterov: true }) },
    ArgumentError,
    "sgd: nesterov needs momentum > 0 and dampening 0; set dampening: 0 or nesterov: 0.",
  ],
  "a field that is missing": [
    { data: { ...data, fields: { x: data.fields.x! } } },
    DataError,
    'data test: linear regression reads a sample field "y", the data have x; name the field so.',
  ],
  "a field of another shape": [
    {
      data: x(
        Array.from({ length: 36 }, () => 1),
        [3],
      ),
    },
    DataError,
    'data test: field "x" has 36 numbers of shape [3] for 12 samples, linear regression reads [2] a sample; give 24 numbers.',
  ],
  "a field that is too short": [
    { data: x([1, 2, 3]) },
    DataError,
    'data test: field "x" has 3 numbers of shape [2] for 12 samples, linear regression reads [2] a sample; give 24 numbers.',
  ],
  "NaN in the data": [
    { data: x(withBad(Number.NaN)) },
    DataError,
    'data test: field "x" of sample 3 is NaN; remove the sample or fill in a finite float32 number.',
  ],
  "a number beyond float32": [
    { data: x(withBad(1e39)) },
    DataError,
    'data test: field "x" of sample 3 is 1e+39; remove the sample or fill in a finite float32 number.',
  ],
  "a label out of range": [
    { model: classifier, data: badLabels },
    DataError,
    'data test: label "label" of sample 3 is 3; use whole numbers from 0 to 2.',
  ],
  "an initial state of another length": [
    { initial: fixed([1, 2]) },
    ArgumentError,
    "initial: theta has 2 numbers for the 3 parameters of linear regression; give one finite number each, in the order of coordinateNames.",
  ],
  "an initial state that is no number": [
    { initial: gaussian({ standardDeviation: Number.NaN }) },
    ArgumentError,
    "initial: standardDeviation has 3 numbers for the 3 parameters of linear regression; give one finite number each, in the order of coordinateNames.",
  ],
  "a model too large for the schedule": [
    { model: wide, data: wideData, execution: { schedule: "thread" } },
    LimitError,
    "thread schedule: wide has 1200 parameters, θ and G need 9600 bytes of function memory, WGSL allows 8192; leave schedule out, or use at most 1024 parameters.",
  ],
  "an unknown quantity": [
    { observables: { a: series({ of: "w[2]" }) } },
    ArgumentError,
    'observables: "w[2]" is no quantity of this model; use loss, fullLoss, fullGradientSquare, theta.fullGradient, velocityCurvature, velocityThirdDerivative, theta.theta, g.g, theta.g, v.v, learningRate, a projection, or a coordinate (w[0], w[1], b; v.w[0] for its velocity, g.w[0] for its gradient).',
  ],
  "a velocity that is not kept": [
    { observables: { a: moments({ of: ["v.b"] }) } },
    ArgumentError,
    'observables: "v.b" needs a velocity, and no condition has momentum > 0; without momentum v = -g, so observe g.g instead.',
  ],
  "a projection of another length": [
    { observables: { a: series({ of: { name: "p", vector: [1, 2] } }) } },
    ArgumentError,
    'observables: projection "p" has 2 coefficients for 3 parameters; give one finite number a parameter, in the order w[0], w[1], b, …',
  ],
  "a full loss in moments": [
    { observables: { a: moments({ of: ["b", "fullLoss"] }) } },
    ArgumentError,
    "moments: fullLoss is not summed on the device; observe it with series, or use loss.",
  ],
  "a taken name": [
    { observables: { run: series({ of: "loss" }) } },
    ArgumentError,
    'observables: the name "run" is taken by the record of the run itself; choose another.',
  ],
};

const manyCoordinates = linearRegression(70);

describeWithDevice("createEnsemble", "null", (device) => {
  test("takes what is right", async () => {
    await using ensemble = await createEnsemble(device(), base);
    expect(ensemble.lanes).toBe(4);
    expect(ensemble.conditions).toEqual([
      {
        batchSize: 3,
        learningRate: 0.1,
        momentum: 0,
        dampening: 0,
        nesterov: 0,
        weightDecay: 0,
        gradientNoise: 0,
        clipNorm: 0,
      },
    ]);
  });

  test.each(Object.entries(REFUSALS))("refuses %s", async (_title, [change, type, message]) => {
    const error = await createEnsemble(device(), { ...base, ...change }).then(
      async (ensemble) => {
        ensemble.dispose();
        return "accepted";
      },
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(type);
    expect((error as Error).message).toBe(message);
    // where: fact, numbers; remedy.
    expect(message).toMatch(/^[\w ]+: .+[;,] .+[.…]$/);
  });

  test("refuses more coordinates than sums are kept of", async () => {
    const options = { ...base, model: manyCoordinates, data: sampleData(manyCoordinates, 12, 1) };
    await expect(
      createEnsemble(device(), { ...options, observables: { m: moments() } }),
    ).rejects.toThrow(
      new LimitError(
        'moments: 71 coordinates need 5041 sums for each replica, the limit is 64 coordinates; choose some with of: ["w[0]", …] or projections.',
      ),
    );
  });

  test("sweeps: all combinations, the last name fastest, labeled by what varies", async () => {
    await using ensemble = await createEnsemble(device(), {
      ...base,
      sweep: { learningRate: [0.1, 0.2], momentum: [0, 0.5, 0.9], weightDecay: [0.1] },
    });
    const pairs = ensemble.conditions.map((c) => [c.learningRate, c.momentum, c.weightDecay]);
    expect(pairs).toEqual([
      [0.1, 0, 0.1],
      [0.1, 0.5, 0.1],
      [0.1, 0.9, 0.1],
      [0.2, 0, 0.1],
      [0.2, 0.5, 0.1],
      [0.2, 0.9, 0.1],
    ]);
    const { theta } = await ensemble.state();
    expect(theta.axes[0]).toEqual({
      name: "condition",
      length: 6,
      values: pairs.map(([rate, momentum]) => `learningRate=${rate} momentum=${momentum}`),
    });
  });
});

describe("observables refuse", () => {
  test("steps that are no whole number", () => {
    const message = /every is (0|1\.5|-2), a number of SGD steps; use a whole number >= 1\.$/;
    expect(() => series({ of: "loss", every: 0 })).toThrow(message);
    expect(() => moments({ every: 1.5 })).toThrow(message);
    expect(() => snapshot({ every: -2 })).toThrow(message);
    expect(() => moments({ lags: [1, -1] })).toThrow(
      "moments: lag -1 is no number of SGD steps; use whole numbers >= 0.",
    );
    expect(() => series({ of: [] })).toThrow("series: `of` is empty; name at least one quantity");
  });
});

describeWithDevice("an ensemble refuses", "null", (device) => {
  test("to observe nothing, to take part of a step, to measure what the model has not", async () => {
    await using ensemble = await createEnsemble(device(), base);
    await expect(ensemble.observe({ steps: 1 })).rejects.toThrow(
      "observe: this ensemble has no observables; give createEnsemble observables: { … }, or use advance.",
    );
    for (const steps of [-1, 0.5, Number.NaN]) {
      await expect(ensemble.advance({ steps })).rejects.toThrow(
        `advance: steps is ${steps}; use a whole number >= 0.`,
      );
    }
    await expect(ensemble.evaluate({ of: ["accuracy"] })).rejects.toThrow(
      'evaluate: "accuracy" is no output of linear regression; there are loss, fullLoss, fullGradientSquare, theta.fullGradient, velocityCurvature, velocityThirdDerivative.',
    );
    await expect(ensemble.evaluate({ data: x([1]) })).rejects.toBeInstanceOf(DataError);
  });

  test("to be set to what it cannot run", async () => {
    await using ensemble = await createEnsemble(device(), { ...base, sampling: "distinct" });
    const refused: readonly [Readonly<Record<string, number>>, number | undefined, string][] = [
      [{ lr: 1 }, undefined, 'set: "lr" is no hyperparameter of sgd; there are batchSize, '],
      [
        { learningRate: -1 },
        undefined,
        "sgd: learningRate is -1, it must be a finite number >= 0.",
      ],
      [{ learningRate: 1 }, 1, "set: there is no condition 1; there are 1, counted from 0."],
      [{ batchSize: 13 }, undefined, "sampling: a distinct batch of 13 needs as many samples"],
      [{ batchSize: 4 }, undefined, "set: batchSize is 4, the ensemble was created for distinct"],
      [{ momentum: 0.5 }, undefined, "set: the ensemble was created without momentum"],
      [{ gradientNoise: 0.5 }, undefined, "set: the ensemble was created without gradientNoise"],
    ];
    for (const [change, condition, message] of refused) {
      expect(() => ensemble.set(change, condition), message).toThrow(message);
      expect(() => ensemble.set(change, condition)).toThrow(ArgumentError);
    }
    expect(ensemble.conditions[0]).toMatchObject({ learningRate: 0.1, batchSize: 3, momentum: 0 });
    ensemble.set({ learningRate: 0.3, batchSize: 2 });
    expect(ensemble.conditions[0]).toMatchObject({ learningRate: 0.3, batchSize: 2 });
  });

  test("a batch size under fullBatch", async () => {
    await using ensemble = await createEnsemble(device(), { ...base, sampling: "fullBatch" });
    expect(ensemble.conditions[0]!.batchSize).toBe(12);
    expect(() => ensemble.set({ batchSize: 3 })).toThrow("a fullBatch batch has all 12 samples");
  });
});
