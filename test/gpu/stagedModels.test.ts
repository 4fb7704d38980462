/**
 * Models that are hard on a program of stages, against the float64 twin: 12 steps with momentum, of two
 * learning rates and two batch sizes in one ensemble, and the series of the loss.
 *
 * Errors are |a − b|₂/|b|₂ of each replica's θ and v; bound 5e-5, of which rounding takes about 1e-6.
 */
import { describe, expect, test } from "vitest";
import { gaussian } from "../../engine/initial.ts";
import type { Model } from "../../engine/model.ts";
import { series } from "../../engine/observe/series.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { onlineData } from "../../engine/wgsl/row.ts";
import { flippedNetwork, online } from "../drawModels.ts";
import { describeWithDevice } from "../gpu.ts";
import { relativeError, sampleData } from "../parity.ts";
import { randomModel } from "../randomGraphs.ts";
import { by, STAGED } from "../schedules.ts";
import { STAGED_MODELS } from "../stagedModels.ts";
import { stateError, twins } from "../twins.ts";

const BOUND = 5e-5;
const STEPS = 12;

const options = (model: Model, rates = [0.03, 0.01], batchSize = [1, 5]) =>
  ({
    model,
    data: model.fields.length > 0 ? sampleData(model, 11, 5) : onlineData,
    update: sgd({ momentum: 0.5 }),
    sweep: { learningRate: rates, batchSize },
    replicas: 2,
    seed: 0xbeef,
    initial: gaussian({ standardDeviation: 0.4, mean: 0.1 }),
    observables: { loss: series({ of: ["loss", "theta.theta"] }) },
  }) satisfies EnsembleOptions;

describeWithDevice("models in stages", "software", (device) => {
  describe.each(STAGED)("%s", (schedule) => {
    const run = async (given: ReturnType<typeof options>) => {
      await using ensemble = await createEnsemble(device(), {
        ...given,
        execution: by(schedule),
      });
      const { loss } = await ensemble.observe({ steps: STEPS });
      return { state: await ensemble.state(), loss: loss.values.data };
    };

    const drawing = [flippedNetwork, online(3), online(9)];
    const models = [...Object.values(STAGED_MODELS), ...drawing].map((model) => ({ model }));
    test.each(models)("$model.name", async ({ model }) => {
      const given = options(model, [0.03, 0.01], model.fields.length > 0 ? [1, 5] : [1]);
      const { state, loss } = await run(given);
      const expected: number[] = [];
      const exact = twins(given, {
        steps: STEPS,
        onStep: (lane, moment) => {
          expected[lane * STEPS + moment.step] = moment.loss;
        },
      });
      expect(stateError(state, exact)).toBeLessThanOrEqual(BOUND);
      expect(relativeError(loss.subarray(0, expected.length), expected)).toBeLessThanOrEqual(BOUND);
    });

    test.each([3, 8, 17])("random graph %i", async (seed) => {
      const given = options(randomModel(seed, 9, 4));
      const { state } = await run(given);
      expect(stateError(state, twins(given, { steps: STEPS }))).toBeLessThanOrEqual(BOUND);
    });

    test("negative control: a rate off by 1 in 1000 is seen", async () => {
      const model = STAGED_MODELS["tied autoencoder"]!;
      const { state } = await run(options(model));
      const other = twins(options(model, [0.03003, 0.01]), { steps: STEPS });
      expect(stateError(state, other)).toBeGreaterThan(BOUND);
    });
  });
});
