/**
 * The three networks of `test/networks.ts` under every sampling law in every schedule (`workgroup`:
 * every law on the MLP, two on the others), against the float64 twin: 20 steps of four conditions (two
 * learning rates, two batch sizes) with momentum.
 *
 * Errors are |a − b|₂/|b|₂ of θ and v for each replica; bound 5e-5, of which rounding takes about 1e-6.
 */
import { describe, expect, test } from "vitest";
import { gaussian } from "../../engine/initial.ts";
import { SCHEDULES, type Schedule } from "../../engine/plan/schedule.ts";
import type { Trajectory } from "../../engine/referenceTrajectory.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { SAMPLING_LAWS, type SamplingLaw } from "../../engine/sampling.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { describeWithDevice } from "../gpu.ts";
import { mlp, NETWORKS, type Network } from "../networks.ts";
import { by } from "../schedules.ts";
import { stateError, twins } from "../twins.ts";

const BOUND = 5e-5;
const STEPS = 20;

const options = (
  { model, data }: Network,
  sampling: SamplingLaw,
  learningRate = [0.05, 0.02],
): EnsembleOptions => ({
  model,
  data,
  update: sgd({ momentum: 0.5 }),
  sweep: { learningRate, ...(sampling !== "fullBatch" && { batchSize: [4, 6] }) },
  sampling,
  replicas: 2,
  seed: 0xfeed,
  initial: gaussian({ standardDeviation: 0.4 }),
});

/**
 * One kernel has all of a replica's step in `workgroup`, and each law its own: a convolution net takes
 * the compiler most of a minute. A law that draws and one that keeps an order stand for the others there.
 */
const isRun = (schedule: Schedule, network: Network, law: SamplingLaw): boolean =>
  schedule !== "workgroup" || network === mlp || ["withReplacement", "reshuffled"].includes(law);

describeWithDevice("schedules", "software", (device) => {
  const stateAfter = async (given: EnsembleOptions, schedule: Schedule) => {
    const execution = by(schedule);
    await using ensemble = await createEnsemble(device(), { ...given, execution });
    expect(ensemble.plan.schedule).toBe(schedule);
    await ensemble.advance({ steps: STEPS });
    return ensemble.state();
  };

  describe.each(Object.values(NETWORKS))("$model.name", (network) => {
    const exact = new Map<SamplingLaw, Trajectory[]>();
    const twinsUnder = (law: SamplingLaw): Trajectory[] => {
      const known = exact.get(law) ?? twins(options(network, law), { steps: STEPS });
      exact.set(law, known);
      return known;
    };

    describe.each(SAMPLING_LAWS)("%s", (law) => {
      test.each(SCHEDULES.filter((schedule) => isRun(schedule, network, law)))(
        "%s",
        async (schedule) => {
          const state = await stateAfter(options(network, law), schedule);
          expect(stateError(state, twinsUnder(law))).toBeLessThanOrEqual(BOUND);
        },
      );
    });
  });

  test.each(SCHEDULES)(
    "negative control: a rate off by 1 in 1000 is seen in %s",
    async (schedule) => {
      const state = await stateAfter(options(mlp, "distinct"), schedule);
      for (const rates of [
        [0.05005, 0.02],
        [0.05, 0.02002],
      ]) {
        const other = twins(options(mlp, "distinct", rates), { steps: STEPS });
        expect(stateError(state, other)).toBeGreaterThan(BOUND);
      }
    },
  );
});
