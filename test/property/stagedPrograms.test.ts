/**
 * Programs of stages in float64 against the graph they were made of: sums over a minibatch of the loss
 * and of its gradient, for random graphs and for `STAGED_MODELS`.
 *
 * The stages run in the order of the plan of `batched` and in its words of memory, so that a value that
 * is overwritten too early, a sum moved where it is not linear, a stage before what it reads or a wrong
 * axis of a product shows without a GPU. Errors are relative, 1e-6: constants are printed as float32.
 */
import { describe, expect, test } from "vitest";
import { ArgumentError, LimitError } from "../../engine/errors.ts";
import type { Model } from "../../engine/model.ts";
import { planBatched } from "../../engine/plan/batched/batchedPlan.ts";
import { trainingProgram } from "../../engine/plan/staged/trainingProgram.ts";
import { compileReference } from "../../engine/reference.ts";
import { resolve } from "../../engine/run/options.ts";
import { dynamicsOf } from "../../engine/update/dynamics.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { relativeError, sampleData } from "../parity.ts";
import { randomModel } from "../randomGraphs.ts";
import { seeded, uniformArray } from "../seeded.ts";
import { interpretStages, type StagedInputs } from "../stagedInterpreter.ts";
import { STAGED_MODELS } from "../stagedModels.ts";

const BOUND = 1e-6;

const LIMITS = {
  maxComputeWorkgroupStorageSize: 16384,
  maxStorageBufferBindingSize: 2 ** 27,
  maxBufferSize: 2 ** 28,
  minStorageBufferOffsetAlignment: 256,
  subgroupMinSize: 0,
};

function planOf(model: Model, maxBatch: number, bytes = LIMITS.maxStorageBufferBindingSize) {
  const rule = sgd({ learningRate: 0.1, batchSize: maxBatch });
  return planBatched({
    model,
    dynamics: dynamicsOf(model, rule, [rule.setting], {}),
    sampling: "withReplacement",
    samples: 16,
    maxBatch,
    lanes: 4,
    observation: null,
    limits: { ...LIMITS, maxStorageBufferBindingSize: bytes },
  });
}

function inputsOf(model: Model, batch: number, seed: number): StagedInputs {
  const random = seeded(seed);
  const values = (blocks: Model["params"]): Record<string, Float64Array> =>
    Object.fromEntries(blocks.map(({ name, size }) => [name, uniformArray(random, size)]));
  const samples = Array.from({ length: batch }, (_, s) =>
    Object.fromEntries(
      model.fields.map(({ name, size, labels }) => [
        name,
        labels > 0 ? Float64Array.of(s % labels) : uniformArray(random, size),
      ]),
    ),
  );
  return { params: values(model.params), samples };
}

/** Σ_b of the loss, then of the gradients, in the order of θ. */
function exactSums(model: Model, { params, samples }: StagedInputs): Float64Array {
  const run = compileReference([model.loss, ...model.gradients]);
  const sums = new Float64Array(1 + model.parameterCount);
  for (const sample of samples) {
    const [loss, ...gradients] = run({ params, sample });
    sums[0]! += loss![0]!;
    gradients.forEach((gradient, k) => {
      gradient.forEach((g, i) => {
        sums[1 + model.params[k]!.offset + i]! += g;
      });
    });
  }
  return sums;
}

/** Error of the stages, and multiply-adds' results that were compared with their axes. */
function errorOf(model: Model, batch: number, seed: number): { error: number; products: number } {
  const inputs = inputsOf(model, batch, seed);
  const { loss, gradient, products } = interpretStages(model, planOf(model, 5), inputs);
  return { error: relativeError([loss, ...gradient], exactSums(model, inputs)), products };
}

describe("random graphs", () => {
  const seeds = Array.from({ length: 40 }, (_, seed) => seed);
  test.each(seeds)("seed %i", (seed) => {
    const model = randomModel(seed, 9, 4);
    for (const batch of [1, 3, 5]) {
      expect(errorOf(model, batch, seed).error, `batch ${batch}`).toBeLessThanOrEqual(BOUND);
    }
  });

  test("they have products of matrices", () => {
    const found = seeds.map((seed) => errorOf(randomModel(seed, 9, 4), 3, seed).products);
    expect(found.filter((products) => products > 0).length).toBeGreaterThan(8);
  });
});

test("the gradient of a block that is read by columns is a product of matrices", () => {
  const { stages } = trainingProgram(STAGED_MODELS["a transposed block"]!);
  const found = stages.flatMap(({ statements, contraction }) =>
    contraction === null ? [] : statements.flatMap(({ outputs }) => outputs),
  );
  expect(found).toEqual(expect.arrayContaining(["gradient.V", "gradient.W"]));
});

describe("models that are hard on stages", () => {
  test.each(Object.values(STAGED_MODELS).map((model) => ({ model })))(
    "$model.name",
    ({ model }) => {
      for (const batch of [1, 4]) {
        expect(errorOf(model, batch, 7).error, `batch ${batch}`).toBeLessThanOrEqual(BOUND);
      }
    },
  );
});

test("a replica beyond what a device binds is refused with numbers and the remedy", () => {
  const model = STAGED_MODELS["fixed matrices"]!;
  const { memory } = planOf(model, 5);
  const needed = 4 * Math.max(memory.scratchWords, memory.replicaWords);
  expect(planOf(model, 5, needed).mostLanes).toBe(1);
  expect(() => planOf(model, 5, needed - 4)).toThrow(
    new LimitError(
      `batched schedule: fixed matrices with batches of 5 samples needs a buffer of ${needed} bytes ` +
        `for one replica, this device binds ${needed - 4}; use smaller batches or fewer parameters.`,
    ),
  );
});

test("a schedule that there is not is refused by name", () => {
  const model = STAGED_MODELS.scalars!;
  const options = {
    model,
    data: sampleData(model, 4, 1),
    update: sgd({ learningRate: 0.1, batchSize: 2 }),
    replicas: 1,
    seed: 1,
    execution: { schedule: "warp" as "thread" },
  };
  expect(() => resolve(options)).toThrow(
    new ArgumentError(
      'execution: schedule "warp" is unknown; use one of thread, workgroup, batched, or leave it out.',
    ),
  );
});
