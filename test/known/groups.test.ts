/** Replicas that interact, without a device: what is refused, how lanes are cut, what is derived. */
import { describe, expect, test } from "vitest";
import { ArgumentError, LimitError } from "../../engine/errors.ts";
import { explain } from "../../engine/explain.ts";
import { fixed, gaussian } from "../../engine/initial.ts";
import { minimize } from "../../engine/minimize.ts";
import { defineModel } from "../../engine/model.ts";
import { moments } from "../../engine/observe/moments.ts";
import { op } from "../../engine/ops/index.ts";
import { evaluate } from "../../engine/reference.ts";
import { referenceGroup } from "../../engine/referenceGroup.ts";
import { referenceTrajectory } from "../../engine/referenceTrajectory.ts";
import { chunkLanes } from "../../engine/run/chunk.ts";
import { mergeShards } from "../../engine/run/merge.ts";
import { type EnsembleOptions, resolve } from "../../engine/run/options.ts";
import { langevin } from "../../engine/update/langevin.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { onlineData } from "../../engine/wgsl/row.ts";
import { linearRegression } from "../composites.ts";
import { alignedRegression, flock } from "../groupModels.ts";
import { sampleData } from "../parity.ts";

const options: EnsembleOptions = {
  model: flock,
  data: onlineData,
  update: langevin({ learningRate: 0.1, batchSize: 1 }),
  replicas: 12,
  seed: 1,
};

describe("groups of an ensemble", () => {
  test("are all replicas of a condition, or as many as is said", () => {
    expect(resolve(options).groupSize).toBe(12);
    expect(resolve({ ...options, groupSize: 3 }).groupSize).toBe(3);
    const shard = { first: 6, count: 6 };
    expect(resolve({ ...options, replicas: shard, groupSize: 3 }).groupSize).toBe(3);
    const { groupSize } = resolve({ ...options, model: linearRegression(2), data: plain });
    expect(groupSize).toBeNull();
  });

  const plain = sampleData(linearRegression(2), 4, 1);

  test.each<[Partial<EnsembleOptions>, RegExp]>([
    [{ groupSize: 5 }, /groupSize: 5 does not cut 12 replicas.*divides both/],
    [{ groupSize: 0 }, /groupSize: 0/],
    [{ groupSize: 2.5 }, /groupSize: 2.5/],
    [{ groupSize: 4, replicas: { first: 2, count: 8 } }, /from number 2 on/],
    [{ replicas: { first: 6, count: 6 } }, /groupSize: is missing.*whole ensemble/],
    [{ groupSize: 4, model: linearRegression(2), data: plain }, /do not interact/],
  ])("%o are refused in a sentence", (change, message) => {
    expect(() => resolve({ ...options, ...change })).toThrow(ArgumentError);
    expect(() => resolve({ ...options, ...change })).toThrow(message);
  });

  const limits = (bytes: number) =>
    ({ maxStorageBufferBindingSize: bytes, maxBufferSize: 1e9 }) as GPUSupportedLimits;
  const words = { state: 3, order: 0, series: 0, moments: 5 };

  test("stand in chunks as a whole", () => {
    const group = { lanes: 8, words: 4 };
    // 5 words of 4 bytes a lane: 1000 bytes hold 50 lanes, 6 groups of 8.
    expect(chunkLanes(words, 80, limits(1000), 80, group)).toEqual([40, 40]);
    expect(chunkLanes(words, 80, limits(1e6), 30, group)).toEqual([16, 24, 16, 24]);
    expect(chunkLanes(words, 80, limits(1000))).toEqual([40, 40]);
    // Words behind the lanes' count where they make the widest buffer.
    expect(
      chunkLanes({ ...words, moments: 0 }, 80, limits(320), 80, { lanes: 8, words: 16 }),
    ).toEqual(new Array<number>(5).fill(16));
  });

  test("that fit no chunk are refused with numbers", () => {
    const call = () => chunkLanes(words, 80, limits(100), 80, { lanes: 8, words: 4 });
    expect(call).toThrow(LimitError);
    expect(call).toThrow(/group of 8 replicas needs a buffer of 160 bytes, this device binds 100/);
    expect(() => chunkLanes(words, 80, limits(1e6), 7, { lanes: 8, words: 4 })).toThrow(
      /lanesPerChunk is 7.*has 8/,
    );
  });

  test("of another size make no shard of the same ensemble", () => {
    const record = (first: number, groupSize: number) => {
      const provenance = { seed: 1, model: "m", sampling: "s", update: "u" };
      return {
        run: {
          firstStep: 0,
          steps: 1,
          conditions: [],
          replicas: { first, count: 4 },
          groupSize,
          provenance,
        },
      } as unknown as Parameters<typeof mergeShards>[0];
    };
    expect(() => mergeShards(record(0, 2), record(4, 4))).toThrow(/groupSize is 2 and 4/);
  });
});

describe("models that interact", () => {
  test("say so, and do not where the mean cancels", () => {
    expect(flock.interacts).toBe(true);
    expect(linearRegression(2).interacts).toBe(false);
    const model = defineModel({
      params: { x: [] },
      sample: {},
      draws: { xi: [] },
      loss: ({ x }, _sample, { mean, draws }) =>
        op.add(op.mul(op.mul(mean.x, 0), x), op.mul(x, draws.xi)),
    });
    expect(model.interacts).toBe(false);
  });

  test("have the gradient at fixed mean", () => {
    // l = k (m − 1)·x + ¼|x|² + s ξ·x: ∂l/∂x = k (m − 1) + x/2 + s ξ, nothing of ∂m/∂x = 1/N.
    const [x, mean, xi] = [0.3, 0.8, -0.4].map((value) => new Float64Array(4).fill(value));
    const [gradient] = evaluate([flock.gradients[0]!], {
      ...{ params: { x: x! }, sample: {}, draws: { xi: xi! }, means: { x: mean! } },
      settings: { coupling: 2, noise: 0.7 },
    });
    const expected = 2 * (0.8 - 1) + 0.15 - 0.28;
    for (const value of gradient!) expect(Math.abs(value - expected)).toBeLessThan(1e-15);
  });

  test("have no trajectory of one replica and no minimum", () => {
    const request = {
      ...{ model: flock, data: onlineData, rule: sgd({ learningRate: 0.1, batchSize: 1 }) },
      ...{ sampling: "withReplacement" as const, initial: fixed(0)(flock), steps: 1 },
      lane: { seed: 1, condition: 0, replica: 0 },
    };
    expect(() => referenceTrajectory(request)).toThrow(/use referenceGroup/);
    expect(() => referenceGroup({ ...request, groupSize: 0 })).toThrow(/groupSize is 0/);
    expect(() => referenceGroup({ ...request, groupSize: 2, from: [] })).toThrow(/0 states for 2/);
    const data = sampleData(alignedRegression, 4, 1);
    expect(() => minimize(alignedRegression, data, { start: 0 })).toThrow(/group of replicas/);
  });

  test("are explained with both kernels' reasons", () => {
    const { text, plan } = explain(flock, { replicas: 64, groupSize: 8, update: options.update });
    expect(text).toContain("groups of 8 replicas interact");
    expect(text).toContain("mean over the group");
    expect(plan.groupMeans?.shader.code).toContain("const GROUP_SIZE: u32 = 8u;");
    expect(() => explain(flock, { replicas: 64, groupSize: 7 })).toThrow(/7 does not cut 64/);
  });

  test("alone can be observed by their mean", () => {
    const of = ["mean.w[0]"];
    const model = linearRegression(2);
    const ask = (given: Parameters<typeof explain>[0]) =>
      explain(given, { replicas: 4, observables: { m: moments({ of }) } });
    expect(() => ask(model)).toThrow(/do not; average over the replicas/);
    expect(ask(alignedRegression).text).toContain("group_mean[0u]");
  });
});

describe("the twin of a group", () => {
  test("obeys x' = x − η(k(m − 1) + ½x) without noise", () => {
    const initial = gaussian({ standardDeviation: 1 })(flock);
    const request = {
      ...{ model: flock, data: onlineData, sampling: "withReplacement" as const, initial },
      ...{ rule: sgd({ learningRate: 0.1, batchSize: 1 }), setting: { coupling: 2, noise: 0 } },
      ...{ lane: { seed: 5, condition: 0, replica: 0 }, groupSize: 3 },
    };
    const before = referenceGroup({ ...request, steps: 0 }).map(({ theta }) => theta[0]!);
    const after = referenceGroup({ ...request, steps: 1 }).map(({ theta }) => theta[0]!);
    const mean = (before[0]! + before[1]! + before[2]!) / 3;
    before.forEach((x, i) => {
      const expected = x - 0.1 * (2 * (mean - 1) + 0.5 * x);
      expect(Math.abs(after[i]! - expected)).toBeLessThan(1e-14);
      // Negative control: the replica's own value in place of the mean.
      expect(Math.abs(after[i]! - (x - 0.1 * (2 * (x - 1) + 0.5 * x)))).toBeGreaterThan(1e-3);
    });
  });
});
