/**
 * Curvature and gradient noise of all replicas on the device against float64 at the same θ, for every
 * chunk and shard, with settings, groups and frozen replicas; and what is refused.
 *
 * Bounds are relative to sums of magnitudes, where float32 rounds: about B + N/B roundings of 2⁻²⁴.
 */
import { describe, expect, test } from "vitest";
import { gradientNoise } from "../../engine/curvature/gradientNoise.ts";
import { hessianProducts } from "../../engine/curvature/hessianProducts.ts";
import { curvedNoiseProbes, hessianProbes } from "../../engine/curvature/hessianTrace.ts";
import { probeSigns } from "../../engine/curvature/probes.ts";
import { referenceGradientNoise } from "../../engine/curvature/referenceGradientNoise.ts";
import { topEigenpairs } from "../../engine/curvature/topEigenpairs.ts";
import { ArgumentError, RefusalError, ShapeError } from "../../engine/errors.ts";
import { each, fixed, gaussian } from "../../engine/initial.ts";
import { spectrum } from "../../engine/minimum/newton.ts";
import type { Model } from "../../engine/model.ts";
import type { EigenpairsRecord, Field } from "../../engine/record.ts";
import { referenceFullData } from "../../engine/referenceFullData.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { EnsembleState } from "../../engine/run/ensemble.ts";
import type { EnsembleOptions, Execution } from "../../engine/run/options.ts";
import { noiseFactor } from "../../engine/sampling.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { onlineData } from "../../engine/wgsl/row.ts";
import { COMPOSITES, linearRegression, network } from "../composites.ts";
import { flippedNetwork, online } from "../drawModels.ts";
import { describeWithDevice } from "../gpu.ts";
import { alignedRegression } from "../groupModels.ts";
import { relativeError, sampleData } from "../parity.ts";

const BOUND = 1e-5;
const SAMPLES = 150;
const DECAYS = [0, 0.3];
const REPLICAS = { first: 3, count: 3 };
const LANES = 6;

const MODELS: Readonly<Record<string, Model>> = {
  "MLP tanh": network(2, 5),
  "classifier with a hidden layer": COMPOSITES["classifier with a hidden layer"]!,
};

const base = (model: Model, execution: Execution = {}) => ({
  model,
  data: sampleData(model, SAMPLES, 3),
  update: sgd({ learningRate: 0.05, batchSize: 4, momentum: 0.5 }),
  sweep: { weightDecay: DECAYS },
  sampling: "distinct" as const,
  replicas: REPLICAS,
  seed: 0xfeed,
  initial: gaussian({ standardDeviation: 0.6, mean: 0.1 }),
  execution,
});

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a, (x, p) => x * b[p]!).reduce((sum, x) => sum + x, 0);

const row = ({ data }: { readonly data: ArrayLike<number> }, k: number, n: number): Float64Array =>
  Float64Array.from({ length: n }, (_, p) => data[k * n + p]!);

const thetaOf = ({ theta }: EnsembleState, lane: number, n: number): Float64Array =>
  row(theta, lane, n);

const decayOf = (lane: number): number => DECAYS[Math.floor(lane / REPLICAS.count)]!;

/** Two directions for everyone. */
const shared = (n: number): number[][] => [
  Array.from({ length: n }, (_, p) => Math.fround(Math.cos(p))),
  Array.from({ length: n }, (_, p) => Math.fround(((p * 5) % 7) - 2)),
];

describeWithDevice("curvature on the device", "software", (device) => {
  const started = async (options: EnsembleOptions) => {
    const ensemble = await createEnsemble(device(), options);
    await ensemble.advance({ steps: 3 });
    return ensemble;
  };

  describe.each(Object.entries(MODELS))("%s", (_name, model) => {
    const n = model.parameterCount;

    test("Hessian-vector products, gradients and their scatter are those of float64", async () => {
      const options = base(model);
      await using ensemble = await started(options);
      const directions = shared(n);
      const products = await hessianProducts(ensemble, { directions });
      const noise = await gradientNoise(ensemble, { directions });
      const state = await ensemble.state();
      expect(products.axes.map(({ name, length }) => [name, length])).toEqual([
        ["direction", 2],
        ["condition", 2],
        ["replica", 3],
        ["param", n],
      ]);
      expect(noise.noiseFactors).toEqual(DECAYS.map(() => noiseFactor("distinct", SAMPLES, 4)));
      for (let lane = 0; lane < LANES; lane += 1) {
        const theta = thetaOf(state, lane, n);
        const weightDecay = decayOf(lane);
        const f = referenceFullData(model, options.data, weightDecay);
        const exact = referenceGradientNoise(model, options.data, {
          theta,
          weightDecay,
          directions,
        });
        directions.forEach((u, k) => {
          const product = f.curvature(theta, Float64Array.from(u)).slice();
          expect(relativeError(row(products, k * LANES + lane, n), product)).toBeLessThan(BOUND);
          // Relative to the gradient's length, of which a component may be any part.
          const scale = Math.sqrt(dot(exact.gradient, exact.gradient) * dot(u, u));
          const along = noise.along.data[k * LANES + lane]! - dot(u, exact.gradient);
          expect(Math.abs(along) / scale).toBeLessThan(BOUND);
          directions.forEach((v, l) => {
            const found = noise.covariance.data[(k * 2 + l) * LANES + lane]!;
            const size = exact.trace * Math.sqrt(dot(u, u) * dot(v, v));
            expect(Math.abs(found - exact.covariance[k]![l]!) / size).toBeLessThan(BOUND);
          });
        });
        expect(noise.trace.data[lane]! / exact.trace - 1).toBeCloseTo(0, 5);
        const square = dot(exact.gradient, exact.gradient);
        expect(noise.gradientSquare.data[lane]! / square - 1).toBeCloseTo(0, 4);
      }
    });

    test("probes are quadratic forms of the twin's signs", async () => {
      const options = base(model);
      await using ensemble = await started(options);
      const traces = await hessianProbes(ensemble, { probes: 3 });
      const curved = await curvedNoiseProbes(ensemble, { probes: 2 });
      const state = await ensemble.state();
      const signs = await ensemble.lend("test", async (access) =>
        Array.from({ length: LANES }, (_, lane) =>
          [0, 1, 2].map((probe) => probeSigns(access, lane, probe)),
        ),
      );
      for (let lane = 0; lane < LANES; lane += 1) {
        const theta = thetaOf(state, lane, n);
        const f = referenceFullData(model, options.data, decayOf(lane));
        signs[lane]!.forEach((z, probe) => {
          const product = f.curvature(theta, z).slice();
          const size = Math.sqrt(dot(product, product) * n);
          const value = traces.values.data[probe * LANES + lane]!;
          expect(Math.abs(value - dot(z, product)) / size).toBeLessThan(BOUND);
          if (probe > 1) return;
          const { covariance, trace } = referenceGradientNoise(model, options.data, {
            theta,
            directions: [z, product],
          });
          const found = curved.values.data[probe * LANES + lane]!;
          expect(Math.abs(found - covariance[0]![1]!) / (trace * size)).toBeLessThan(BOUND);
        });
      }
    });

    test.each(["top", "bottom"] as const)("eigenpairs at the %s", async (end) => {
      const options = base(model);
      await using ensemble = await started(options);
      const found = await topEigenpairs(ensemble, { count: 3, end });
      const state = await ensemble.state();
      for (let lane = 0; lane < LANES; lane += 1) {
        const f = referenceFullData(model, options.data, decayOf(lane));
        const theta = thetaOf(state, lane, n);
        const unit = (p: number) => new Float64Array(n).fill(1, p, p + 1);
        const hessian = Array.from({ length: n }, (_, p) => f.curvature(theta, unit(p)).slice());
        const { eigenvalues, eigenvectors } = spectrum(hessian);
        const scale = Math.max(...eigenvalues.map(Math.abs));
        for (let k = 0; k < 3; k += 1) {
          const at = k * LANES + lane;
          const exact = end === "top" ? n - 1 - k : k;
          const [value, residual] = [found.values.data[at]!, found.residuals.data[at]!];
          expect(Math.abs(value - eigenvalues[exact]!)).toBeLessThan(residual + BOUND * scale);
          expect(residual).toBeLessThan(1e-4 * scale);
          // An eigenvector is known to residual/gap.
          const gap = Math.min(
            ...eigenvalues.map((h, j) => (j === exact ? Infinity : Math.abs(h - value))),
          );
          const overlap = Math.abs(dot(row(found.vectors, at, n), eigenvectors[exact]!));
          expect(1 - overlap).toBeLessThan(((residual + BOUND * scale) / gap) ** 2 + 1e-9);
        }
      }
    });
  });

  test("more directions than a dispatch takes", async () => {
    const model = linearRegression(2);
    const samples = 50_000;
    await using ensemble = await started({
      ...base(model),
      data: sampleData(model, samples, 3),
      replicas: 2,
    });
    const directions = Array.from({ length: 7 }, (_, k) => [1, k, -k * k]);
    const all = await hessianProducts(ensemble, { directions });
    for (const [k, direction] of directions.entries()) {
      const alone = await hessianProducts(ensemble, { directions: [direction] });
      const size = alone.data.length;
      expect(all.data.slice(k * size, (k + 1) * size)).toEqual(alone.data);
    }
  });

  test("chunks and shards give the same numbers, bit by bit", async () => {
    const model = network(2, 5);
    const n = model.parameterCount;
    const measured = async (options: EnsembleOptions) => {
      await using ensemble = await started(options);
      return [
        (await hessianProbes(ensemble, { probes: 2 })).values,
        (await gradientNoise(ensemble, { directions: shared(n) })).covariance,
        (await topEigenpairs(ensemble, { count: 2 })).values,
      ];
    };
    const whole = await measured(base(model));
    const chunked = await measured(base(model, { lanesPerChunk: 2, workgroup: 8 }));
    expect(chunked.map(({ data }) => data)).toEqual(whole.map(({ data }) => data));
    const shard = await measured({ ...base(model), replicas: { first: 4, count: 2 } });
    const part = ({ data }: Field): number[] =>
      Array.from(data).filter((_, at) => at % REPLICAS.count > 0);
    shard.forEach((field, k) => {
      expect(Array.from(field.data)).toEqual(part(whole[k]!));
    });
  });

  test("another step, replica, condition or probe has other signs", async () => {
    await using ensemble = await started(base(network(2, 5)));
    const signs = () =>
      ensemble.lend("test", async (access) =>
        Array.from({ length: LANES }, (_, lane) =>
          [0, 1].map((probe) => probeSigns(access, lane, probe).join()),
        ),
      );
    const before = await signs();
    await ensemble.advance({ steps: 1 });
    const all = [...before, ...(await signs())].flat();
    expect(new Set(all).size).toBe(4 * LANES);
  });

  test.each([
    ["groups and settings", alignedRegression],
    ["a model without them", network(2, 5)],
  ])("own directions, %s: v·Hv is that of evaluate", async (_name, model) => {
    await using ensemble = await started({
      ...base(model),
      ...(model.interacts && { groupSize: 3 }),
      update: sgd({ learningRate: 0.02, momentum: 0.9, batchSize: 4 }),
    });
    const n = model.parameterCount;
    const { velocity } = await ensemble.state();
    const axes = [{ name: "direction", length: 1 }, ...velocity!.axes];
    const directions = { ...velocity!, axes };
    const products = await hessianProducts(ensemble, { directions });
    const exact = await ensemble.evaluate({ of: ["velocityCurvature"] });
    const forms = Array.from({ length: LANES }, (_, lane) =>
      dot(row(products, lane, n), row(velocity!, lane, n)),
    );
    expect(relativeError(forms, exact.data)).toBeLessThan(BOUND);
  });

  test("frozen replicas are NaN, the others as ever", async () => {
    const model = network(2, 5);
    const n = model.parameterCount;
    const starts = new Float64Array(REPLICAS.count * n).map((_, k) => Math.sin(k) / 2);
    starts[n] = 1e4;
    await using ensemble = await started({
      ...base(model),
      replicas: REPLICAS.count,
      initial: each(starts),
      bounds: { theta: 100 },
    });
    expect([...(await ensemble.frozen())].map((step) => step >= 0)).toEqual([
      false,
      true,
      false,
      false,
      true,
      false,
    ]);
    const noise = await gradientNoise(ensemble, { directions: shared(n) });
    const products = await hessianProducts(ensemble, { directions: shared(n) });
    const pairs = await topEigenpairs(ensemble, { count: 2 });
    const traces = await hessianProbes(ensemble);
    const isFrozen = (at: number): boolean => at % 3 === 1;
    const { gradientSquare, trace, along, covariance } = noise;
    const byLane = [gradientSquare, trace, along, covariance, pairs.values, traces.values];
    const lost = (data: ArrayLike<number>): boolean[] => Array.from(data, Number.isNaN);
    for (const { data } of byLane) {
      expect(lost(data)).toEqual(lost(data).map((_, at) => isFrozen(at)));
    }
    for (const { data } of [products, pairs.vectors]) {
      expect(lost(data)).toEqual(lost(data).map((_, at) => isFrozen(Math.floor(at / n))));
    }
  });

  test("Records cross a port", async () => {
    await using ensemble = await started(base(linearRegression(2)));
    const records = [
      await hessianProbes(ensemble),
      await gradientNoise(ensemble),
      await topEigenpairs(ensemble, { count: 3 }),
    ];
    expect(structuredClone(records)).toEqual(records);
    expect(records[1]).toMatchObject({ step: 3, parameters: 3 });
  });

  test("what cannot be measured is refused", async () => {
    const model = network(2, 5);
    await using ensemble = await started(base(model));
    const n = model.parameterCount;
    const failed = topEigenpairs(ensemble, { count: 4, iterations: 5 });
    await expect(failed).rejects.toThrow(/in 6 of 6 replicas a residual is above 0.0001/);
    const error: unknown = await failed.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RefusalError);
    const { estimate } = error as RefusalError<EigenpairsRecord>;
    expect(Math.max(...estimate.residuals.data)).toBeGreaterThan(1e-4);
    await expect(topEigenpairs(ensemble, { count: n + 1 })).rejects.toThrow(
      `count is ${n + 1}, the Hessian of ${n} parameters has as many eigenpairs`,
    );
    await expect(hessianProbes(ensemble, { probes: 0 })).rejects.toThrow("probes is 0");
    await expect(hessianProbes(ensemble, { probes: 65_537 })).rejects.toThrow("at most 65536");
    const short = hessianProducts(ensemble, { directions: [[1, 2]] });
    await expect(short).rejects.toThrow(ShapeError);
    const infinite = [new Array<number>(n).fill(Infinity)];
    await expect(gradientNoise(ensemble, { directions: infinite })).rejects.toThrow("is Infinity");
    const none = new AbortController();
    none.abort(new Error("enough"));
    await expect(hessianProbes(ensemble, { signal: none.signal })).rejects.toThrow("enough");
    // And the ensemble goes on, until it is disposed of: its memory would read as zeros.
    await ensemble.advance({ steps: 1 });
    expect(ensemble.step).toBe(4);
    await ensemble[Symbol.asyncDispose]();
    await expect(hessianProbes(ensemble)).rejects.toThrow("the ensemble was disposed of");
  });

  test("models whose noise is not the data's are refused", async () => {
    const flipped = { ...base(flippedNetwork), data: sampleData(flippedNetwork, SAMPLES, 3) };
    await using ensemble = await started({ ...flipped, initial: fixed(0.1) });
    await expect(gradientNoise(ensemble)).rejects.toThrow("draws random numbers");
    expect((await hessianProbes(ensemble)).values.data.every(Number.isFinite)).toBe(true);
    await using endless = await started({
      ...base(online(2)),
      data: onlineData,
      sampling: "withReplacement",
    });
    await expect(hessianProbes(endless)).rejects.toThrow(ArgumentError);
  });
});
