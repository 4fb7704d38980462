/**
 * Generated WGSL: loops are fused as `engine/wgsl/statements.ts` promises, every variable has an
 * initial value, and the shaders of a dozen models compile without messages, observed or not.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { defineModel, type Model } from "../../engine/model.ts";
import { FULL_DATA, sampleScalars } from "../../engine/observe/fullData.ts";
import { moments } from "../../engine/observe/moments.ts";
import { type Observables, planObservation } from "../../engine/observe/observation.ts";
import { series } from "../../engine/observe/series.ts";
import { op } from "../../engine/ops/index.ts";
import { planThread, type ThreadRequest } from "../../engine/plan/threadPlan.ts";
import { evaluationShader } from "../../engine/run/evaluate.ts";
import { fullGradientShaders } from "../../engine/run/fullGradient.ts";
import { SAMPLING_LAWS } from "../../engine/sampling.ts";
import { dynamicsOf } from "../../engine/update/dynamics.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { rowLayout } from "../../engine/wgsl/row.ts";
import { lossGradientFunction } from "../../engine/wgsl/sampleFunction.ts";
import { COMPOSITES } from "../composites.ts";
import { nullDevice } from "../gpu.ts";
import { compile } from "../kernel.ts";
import { cnn, scaleInvariant } from "../networks.ts";
import { CASES, modelOfCases } from "../opCases.ts";
import { uninitialized } from "../uninitialized.ts";

const lossGradient = (model: Model, unroll: number): string =>
  lossGradientFunction(model, rowLayout(model.fields), { unroll }).code;

/** Bodies of the outermost loops, by their length, in order. */
function outerLoops(code: string): { length: number; body: string }[] {
  return [
    ...code.matchAll(/^ {2}for \(var (\w+) = 0u; \1 < (\d+)u;.*\n((?: {4}.*\n)*) {2}\}/gm),
  ].map(([, , length, body]) => ({ length: Number(length), body: body! }));
}

describe("fused loops", () => {
  test("an MLP runs forward in one loop over its units, and backward in one", () => {
    const loops = outerLoops(lossGradient(COMPOSITES["MLP 2-32-1"]!, 0));
    expect(loops.map(({ length }) => length)).toEqual([32, 32]);
    const [forward, backward] = loops.map(({ body }) => body);
    // Forward: matvec, bias, tanh and the output's dot.
    expect(forward).toMatch(/W_at/);
    expect(forward).toMatch(/tanh_accurate\(.*b_at/);
    expect(forward).toMatch(/dot_total_\d+ \+= .*a_at/);
    // Backward: the gradients of all three blocks.
    for (const block of ["W", "b", "a"]) expect(backward).toContain(`(*gradient)[${block}_at`);
    expect(backward).not.toContain("tanh_accurate");
  });

  test("only what the backward loop reads again is kept in an array", () => {
    const code = lossGradient(COMPOSITES["MLP 2-32-1"]!, 0);
    expect(code.match(/array<f32, 32>\(\)/g)).toHaveLength(1);
    expect(code.match(/tanh_accurate/g)).toHaveLength(1);
  });

  test("linear regression needs one loop each way and no array of its own", () => {
    const code = lossGradient(COMPOSITES["linear regression"]!, 0);
    expect(outerLoops(code).map(({ length }) => length)).toEqual([8, 8]);
    expect(code).not.toMatch(/array<f32, 8>\(\)/);
  });

  test("softmax cross-entropy: logits and maximum, exponentials and sum, gradients", () => {
    const loops = outerLoops(lossGradient(COMPOSITES["softmax 6-4"]!, 0));
    expect(loops.map(({ length }) => length)).toEqual([4, 4, 4]);
    expect(loops[0]!.body).toMatch(/maxOf_total_\d+ = max\(/);
    expect(loops[1]!.body).toMatch(/exp_accurate/);
    expect(loops[2]!.body).toMatch(/\(\*gradient\)\[W_at/);
  });

  test("written out, nothing loops and arrays are addressed by constants", () => {
    for (const model of Object.values(COMPOSITES)) {
      // Its row is longer than is written out: one loop loads it.
      if (model.name === "long rows") continue;
      const code = lossGradient(model, 4096);
      expect(code, model.name).not.toMatch(/\bfor\b/);
      // Indices are literals: `_at + 3u` for blocks, `3u` for arrays.
      for (const [, index] of code.matchAll(/\w\)?\[([^\]]+)\]/g)) {
        if (index!.startsWith("sample * ")) continue;
        expect(index, model.name).toMatch(/^(?:\w+_at(?: \+ \d+u)?|\d+u)$/);
      }
    }
  });

  test("unrolling ends where it is told to", () => {
    const code = lossGradient(COMPOSITES["MLP 2-32-1"]!, 20);
    // The 2 inputs are written out within the loop over 32 units.
    expect(outerLoops(code).map(({ length }) => length)).toEqual([32, 32]);
    expect(code.match(/\bfor\b/g)).toHaveLength(2);
  });
});

/** Names that the skeletons and generated code use themselves. */
const awkward = defineModel({
  name: "awkward names",
  params: { state: [3], order: [], p: [2], update: [] },
  sample: { theta: [3], gradient: [2], sample: [], data: [3], run: [5], h: [], lane: [2] },
  loss: ({ state, order, p, update }, { theta, gradient, sample, data, run, h, lane }) => {
    const first = op.dot(op.tanh(op.mul(state, theta)), data);
    const second = op.dot(op.mul(p, gradient), op.add(lane, op.sum(run)));
    return op.square(
      op.sub(op.add(op.mul(order, first), second), op.mul(update, op.add(sample, h))),
    );
  },
});

const MODELS: readonly Model[] = [
  ...Object.values(COMPOSITES),
  cnn.model,
  scaleInvariant.model,
  awkward,
  ...["reshape", "concat", "maxOf", "softmax"].map((name) => modelOfCases(name, CASES[name]!)),
];

const COMPLETE = { momentum: 0, gradientNoise: 0, clipNorm: 0 };

/** SGD with everything that changes its kernel, or without. */
const dynamics = (model: Model, hasVelocity: boolean, hasNoise: boolean) =>
  dynamicsOf(
    model,
    sgd({}),
    [
      {
        momentum: hasVelocity ? 0.9 : 0,
        gradientNoise: hasNoise ? 1 : 0,
        clipNorm: hasNoise ? 1 : 0,
      },
    ],
    {},
  );

const request = (model: Model, change: Partial<ThreadRequest> = {}): ThreadRequest => ({
  model,
  dynamics: dynamicsOf(model, sgd({}), [COMPLETE], {}),
  sampling: "withReplacement",
  samples: 100,
  maxBatch: 10,
  lanes: 1000,
  ...change,
});

const observables = (model: Model): Observables => {
  const vector = model.coordinateNames.map((_, p) => Math.cos(p));
  const [first] = model.coordinateNames;
  const few = model.coordinateNames.slice(0, 12);
  const along = { name: "along", vector };
  return {
    numbers: series({ of: ["loss", "fullLoss", "theta.theta", "g.g", "theta.g", first!, along] }),
    rare: series({ of: ["v.v", `v.${first}`, { ...along, velocity: true }], every: 10 }),
    small: moments({ of: [first!, along] }),
    large: moments({ of: [...few, along], lags: [1, 7], every: 3 }),
  };
};

describe("every shader", () => {
  let device: GPUDevice;
  beforeAll(async () => {
    device = await nullDevice();
  });
  afterAll(() => device.destroy());

  const check = async (code: string): Promise<void> => {
    expect(uninitialized(code)).toEqual([]);
    await compile(device, code);
  };

  test.each(MODELS.map((model) => [model.name, model] as const))("of %s", async (_name, model) => {
    for (const unroll of [0, 20, 4096]) {
      const plan = planThread(
        request(model, { dynamics: dynamics(model, true, true), sampling: "distinct", unroll }),
      );
      await check(plan.shader(null).code);
      const observation = planObservation({
        model,
        observables: observables(model),
        conditions: 3,
        hasVelocity: true,
        window: 256,
      });
      await check(plan.shader(observation).code);
      const outputs = [model.loss, ...Object.values(model.metrics)];
      await check(evaluationShader(model, outputs, plan.row, { unroll, direction: 0 }).code);
      const gradients = fullGradientShaders(model, plan.row, unroll, {});
      await check(gradients.sums.code);
      await check(gradients.squares.code);
    }
    // The engine keeps the longer loops of derivatives (`run/evaluate.ts`).
    for (const unroll of [0, 64]) {
      const scalars = sampleScalars(
        model,
        FULL_DATA.filter((name) => name !== "fullGradientSquare"),
      );
      const row = rowLayout(model.fields);
      await check(evaluationShader(model, scalars, row, { unroll, direction: 1 }).code);
    }
  });

  test.each(SAMPLING_LAWS)("of sampling %s, with and without velocity and noise", async (law) => {
    const model = COMPOSITES["linear regression"]!;
    for (const hasVelocity of [false, true]) {
      for (const hasNoise of [false, true]) {
        const plan = planThread(
          request(model, { sampling: law, dynamics: dynamics(model, hasVelocity, hasNoise) }),
        );
        await check(plan.shader(null).code);
      }
    }
  });

  test("is the same text for the same request", () => {
    for (const model of MODELS) {
      const texts = [0, 1].map(() => planThread(request(model)).shader(null).code);
      expect(texts[0]).toBe(texts[1]);
    }
  });
});
