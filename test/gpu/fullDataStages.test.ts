/**
 * Full-data quantities of the pass in stages against float64 at the same θ and v: all quantities of the
 * networks of `test/networks.ts`, on data whose last block is short, in several chunks and slices, in
 * sweeps, on other data, with settings and draws; and a network that no function memory holds.
 *
 * Bounds are relative to the quantity (to sums of magnitudes where it may vanish): a mean takes about
 * B + N/B roundings of 2⁻²⁴, B = 64; layers before it add their own.
 */
import { describe, expect, test } from "vitest";
import { gaussian } from "../../engine/initial.ts";
import { defineModel, type Model } from "../../engine/model.ts";
import { FULL_DATA } from "../../engine/observe/fullData.ts";
import { series } from "../../engine/observe/series.ts";
import { op } from "../../engine/ops/index.ts";
import { referenceFullData } from "../../engine/referenceFullData.ts";
import { referenceLoss } from "../../engine/referenceTrajectory.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { EnsembleState } from "../../engine/run/ensemble.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { sgd } from "../../engine/update/sgd.ts";
import type { DataSource } from "../../engine/wgsl/row.ts";
import { flippedNetwork } from "../drawModels.ts";
import { describeWithDevice } from "../gpu.ts";
import { NETWORKS } from "../networks.ts";
import { sampleData } from "../parity.ts";

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

/** In the order of `FULL_DATA`: what is expected, and the scale of what rounding does to it. */
function expected(model: Model, data: DataSource, state: EnsembleState, lane: number) {
  const n = model.parameterCount;
  const [theta, velocity] = [part(state.theta, lane, n), part(state.velocity!, lane, n)];
  const f = referenceFullData(model, data, DECAYS[Math.floor(lane / REPLICAS)]!);
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
  return [
    [loss, loss],
    [square, square],
    [dot(theta, gradient), length(theta) * length(gradient)],
    [dot(velocity, curvature), steep],
    [third, Math.max(Math.abs(third), length(velocity) * steep)],
  ] as const;
}

/** Largest error of the quantities of an ensemble that stands in a state. */
function worstError(
  values: { readonly data: ArrayLike<number> },
  state: EnsembleState,
  { model, data }: { readonly model: Model; readonly data: DataSource },
): number {
  const lanes = DECAYS.length * REPLICAS;
  let worst = 0;
  for (let lane = 0; lane < lanes; lane += 1) {
    expected(model, data, state, lane).forEach(([exact, scale], q) => {
      const error = Math.abs(values.data[q * lanes + lane]! - exact) / scale;
      // NaN must not pass.
      if (!(error <= worst)) worst = error;
    });
  }
  return worst;
}

describeWithDevice("full-data quantities in stages", "software", (device) => {
  const started = async (options: EnsembleOptions) => {
    const ensemble = await createEnsemble(device(), options);
    await ensemble.advance({ steps: 5 });
    return ensemble;
  };

  describe.each(Object.values(NETWORKS))("$model.name", ({ model }) => {
    test("all quantities, in two chunks", async () => {
      const data = sampleData(model, SAMPLES, 3);
      const execution = { schedule: "batched", lanesPerChunk: 4 } as const;
      await using ensemble = await started({ ...base(model, data), execution });
      const values = await ensemble.evaluate({ of: FULL_DATA });
      const state = await ensemble.state();
      expect(worstError(values, state, { model, data })).toBeLessThanOrEqual(BOUND);
      // Negative control: one sample more changes what is expected beyond the bound.
      const other = sampleData(model, SAMPLES + 1, 3);
      expect(worstError(values, state, { model, data: other })).toBeGreaterThan(BOUND);
    });
  });
});
