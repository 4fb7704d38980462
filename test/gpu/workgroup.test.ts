/**
 * The schedule `workgroup` against float64 over 20 steps: models that differ in kind, an odd number of
 * parameters, conditions of different batch sizes and rates in one kernel; and against `thread`. Every
 * sampling law is in `schedules.test.ts` and `workgroupLaws.test.ts`, every rule in `scheduleDynamics.test.ts`.
 *
 * Errors are |a − b|₂ / |b|₂ for each replica's θ and v; the bound is 5e-5: 20 steps of float32
 * roundings, in sums of up to a few hundred terms.
 */
import { describe, expect, test } from "vitest";
import { gaussian } from "../../engine/initial.ts";
import type { Model } from "../../engine/model.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { type SgdSettings, sgd } from "../../engine/update/sgd.ts";
import { ubu } from "../../engine/update/ubu.ts";
import { onlineData } from "../../engine/wgsl/row.ts";
import { COMPOSITES, linearRegression, network, softmaxClassifier } from "../composites.ts";
import { flippedNetwork, noisyRegression, online } from "../drawModels.ts";
import { describeWithDevice } from "../gpu.ts";
import { relativeError, sampleData } from "../parity.ts";
import { stateError, twins } from "../twins.ts";

const BOUND = 5e-5;
const STEPS = 20;
const SAMPLES = 24;

// 85 parameters, an odd number: the last pair of normal numbers is half used.
const mlp = network(5, 12);

const options = (model: Model, settings: SgdSettings = {}): EnsembleOptions => ({
  model,
  data: sampleData(model, SAMPLES, 3),
  update: sgd({ learningRate: 0.05, batchSize: 6, ...settings }),
  replicas: 3,
  seed: 0xfeed,
  initial: gaussian({ standardDeviation: 0.4, mean: 0.1 }),
  execution: { schedule: "workgroup" },
});

const small = { learningRate: 0.02, batchSize: 6 };
const DYNAMICS: Readonly<Record<string, Partial<EnsembleOptions>>> = {
  "gradient noise": { update: sgd({ ...small, gradientNoise: 0.5, momentum: 0.5 }) },
  "UBU, a prepared point": { update: ubu({ ...small, temperature: 0.1, friction: 1 }) },
};

describeWithDevice("schedule workgroup", "software", (device) => {
  const endOf = async (given: EnsembleOptions) => {
    await using ensemble = await createEnsemble(device(), given);
    expect(ensemble.plan.schedule).toBe(given.execution?.schedule);
    await ensemble.advance({ steps: STEPS });
    return ensemble.state();
  };
  const deviceError = async (given: EnsembleOptions): Promise<number> =>
    stateError(await endOf(given), twins(given, { steps: STEPS }));

  describe("dynamics", () => {
    test.each(Object.entries(DYNAMICS))("%s", async (_name, added) => {
      expect(await deviceError({ ...options(mlp), ...added })).toBeLessThanOrEqual(BOUND);
    });
  });

  describe("models", () => {
    // Compiling takes seconds: those that differ in kind. All compile in workgroupPlan.test.ts.
    const models = [linearRegression(1), softmaxClassifier(6, 4), COMPOSITES.attention!];
    const others = [COMPOSITES["nested reductions"]!, COMPOSITES["long rows"]!];
    test.each([...models, ...others])("$name", async (model) => {
      expect(await deviceError(options(model))).toBeLessThanOrEqual(BOUND);
    });

    test.each([noisyRegression, flippedNetwork])("draws: $name", async (model) => {
      const sweep = { labelNoise: [0, 0.5], batchSize: [1, 6] };
      expect(await deviceError({ ...options(model), sweep })).toBeLessThanOrEqual(BOUND);
    });

    test("draws alone, no data", async () => {
      const given = { ...options(noisyRegression), model: online(9), data: onlineData };
      expect(await deviceError(given)).toBeLessThanOrEqual(BOUND);
    });
  });

  test("conditions of different batch sizes, rates and momenta in one kernel", async () => {
    const sweep = { batchSize: [1, 3, 8], learningRate: [0.01, 0.05], momentum: [0, 0.9] };
    for (const sampling of ["distinct", "reshuffled"] as const) {
      const given = { ...options(network(5, 6)), sampling, sweep };
      expect(await deviceError(given), sampling).toBeLessThanOrEqual(BOUND);
    }
  });

  test("no number depends on how many threads share a replica; thread agrees", async () => {
    const given = options(network(4, 8), { gradientNoise: 0.1, clipNorm: 1, momentum: 0.5 });
    const of = async (execution: EnsembleOptions["execution"]) =>
      (await endOf({ ...given, execution: { ...execution } })).theta.data;
    const bits = (data: Float32Array | Float64Array): string =>
      Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
    const chosen = await of({ schedule: "workgroup" });
    for (const workgroup of [7, 256]) {
      const theta = await of({ schedule: "workgroup", workgroup });
      expect(bits(theta), `${workgroup} threads`).toBe(bits(chosen));
    }
    expect(relativeError(await of({ schedule: "thread" }), chosen)).toBeLessThanOrEqual(BOUND);
  });

  test("negative control: a rate off by 1 in 500 is seen", async () => {
    const given = options(mlp);
    const wrong = { ...given, update: sgd({ learningRate: 0.0501, batchSize: 6 }) };
    expect(stateError(await endOf(given), twins(wrong, { steps: STEPS }))).toBeGreaterThan(BOUND);
  });
});
