/**
 * Full-data quantities of the pass in stages against float64 at the same θ and v: all quantities of the
 * networks of `test/networks.ts`, on data whose last block is short, in several chunks and slices, in
 * sweeps, on other data, with draws; products with the Hessian; and a network that no function memory holds.
 *
 * Bounds are relative to the quantity (to sums of magnitudes where it may vanish): a mean takes about
 * B + N/B roundings of 2⁻²⁴, B = 64; layers before it add their own.
 */
import { expect, test } from "vitest";
import { gradientNoise } from "../../engine/curvature/gradientNoise.ts";
import { hessianProducts } from "../../engine/curvature/hessianProducts.ts";
import { referenceGradientNoise } from "../../engine/curvature/referenceGradientNoise.ts";
import { gaussian } from "../../engine/initial.ts";
import { defineModel, type Model } from "../../engine/model.ts";
import type { FullDataQuantity } from "../../engine/observe/fullData.ts";
import { op } from "../../engine/ops/index.ts";
import { referenceFullData } from "../../engine/referenceFullData.ts";
import { referenceLoss } from "../../engine/referenceTrajectory.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { EnsembleState } from "../../engine/run/ensemble.ts";
import { evaluateInStages, evaluationPass } from "../../engine/run/evaluateInStages.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { planLimits } from "../../engine/run/planner.ts";
import { sgd } from "../../engine/update/sgd.ts";
import type { DataSource } from "../../engine/wgsl/row.ts";
import { flippedNetwork } from "../drawModels.ts";
import { describeWithDevice } from "../gpu.ts";
import { NETWORKS } from "../networks.ts";
import { relativeError, sampleData } from "../parity.ts";

const BOUND = 2e-5;
/** Blocks of 64, 64 and 22 samples. */
const SAMPLES = 150;
const DECAYS = [0, 0.3];
const REPLICAS = 3;

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a, (x, p) => x * b[p]!).reduce((sum, x) => sum + x, 0);

const length = (a: ArrayLike<number>): number => Math.sqrt(dot(a, a));

const base = (model: Model, data: DataSource): EnsembleOptions => ({
  model,
  data,
  update: sgd({ learningRate: 0.02, batchSize: 4, momentum: 0.5 }),
  sweep: { weightDecay: DECAYS },
  replicas: REPLICAS,
  seed: 0xfeed,
  initial: gaussian({ standardDeviation: 0.4, mean: 0.05 }),
  execution: { schedule: "batched" },
});

const part = (field: { readonly data: ArrayLike<number> }, lane: number, n: number): Float64Array =>
  Float64Array.from({ length: n }, (_, p) => field.data[lane * n + p]!);

/** What is expected, and the scale of what rounding does to it. */
function expected(model: Model, data: DataSource, state: EnsembleState, lane: number) {
  const n = model.parameterCount;
  const [theta, velocity] = [part(state.theta, lane, n), part(state.velocity!, lane, n)];
  const settings = Object.fromEntries(model.settings.map(({ name, initial }) => [name, initial]));
  const f = referenceFullData(model, data, DECAYS[Math.floor(lane / REPLICAS)]!, settings);
  const gradient = f.gradient(theta).slice();
  const curvature = f.curvature(theta, velocity).slice();
  const along = (epsilon: number): number => {
    const moved = theta.map((t, p) => t + epsilon * velocity[p]!);
    return dot(velocity, f.curvature(moved, velocity));
  };
  // v of length 1: the step's error is O(h²) of the fifth derivative.
  const h = 1e-4 / length(velocity);
  const third = (along(h) - along(-h)) / (2 * h);
  const steep = length(velocity) * length(curvature);
  const loss = referenceLoss(model, data, theta);
  const square = dot(gradient, gradient);
  return {
    fullLoss: [loss, loss],
    fullGradientSquare: [square, square],
    "theta.fullGradient": [dot(theta, gradient), length(theta) * length(gradient)],
    velocityCurvature: [dot(velocity, curvature), steep],
    velocityThirdDerivative: [third, Math.max(Math.abs(third), length(velocity) * steep)],
  } as const satisfies Readonly<Record<FullDataQuantity, readonly [number, number]>>;
}

/** Largest error of the quantities of an ensemble that stands in a state. */
function worstError(
  values: { readonly data: ArrayLike<number> },
  of: readonly FullDataQuantity[],
  state: EnsembleState,
  { model, data }: { readonly model: Model; readonly data: DataSource },
): number {
  const lanes = DECAYS.length * REPLICAS;
  let worst = 0;
  for (let lane = 0; lane < lanes; lane += 1) {
    const exactly = expected(model, data, state, lane);
    of.forEach((name, q) => {
      const [exact, scale] = exactly[name];
      const error = Math.abs(values.data[q * lanes + lane]! - exact) / scale;
      // NaN must not pass.
      if (!(error <= worst)) worst = error;
    });
  }
  return worst;
}

/** Quantities of a model, few enough that what a test waits for is not the compiler. */
const OF: Readonly<Record<string, readonly FullDataQuantity[]>> = {
  mlp: ["fullLoss", "fullGradientSquare", "theta.fullGradient"],
  cnn: ["theta.fullGradient", "fullGradientSquare"],
  scaleInvariant: ["fullGradientSquare", "fullLoss"],
};

/** 784-64-10: 203,560 bytes of parameters, 25 times function memory. */
const large = defineModel({
  name: "784-64-10",
  params: { W: [64, 784], b: [64], A: [10, 64], c: [10] },
  sample: { x: [784], label: { labels: 10 } },
  loss: ({ W, b, A, c }, { x, label }) => {
    const hidden = op.relu(op.add(op.matvec(W, x), b));
    return op.softmaxCrossEntropy(op.add(op.matvec(A, hidden), c), label);
  },
  metrics: {
    units: ({ W, b }, { x }) => op.mean(op.sigmoid(op.add(op.matvec(W, x), b))),
  },
});

/** Mean loss and mean activity of 784-64-10, in plain loops. */
function networkMeans(theta: Float64Array, { samples, fields }: DataSource): [number, number] {
  const [W, b, A, c] = [0, 50176, 50240, 50880];
  let [loss, units] = [0, 0];
  for (let i = 0; i < samples; i += 1) {
    const hidden = Array.from({ length: 64 }, (_, j) => {
      let sum = theta[b + j]!;
      for (let k = 0; k < 784; k += 1) {
        sum += theta[W + j * 784 + k]! * fields.x!.data[i * 784 + k]!;
      }
      return sum;
    });
    units += hidden.reduce((sum, x) => sum + 1 / (1 + Math.exp(-x)), 0) / 64;
    const scores = Array.from({ length: 10 }, (_, k) =>
      hidden.reduce((sum, x, j) => sum + theta[A + k * 64 + j]! * Math.max(x, 0), theta[c + k]!),
    );
    const total = scores.reduce((sum, score) => sum + Math.exp(score), 0);
    loss += Math.log(total) - scores[fields.label!.data[i]!]!;
  }
  return [loss / samples, units / samples];
}

describeWithDevice("full-data quantities in stages", "software", (device) => {
  const started = async (options: EnsembleOptions) => {
    const ensemble = await createEnsemble(device(), options);
    await ensemble.advance({ steps: 5 });
    return ensemble;
  };

  test.each(Object.values(NETWORKS))("$model.name, in two chunks", async ({ model }) => {
    const data = sampleData(model, SAMPLES, 3);
    const execution = { schedule: "batched", lanesPerChunk: 4 } as const;
    await using ensemble = await started({ ...base(model, data), execution });
    const of = OF[model.name]!;
    const values = await ensemble.evaluate({ of });
    const state = await ensemble.state();
    expect(worstError(values, of, state, { model, data })).toBeLessThanOrEqual(BOUND);
    // Negative control: one sample more changes what is expected beyond the bound.
    const other = sampleData(model, SAMPLES + 1, 3);
    expect(worstError(values, of, state, { model, data: other })).toBeGreaterThan(BOUND);
  });

  test("derivatives along v, labels with draws at their means, data of another length", async () => {
    const model = flippedNetwork;
    const of = ["velocityThirdDerivative", "velocityCurvature", "fullLoss"] as const;
    await using ensemble = await started(base(model, sampleData(model, SAMPLES, 3)));
    const state = await ensemble.state();
    for (const data of [sampleData(model, SAMPLES, 3), sampleData(model, 70, 4)]) {
      const values = await ensemble.evaluate({ of, data });
      expect(worstError(values, of, state, { model, data })).toBeLessThanOrEqual(BOUND);
    }
  });

  test("neither slices of lanes nor submits change a bit", async () => {
    const { model } = NETWORKS.mlp!;
    // 24 blocks of 64 samples, of which the first submit takes 10.
    const data = sampleData(model, 1500, 3);
    const of = ["fullLoss", "fullGradientSquare"] as const;
    await using ensemble = await started(base(model, data));
    const values = await ensemble.evaluate({ of });
    const state = await ensemble.state();
    expect(worstError(values, of, state, { model, data })).toBeLessThanOrEqual(BOUND);
    await ensemble.lend("test", async ({ device: own, memory, resolved, plan }) => {
      const { dynamics } = resolved;
      const limits = planLimits(own.gpu);
      const pass = evaluationPass({ model, dynamics, row: plan.row, of }, data.samples, limits);
      const { chunks, hyper, readback } = memory;
      const source = { device: own, chunks, data: memory.data, samples: 1500, hyper, readback };
      const all = { ...source, decay: DECAYS, replicas: REPLICAS };
      const sliced = await evaluateInStages(all, { ...pass, mostLanes: 2 }, of);
      expect([...sliced]).toEqual([...values.data]);
    });
  });

  test("products with the Hessian of a convolution net, with weight decay", async () => {
    const { model } = NETWORKS.cnn!;
    const n = model.parameterCount;
    const data = sampleData(model, SAMPLES, 3);
    await using ensemble = await started(base(model, data));
    const directions = [1, 2].map((k) => Array.from({ length: n }, (_, p) => Math.sin(k * p + 1)));
    const products = await hessianProducts(ensemble, { directions });
    const { theta } = await ensemble.state();
    const lanes = DECAYS.length * REPLICAS;
    for (let lane = 0; lane < lanes; lane += 1) {
      const f = referenceFullData(model, data, DECAYS[Math.floor(lane / REPLICAS)]!);
      const wrong = referenceFullData(model, data, 0.01);
      directions.forEach((direction, k) => {
        const actual = part(products, k * lanes + lane, n);
        const at = part(theta, lane, n);
        const exact = f.curvature(at, Float64Array.from(direction));
        expect(relativeError(actual, exact)).toBeLessThanOrEqual(BOUND);
        const other = wrong.curvature(at, Float64Array.from(direction));
        expect(relativeError(actual, other)).toBeGreaterThan(BOUND);
      });
    }
  });

  test("gradient noise: its trace, and what it is along directions", async () => {
    const { model } = NETWORKS.mlp!;
    const n = model.parameterCount;
    const data = sampleData(model, SAMPLES, 3);
    await using ensemble = await started(base(model, data));
    const directions = [1, 2].map((k) => Array.from({ length: n }, (_, p) => Math.sin(k * p + 1)));
    const noise = await gradientNoise(ensemble, { directions });
    const { theta } = await ensemble.state();
    const lanes = DECAYS.length * REPLICAS;
    const close = (actual: number, exact: number, scale: number): void => {
      expect(Math.abs(actual - exact) / scale).toBeLessThanOrEqual(BOUND);
    };
    for (let lane = 0; lane < lanes; lane += 1) {
      const weightDecay = DECAYS[Math.floor(lane / REPLICAS)]!;
      const at = part(theta, lane, n);
      const exact = referenceGradientNoise(model, data, { theta: at, weightDecay, directions });
      const steep = length(exact.gradient);
      close(noise.gradientSquare.data[lane]!, steep ** 2, steep ** 2);
      close(noise.trace.data[lane]!, exact.trace, exact.trace + steep ** 2);
      const scale = Math.max(...exact.covariance.flat());
      exact.covariance.forEach((row, k) => {
        const along = dot(exact.gradient, directions[k]!);
        close(noise.along.data[k * lanes + lane]!, along, steep * length(directions[k]!));
        row.forEach((value, l) => {
          close(noise.covariance.data[(k * 2 + l) * lanes + lane]!, value, scale);
        });
      });
    }
  });

  test("a network of 50,890 parameters: loss and metrics, also where it is not trained", async () => {
    const data = sampleData(large, 9, 3);
    const { sweep: _, ...plain } = base(large, data);
    await using ensemble = await started({
      ...plain,
      initial: gaussian({ standardDeviation: 0.05 }),
    });
    const other = sampleData(large, 5, 4);
    const { theta } = await ensemble.state();
    for (const given of [data, other]) {
      const values = await ensemble.evaluate({ data: given });
      expect(values.axes[0]!.values).toEqual(["loss", "units"]);
      for (let lane = 0; lane < REPLICAS; lane += 1) {
        const [loss, units] = networkMeans(part(theta, lane, large.parameterCount), given);
        expect(Math.abs(values.data[lane]! / loss - 1)).toBeLessThanOrEqual(BOUND);
        expect(Math.abs(values.data[REPLICAS + lane]! / units - 1)).toBeLessThanOrEqual(BOUND);
      }
    }
  });
});
