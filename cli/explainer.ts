/**
 * What `thermograd explain` knows by name: the experiments that say what they train, with their
 * default parameters, and the models of the bench's workloads. Loops are printed as loops, to be
 * read; what runs has them written out.
 */
import { workloads } from "../bench/workloads.ts";
import { type ExplainRequest, explain, sgd } from "../engine/index.ts";
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

/** Explains by name; nothing is computed before it is asked for. */
export function createExplainer(given: readonly Experiment[] = experiments): Explainer {
  const known = requests(given);
  return {
    names: [...known.keys()],
    explain: async (name) =>
      known.get(name)!()
        .map(({ model, ...options }) => explain(model, { ...options, unroll: 0 }).text)
        .join("\n\n"),
  };
}
