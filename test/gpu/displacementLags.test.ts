/**
 * Observable `displacement` against its float64 twin, along paths that the twins of all replicas walk;
 * bit by bit the same for every chunk, dispatch, call and checkpoint.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { fixed, gaussian } from "../../engine/initial.ts";
import {
  DISPLACEMENT_BLOCK,
  type DisplacementSpec,
  displacement,
  displacementCounts,
  logarithmicLags,
} from "../../engine/observe/displacement.ts";
import { referenceDisplacement } from "../../engine/observe/referenceDisplacement.ts";
import type { DisplacementRecord } from "../../engine/record.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { merge, mergeShards } from "../../engine/run/merge.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { quadraticModes } from "../../models/quadraticModes.ts";
import { heavyBallPath } from "../../models/theory/index.ts";
import { linearRegression } from "../composites.ts";
import { optionsOf, rules } from "../displacements.ts";
import { describeWithDevice } from "../gpu.ts";
import { sampleData } from "../parity.ts";
import { twins } from "../twins.ts";

const model = linearRegression(2);
const REPLICAS = { first: 3, count: 21 };
const STEPS = 61;
const base = {
  model,
  data: sampleData(model, 12, 9),
  update: sgd({ learningRate: 0.05, momentum: 0.7, gradientNoise: 0.2 }),
  sampling: "reshuffled",
  sweep: { batchSize: [2, 3] },
  replicas: REPLICAS,
  seed: 0xabcdef,
  initial: gaussian({ standardDeviation: 0.5 }),
} satisfies EnsembleOptions;

const names = model.coordinateNames;
const mix = { name: "mix", vector: [0.6, -0.8, 0.3] };
const observables = {
  // Origins overlap, the longest lag is the period: it is measured when its origin is taken anew.
  whole: displacement({ lags: [1, 2, 5, 18], origins: 3, spacing: 6 }),
  // Origins in a burst, then none until the period of the longest lag is over.
  some: displacement({ lags: [3, 25], origins: 2, spacing: 4, of: [names[1]!, mix] }),
};
/** Longer than what is observed. */
const far = displacement({ lags: [STEPS - 1, STEPS], spacing: 7, local: false });

const numbersOf = (spec: DisplacementSpec, theta: ArrayLike<number>): number[] =>
  spec.of === null
    ? Array.from(theta)
    : spec.of.map((of) =>
        typeof of === "string"
          ? theta[names.indexOf(of)]!
          : of.vector.reduce((sum, a, p) => sum + a * theta[p]!, 0),
      );

/** Largest deviation from the twin, over 1 + the twin's value. */
function deviation(
  record: DisplacementRecord,
  spec: DisplacementSpec,
  paths: readonly (readonly Float64Array[])[],
): number {
  let worst = 0;
  const consider = (got: number, sum: number, count: number): void => {
    if (count === 0) expect(got).toBeNaN();
    else worst = Math.max(worst, Math.abs(got - sum / count) / (1 + sum / count));
  };
  paths.forEach((path, lane) => {
    const z = path.map((theta) => numbersOf(spec, theta));
    // The state after the last step is no record, but the last step is one.
    const own = referenceDisplacement(spec, z.slice(0, -1));
    expect(record.counts).toEqual(own.counts);
    const row = lane * spec.lags.length;
    spec.lags.forEach((_, l) => {
      consider(record.meanSquare.data[row + l]!, own.sums[l]!, own.counts[l]!);
    });
    const { local } = referenceDisplacement(spec, z);
    expect(record.localSteps).toBe(spec.local ? path.length - 1 : 0);
    consider(record.local.data[lane]!, local, record.localSteps);
  });
  return worst;
}

// θ of the device is off by roundings of float32, 2e-5 of its size at most (test/gpu/dynamics.test.ts);
// displacements are of the size of θ.
const CLOSE = 1e-4;

describeWithDevice("displacement", "software", (device) => {
  const create = (
    execution: EnsembleOptions["execution"] = {},
    replicas = REPLICAS,
    from?: Uint8Array,
  ) =>
    createEnsemble(device(), {
      ...base,
      replicas,
      observables,
      execution: { ...execution },
      ...(from && { from }),
    });
  const observe = async (...options: Parameters<typeof create>) => {
    await using ensemble = await create(...options);
    return ensemble.observe({ steps: STEPS });
  };
  let whole: Awaited<ReturnType<typeof observe>>;
  const paths: Float64Array[][] = [];
  beforeAll(async () => {
    whole = await observe();
    const ends = twins(base, {
      steps: STEPS,
      onStep: (lane, { theta }) => {
        paths[lane] ??= [];
        paths[lane].push(theta.slice());
      },
    });
    ends.forEach(({ theta }, lane) => {
      paths[lane]!.push(theta);
    });
  });

  test("mean squares on all lags, of steps, of parameters and projections are the twin's", () => {
    expect(deviation(whole.whole, observables.whole, paths)).toBeLessThan(CLOSE);
    expect(deviation(whole.some, observables.some, paths)).toBeLessThan(CLOSE);
    expect(whole.some.coordinates).toEqual([names[1], "mix"]);
    expect(whole.whole.counts[3]).toBeGreaterThan(5);
  });

  test("lags that no pair has leave NaN", async () => {
    await using ensemble = await createEnsemble(device(), { ...base, observables: { far } });
    const record = await ensemble.observe({ steps: STEPS });
    expect(record.far.counts).toEqual([1, 0]);
    expect(deviation(record.far, far, paths)).toBeLessThan(CLOSE);
  });

  test("negative controls: other lags, other origins, a step left out are seen", () => {
    const wrong = (change: Partial<DisplacementSpec>) => ({ ...observables.whole, ...change });
    const lags = wrong({ lags: [1, 2, 6, 18] });
    expect(deviation(whole.whole, lags, paths)).toBeGreaterThan(10 * CLOSE);
    const late = paths.map((path) => [...path.slice(1), path[path.length - 1]!]);
    expect(deviation(whole.whole, observables.whole, late)).toBeGreaterThan(10 * CLOSE);
    expect(() => deviation(whole.whole, wrong({ spacing: 5 }), paths)).toThrow();
  });

  test("nothing depends on chunks, dispatches, workgroups; loops kept differ by rounding", async () => {
    for (const execution of [
      { stepsPerDispatch: 1 },
      { stepsPerDispatch: 7, lanesPerChunk: 10, workgroup: 4 },
    ]) {
      const other = await observe(execution);
      for (const name of ["whole", "some"] as const) {
        expect(other[name].meanSquare.data).toEqual(whole[name].meanSquare.data);
        expect(other[name].local.data).toEqual(whole[name].local.data);
      }
    }
    const kept = await observe({ unroll: 0 });
    expect(deviation(kept.whole, observables.whole, paths)).toBeLessThan(CLOSE);
    expect(deviation(kept.some, observables.some, paths)).toBeLessThan(CLOSE);
  });

  test("shards stand beside each other", async () => {
    const left = await observe({}, { first: 3, count: 9 });
    const right = await observe({}, { first: 12, count: 12 });
    const both = mergeShards(left, right);
    expect(both.whole).toEqual(whole.whole);
    expect(both.some).toEqual(whole.some);
  });

  test("calls that follow each other go on with their origins, checkpoint or not", async () => {
    await using first = await create();
    const begin = await first.observe({ steps: 20 });
    const bytes = await first.checkpoint();
    const rest = await first.observe({ steps: STEPS - 20 });
    await using second = await create({}, REPLICAS, bytes);
    const resumed = await second.observe({ steps: STEPS - 20 });
    expect(resumed).toEqual(rest);
    const joined = merge(begin, rest);
    for (const name of ["whole", "some"] as const) {
      expect(joined[name].counts).toEqual(whole[name].counts);
      expect(deviation(joined[name], observables[name], paths)).toBeLessThan(CLOSE);
    }
  });

  test("after steps that nobody observed origins begin anew", async () => {
    await using ensemble = await create();
    await ensemble.observe({ steps: 13 });
    await ensemble.advance({ steps: 7 });
    const bytes = await ensemble.checkpoint();
    const record = await ensemble.observe({ steps: STEPS - 20 });
    const late = paths.map((path) => path.slice(20));
    expect(deviation(record.whole, observables.whole, late)).toBeLessThan(CLOSE);
    await using other = await create({}, REPLICAS, bytes);
    expect((await other.observe({ steps: STEPS - 20 })).whole).toEqual(record.whole);
  });

  test("400 parameters in loops that are kept, over several windows", async () => {
    const steps = DISPLACEMENT_BLOCK + 40;
    const { model, data } = quadraticModes(Array.from({ length: 400 }, (_, i) => 1 / (i + 1)));
    const spec = displacement({ lags: [1, 30, steps - 1], origins: 2, spacing: 20 });
    await using ensemble = await createEnsemble(device(), {
      model,
      data,
      update: sgd({ learningRate: 0.05, momentum: 0.9 }),
      sampling: "fullBatch",
      replicas: 2,
      seed: 5,
      initial: fixed(1),
      observables: { spec },
      execution: { unroll: 0 },
    });
    const record = await ensemble.observe({ steps });
    const modes = data.fields.curvatures!.data;
    // Without noise every mode goes its own way from 1.
    const path = Array.from({ length: steps + 1 }, (_, t) =>
      Float64Array.from(modes, (curvature) => {
        const mode = { learningRate: 0.05, momentum: 0.9, curvature };
        return heavyBallPath(mode, { position: 1, velocity: 0 }, t).position;
      }),
    );
    expect(deviation(record.spec, spec, [path, path])).toBeLessThan(CLOSE);
  });

  // All parameters are followed by the update itself, named ones from record to record.
  // Rules whose step starts elsewhere than at θ, and one that ends on a sphere.
  const compared = ["Langevin on a sphere", "implicit SGD", "UBU, symmetric batches"];
  test.each(compared)("a step is as long as seen from its ends: %s", async (name) => {
    const options = optionsOf(2, rules(2)[name]!.change);
    const of = options.model.coordinateNames;
    await using ensemble = await createEnsemble(device(), {
      ...options,
      observables: {
        update: displacement({ lags: [1] }),
        records: displacement({ lags: [1], of }),
      },
    });
    const { update, records } = await ensemble.observe({ steps: 100 });
    for (const [lane, value] of update.local.data.entries()) {
      expect(Math.abs(value / records.local.data[lane]! - 1)).toBeLessThan(CLOSE);
    }
  });

  test("frozen replicas have no displacements", async () => {
    await using ensemble = await createEnsemble(device(), {
      ...base,
      sweep: { batchSize: [2, 3], learningRate: [0.05, 40] },
      observables: { whole: observables.whole },
    });
    const { whole, run } = await ensemble.observe({ steps: STEPS });
    expect(run.frozen.some((step) => step >= 0)).toBe(true);
    run.frozen.forEach((step, lane) => {
      expect(Number.isNaN(whole.local.data[lane])).toBe(step >= 0);
      expect(Number.isNaN(whole.meanSquare.data[4 * lane])).toBe(step >= 0);
    });
  });

  test("what does not fit is refused with the numbers", async () => {
    const { model, data } = quadraticModes(new Array(600).fill(1));
    const options = {
      model,
      data,
      update: sgd({ learningRate: 0.1, momentum: 0.5, batchSize: 1 }),
      replicas: 2,
    };
    const observing = (given: Parameters<typeof displacement>[0]) =>
      createEnsemble(device(), { ...options, seed: 1, observables: { a: displacement(given) } });
    const of = model.coordinateNames.slice(0, 200);
    await expect(observing({ lags: [1], of })).rejects.toThrow(
      "displacement: 1600 bytes of function memory beside the 7200 of a replica are 8800, WGSL " +
        "allows 8192; name fewer parameters in of, or give local: false.",
    );
    (await observing({ lags: [1], of, local: false })).dispose();
    (await observing({ lags: [1] })).dispose();
    await expect(observing({ lags: [1], of: ["loss"] })).rejects.toThrow("loss is no coordinate");
    await expect(
      observing({ lags: [1], of: [{ name: "a", vector: new Array(600).fill(1), velocity: true }] }),
    ).rejects.toThrow("a is no coordinate of θ");
  });
});

describe("displacement's lags", () => {
  test("logarithmic ones include both ends, each once", () => {
    expect(logarithmicLags({ to: 100, perDecade: 3 })).toEqual([1, 2, 5, 10, 22, 46, 100]);
    expect(logarithmicLags({ from: 3, to: 3 })).toEqual([3]);
    expect(() => logarithmicLags({ from: 5, to: 3 })).toThrow("from 5 to 3 SGD steps");
    expect(() => logarithmicLags({ to: 3, perDecade: 0 })).toThrow("0 lags a decade");
  });

  test("pairs are counted alike in one stretch and in many", () => {
    const spec = displacement({ lags: [1, 4, 30, 9], origins: 3, spacing: 2 });
    const path = Array.from({ length: 200 }, () => [0]);
    expect(displacementCounts(spec, 0, 200)).toEqual(referenceDisplacement(spec, path).counts);
    const parts = [0, 3, 31, 32, 33, 77, 200];
    const sums = spec.lags.map(() => 0);
    parts.slice(1).forEach((to, i) => {
      displacementCounts(spec, parts[i]!, to).forEach((count, l) => {
        sums[l]! += count;
      });
    });
    expect(sums).toEqual(displacementCounts(spec, 0, 200));
  });

  test.each([
    [{ lags: [] }, "no lags"],
    [{ lags: [0] }, "lag 0 is not possible"],
    [{ lags: [1.5] }, "lag 1.5 is not possible"],
    [{ lags: [1], origins: 0 }, "origins 0 is not possible"],
    [{ lags: [1], spacing: 0.5 }, "spacing 0.5 is not possible"],
    [{ lags: [2 ** 25] }, "limits are"],
    [{ lags: [1], origins: 65 }, "limits are"],
    [{ lags: [1], of: [] }, "`of` is empty"],
  ])("%o is refused", (options, message) => {
    expect(() => displacement(options)).toThrow(message);
  });
});
