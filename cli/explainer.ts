/**
 * What `thermograd explain` knows by name: the experiments that say what they train, with their
 * default parameters, and the models of the bench's workloads. Loops are printed as loops, to be
 * read; what runs has them written out.
 *
 * Candidates are measured on made-up data: a kernel takes the same time whatever the numbers, and the
 * tuner's answers are kept without regard to them.
 */
import { madeUpData } from "../bench/madeUpData.ts";
import { workloads } from "../bench/workloads.ts";
import {
  type Device,
  describeTuning,
  type ExplainRequest,
  explain,
  gaussian,
  NoAdapterError,
  onlineData,
  type PlanSetting,
  planLimits,
  sgd,
  type TuningReport,
} from "../engine/index.ts";
import type { Experiment } from "../experiments/experiment.ts";
import { experiments } from "../experiments/index.ts";
import type { Explainer } from "./io.ts";

function requests(
  given: readonly Experiment[],
): ReadonlyMap<string, () => readonly ExplainRequest[]> {
  const found = new Map<string, () => readonly ExplainRequest[]>();
  for (const experiment of given) {
    const { id, explain: request, parameters } = experiment;
    if (request) found.set(id, () => request(parameters.parse({})));
  }
  for (const workload of workloads) {
    const { id, model, learningRate, batchSize, replicas, observables } = workload;
    found.set(id, () => [
      {
        model,
        update: workload.update ?? sgd({ learningRate, batchSize }),
        sampling: workload.sampling ?? "withReplacement",
        ...(workload.spheres && { spheres: workload.spheres }),
        samples: workload.start(1).data.samples,
        replicas,
        ...(observables && { observables }),
      },
    ]);
  }
  return found;
}

/** Standard deviation of made-up θ₀: small enough that nothing grows in the few steps of a timing. */
const SMALL = 0.01;

/** Samples where the request leaves them open: as `explain` assumes. */
const SAMPLES = 256;

/** Measures the candidates, or finds what was measured of them before. */
function measured(
  device: Device,
  { model, samples = SAMPLES, ...request }: ExplainRequest,
  setting: PlanSetting,
): Promise<TuningReport> {
  return describeTuning(device, {
    ...request,
    model,
    data: model.fields.length === 0 ? onlineData : madeUpData(model, samples),
    update: request.update ?? sgd({ learningRate: 0.01, batchSize: 8 }),
    replicas: request.replicas ?? 1024,
    initial: gaussian({ standardDeviation: SMALL }),
    seed: 1,
    execution: setting,
  });
}

/** The device, or why there is none. */
async function deviceOf(openDevice: (() => Promise<Device>) | null): Promise<Device | string> {
  if (openDevice === null) return "nothing is measured: --no-measure";
  try {
    return await openDevice();
  } catch (error) {
    if (error instanceof NoAdapterError) return `nothing is measured: ${error.message}`;
    throw error;
  }
}

async function explained(
  request: ExplainRequest,
  setting: PlanSetting,
  device: Device | string,
): Promise<string> {
  const { model, ...options } = request;
  const readable = { ...options, setting, unroll: 0 };
  if (typeof device === "string") return `${explain(model, readable).text}\n${device}`;
  const tuning = await measured(device, request, setting);
  return explain(model, { ...readable, limits: planLimits(device.gpu), tuning }).text;
}

/** Explains by name; nothing is computed before it is asked for. */
export function createExplainer(given: readonly Experiment[] = experiments): Explainer {
  const known = requests(given);
  return {
    names: [...known.keys()],
    explain: async (name, { setting, openDevice }) => {
      const device = await deviceOf(openDevice);
      const texts: string[] = [];
      for (const request of known.get(name)!()) {
        texts.push(await explained(request, setting, device));
      }
      return texts.join("\n\n");
    },
  };
}
