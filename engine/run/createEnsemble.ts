/** The door to ensembles: options checked, plans made, memory filled. */
import type { Device } from "../device.ts";
import type { Observables } from "../observe/observation.ts";
import { planEnsemble } from "../plan/ensemblePlan.ts";
import { largestBatch } from "./conditions.ts";
import { Ensemble } from "./ensemble.ts";
import { observationPlan } from "./observationPlan.ts";
import { type EnsembleOptions, resolve } from "./options.ts";

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
  const resolved = resolve(options);
  const observation = observationPlan(options.observables, resolved);
  const plan = planEnsemble({
    model: resolved.model,
    dynamics: resolved.dynamics,
    sampling: resolved.sampling,
    samples: resolved.data.samples,
    maxBatch: largestBatch(resolved.conditions),
    lanes: resolved.lanes,
    groupSize: resolved.groupSize,
    observation,
    limits: device.gpu.limits,
    ...(resolved.execution.schedule !== undefined && { schedule: resolved.execution.schedule }),
    ...(resolved.execution.workgroup !== undefined && { workgroup: resolved.execution.workgroup }),
    ...(resolved.execution.unroll !== undefined && { unroll: resolved.execution.unroll }),
  });
  const ensemble = new Ensemble<O>(device, resolved, plan, observation);
  try {
    if (options.from) await ensemble.restore(options.from);
    else ensemble.initialize();
  } catch (error) {
    ensemble.dispose();
    throw error;
  }
  return ensemble;
}
