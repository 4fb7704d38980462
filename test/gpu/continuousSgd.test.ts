/**
 * SGD and three continuous models of it as conditions of one ensemble, on linear regression (card A1):
 * stationary covariances against exact values for every model and time step.
 *
 * About the minimum, g_i = g_i* + h_i δ with h_i = x_i x_iᵀ, so that one-sample gradients have
 *   E C₁(θ) = C₁* + ⟨(h_i − H) S (h_i − H)⟩ =: C₁(S)      (what is linear in δ averages to zero),
 * and a step δ' = (1 − τηH)δ − τη√(f/τ) n leaves S = (1−τηH) S (1−τηH) + τη²f N with N = C₁* (constant
 * noise), diag C₁(S) or C₁(S); SGD itself has τ = 1 and N = C₁(S). Solved by iteration. For τ → 0 it is
 * HS + SH = ηf N.
 */
import { beforeAll, expect, test } from "vitest";
import { covariance } from "../../analysis/index.ts";
import { fixed } from "../../engine/initial.ts";
import { moments } from "../../engine/observe/moments.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { RecordOf } from "../../engine/run/ensemble.ts";
import { continuousSgd } from "../../engine/update/continuousSgd.ts";
import { cosineRegression } from "../../models/cosineRegression.ts";
import { linearRegression } from "../../models/linearRegression.ts";
import { regressionStationary } from "../../models/theory/index.ts";
import { describeWithDevice } from "../gpu.ts";

const ETA = 0.5;
const BATCH = 4;
const TIME_STEPS = [1, 0.25];
const [SGD, CONSTANT, DIAGONAL, FULL] = [0, 1, 2, 3] as const;
const MODELS: readonly number[] = [SGD, CONSTANT, DIAGONAL, FULL];
const PAIRS = [
  [0, 0],
  [0, 1],
  [1, 1],
] as const;

const data = cosineRegression();
const inputs = data.fields.x!.data;
const targets = data.fields.y!.data;
const at = (learningRate: number, batchSize: number) =>
  regressionStationary({ inputs, targets, learningRate, batchSize, sampling: "withReplacement" });
const { mean, hessian: H, gradientCovariance: C } = at(ETA, BATCH);
// Symmetric to the last bit, as the ensemble asks.
const noiseCovariance = C.map((row, i) => row.map((x, j) => (x + C[j]![i]!) / 2));

type Square = number[][];
const product = (a: Square, b: Square): Square =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, x, k) => sum + x * b[k]![j]!, 0)));
const map = (f: (i: number, j: number) => number): Square =>
  [0, 1].map((i) => [0, 1].map((j) => f(i, j)));

/** C₁(S) */
function sampleCovariance(S: Square): Square {
  const spread = map(() => 0);
  for (let s = 0; s < data.samples; s += 1) {
    const off = map((i, j) => inputs[2 * s + i]! * inputs[2 * s + j]! - H[i]![j]!);
    const term = product(product(off, S), off);
    for (const [i, j] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ] as const) {
      spread[i]![j]! += term[i]![j]! / data.samples;
    }
  }
  return map((i, j) => C[i]![j]! + spread[i]![j]!);
}

function stationary(model: number, timeStep: number): Square {
  const tau = model === SGD ? 1 : timeStep;
  const A = map((i, j) => (i === j ? 1 : 0) - tau * ETA * H[i]![j]!);
  let S = map(() => 0);
  for (let k = 0; k < 300 / tau; k += 1) {
    const full = model === CONSTANT ? map((i, j) => C[i]![j]!) : sampleCovariance(S);
    const drift = product(product(A, S), A);
    S = map((i, j) => {
      const noise = model === DIAGONAL && i !== j ? 0 : full[i]![j]!;
      return drift[i]![j]! + (tau * ETA ** 2 * noise) / BATCH;
    });
  }
  return S;
}

/** HS + SH = ηf N: H of this data is diagonal to rounding. */
function continuousLimit(model: number): Square {
  let S = map(() => 0);
  for (let k = 0; k < 60; k += 1) {
    const full = model === CONSTANT ? C : sampleCovariance(S);
    S = map((i, j) => {
      const noise = model === DIAGONAL && i !== j ? 0 : full[i]![j]!;
      return (ETA * noise) / BATCH / (H[i]![i]! + H[j]![j]!);
    });
  }
  return S;
}

test("the iteration is the closed solution where there is one", () => {
  for (const timeStep of TIME_STEPS) {
    // f/τ = 1/(τB): the batches of a smaller SGD.
    const exact = at(timeStep * ETA, timeStep * BATCH);
    const full = stationary(FULL, timeStep);
    const constant = stationary(CONSTANT, timeStep);
    for (const [i, j] of PAIRS) {
      expect(full[i]![j]).toBeCloseTo(exact.covariance[i]![j]!, 12);
      expect(constant[i]![j]).toBeCloseTo(exact.additiveCovariance[i]![j]!, 12);
    }
  }
  expect(stationary(SGD, 0.25)).toEqual(stationary(FULL, 1));
  expect(Math.abs(H[0]![1]!)).toBeLessThan(1e-15);
  const limit = continuousLimit(FULL)[0]![0]!;
  const off = [0.02, 0.01].map((timeStep) => stationary(FULL, timeStep)[0]![0]! - limit);
  expect(off[0]! / off[1]!).toBeCloseTo(2, 1);
});

describeWithDevice("continuous models of SGD", "software", (device) => {
  const observables = { moments: moments({}) };
  let record: RecordOf<typeof observables>;
  beforeAll(async () => {
    await using ensemble = await createEnsemble(device(), {
      model: linearRegression(2),
      data,
      update: continuousSgd({ learningRate: ETA, batchSize: BATCH }),
      sweep: { noiseModel: MODELS, timeStep: TIME_STEPS },
      noiseCovariance,
      sampling: "withReplacement",
      initial: fixed(mean),
      replicas: 1000,
      seed: 20,
      observables,
    });
    await ensemble.advance({ steps: 250 });
    record = await ensemble.observe({ steps: 1000 });
  });

  /** Deviations in standard errors, of the pairs, from a covariance. */
  const deviations = (model: number, timeStep: number, expected: readonly (readonly number[])[]) =>
    PAIRS.map(([i, j]) => {
      const condition = MODELS.indexOf(model) * TIME_STEPS.length + TIME_STEPS.indexOf(timeStep);
      const { value, standardError } = covariance(record.moments, { i, j, condition });
      return Math.abs(value - expected[i]![j]!) / standardError;
    });
  const every = MODELS.flatMap((model) => TIME_STEPS.map((step) => [model, step] as const));

  test.each(every)("noise model %i, time step %d: exact covariance", (model, timeStep) => {
    const off = deviations(model, timeStep, stationary(model, timeStep));
    expect(Math.max(...off)).toBeLessThanOrEqual(4);
  });

  test("negative control: each model misses the covariance of each other", () => {
    for (const timeStep of TIME_STEPS) {
      for (const model of [CONSTANT, DIAGONAL, FULL]) {
        for (const other of [CONSTANT, DIAGONAL, FULL].filter((one) => one !== model)) {
          const off = deviations(model, timeStep, stationary(other, timeStep));
          expect(Math.max(...off), `${model} as ${other}`).toBeGreaterThan(4);
        }
      }
    }
    // A diagonal covariance keeps the variances of C₁ and loses what lies beside them.
    expect(deviations(DIAGONAL, 1, stationary(FULL, 1))[1]).toBeGreaterThan(4);
  });

  test("negative control: the continuous limit fails at finite steps, less at shorter ones", () => {
    for (const model of [CONSTANT, DIAGONAL, FULL]) {
      const limit = continuousLimit(model);
      const [whole, quarter] = TIME_STEPS.map((step) => {
        const condition = MODELS.indexOf(model) * TIME_STEPS.length + TIME_STEPS.indexOf(step);
        return covariance(record.moments, { i: 0, j: 0, condition }).value / limit[0]![0]! - 1;
      });
      expect(deviations(model, 1, limit)[0]).toBeGreaterThan(4);
      expect(whole! / quarter!).toBeGreaterThan(3);
    }
  });

  test("a trajectory does not depend on dispatches, chunks and workgroups", async () => {
    const end = async (execution: object, calls: readonly number[]) => {
      await using ensemble = await createEnsemble(device(), {
        model: linearRegression(2),
        data,
        update: continuousSgd({ learningRate: ETA, batchSize: BATCH, timeStep: 0.3 }),
        sweep: { noiseModel: [SGD, DIAGONAL, FULL] },
        sampling: "distinct",
        replicas: 7,
        seed: 3,
        execution,
      });
      for (const steps of calls) await ensemble.advance({ steps });
      return [...(await ensemble.state()).theta.data];
    };
    expect(await end({ workgroup: 3, lanesPerChunk: 5, stepsPerDispatch: 1 }, [5, 7])).toEqual(
      await end({}, [12]),
    );
  });
});
