/**
 * Replicas that interact through their mean: groups on the device against the float64 twin of whole
 * groups, and that what a group does depends on (seed, condition, its replicas, step) alone.
 *
 * Errors are |a − b|₂/|b|₂ of each replica's θ and v over 50 steps, the bound that of
 * `dynamics.test.ts`; the mean adds a rounding a step, and 50 of them pull the same way at most.
 */
import { describe, expect, test } from "vitest";
import { LimitError } from "../../engine/errors.ts";
import { gaussian } from "../../engine/initial.ts";
import type { Model } from "../../engine/model.ts";
import { moments } from "../../engine/observe/moments.ts";
import { series } from "../../engine/observe/series.ts";
import { snapshot } from "../../engine/observe/snapshot.ts";
import { compileReference } from "../../engine/reference.ts";
import { referenceGroup } from "../../engine/referenceGroup.ts";
import { paramViews, sampleViews } from "../../engine/referenceReplica.ts";
import { referenceLoss } from "../../engine/referenceTrajectory.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { mergeShards } from "../../engine/run/merge.ts";
import { type EnsembleOptions, resolve } from "../../engine/run/options.ts";
import { continuousSgd } from "../../engine/update/continuousSgd.ts";
import { implicitSgd } from "../../engine/update/implicitSgd.ts";
import { langevin } from "../../engine/update/langevin.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { ubu } from "../../engine/update/ubu.ts";
import { onlineData } from "../../engine/wgsl/row.ts";
import { describeWithDevice } from "../gpu.ts";
import { alignedRegression, flock } from "../groupModels.ts";
import { relativeError, sampleData } from "../parity.ts";
import { stateError, twins } from "../twins.ts";

const BOUND = 2e-5;
const STEPS = 50;

const options = (model: Model, change: Partial<EnsembleOptions> = {}): EnsembleOptions => ({
  model,
  data: model.fields.length === 0 ? onlineData : sampleData(model, 12, 3),
  update: langevin({ learningRate: 0.05, batchSize: 3, temperature: 0.3 }),
  sweep: { coupling: [2, 0.5] },
  replicas: 12,
  groupSize: 4,
  seed: 0xfeed,
  initial: gaussian({ standardDeviation: 0.4, mean: 0.1 }),
  ...change,
});

const observables = {
  loss: series({ of: ["loss", "theta.theta"], every: 3 }),
  moments: moments({ lags: [2] }),
  states: snapshot({ every: 10 }),
};

/** Mean of ∇l over the data at fixed means. */
function fullGradient(
  { model, data }: EnsembleOptions,
  settings: Readonly<Record<string, number>>,
  theta: Float64Array,
  mean: Float64Array,
): Float64Array {
  const run = compileReference(model.gradients);
  const [params, means] = [paramViews(model, theta), paramViews(model, mean)];
  const rows = sampleViews(model, data);
  const sum = new Float64Array(theta.length);
  for (const sample of rows) {
    const blocks = run({ params, means, settings, sample }).flatMap((block) => [...block]);
    blocks.forEach((g, p) => {
      sum[p]! += g / rows.length;
    });
  }
  return sum;
}

const bits = (data: Float32Array | Float64Array): string =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");

describeWithDevice("groups", "software", (device) => {
  const deviceError = async (given: EnsembleOptions, twin = given): Promise<number> => {
    await using ensemble = await createEnsemble(device(), given);
    await ensemble.advance({ steps: STEPS });
    return stateError(await ensemble.state(), twins(twin, { steps: STEPS }));
  };

  async function finalBits(given: EnsembleOptions, calls = [STEPS]): Promise<string> {
    await using ensemble = await createEnsemble(device(), given);
    for (const steps of calls) await ensemble.advance({ steps });
    return bits((await ensemble.state()).theta.data);
  }

  describe.each([flock, alignedRegression])("of $name", (model) => {
    test.each([1, 3, undefined])("groups of %s are as in float64", async (groupSize) => {
      const { groupSize: _, ...given } = options(model);
      expect(await deviceError({ ...given, ...(groupSize && { groupSize }) })).toBeLessThanOrEqual(
        BOUND,
      );
    });

    test("kept loops are as in float64", async () => {
      const given = options(model, { execution: { unroll: 0 } });
      expect(await deviceError(given)).toBeLessThanOrEqual(BOUND);
    });

    test("negative controls: other groups, and replicas that do not interact, are seen", async () => {
      for (const change of [
        { groupSize: 6 },
        { groupSize: 1 },
        { sweep: { coupling: [2.01, 0.5] } },
      ]) {
        const error = await deviceError(options(model), options(model, change));
        expect(error, JSON.stringify(change)).toBeGreaterThan(5 * BOUND);
      }
    });

    test.each([
      ["momentum", { update: sgd({ learningRate: 0.05, batchSize: 3, momentum: 0.8 }) }],
      ["UBU", { update: ubu({ learningRate: 0.1, batchSize: 3, friction: 2, temperature: 0.3 }) }],
      ["implicit", { update: implicitSgd({ learningRate: 0.2, batchSize: 3 }) }],
    ])("%s is as in float64", async (_name, change) => {
      expect(await deviceError(options(model, change))).toBeLessThanOrEqual(BOUND);
    });
  });

  test("modelled noise is as in float64", async () => {
    const given = options(alignedRegression, {
      update: continuousSgd({ learningRate: 0.05, batchSize: 3, noiseModel: 3 }),
    });
    expect(await deviceError(given)).toBeLessThanOrEqual(BOUND);
  });

  test("large groups: means of many shares are as in float64", async () => {
    const given = options(flock, { replicas: 300, groupSize: 300, sweep: { coupling: [2] } });
    expect(await deviceError(given)).toBeLessThanOrEqual(BOUND);
  });

  test("chunks, workgroups, dispatches and calls change no bit", async () => {
    const expected = await finalBits(options(alignedRegression));
    const executions = [
      { lanesPerChunk: 4 },
      { lanesPerChunk: 11, stepsPerDispatch: 7 },
      { workgroup: 1 },
      { workgroup: 256, stepsPerDispatch: 1 },
      { stepsPerDispatch: 1000 },
    ];
    for (const execution of executions) {
      const other = await finalBits(options(alignedRegression, { execution }));
      expect(other, JSON.stringify(execution)).toBe(expected);
    }
    expect(await finalBits(options(alignedRegression), [1, 0, 19, 30])).toBe(expected);
  });

  test("negative control: another seed changes bits", async () => {
    expect(await finalBits(options(flock, { seed: 1 }))).not.toBe(await finalBits(options(flock)));
  });

  test("more steps than one submit holds, and slices of lanes that are whole groups", async () => {
    const many = options(flock, { replicas: 9000, groupSize: 1800, sweep: { coupling: [2] } });
    const expected = await finalBits({ ...many, execution: { stepsPerDispatch: 300 } }, [600]);
    expect((await finalBits(many, [600])) === expected).toBe(true);
  });

  test("shards of whole groups are the same replicas", async () => {
    const part = (first: number, count: number) =>
      options(flock, { replicas: { first, count }, observables });
    const run = async (given: EnsembleOptions<typeof observables>) => {
      await using ensemble = await createEnsemble(device(), given);
      const record = await ensemble.observe({ steps: STEPS });
      return record;
    };
    type Given = EnsembleOptions<typeof observables>;
    const whole = await run(part(0, 12) as Given);
    const merged = mergeShards(await run(part(0, 4) as Given), await run(part(4, 8) as Given));
    expect(bits(merged.loss.values.data)).toBe(bits(whole.loss.values.data));
    expect(bits(merged.states.values.data)).toBe(bits(whole.states.values.data));
    expect(whole.run.groupSize).toBe(4);
  });

  test("resumed from a checkpoint, observed or not, nothing changes", async () => {
    const given = options(alignedRegression, { observables }) as EnsembleOptions<
      typeof observables
    >;
    const expected = await finalBits(options(alignedRegression));
    await using first = await createEnsemble(device(), given);
    await first.observe({ steps: 17 });
    const from = await first.checkpoint();
    await using second = await createEnsemble(device(), { ...given, from });
    await second.observe({ steps: 20 });
    await second.advance({ steps: 13 });
    expect(bits((await second.state()).theta.data)).toBe(expected);
    const other = { ...given, groupSize: 6, from };
    await expect(createEnsemble(device(), other)).rejects.toThrow("another ensemble");
  });

  test("what is observed at a step is of that step's mean", async () => {
    const given = options(flock, {
      observables: { all: series({ of: ["loss", "x[0]", "mean.x[0]"] }) },
    });
    await using ensemble = await createEnsemble(device(), given);
    const record = (await ensemble.observe({ steps: 20 })) as unknown as {
      all: { values: { data: Float32Array } };
    };
    const lanes = 24;
    const seen = (q: number, lane: number, t: number): number =>
      record.all.values.data[(q * lanes + lane) * 20 + t]!;
    const loss = new Map<string, number>();
    twins(given, { steps: 20, onStep: (lane, m) => loss.set(`${lane} ${m.step}`, m.loss) });
    for (let lane = 0; lane < lanes; lane += 1) {
      for (let t = 0; t < 20; t += 1) {
        expect(Math.abs(seen(0, lane, t) - loss.get(`${lane} ${t}`)!)).toBeLessThan(1e-5);
        const first = lane - (lane % 4);
        const mean = [0, 1, 2, 3].reduce((sum, i) => sum + seen(1, first + i, t) / 4, 0);
        expect(Math.abs(seen(2, lane, t) - mean)).toBeLessThan(1e-6);
      }
    }
  });

  test("evaluate and fullLoss take the means as of now", async () => {
    const given = options(alignedRegression, {
      observables: { full: series({ of: "fullLoss", every: 5 }) },
    }) as EnsembleOptions<{ full: ReturnType<typeof series> }>;
    await using ensemble = await createEnsemble(device(), given);
    const check = async (losses: ArrayLike<number>, theta: ArrayLike<number>): Promise<void> => {
      const { conditions } = resolve(given);
      for (let lane = 0; lane < 24; lane += 1) {
        const of = (l: number): Float64Array =>
          Float64Array.from({ length: 3 }, (_, p) => theta[3 * l + p]!);
        const mean = new Float64Array(3);
        const first = lane - (lane % 4);
        for (let i = 0; i < 4; i += 1) {
          for (let p = 0; p < 3; p += 1) mean[p]! += of(first + i)[p]! / 4;
        }
        const setting = conditions[lane < 12 ? 0 : 1]!;
        const exact = referenceLoss(alignedRegression, given.data, of(lane), setting, mean);
        expect(relativeError([losses[lane]!], [exact])).toBeLessThan(1e-5);
      }
    };
    const start = (await ensemble.state()).theta.data;
    const { full } = await ensemble.observe({ steps: 10 });
    const at = (t: number): number[] =>
      Array.from({ length: 24 }, (_, lane) => full.values.data[2 * lane + t]!);
    await check(at(0), start);
    const now = (await ensemble.state()).theta.data;
    await check((await ensemble.evaluate({ of: ["loss"] })).data, now);
    const squares = (await ensemble.evaluate({ of: ["fullGradientSquare"] })).data;
    const [size, setting] = [4, resolve(given).conditions[0]!];
    const theta = Float64Array.from(now.subarray(0, 3));
    const members = Array.from({ length: 3 }, (_, p) =>
      Array.from({ length: size }, (_, i) => now[3 * i + p]! / size),
    );
    const mean = Float64Array.from(members, (xs) => xs.reduce((sum, x) => sum + x, 0));
    const exact = fullGradient(given, setting, theta, mean).reduce((sum, g) => sum + g * g, 0);
    expect(relativeError([squares[0]!], [exact])).toBeLessThan(1e-5);
    await expect(check(at(1), now)).rejects.toThrow();
  });

  test("a replica that diverges takes its group with it, and no other", async () => {
    // Coupling 50 at rate 0.05: the mean of every group grows by 1.5 a step, through the bound in turn.
    const given = options(flock, {
      sweep: { coupling: [50, 2] },
      bounds: { theta: 1e3 },
      initial: gaussian({ standardDeviation: 40 }),
    });
    await using ensemble = await createEnsemble(device(), given);
    await ensemble.advance({ steps: 200 });
    const frozen = await ensemble.frozen();
    for (let group = 0; group < 6; group += 1) {
      const steps = [...frozen.slice(4 * group, 4 * group + 4)];
      if (group >= 3) expect(steps).toEqual([-1, -1, -1, -1]);
      else {
        const first = Math.min(...steps);
        expect(first).toBeGreaterThanOrEqual(0);
        // The others stop when they find it out, a step later.
        expect(steps.every((step) => step === first || step === first + 1)).toBe(true);
      }
    }
  });

  test("one replica beyond the bounds stops its group a step later", async () => {
    const bound = 100;
    const given = options(flock, {
      sweep: { coupling: [0] },
      bounds: { theta: bound },
      initial: gaussian({ standardDeviation: 35 }),
      replicas: 40,
    });
    await using ensemble = await createEnsemble(device(), given);
    const { theta } = await ensemble.state();
    await ensemble.advance({ steps: 5 });
    const norm = (lane: number): number =>
      Math.hypot(...theta.data.subarray(4 * lane, 4 * lane + 4));
    const isBeyond = Array.from({ length: 40 }, (_, lane) => norm(lane) > bound);
    const expected = isBeyond.map((own, lane) => {
      const first = lane - (lane % 4);
      if (own) return 0;
      return isBeyond.slice(first, first + 4).includes(true) ? 1 : -1;
    });
    // The test says something only where all three occur.
    expect(new Set(expected)).toEqual(new Set([-1, 0, 1]));
    expect([...(await ensemble.frozen())]).toEqual(expected);
  });

  test("a group that fits no chunk is refused with numbers", async () => {
    const given = options(flock, { execution: { lanesPerChunk: 3 } });
    const made = createEnsemble(device(), given);
    await expect(made).rejects.toThrow(LimitError);
    await expect(createEnsemble(device(), given)).rejects.toThrow(/lanesPerChunk is 3.*has 4/s);
  });

  test("a twin continues where it stood", () => {
    const { data, update } = options(flock);
    const request = {
      ...{ model: flock, data, rule: update, sampling: "withReplacement" as const, groupSize: 3 },
      initial: gaussian({ standardDeviation: 1 })(flock),
      lane: { seed: 3, condition: 0, replica: 0 },
    };
    const whole = referenceGroup({ ...request, steps: 20 });
    const half = referenceGroup({ ...request, steps: 8 });
    const rest = referenceGroup({ ...request, from: half, steps: 12 });
    expect(rest.map(({ theta }) => theta[0])).toEqual(whole.map(({ theta }) => theta[0]));
  });
});
