/** The cases of `schedules.test.ts` and `workgroupLaws.test.ts`: a network under a sampling law. */
import type { Device } from "../engine/device.ts";
import { gaussian } from "../engine/initial.ts";
import type { Schedule } from "../engine/plan/schedule.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import type { EnsembleOptions } from "../engine/run/options.ts";
import type { SamplingLaw } from "../engine/sampling.ts";
import { sgd } from "../engine/update/sgd.ts";
import type { Network } from "./networks.ts";
import { by } from "./schedules.ts";
import { stateError, twins } from "./twins.ts";

/** |a − b|₂/|b|₂ of θ and v of any replica; rounding takes about 1e-6 of it. */
export const BOUND = 5e-5;
const STEPS = 20;

/** Four conditions: two learning rates, two batch sizes; momentum. */
export const lawOptions = (
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

/** The state after 20 steps of a schedule. */
export async function stateAfter(device: Device, given: EnsembleOptions, schedule: Schedule) {
  const execution = by(schedule);
  await using ensemble = await createEnsemble(device, { ...given, execution });
  if (ensemble.plan.schedule !== schedule) throw new Error(`planned ${ensemble.plan.schedule}`);
  await ensemble.advance({ steps: STEPS });
  return ensemble.state();
}

/** Errors of states under options against the float64 twin, which is computed once for the same options. */
export function errorsAgainst(given: EnsembleOptions) {
  let exact: ReturnType<typeof twins> | null = null;
  return (state: Parameters<typeof stateError>[0]): number => {
    exact ??= twins(given, { steps: STEPS });
    return stateError(state, exact);
  };
}
