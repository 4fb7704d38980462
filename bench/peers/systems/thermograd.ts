/** thermograd itself, started like any peer: the bench's own workload on an ensemble. */
import { createEnsemble, each, openDevice, sgd, VERSION } from "../../../engine/index.ts";
import { workloads } from "../../workloads.ts";
import { fromPeers, toPeers } from "../problem.ts";
import { timeSystem } from "./clock.ts";

await timeSystem(async ({ sizes, theta }) => {
  const workload = workloads.find(({ id }) => id === sizes.id)!;
  const { model, replicas, batchSize, learningRate } = workload;
  const device = await openDevice();
  const ensemble = await createEnsemble(device, {
    model,
    data: workload.start(0).data,
    update: sgd({ learningRate, batchSize }),
    sampling: "withReplacement",
    replicas,
    seed: 1,
    initial: each(fromPeers(workload, theta)),
    onDiverge: "throw",
  });
  return {
    version: VERSION,
    schedule: ensemble.plan.schedule,
    adapter: device.info.adapter,
    take: (steps) => ensemble.advance({ steps }),
    wait: () => undefined,
    read: async () => toPeers(workload, Float32Array.from((await ensemble.state()).theta.data)),
    mostSteps: Number.MAX_SAFE_INTEGER,
  };
});
