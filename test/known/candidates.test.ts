/** Which settings are considered for which ensemble, in which order, without a device. */
import { describe, expect, test } from "vitest";
import { LimitError } from "../../engine/errors.ts";
import {
  agrees,
  isSame,
  type PlanSetting,
  printSetting,
  readSetting,
  settingOf,
} from "../../engine/execution.ts";
import { defineModel, type Model } from "../../engine/model.ts";
import { op } from "../../engine/ops/index.ts";
import { byRule, candidates, type Planner } from "../../engine/plan/candidates.ts";
import { type EnsemblePlan, planEnsemble } from "../../engine/plan/ensemblePlan.ts";
import { resolveConditions } from "../../engine/run/conditions.ts";
import { dynamicsOf } from "../../engine/update/dynamics.ts";
import { sgd } from "../../engine/update/sgd.ts";

const network = (inputs: number, hidden: number): Model =>
  defineModel({
    name: `${inputs}-${hidden}-1`,
    params: { W: [hidden, inputs], a: [hidden] },
    sample: { x: [inputs], y: [] },
    loss: ({ W, a }, { x, y }) => op.square(op.sub(op.dot(a, op.tanh(op.matvec(W, x))), y)),
  });

/** WebGPU's default limits. */
const LIMITS = {
  maxComputeWorkgroupStorageSize: 16384,
  maxStorageBufferBindingSize: 2 ** 27,
  maxBufferSize: 2 ** 28,
  minStorageBufferOffsetAlignment: 256,
  subgroupMinSize: 0,
};

interface Planned {
  readonly plan: EnsemblePlan;
}

function plannerOf(model: Model, lanes: number, limits = LIMITS): Planner<Planned> {
  const rule = sgd({ learningRate: 0.1, batchSize: 16 });
  const conditions = resolveConditions(rule);
  const dynamics = dynamicsOf(model, rule, conditions, {});
  return (setting) => ({
    plan: planEnsemble({
      ...{ model, dynamics, sampling: "withReplacement", samples: 256, maxBatch: 16, lanes },
      ...{ observation: null, limits },
      ...settingOf(setting),
    }),
  });
}

const sizes = (model: Model, lanes: number) => ({ model, batch: 16, lanes });

const found = (model: Model, lanes: number, wanted: PlanSetting = {}) =>
  candidates(plannerOf(model, lanes), wanted, sizes(model, lanes));

const names = (model: Model, lanes: number, wanted: PlanSetting = {}): string[] =>
  found(model, lanes, wanted).candidates.map(({ setting }) => printSetting(setting));

describe("candidates", () => {
  const small = network(2, 8);
  const large = network(64, 64);

  test("of a small model begin with the rule and have threads in several geometries", () => {
    const few = names(small, 256);
    expect(few[0]).toBe("thread/16");
    expect(few).toContain("thread/64");
    expect(few).toContain("thread/16, loops kept");
    expect(names(small, 10_000)[0]).toBe("thread/64");
    for (const lanes of [1, 256, 10_000]) expect(names(small, lanes).length).toBeLessThanOrEqual(8);
  });

  test("leave out tiles that make the same kernels", () => {
    const wide = network(64, 256);
    const tiles = (lanes: number) => {
      const planner = plannerOf(wide, 256, { ...LIMITS, subgroupMinSize: lanes });
      const all = candidates(planner, { schedule: "batched" }, sizes(wide, 256));
      return [all.candidates.length, all.excluded.map(({ why }) => why)];
    };
    expect(tiles(8)).toEqual([2, []]);
    expect(tiles(0)).toEqual([1, ["the same kernels as batched"]]);
  });

  test("are plans of their own, as they say", () => {
    for (const { setting, planned } of found(small, 256).candidates) {
      expect(planned.plan.schedule).toBe(setting.schedule);
      if (planned.plan.schedule === "thread") {
        expect(planned.plan.workgroup).toBe(setting.workgroup);
        expect(planned.plan.unroll).toBe(setting.unroll ?? 4096);
      }
    }
  });

  test("of a large model leave out threads, with the numbers", () => {
    const { candidates: left, excluded } = found(large, 32);
    expect(left.length).toBeGreaterThan(0);
    expect(left.map(({ setting }) => setting.schedule)).not.toContain("thread");
    const refusals = excluded.filter(({ setting }) => setting.schedule === "thread");
    // One geometry says it for all.
    expect(refusals).toHaveLength(1);
    expect(refusals[0]!.why).toContain("4160 parameters");
  });

  test("leave out what is hopeless: dispatches for each op of a tiny model of few lanes", () => {
    const { excluded } = found(small, 256);
    const batched = excluded.find(
      ({ setting }) => setting.schedule === "batched" && setting.tile === undefined,
    );
    expect(batched!.why).toMatch(/^estimated \d+ times slower than the best$/);
    // Whole workgroups at barriers for the few operations of a tiny model.
    const tiny = network(1, 2);
    const waiting = found(tiny, 1024).excluded.filter(
      (one) => one.setting.schedule === "workgroup",
    );
    expect(waiting.map(({ why }) => why)).toEqual([
      expect.stringMatching(/^estimated \d+ times/),
      expect.stringMatching(/^estimated \d+ times/),
    ]);
    expect(names(network(16, 32), 1024)).toContain("workgroup/64");
    // With many lanes a dispatch is shared by them.
    expect(names(small, 2 ** 20)).toContain("batched");
  });

  test("hold what the caller gives", () => {
    expect(
      new Set(found(small, 256, { schedule: "thread" }).candidates.map((c) => c.setting.schedule)),
    ).toEqual(new Set(["thread"]));
    // A size on no list is run as given.
    expect(names(small, 256, { schedule: "thread", workgroup: 48 })).toEqual(["thread/48"]);
    for (const { setting } of found(small, 256, { unroll: 0 }).candidates) {
      expect(setting.unroll).toBe(0);
    }
    expect(() => found(large, 32, { schedule: "thread" })).toThrow(LimitError);
    expect(() => found(large, 32, { schedule: "thread" })).toThrow("4160 parameters");
  });

  test("the rule is the first of them", () => {
    for (const [model, lanes] of [
      [small, 1],
      [small, 10_000],
      [large, 32],
    ] as const) {
      const rule = byRule(plannerOf(model, lanes), {}, sizes(model, lanes));
      expect(names(model, lanes)[0]).toBe(printSetting(rule.setting));
    }
  });

  test("a planner's own errors are not taken for a refusal", () => {
    const broken: Planner<Planned> = () => {
      throw new Error("a bug");
    };
    expect(() => candidates(broken, {}, sizes(small, 4))).toThrow("a bug");
    expect(() => byRule(broken, {}, sizes(small, 4))).toThrow("a bug");
  });
});

describe("settings", () => {
  test("agree with what leaves members open, and are the same only with all of them", () => {
    const setting: PlanSetting = { schedule: "thread", workgroup: 16, unroll: 0 };
    expect(agrees(setting, {})).toBe(true);
    expect(agrees(setting, { schedule: "thread", workgroup: 16 })).toBe(true);
    expect(agrees(setting, { workgroup: 64 })).toBe(false);
    expect(agrees({ schedule: "thread" }, setting)).toBe(false);
    expect(isSame(setting, { schedule: "thread", workgroup: 16 })).toBe(false);
    expect(isSame(setting, { ...setting })).toBe(true);
  });

  test("are read from files with their own members alone", () => {
    const good = { schedule: "workgroup", workgroup: 64, other: 1 };
    expect(readSetting(good)).toEqual({ schedule: "workgroup", workgroup: 64 });
    for (const bad of [null, 3, "thread", {}, { schedule: "thread", workgroup: -1 }]) {
      expect(readSetting(bad)).toBeNull();
    }
    expect(readSetting({ schedule: "warp" })).toBeNull();
    expect(readSetting({ schedule: "thread", unroll: 0.5 })).toBeNull();
  });
});
