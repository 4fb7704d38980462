/**
 * The update rules, rates and additions to the gradient of `dynamicsCases.ts` in the schedules that run
 * in stages, against the float64 twin: 50 steps, bound 2e-5 as for `thread` in `dynamics.test.ts`.
 *
 * What couples all parameters of a replica is left to `thread`; the refusals are here by their words.
 */
import { describe, expect, test } from "vitest";
import { LimitError } from "../../engine/errors.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { network } from "../composites.ts";
import { noisyRegression } from "../drawModels.ts";
import { CASES, type Case, dynamicsOptions, SHAPED } from "../dynamicsCases.ts";
import { describeWithDevice } from "../gpu.ts";
import { by, STAGED } from "../schedules.ts";
import { stateError, twins } from "../twins.ts";

const BOUND = 2e-5;
const STEPS = 50;

/** Cases that no stages are written for, and what is said of them. */
const REFUSED: Readonly<Record<string, string>> = {
  "Heun's Langevin": "the rule heunLangevin, whose gradient is corrected",
  "Heun's Langevin, cooled, with a displacement": "whose gradient is corrected",
  "implicit SGD": "the rule implicit-sgd, whose gradient is implicit",
  "implicit learning-rate matrix": "whose gradient is implicit",
  "learning-rate matrix of a corrected step": "whose gradient is corrected",
  "noise of given covariance": "a noise covariance",
  "noise models of SGD": "the rule continuous-sgd, whose gradient is modelled",
  "a sphere and free parameters": "spheres",
  "a sphere under a noise model of SGD": "whose gradient is modelled",
  "spheres with noise and rates of their own": "spheres",
};

describeWithDevice("dynamics in stages", "software", (device) => {
  // 6-8: a block whose update is the end of its gradient's product, and blocks whose are not.
  const model = network(6, 8);
  const named: readonly [string, Case][] = [
    ...Object.entries(CASES),
    ...Object.entries(SHAPED).map(([name, make]): [string, Case] => [name, make(model)]),
  ];
  const possible = named.filter(([name]) => !(name in REFUSED));

  describe.each(STAGED)("%s", (schedule) => {
    const stateAfter = async (change: Case["change"], of = model) => {
      const given = { ...dynamicsOptions(of, change), execution: by(schedule) };
      await using ensemble = await createEnsemble(device(), given);
      await ensemble.advance({ steps: STEPS });
      return ensemble.state();
    };

    test.each(possible)("%s", async (_name, { change, wrong }) => {
      const state = await stateAfter(change);
      const error = stateError(state, twins(dynamicsOptions(model, change), { steps: STEPS }));
      expect(error).toBeLessThanOrEqual(BOUND);
      const other = twins(dynamicsOptions(model, wrong), { steps: STEPS });
      expect(stateError(state, other)).toBeGreaterThan(3 * BOUND);
    });

    test("draws and settings in the loss", async () => {
      for (const name of ["langevin", "clipped gradient", "UBU, symmetric batches"]) {
        const { change } = CASES[name]!;
        const sweep = { ...change.sweep, labelNoise: [0, 0.7] };
        const state = await stateAfter({ ...change, sweep }, noisyRegression);
        const given = (labelNoise: number[]) =>
          dynamicsOptions(noisyRegression, { ...change, sweep: { ...change.sweep, labelNoise } });
        const error = stateError(state, twins(given([0, 0.7]), { steps: STEPS }));
        expect(error, name).toBeLessThanOrEqual(BOUND);
        const other = twins(given([0, 0.701]), { steps: STEPS });
        expect(stateError(state, other), name).toBeGreaterThan(2 * BOUND);
      }
    });

    test("what is refused", async () => {
      const refused = named.filter(([name]) => name in REFUSED);
      expect(refused.length).toBe(Object.keys(REFUSED).length);
      for (const [name, { change }] of refused) {
        const made = stateAfter(change);
        await expect(made, name).rejects.toBeInstanceOf(LimitError);
        await expect(made, name).rejects.toThrow(
          new RegExp(`^${schedule} schedule: .*${REFUSED[name]}.*use schedule: "thread"`),
        );
      }
    });
  });
});
