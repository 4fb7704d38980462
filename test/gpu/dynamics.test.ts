/**
 * Every update rule, rate and addition to the gradient on the device against its float64 twin, over
 * 50 steps of several conditions in one ensemble.
 *
 * Errors are |a − b|₂/|b|₂ for each replica's θ and v; the bound 2e-5 is that of
 * `trajectory.test.ts`: 50 steps of a few float32 roundings each, where nothing is chaotic.
 */
import { describe, expect, test } from "vitest";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { linearRegression, network } from "../composites.ts";
import { noisyRegression } from "../drawModels.ts";
import { CASES, type Case, dynamicsOptions, SHAPED } from "../dynamicsCases.ts";
import { describeWithDevice } from "../gpu.ts";
import { stateError, twins } from "../twins.ts";

const BOUND = 2e-5;
const STEPS = 50;

describeWithDevice("dynamics", "software", (device) => {
  describe.each([linearRegression(2), network(2, 3), noisyRegression])("of $name", (model) => {
    const named: [string, Case][] = [
      ...Object.entries(CASES),
      ...Object.entries(SHAPED)
        // Gradients of a model that draws have no covariance over the data: refused.
        .filter(([name]) => !(name.includes("noise model") && model.draws.length > 0))
        .map(([name, make]): [string, Case] => [name, make(model)]),
    ];
    // Models of the noise are those of a data set: a model that draws its own is refused.
    const possible = named.filter(
      ([, { change }]) => change.update?.gradient !== "modelled" || model.draws.length === 0,
    );
    for (const [name, { change }] of named.filter((one) => !possible.includes(one))) {
      test(`${name} is refused`, async () => {
        await expect(createEnsemble(device(), dynamicsOptions(model, change))).rejects.toThrow(
          "draws random numbers of its own",
        );
      });
    }

    test.each(possible)("%s", async (_name, { change, wrong }) => {
      const given = dynamicsOptions(model, change);
      await using ensemble = await createEnsemble(device(), given);
      await ensemble.advance({ steps: STEPS });
      const state = await ensemble.state();
      expect(stateError(state, twins(given, { steps: STEPS }))).toBeLessThanOrEqual(BOUND);
      const other = twins(dynamicsOptions(model, wrong), { steps: STEPS });
      expect(stateError(state, other)).toBeGreaterThan(5 * BOUND);
    });
  });

  test("loops over parameters that are kept give what written out ones do", async () => {
    const model = network(2, 3);
    for (const { change } of [
      CASES["clipped gradient"]!,
      SHAPED["noise of given covariance"]!(model),
      SHAPED["learning-rate matrix"]!(model),
      SHAPED["a sphere and free parameters"]!(model),
      SHAPED["spheres with noise and rates of their own"]!(model),
      SHAPED["learning-rate matrix of a corrected step"]!(model),
      SHAPED["noise models of SGD"]!(model),
      SHAPED["implicit learning-rate matrix"]!(model),
    ]) {
      const given = { ...dynamicsOptions(model, change), execution: { unroll: 0 } };
      await using ensemble = await createEnsemble(device(), given);
      await ensemble.advance({ steps: STEPS });
      const expected = twins(given, { steps: STEPS });
      expect(stateError(await ensemble.state(), expected)).toBeLessThanOrEqual(BOUND);
    }
  });
});
