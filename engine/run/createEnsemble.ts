/** The door to ensembles: options checked, plans made, memory filled. */
import type { Device } from "../device.ts";
import { settingOf } from "../execution.ts";
import type { Observables } from "../observe/observation.ts";
import { savedSetting } from "./checkpoint.ts";
import { chooseSetting, planOfCheckpoint } from "./chooseSetting.ts";
import { Ensemble } from "./ensemble.ts";
import { observationPlan } from "./observationPlan.ts";
import { type EnsembleOptions, resolve } from "./options.ts";
import { plannerOf } from "./planner.ts";

/**
 * Creates an ensemble on a device and uploads the initial conditions (or those of a checkpoint).
 *
 * @throws ArgumentError, DataError, LimitError, CheckpointError; each names what is wrong and the remedy.
 * @example
 * await using ensemble = await createEnsemble(device, {
 *   model, data, update: sgd({ learningRate: 0.05, batchSize: 8 }),
 *   replicas: 4096, seed: 7, observables: { moments: moments({ lags: [1] }) },
 * });
 */
export async function createEnsemble<const O extends Observables = Record<never, never>>(
  device: Device,
  options: EnsembleOptions<O>,
): Promise<Ensemble<O>> {
  const execution = { ...device.execution, ...options.execution };
  const resolved = resolve({ ...options, execution });
  const planner = plannerOf(device, resolved, options.observables);
  const saved = options.from ? await savedSetting(options.from) : null;
  const { functionWords = 0 } = observationPlan(options.observables, resolved) ?? {};
  const { planned } = await chooseSetting({ device, resolved, planner, functionWords, saved });
  const ensemble = new Ensemble<O>(device, planned, (setting) =>
    planOfCheckpoint(planner, setting, settingOf(execution)),
  );
  try {
    if (options.from) await ensemble.restore(options.from);
    else ensemble.initialize();
  } catch (error) {
    ensemble.dispose();
    throw error;
  }
  return ensemble;
}
