/** Curvature and noise of all replicas at the minimum, measured on the device. */
import { gradientNoise } from "../../engine/curvature/gradientNoise.ts";
import { curvedNoiseProbes, hessianProbes } from "../../engine/curvature/hessianTrace.ts";
import { topEigenpairs } from "../../engine/curvature/topEigenpairs.ts";
import { fixed } from "../../engine/initial.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { prototypeNetwork, prototypes } from "../../models/prototypeNetwork.ts";
import type { RunContext } from "../experiment.ts";
import type { Stages } from "../stages.ts";
import type { AtMinimum } from "./minimum.ts";
import type { NetworkSettings } from "./settings.ts";
import type { Landscape } from "./theory.ts";

/** @throws the signal's reason when it is aborted, after `stages` has handed out a checkpoint. */
export async function measureMinimum(
  p: NetworkSettings,
  context: RunContext,
  scene: Landscape,
  stages: Stages,
): Promise<AtMinimum> {
  try {
    return await measure(p, context, scene);
  } catch (error) {
    if (context.signal?.aborted) await stages.pause();
    throw error;
  }
}

async function measure(
  p: NetworkSettings,
  { device, seed, signal }: RunContext,
  { minimum, subspace }: Landscape,
): Promise<AtMinimum> {
  const { sampling, batchSize, weightDecay } = p;
  await using ensemble = await createEnsemble(device, {
    model: prototypeNetwork(),
    data: prototypes(),
    sampling,
    update: sgd({ learningRate: p.learningRates[0]!, batchSize, weightDecay }),
    replicas: p.replicas,
    seed,
    initial: fixed([...minimum.theta]),
  });
  const heard = signal ? { signal } : {};
  const options = { probes: p.probes, ...heard };
  const { theta } = await ensemble.state();
  return {
    theta: Float64Array.from(theta.data.subarray(0, minimum.theta.length)),
    loss: await ensemble.evaluate({ of: ["loss"] }),
    trace: await hessianProbes(ensemble, options),
    curved: await curvedNoiseProbes(ensemble, options),
    pairs: await topEigenpairs(ensemble, { count: p.modes, ...heard }),
    noise: await gradientNoise(ensemble, { directions: subspace.directions, ...heard }),
  };
}
