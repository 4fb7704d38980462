/**
 * Which stages of the schedule `batched` take four elements in an invocation, which twelve and which
 * one, and what their texts contain. Their numbers are compared in test/gpu/stagedModels.test.ts.
 */
import { expect, test } from "vitest";
import { defineModel } from "../../engine/model.ts";
import { op } from "../../engine/ops/index.ts";
import { planEnsemble } from "../../engine/plan/ensemblePlan.ts";
import { resolveConditions } from "../../engine/run/conditions.ts";
import { dynamicsOf } from "../../engine/update/dynamics.ts";
import { sgd } from "../../engine/update/sgd.ts";

const LIMITS = {
  maxComputeWorkgroupStorageSize: 16384,
  maxStorageBufferBindingSize: 2 ** 27,
  maxBufferSize: 2 ** 28,
  minStorageBufferOffsetAlignment: 256,
  subgroupMinSize: 0,
};

/** The texts of the stages over a field `x` of a shape, by whether they take neighbors. */
function stagesOver(shape: readonly number[], bytes = false) {
  const model = defineModel({
    params: { a: [...shape] },
    sample: { x: bytes ? { bytes: [...shape] } : [...shape] },
    loss: ({ a }, { x }) => op.mean(op.square(op.tanh(op.mul(a, op.tanh(x!))))),
  });
  const rule = sgd({ learningRate: 0.1, batchSize: 5 });
  const dynamics = dynamicsOf(model, rule, resolveConditions(rule), {});
  const plan = planEnsemble({
    ...{ model, dynamics, sampling: "withReplacement", samples: 16, maxBatch: 5, lanes: 2 },
    ...{ observation: null, limits: LIMITS, schedule: "batched" },
  });
  if (plan.schedule !== "batched") throw new Error(`planned ${plan.schedule}`);
  const texts = plan.step.map(({ shader }) => shader.code);
  const mains = texts.map((text) => text.slice(text.indexOf("fn main(")));
  return mains.filter((main) => main.includes("index / PLACES"));
}

/** Stores of whole vec4f. */
const stored = (text: string): number => text.match(/^ *scratch\[.*>> 2u\] = quad/gm)?.length ?? 0;

test.each([
  { shape: [8], bytes: false, four: 1 },
  { shape: [7], bytes: false, four: 1 },
  { shape: [3, 5], bytes: false, four: 1 },
  { shape: [24], bytes: true, four: 3 },
  { shape: [25], bytes: true, four: 3 },
])("$shape, bytes: $bytes", ({ shape, bytes, four }) => {
  const texts = stagesOver(shape, bytes);
  expect(texts.length).toBeGreaterThan(0);
  expect(Math.max(...texts.map(stored)) % four).toBe(0);
  expect(texts.every((text) => stored(text) > 0)).toBe(true);
  // Nothing divides by axes where all is read at the element's own index, nor asks for settings.
  for (const text of texts) expect(text).not.toMatch(/hyperparameters|element\d|\bd\d+_?/);
  // What does not fill the last twelve is not written beyond its row.
  const guarded = texts.some((text) => /if \(12u \* place/.test(text));
  expect(guarded).toBe(bytes && shape[0]! % 12 !== 0);
});

test("values of fewer than four elements are computed one by one", () => {
  expect(stagesOver([3])).toEqual([]);
});
